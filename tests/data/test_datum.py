"""Our records against Google's protobuf runtime, both ways."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.datum import data_of, decode_datum, encode_datum

small = st.integers(0, 2**31 - 1)


@given(st.binary(max_size=300), small, small, small, small, st.booleans())
def test_protobuf_reads_and_writes_the_same_bytes(caffe, data, channels, height, width, label, encoded):
    record = encode_datum(data, channels=channels, height=height, width=width, label=label, encoded=encoded)
    other = caffe.Datum(channels=channels, height=height, width=width, data=data, label=label, encoded=encoded)
    assert caffe.Datum.FromString(record) == other
    assert record == other.SerializeToString(deterministic=True)
    again = decode_datum(other.SerializeToString())
    assert (again.channels, again.height, again.width, again.label) == (channels, height, width, label)
    assert bytes(again.data) == data and again.encoded is encoded


@given(st.binary(max_size=300), small, st.booleans())
def test_the_quick_way_agrees_with_the_general_one(data, label, encoded):
    record = encode_datum(data, channels=3, height=200, width=7, label=label, encoded=encoded)
    found = data_of(record, (3, 200, 7))
    assert found is not None and bytes(found[0]) == data and found[1] is encoded
    assert data_of(record, (3, 200, 8)) is None
    assert data_of(record[:-1], (3, 200, 7)) is None


def test_the_quick_way_leaves_other_layouts_alone(caffe):
    for other in (
        caffe.Datum(channels=1, height=2, width=2, data=b"abcd", label=-1, encoded=False),
        caffe.Datum(channels=1, height=2, width=2, data=b"abcd", label=1),
        caffe.Datum(channels=1, height=2, width=2, label=1, encoded=True),
    ):
        assert data_of(other.SerializeToString(), (1, 2, 2)) is None


def test_floats_and_negative_labels_are_read(caffe):
    values = np.arange(6, dtype=np.float32) / 7
    found = decode_datum(caffe.Datum(channels=1, label=-5, float_data=values.tolist()).SerializeToString())
    assert found.label == -5
    assert (found.float_data == values).all()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with suppress(InputError):
        decode_datum(data)


@pytest.mark.parametrize("data", [b"\x22\xff\xff\xff\xff\x0f", b"\x08" + b"\xff" * 20, b"\x0b", b"\x35\0\0"])
def test_damage_is_refused(data):
    with pytest.raises(InputError):
        decode_datum(data)
