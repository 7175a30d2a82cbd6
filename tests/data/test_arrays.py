"""Arrays as records, read by protobuf and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gradus.core.errors import InputError
from gradus.core.generic import RecordEncoding
from gradus.data.arrays import decode_record, encode_record

floats = arrays(np.float32, array_shapes(max_dims=3, max_side=5), elements=st.floats(-1e6, 1e6, width=32))
pictures = arrays(
    np.uint8, st.one_of(array_shapes(min_dims=2, max_dims=2), st.tuples(*[st.integers(1, 6)] * 2, st.just(3)))
)


@given(floats)
def test_floats_as_protobuf_writes_them(caffe, values):
    record = encode_record(values, RecordEncoding.PNG)
    shape = record.form.shape
    datum = caffe.Datum(channels=shape[0], height=shape[1], width=shape[2], label=0)
    datum.float_data.extend(values.ravel().tolist())
    assert caffe.Datum.FromString(record.data) == datum
    assert np.array_equal(decode_record(record.data).ravel(), values.ravel())
    assert record.form.number == "float32"


@pytest.mark.parametrize("encoding", [RecordEncoding.RAW, RecordEncoding.PNG])
@given(pixels=pictures)
def test_pictures_come_back_as_they_were(encoding, pixels):
    record = encode_record(pixels, encoding)
    assert np.array_equal(decode_record(record.data), pixels)
    assert record.form.shape == ((3, *pixels.shape[:2]) if pixels.ndim == 3 else (1, *pixels.shape))


def test_a_number_is_a_label_and_a_value(caffe):
    datum = caffe.Datum.FromString(encode_record(7, RecordEncoding.RAW).data)
    assert datum.label == 7 and list(datum.float_data) == [7.0]


def test_bytes_are_stored_as_they_are(caffe):
    datum = caffe.Datum(channels=2, height=1, width=2, data=b"abcd", label=3, encoded=False).SerializeToString()
    record = encode_record(datum, RecordEncoding.PNG)
    assert record.data == datum and record.form.shape == (2, 1, 2)


@pytest.mark.parametrize(
    "value", [np.zeros((2, 2), np.float64), np.zeros((0, 3), np.uint8), np.zeros((1, 1, 1, 1), np.float32)]
)
def test_other_arrays_are_refused(value):
    with pytest.raises(InputError, match="array of"):
        encode_record(value, RecordEncoding.RAW)
