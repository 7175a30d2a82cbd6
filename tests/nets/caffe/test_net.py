import cv2
import numpy as np
import pytest
from safetensors.numpy import save_file

from gradus.core.errors import InputError, NetworkError
from gradus.core.network import NetworkInput
from gradus.nets import caffe, compile_network
from gradus.nets.caffe.schema import message_class
from gradus.zoo import network_text

SIZES = {"lenet": (28, 1), "alexnet": (256, 3), "googlenet": (256, 3)}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "d.prototxt").write_text(
        'input: "x" input_shape { dim: 1 dim: 3 }\n'
        'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }\n'
        'layer { name: "z" type: "ReLU" bottom: "y" top: "y" include { phase: TEST } }\n'
        'layer { name: "n" type: "Power" bottom: "y" top: "b" power_param { scale: -1 } }\n'
        'layer { name: "m" type: "Power" bottom: "y" top: "a" include { stage: "extra" } }\n'
    )
    return tmp_path


@pytest.mark.parametrize("id", SIZES)
def test_opencv_reads_text_and_weights_and_answers_the_same(id, tmp_path, rng):
    side, channels = SIZES[id]
    network = compile_network(network_text(id), NetworkInput(width=side, height=side, channels=channels, classes=7))
    network.reset(5)
    (tmp_path / "deploy.prototxt").write_text(network.texts["deploy.prototxt"])
    save_file({name: tensor.numpy() for name, tensor in network.state().items()}, tmp_path / "w.safetensors")
    ours = caffe.Net(tmp_path / "deploy.prototxt", tmp_path / "w.safetensors")
    ours.save(tmp_path / "w.caffemodel")
    x = rng.uniform(-128, 128, (1, *network.input_shape("deploy"))).astype(np.float32)
    theirs = cv2.dnn.readNetFromCaffe(str(tmp_path / "deploy.prototxt"), str(tmp_path / "w.caffemodel"))
    theirs.setInput(x)
    expected = theirs.forward()
    assert np.ptp(expected) > 0.001  # not all classes alike: the answer says something
    np.testing.assert_allclose(ours.forward(data=x)["softmax"], expected, rtol=1e-3, atol=1e-5)
    again = caffe.Net(tmp_path / "deploy.prototxt", tmp_path / "w.caffemodel")
    np.testing.assert_array_equal(again.forward(data=x)["softmax"], ours.forward(data=x)["softmax"])


def test_numpy_in_and_every_top_out(folder):
    net = caffe.Net(folder / "d.prototxt")
    w, b = net.params["ip"]
    w[...] = [[1, 0, 0], [0, -1, 0]]
    b[...] = [0.5, 0]
    assert (net.inputs, net.outputs) == (["x"], ["b"])
    out = net.forward(x=[[1, 2, 3], [-4, -5, 6]])
    np.testing.assert_array_equal(out["b"], [[-1.5, 0], [0, -5]])
    np.testing.assert_array_equal(net.blobs["y"], [[1.5, 0], [0, 5]])
    assert list(net.blobs) == ["x", "y", "b"]


def test_phase_and_stages_choose_layers(folder):
    assert caffe.Net(folder / "d.prototxt", stages=("extra",)).outputs == ["a", "b"]
    assert "z" not in caffe.Net(folder / "d.prototxt", phase="train").layers
    with pytest.raises(InputError, match="phase"):
        caffe.Net(folder / "d.prototxt", phase="both")


def test_inputs_are_checked(folder):
    net = caffe.Net(folder / "d.prototxt")
    with pytest.raises(InputError, match="takes x, not data"):
        net.forward(data=[[1, 2, 3]])
    with pytest.raises(InputError, match="1x4"):
        net.forward(x=[[1, 2, 3, 4]])


def write(path, *shape, name="ip", old=False, count=1):
    model = message_class("NetParameter")()
    layer = model.layer.add(name=name)
    for _ in range(count):
        blob = layer.blobs.add(data=np.arange(np.prod(shape)).tolist())
        if old:
            blob.num, blob.channels, blob.height, blob.width = shape
        else:
            blob.shape.dim.extend(shape)
    path.write_bytes(model.SerializeToString())
    return path


def test_old_weights_have_four_sizes(folder):
    path = folder / "old.caffemodel"
    model = message_class("NetParameter")()
    layer = model.layer.add(name="ip")
    layer.blobs.add(num=1, channels=1, height=2, width=3, data=range(6))
    layer.blobs.add(num=1, channels=1, height=1, width=2, double_data=[7, 8])
    path.write_bytes(model.SerializeToString())
    net = caffe.Net(folder / "d.prototxt", path)
    np.testing.assert_array_equal(net.params["ip"][0], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(net.params["ip"][1], [7, 8])


def test_weights_that_do_not_fit_name_the_layer(folder):
    net = caffe.Net(folder / "d.prototxt")
    with pytest.raises(NetworkError, match='layer "ip" has a weight of 2x3, and of 3x2 in the weights'):
        net.copy_from(write(folder / "w.caffemodel", 3, 2, count=2))
    with pytest.raises(NetworkError, match="2 blobs and 1"):
        net.copy_from(write(folder / "w.caffemodel", 2, 3))
    before = net.params["ip"][0].copy()
    assert net.copy_from(write(folder / "w.caffemodel", 3, 2, name="other")) == []
    np.testing.assert_array_equal(net.params["ip"][0], before)


def test_damaged_weights_are_said_to_be(folder):
    path = write(folder / "w.caffemodel", 2, 3)
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    with pytest.raises(NetworkError, match="cut short"):
        caffe.Net(folder / "d.prototxt", path)
    path.write_bytes(b"")
    with pytest.raises(NetworkError, match="no layers"):
        caffe.Net(folder / "d.prototxt", path)
    lying = message_class("NetParameter")()
    lying.layer.add(name="ip").blobs.add(data=[1.0]).shape.dim.extend([2**40, 2**40])
    path.write_bytes(lying.SerializeToString())
    with pytest.raises(NetworkError, match="1 values"):
        caffe.Net(folder / "d.prototxt", path)
    with pytest.raises(NetworkError, match="cannot be read"):
        caffe.Net(folder / "d.prototxt", folder / "absent.caffemodel")
    (folder / "w.safetensors").write_bytes(b"\xff" * 40)
    with pytest.raises(NetworkError, match="safetensors"):
        caffe.Net(folder / "d.prototxt", folder / "w.safetensors")
