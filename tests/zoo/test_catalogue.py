import pytest

from gradus.core.errors import NotFoundError
from gradus.core.network import NetworkInput
from gradus.nets import compile_network
from gradus.zoo import catalogue, network_text


def test_the_ready_networks_in_order():
    assert [(e.id, e.year, e.width, e.channels) for e in catalogue()] == [
        ("lenet", 1998, 28, 1), ("alexnet", 2012, 256, 3), ("googlenet", 2014, 256, 3),
    ]  # fmt: skip
    assert all(entry.text == network_text(entry.id) for entry in catalogue())


def test_an_unknown_network_lists_the_known():
    with pytest.raises(NotFoundError) as caught:
        network_text("resnet")
    assert "lenet, alexnet, googlenet" in (caught.value.problem.hint or "")


@pytest.mark.parametrize("entry", catalogue(), ids=lambda e: e.id)
@pytest.mark.parametrize("classes", [2, 1000])
def test_each_compiles_for_any_number_of_classes(entry, classes):
    given = NetworkInput(width=entry.width, height=entry.height, channels=entry.channels, classes=classes)
    graph = compile_network(entry.text, given, device="meta").graph("deploy")
    assert graph.nodes[-1].shapes == [[1, classes]]


def test_proposed_batches_and_crops_are_digits():
    def facts(id):
        entry = next(e for e in catalogue() if e.id == id)
        given = NetworkInput(width=entry.width, height=entry.height, channels=entry.channels, classes=10)
        network = compile_network(entry.text, given, device="meta")
        return network.batch_size("train"), network.batch_size("val"), network.crop_size, network.mirror

    assert facts("lenet") == (64, 32, None, False)
    assert facts("alexnet") == (128, 32, 227, True)
    assert facts("googlenet") == (32, 16, 224, True)
