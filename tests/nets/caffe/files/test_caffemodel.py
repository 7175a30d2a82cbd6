"""Caffemodels of every age, written by Google's protobuf runtime, and ours read by it."""

import struct

import numpy as np
import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.files.caffemodel import read_caffemodel, read_definition, write_caffemodel
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.prototxt import print_text

W = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.array([7, 8], np.float32)


def blob(array):
    return message_class("BlobProto")(shape={"dim": array.shape}, data=array.ravel())


def old_blob(array):
    sides = [1] * (4 - array.ndim) + list(array.shape)
    return message_class("BlobProto")(**dict(zip(("num", "channels", "height", "width"), sides, strict=True)),
                                      data=array.ravel())  # fmt: skip


def net(**fields):
    return message_class("NetParameter")(**fields)


V2 = net(
    name="n", layer=[{"name": "d", "type": "Data"}, {"name": "ip", "type": "InnerProduct", "blobs": [blob(W), blob(B)]}]
)
V1 = net(name="n", layers=[{"name": "d", "type": "DATA"}, {"name": "ip", "type": "INNER_PRODUCT",
                                                          "blobs": [old_blob(W), old_blob(B)]}])  # fmt: skip
V0 = net(name="n", layers=[{"layer": {"name": "d", "type": "data"}},
                           {"layer": {"name": "ip", "type": "innerproduct", "num_output": 2,
                                      "blobs": [old_blob(W), old_blob(B)]}, "top": ["y"]}])  # fmt: skip


@pytest.mark.parametrize("model", [V2, V1, V0], ids=["V2", "V1", "V0"])
def test_every_age_is_read(model, tmp_path):
    path = tmp_path / "w.caffemodel"
    path.write_bytes(model.SerializeToString())
    weights = read_caffemodel(path)
    assert list(weights.layers) == ["d", "ip"]
    w, b = weights.arrays()["ip"]
    np.testing.assert_array_equal(w.reshape(2, 3), W)
    np.testing.assert_array_equal(b.ravel(), B)
    assert weights.layers["ip"]["0"].shape == ((2, 3) if model is V2 else (1, 1, 2, 3))
    definition = read_definition(path)
    assert [(layer.name, layer.type, len(layer.blobs)) for layer in definition.layer] == [
        ("d", "Data", 0), ("ip", "InnerProduct", 0),
    ]  # fmt: skip
    assert definition.name == "n"
    if model is V0:
        assert definition.layer[1].inner_product_param.num_output == 2


def test_values_that_are_not_packed(tmp_path):
    """As writers of 2013 made them: each float with its own tag, 0x2d."""
    data = b"".join(b"\x2d" + struct.pack("<f", v) for v in W.ravel())
    inner = b"\x08\x01\x10\x01\x18\x02\x20\x03" + data
    layer = b"\x22\x02ip" + b"\x32" + bytes([len(inner)]) + inner
    (tmp_path / "w").write_bytes(b"\x12" + bytes([len(layer)]) + layer)
    np.testing.assert_array_equal(read_caffemodel(tmp_path / "w").arrays()["ip"][0][0, 0], W)


def test_half_floats_and_doubles_become_float32(tmp_path):
    raw = message_class("BlobProto")(shape={"dim": [2, 3]}, raw_data_type=2, raw_data=W.astype("<f2").tobytes())
    double = message_class("BlobProto")(shape={"dim": [2]}, double_data=B)
    (tmp_path / "w").write_bytes(net(layer=[{"name": "ip", "blobs": [raw, double]}]).SerializeToString())
    arrays = read_caffemodel(tmp_path / "w").arrays()["ip"]
    assert {a.dtype for a in arrays} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(arrays[0], W)
    np.testing.assert_array_equal(arrays[1], B)


def test_of_two_layers_of_one_name_the_one_with_blobs_counts(tmp_path):
    model = net(layer=[{"name": "a", "blobs": [blob(W)]}, {"name": "a"}])
    (tmp_path / "w").write_bytes(model.SerializeToString())
    np.testing.assert_array_equal(read_caffemodel(tmp_path / "w").arrays()["a"][0], W)


def test_definitions_of_nvidia_and_of_forks_do_not_stop_the_reading(tmp_path):
    forward_type = b"\x88\x09\x02"  # field 145 as an integer, 2: FLOAT16
    fork = b"\x9a\x09\x02\xff\xff"  # field 147 as a message that is none
    layer = b"\x0a\x01c" + forward_type + fork
    (tmp_path / "w").write_bytes(b"\xa2\x06" + bytes([len(layer)]) + layer)
    read = read_definition(tmp_path / "w").layer[0]
    assert (read.name, read.forward_type, read.HasField("swish_param")) == ("c", 2, False)


def test_protobuf_reads_what_we_write(tmp_path):
    layers = [
        message_class("LayerParameter")(name="ip", type="InnerProduct", include=[{"phase": 0}], forward_type=2),
        message_class("LayerParameter")(name="x_ip_0_split", type="Split", top=["a", "b"]),
    ]
    layers[0].inner_product_param.num_output = 2
    write_caffemodel(tmp_path / "w", "n", layers, {"ip": [W.T, B.astype(np.float64)]})
    model = net().FromString((tmp_path / "w").read_bytes())
    assert model.name == "n"
    first, second = model.layer
    assert (first.name, first.type) == ("ip", "InnerProduct")
    assert (first.inner_product_param.num_output, first.include[0].phase) == (2, 0)
    assert [list(b.shape.dim) for b in first.blobs] == [[3, 2], [2]]
    np.testing.assert_array_equal(list(first.blobs[0].data), W.T.ravel())
    np.testing.assert_array_equal(list(first.blobs[1].data), B)
    assert (second.type, list(second.top), len(second.blobs)) == ("Split", ["a", "b"], 0)
    write_caffemodel(tmp_path / "nv", "n", layers, {}, nvidia=True)
    assert b"\x88\x09\x02" in (tmp_path / "nv").read_bytes()  # forward_type as field 145
    assert b"\x88\x09\x02" not in (tmp_path / "w").read_bytes()
    assert print_text(read_definition(tmp_path / "nv").layer[0]) == print_text(read_definition(tmp_path / "w").layer[0])


def test_more_than_two_gib_is_refused_before_it_is_written(tmp_path):
    layers = [message_class("LayerParameter")(name=str(i)) for i in range(5)]
    values = np.zeros(2**20, np.float32)
    repeated = {str(i): [values] * 103 for i in range(5)}  # 2.01 GiB, 4 MiB of memory
    with pytest.raises(NetworkError, match="2 GiB"):
        write_caffemodel(tmp_path / "w", "n", layers, repeated)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no layers"),
        (V2.SerializeToString()[:-3], "cut short"),
        (b"\x12", "cut short"),
        (b"\xa2\x06\xff\xff\xff\xff\x07", "cut short"),  # a layer of 2 GiB
        (b"\xff" * 11, "cut short"),
        (net(layer=[{"name": "ip", "blobs": [{"data": [1], "shape": {"dim": [2**40, 2**40]}}]}]).SerializeToString(),
         'layer "ip": A blob has 1 values'),
        (b"\xa2\x06\x04\x0a\x02\xff\xfe\xa2\x06\x07\x0a\x01a\x3a\x02\x2a\x05", "cut short|ends too early"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_said_to_be(data, said, tmp_path):
    (tmp_path / "w.caffemodel").write_bytes(data)
    with pytest.raises(NetworkError, match=said) as caught:
        read_caffemodel(tmp_path / "w.caffemodel")
    assert caught.value.problem.file.endswith("w.caffemodel")
    assert caught.value.problem.hint
