"""`BlobProto` in all its forms against Google's protobuf runtime, which writes them here."""

import struct

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.blobs import decode_blob, encode_blob
from gradus.data.mean import read_mean
from gradus.data.wire import FIXED32, fields

Field = descriptor_pb2.FieldDescriptorProto


@pytest.fixture(scope="module")
def blob_class():
    """BlobProto as NVIDIA's caffe.proto declares it; `old` is the same with values that are not packed."""
    file = descriptor_pb2.FileDescriptorProto(name="test_blobs.proto", package="blobs", syntax="proto2")
    file.message_type.add(name="BlobShape").field.add(
        name="dim", number=1, type=Field.TYPE_INT64, label=Field.LABEL_REPEATED
    ).options.packed = True
    numbers = [(name, i, Field.TYPE_INT32) for i, name in enumerate(("num", "channels", "height", "width"), 1)]
    numbers += [("raw_data_type", 10, Field.TYPE_INT32), ("raw_data", 12, Field.TYPE_BYTES)]
    for name, packed in (("BlobProto", True), ("Old", False)):
        message = file.message_type.add(name=name)
        for field, number, kind in numbers:
            message.field.add(name=field, number=number, type=kind, label=Field.LABEL_OPTIONAL)
        for field, number, kind in (("data", 5, Field.TYPE_FLOAT), ("double_data", 8, Field.TYPE_DOUBLE)):
            message.field.add(name=field, number=number, type=kind, label=Field.LABEL_REPEATED).options.packed = packed
        message.field.add(name="shape", number=7, type=Field.TYPE_MESSAGE, type_name=".blobs.BlobShape",
                          label=Field.LABEL_OPTIONAL)  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = {
        n: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"blobs.{n}")) for n in ("BlobProto", "Old")
    }
    return lambda old=False: classes["Old" if old else "BlobProto"]


VALUES = np.linspace(-2, 3, 24, dtype=np.float32)


@pytest.mark.parametrize("old", [False, True], ids=["packed", "unpacked"])
@pytest.mark.parametrize("field", ["data", "double_data"])
def test_floats_and_doubles_packed_or_not(blob_class, field, old):
    blob = blob_class(old)(shape={"dim": [2, 3, 4]}, **{field: VALUES.tolist()})
    found = decode_blob(blob.SerializeToString())
    assert (found.shape, found.dtype) == ((2, 3, 4), np.float32 if field == "data" else np.float64)
    np.testing.assert_array_equal(found.ravel(), VALUES.astype(found.dtype))


@pytest.mark.parametrize(
    ("number", "dtype"), [(0, "<f8"), (1, "<f4"), (2, "<f2"), (3, "<i4"), (4, "<u4"), (5, "u1")]
)  # fmt: skip
def test_raw_numbers_of_every_type(blob_class, number, dtype):
    values = np.array([[0, 1, 2], [3, 250, 6]], dtype)
    blob = blob_class()(shape={"dim": [2, 3]}, raw_data_type=number, raw_data=values.tobytes())
    found = decode_blob(blob.SerializeToString())
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_four_sizes_of_before_2015_go_before_a_shape(blob_class):
    legacy = {"num": 1, "channels": 2, "height": 3, "width": 4}
    blob = blob_class()(**legacy, shape={"dim": [24]}, data=VALUES)
    assert decode_blob(blob.SerializeToString()).shape == (1, 2, 3, 4)


def test_doubles_go_before_floats(blob_class):
    blob = blob_class()(shape={"dim": [1]}, data=[1], double_data=[2])
    assert decode_blob(blob.SerializeToString()) == [2]


def test_a_scalar_and_nothing():
    assert decode_blob(b"".join(encode_blob(np.float32(2.5)))) == 2.5
    assert decode_blob(b"".join(encode_blob(np.zeros((0, 3))))).shape == (0, 3)


def test_protobuf_reads_what_we_write(blob_class):
    data = b"".join(encode_blob(VALUES.reshape(2, 3, 4).transpose(2, 0, 1)))
    blob = blob_class().FromString(data)
    assert list(blob.shape.dim) == [4, 2, 3]
    np.testing.assert_array_equal(np.reshape(list(blob.data), (4, 2, 3)), VALUES.reshape(2, 3, 4).transpose(2, 0, 1))
    assert len(encode_blob(VALUES)[1]) == VALUES.nbytes  # the array itself, not a copy of it


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        ({"shape": {"dim": [2, 3]}, "data": [1]}, "1 values, not 2x3"),
        ({"shape": {"dim": [2**40, 2**40]}, "data": [1]}, "1 values"),
        ({"shape": {"dim": [-1, -1]}, "data": [1]}, "not -1x-1"),
        ({"shape": {"dim": [1] * 33}, "data": [1]}, "32 axes"),
        ({"num": -1, "data": [1]}, "-1"),
        ({"data": [1, 2]}, "not a single number"),
        ({"raw_data": b"123", "raw_data_type": 1}, "cut off"),
        ({"raw_data": b"1234", "raw_data_type": 9}, "unknown type"),
    ],
)  # fmt: skip
def test_blobs_that_lie_are_refused(blob_class, blob, said):
    with pytest.raises(InputError, match=said):
        decode_blob(blob_class()(**blob).SerializeToString())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), max_size=300), st.binary(max_size=6))
def test_a_run_of_unpacked_values_ends_where_it_does(values, rest):
    """Field 5 unpacked, then something else, also where its bytes look like the run's."""
    data = b"".join(b"\x2d" + struct.pack("<f", v) for v in values)
    tail = b"\x62" + bytes([len(rest)]) + rest  # field 12
    found = list(fields(data + tail + data, runs=True))
    parts = [bytes(v) for number, kind, v in found if (number, kind) == (5, FIXED32)]
    assert b"".join(parts) == struct.pack(f"<{len(values)}f", *values) * 2
    assert len(parts) == 2 * bool(values)
    assert [bytes(v) for number, _, v in found if number == 12] == [rest]


def test_a_mean_of_doubles_and_of_half_floats_is_read(blob_class, tmp_path):
    mean = np.random.default_rng(2).integers(0, 255, (3, 2, 4)).astype(np.float32)
    for blob in (
        blob_class()(num=1, channels=3, height=2, width=4, double_data=mean.ravel()),
        blob_class()(shape={"dim": [1, 3, 2, 4]}, raw_data_type=2, raw_data=mean.astype("<f2").tobytes()),
        blob_class()(shape={"dim": [3, 2, 4]}, data=mean.ravel()),
    ):
        path = tmp_path / "mean.binaryproto"
        path.write_bytes(blob.SerializeToString())
        found = read_mean(path)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, mean)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"mean\.binaryproto"):
        read_mean(path)
