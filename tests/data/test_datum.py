"""Our records against Google's protobuf runtime, both ways."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.datum import data_of, decode_datum, encode_datum, encode_planes, planes_of

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


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_planes_of_blue_green_and_red(caffe, channels):
    pixels = np.random.default_rng(channels).integers(0, 256, (5, 300, channels), np.uint8)
    data = pixels[..., ::-1].transpose(2, 0, 1).tobytes()
    other = caffe.Datum(channels=channels, height=5, width=300, data=data, label=9, encoded=False)
    assert bytes(encode_planes(pixels, 9)) == other.SerializeToString(deterministic=True)


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


@given(
    st.lists(st.tuples(st.binary(min_size=12, max_size=12), st.integers(-(2**31), 2**31 - 1)), min_size=1), st.data()
)
def test_many_raw_pictures_at_once_are_what_each_is_alone(caffe, pictures, data):
    kept = data.draw(st.sampled_from(["always", "never", "sometimes"]))
    records = []
    for i, (pixels, label) in enumerate(pictures):
        message = caffe.Datum(channels=3, height=2, width=2, data=pixels, label=label)
        if kept == "always" or (kept == "sometimes" and i % 2):
            message.encoded = False
        records.append(message.SerializeToString())
    found = planes_of(records)
    assert found is not None
    assert found[0].tobytes() == b"".join(pixels for pixels, _ in pictures) and found[0].shape[1:] == (3, 2, 2)
    assert found[1] == [label for _, label in pictures]


@given(st.data())
def test_many_at_once_leaves_what_is_not_raw_and_alike_alone(caffe, data):
    raw = {"channels": 1, "height": 2, "width": 2, "data": b"abcd", "label": 3}
    odd = data.draw(
        st.sampled_from([
            {"encoded": True}, {"data": b"abc"}, {"data": b""}, {"float_data": [1.0]}, {"height": 1, "width": 4},
            {"channels": 0}, {"width": 0, "data": b""},
        ])
    )  # fmt: skip
    records = [caffe.Datum(**raw).SerializeToString()] * 3
    records[data.draw(st.integers(0, 2))] = caffe.Datum(**{**raw, **odd}).SerializeToString()
    assert planes_of(records) is None
    good = caffe.Datum(**raw).SerializeToString()
    assert planes_of([good, good[: data.draw(st.integers(0, 11))]]) is None  # with 12 bytes it would have no label
    assert planes_of([good, good + b"\x22\x04efgh"]) is None  # the last data counts
    assert planes_of([good + b"\x08\x02"]) is None


@given(st.lists(st.binary(max_size=40), min_size=1))
def test_many_at_once_takes_any_bytes(records):
    planes_of(records)
