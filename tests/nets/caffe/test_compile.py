import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.core.network import NetworkInput
from gradus.nets import compile_network
from gradus.zoo import network_text

COLOUR = NetworkInput(width=256, height=256, channels=3, classes=1000)


@pytest.fixture(scope="module")
def lenet():
    network = compile_network(network_text("lenet"), NetworkInput(width=28, height=28, channels=1, classes=10))
    network.reset(1)
    return network


# Parameters from the layers' sizes: kernel * inputs * outputs + outputs, summed (papers' tables).
LENET = 25 * 20 + 20 + 25 * 20 * 50 + 50 + 800 * 500 + 500 + 500 * 10 + 10
ALEXNET = (
    11 * 11 * 3 * 96 + 96 + 5 * 5 * 48 * 256 + 256 + 9 * 256 * 384 + 384 + 9 * 192 * 384 + 384 + 9 * 192 * 256 + 256
    + 9216 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
)  # fmt: skip
MODULES = [  # inputs, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    (192, 64, 96, 128, 16, 32, 32), (256, 128, 128, 192, 32, 96, 64), (480, 192, 96, 208, 16, 48, 64),
    (512, 160, 112, 224, 24, 64, 64), (512, 128, 128, 256, 24, 64, 64), (512, 112, 144, 288, 32, 64, 64),
    (528, 256, 160, 320, 32, 128, 128), (832, 256, 160, 320, 32, 128, 128), (832, 384, 192, 384, 48, 128, 128),
]  # fmt: skip


def googlenet(auxiliary):
    def c(k, i, o):
        return k * k * i * o + o

    body = c(7, 3, 64) + c(1, 64, 64) + c(3, 64, 192) + c(1, 1024, 1000)
    for i, a, r3, b, r5, d, p in MODULES:
        body += c(1, i, a) + c(1, i, r3) + c(3, r3, b) + c(1, i, r5) + c(5, r5, d) + c(1, i, p)
    heads = sum(c(1, i, 128) + c(1, 2048, 1024) + c(1, 1024, 1000) for i in (512, 528))
    return body + heads * auxiliary


@pytest.mark.parametrize(
    ("id", "given", "train", "deploy"),
    [
        ("lenet", NetworkInput(width=28, height=28, channels=1, classes=10), LENET, LENET),
        ("alexnet", COLOUR, ALEXNET, ALEXNET),
        ("googlenet", COLOUR, googlenet(True), googlenet(False)),
    ],
)
def test_parameters_are_the_papers(id, given, train, deploy):
    network = compile_network(network_text(id), given, device="meta")
    assert network.graph("train").parameters == train
    assert network.graph("deploy").parameters == deploy
    assert sum(p.tensor.numel() for p in network.parameters()) == train


def test_the_known_totals():
    assert (LENET, ALEXNET, googlenet(False)) == (431_080, 60_965_224, 6_998_552)


def test_the_graph_of_lenet():
    network = compile_network(
        network_text("lenet"), NetworkInput(width=28, height=28, channels=1, classes=10), device="meta"
    )
    graph = network.graph("val")
    nodes = {node.name: node for node in graph.nodes}
    assert [node.name for node in graph.nodes] == [
        "val-data", "scale", "conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2", "loss", "accuracy",
    ]  # fmt: skip
    assert nodes["conv2"].shapes == [[32, 50, 8, 8]]
    assert nodes["loss"].shapes == [[]]
    assert nodes["conv1"].multiply_adds == 24 * 24 * 20 * 25
    assert nodes["ip1"].multiply_adds == 800 * 500
    assert nodes["conv1"].settings == {"num_output": "20", "kernel_size": "5", "weight_filler": "xavier"}
    assert nodes["pool1"].settings["pool"] == "MAX"
    line = network_text("lenet").split("\n")[nodes["conv1"].line]  # counted from 1: this is the line after
    assert 'name: "conv1"' in line
    edges = {(edge.source, edge.target, edge.blob) for edge in graph.edges}
    assert ("ip1", "relu1", "ip1") in edges and ("relu1", "ip2", "ip1") in edges  # in place, in a chain
    assert ("ip1", "ip2", "ip1") not in edges
    assert graph.outputs == ["loss", "accuracy"] and graph.inputs == ["data", "label"]
    assert graph.batch_size == 32


def test_what_the_engine_asks(lenet):
    assert (lenet.input_shape("train"), lenet.batch_size("train"), lenet.batch_size("val")) == ((1, 28, 28), 64, 32)
    assert (lenet.crop_size, lenet.mirror, lenet.scale, lenet.scores) == (None, False, 1.0, "softmax")
    rates = {p.name: (p.lr_mult, p.decay_mult) for p in lenet.parameters()}
    assert rates["conv1.weight"] == (1, 1) and rates["ip2.bias"] == (2, 1)
    assert set(lenet.texts) == {"original.prototxt", "train_val.prototxt", "deploy.prototxt"}
    alexnet = compile_network(network_text("alexnet"), COLOUR, device="meta")
    assert (alexnet.input_shape("deploy"), alexnet.crop_size, alexnet.mirror) == ((3, 227, 227), 227, True)
    assert {p.name: p.decay_mult for p in alexnet.parameters()}["fc6.bias"] == 0


def test_phases_share_their_weights(lenet):
    images, labels = torch.randn(5, 1, 28, 28), torch.arange(5)
    before = lenet.forward(images, None, "deploy").values["softmax"]
    train = lenet.forward(images, labels, "train")
    expected = -before[torch.arange(5), labels].log().mean()
    assert train.loss.item() == pytest.approx(expected.item(), rel=1e-4)
    assert not train.values["loss"].requires_grad
    train.loss.backward()
    for parameter in lenet.parameters():
        assert parameter.tensor.grad is not None
        parameter.tensor.grad = None


def test_the_last_batch_may_be_smaller(lenet):
    assert lenet.forward(torch.randn(3, 1, 28, 28), torch.zeros(3).long(), "val").values["accuracy"].shape == ()


def test_a_seed_gives_the_same_weights():
    given = NetworkInput(width=28, height=28, channels=1, classes=10)
    one, two = (compile_network(network_text("lenet"), given) for _ in range(2))
    one.reset(3)
    two.module.to(memory_format=torch.channels_last)
    two.reset(3)
    for name, tensor in one.state().items():
        np.testing.assert_array_equal(tensor.numpy(), two.state()[name].numpy())
    two.reset(4)
    assert (one.state()["conv1.weight"] != two.state()["conv1.weight"]).any()
    two.load(one.state())
    assert torch.equal(one.state()["conv1.weight"], two.state()["conv1.weight"])


def test_weights_of_another_network_are_refused(lenet):
    state = {name: tensor.clone() for name, tensor in lenet.state().items()}
    with pytest.raises(NetworkError, match=r"lack ip2\.bias"):
        lenet.load({name: tensor for name, tensor in state.items() if name != "ip2.bias"})
    with pytest.raises(NetworkError, match=r"conv1\.weight"):
        lenet.load({**state, "conv1.weight": torch.zeros(3)})


@pytest.mark.parametrize("id", ["alexnet", "googlenet"])
def test_bfloat16_and_channels_last_stay_close(id):
    network = compile_network(network_text(id), COLOUR.model_copy(update={"classes": 6}))
    network.reset(1)
    images = torch.randn(2, *network.input_shape("deploy")) * 50
    plain = network.forward(images, None, "deploy").values["softmax"]
    network.module.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
    last = network.forward(images, None, "deploy").values["softmax"]
    torch.testing.assert_close(last, plain, rtol=1e-3, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        if id == "alexnet":  # in place, dropout, groups: backward must go through in bfloat16, too
            network.forward(images, torch.tensor([0, 1]), "train").loss.backward()
        half = network.forward(images, None, "deploy").values["softmax"]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, plain, rtol=0.3, atol=0.05)


def test_auxiliary_losses_weigh_in():
    network = compile_network(network_text("googlenet"), COLOUR.model_copy(update={"classes": 5}))
    network.reset(1)
    with torch.no_grad():
        out = network.forward(torch.randn(2, 3, 224, 224), torch.tensor([1, 2]), "val")
    values = {name: value.item() for name, value in out.values.items()}
    expected = 0.3 * values["loss1/loss"] + 0.3 * values["loss2/loss"] + values["loss"]
    assert out.loss.item() == pytest.approx(expected, rel=1e-5)
    assert set(values) >= {"loss1/top-1", "loss1/top-5", "accuracy", "accuracy-top5"}


def layer(name, type, bottom="data", top="", more=""):
    bottoms = " ".join(f'bottom: "{b}"' for b in bottom.split())
    return f'layer {{ name: "{name}" type: "{type}" {bottoms} top: "{top or name}" {more} }}\n'


IP = "inner_product_param { num_output: 4 }"
LOSS = layer("loss", "SoftmaxWithLoss", "ip label", more='exclude { stage: "deploy" }')
END = LOSS + layer("prob", "Softmax", "ip", more='include { stage: "deploy" }')
GOOD = layer("ip", "InnerProduct", more=IP) + END
BAD = [
    (layer("c", "Convolutoin") + GOOD, 1, "unknown type", "Convolution"),
    (layer("c", "Nonsense12345") + GOOD, 1, "unknown type", "Pooling"),
    ('layer { name: "c" bottom: "data" top: "c" }\n' + GOOD, 1, "no type", ""),
    ('layer { type: "ReLU" bottom: "data" top: "c" }\n' + GOOD, 1, "no name", ""),
    (GOOD.replace('bottom: "data"', 'bottom: "dta"'), 1, '"dta"', "data"),
    (layer("a", "ReLU", "b") + layer("b", "ReLU", "a") + GOOD, 1, "only later", "circle"),
    (layer("a", "ReLU", "data") + layer("b", "ReLU", "data", "a") + GOOD, 2, "gives already", "in place"),
    (layer("ip", "InnerProduct", "data", "a", more=IP) + GOOD, 2, "name of the layer on line 1", "own"),
    (layer("c", "Convolution", more='top: "d" convolution_param { num_output: 1 kernel_size: 1 }') + GOOD,
     1, "gives 1", ""),
    (layer("e", "Eltwise", "data") + GOOD, 1, "1 bottom blobs and needs 2 or more", ""),
    (layer("p", "Python", more='python_param { module: "os" layer: "system" }') + GOOD, 1,
     "may not be imported", "digits_python_layers"),
    (GOOD.replace("num_output: 4", "num_output: 2147483647"), 1, "more than Caffe's", ""),
    (layer("c", "Convolution", more="convolution_param { num_output: 2000000000 kernel_size: 1 }") + GOOD, 1,
     "more than Caffe's", ""),
    (layer("ip", "InnerProduct", more=IP + " param { } param { } param { }") + END, 1, "3 param blocks", ""),
    (GOOD.replace('top: "loss"', 'top: "loss" loss_weight: 1 loss_weight: 2'), 2, "loss_weight", ""),
    (GOOD.replace('top: "loss"', 'top: "loss" loss_weight: inf'), 2, "not finite", ""),
    (GOOD.replace("SoftmaxWithLoss", "Concat").replace('bottom: "label"', ""), 2, "no loss", "SoftmaxWithLoss"),
    (layer("a", "InnerProduct", more='param { name: "w" } inner_product_param { num_output: 3 }')
     + layer("b", "InnerProduct", more='param { name: "w" } inner_product_param { num_output: 4 }')
     + GOOD, 2, 'shares "w"', ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said", "hint"), BAD)
def test_what_cannot_be_compiled_names_layer_line_and_remedy(text, line, said, hint):
    given = NetworkInput(width=8, height=8, channels=3, classes=4)
    with pytest.raises(NetworkError) as caught:
        compile_network(text, given, device="meta", source="mine.prototxt")
    problem = caught.value.problem
    assert said in problem.message
    assert (problem.line, problem.file) == (line, "mine.prototxt")
    assert hint in (problem.hint or "")


def test_the_good_one_is_good():
    compile_network(GOOD, NetworkInput(width=8, height=8, channels=3, classes=4), device="meta")


def test_more_weights_than_memory_are_refused_before_they_are_allocated():
    big = "".join(
        layer(f"ip{i}", "InnerProduct", more="inner_product_param { num_output: 10000000 bias_term: false }")
        for i in range(4000)
    )
    given = NetworkInput(width=8, height=8, channels=3, classes=4, batch_size=1)
    with pytest.raises(NetworkError, match="GiB"):
        compile_network(big + GOOD, given, device="cpu")


def test_a_batch_too_large_for_any_blob_is_refused():
    given = NetworkInput(width=8192, height=8192, channels=3, classes=4, batch_size=100_000)
    with pytest.raises(NetworkError, match="more than Caffe's"):
        compile_network(layer("p", "Pooling", more="pooling_param { kernel_size: 2 }") + GOOD, given, device="meta")


def test_pictures_too_small_for_lenet():
    with pytest.raises(NetworkError, match=r'line \d+: layer "conv2"') as caught:
        compile_network(network_text("lenet"), NetworkInput(width=8, height=8, channels=1, classes=2), device="meta")
    assert "larger pictures" in (caught.value.problem.hint or "")


def test_layers_of_one_name_share_weights_only_if_they_fit():
    text = GOOD + (
        'layer { name: "x" type: "InnerProduct" bottom: "data" top: "x" include { phase: TRAIN }'
        " inner_product_param { num_output: 2 } }\n"
        'layer { name: "x" type: "InnerProduct" bottom: "data" top: "x" include { phase: TEST }'
        " inner_product_param { num_output: 3 } }\n"
    )
    given = NetworkInput(width=8, height=8, channels=3, classes=4)
    with pytest.raises(NetworkError, match="other weights than the layer of the same name"):
        compile_network(text, given, device="meta")
    network = compile_network(text.replace("num_output: 3", 'num_output: 2 weight_filler { type: "xavier" }'), given)
    network.reset(1)
    network.module.float()  # moving keeps what is shared shared
    assert [p.name for p in network.parameters()].count("x.weight") == 1
    with torch.no_grad():
        dict((p.name, p.tensor) for p in network.parameters())["x.weight"].fill_(2)
    images = torch.ones(1, 3, 8, 8)
    assert network.forward(images, torch.tensor([0]), "val").values["x"][0, 0] == 2 * 192


def test_a_parameter_that_does_not_learn_gets_no_gradient():
    text = GOOD.replace(IP, IP + " param { lr_mult: 0 }")
    network = compile_network(text, NetworkInput(width=8, height=8, channels=3, classes=4))
    network.reset(1)
    network.forward(torch.ones(2, 3, 8, 8), torch.tensor([0, 1]), "train").loss.backward()
    grads = {p.name: p.tensor.grad for p in network.parameters()}
    assert grads["ip.weight"] is None and grads["ip.bias"] is not None


def test_in_place_where_the_text_says_so_never_changes_what_others_read():
    """`a` is read by b before and by c after its ReLU; the pictures themselves have a ReLU in place, too."""
    text = (
        layer("r0", "ReLU", "data", "data")
        + layer("a", "InnerProduct", more=IP)
        + layer("b", "Power", "a", more="power_param { scale: 2 }")
        + layer("r", "ReLU", "a", "a")
        + layer("ip", "Eltwise", "a b")
        + END
    )
    network = compile_network(text, NetworkInput(width=8, height=8, channels=3, classes=4))
    network.reset(1)
    torch.manual_seed(0)
    for p in network.parameters():
        p.tensor.data.normal_()
    images = torch.randn(2, 3, 8, 8)
    before = images.clone()
    out = network.forward(images, torch.tensor([0, 1]), "train")
    out.loss.backward()
    assert torch.equal(images, before)
    weights = {p.name: p.tensor.detach() for p in network.parameters()}
    a = torch.relu(images).flatten(1) @ weights["a.weight"].T + weights["a.bias"]
    expected = torch.nn.functional.cross_entropy(torch.relu(a) + 2 * a, torch.tensor([0, 1]))
    assert out.loss.item() == pytest.approx(expected.item(), rel=1e-5)
