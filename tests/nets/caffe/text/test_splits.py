"""The names are those of Caffe's own insert_splits."""

from gradus.nets.caffe.text.prototxt import parse_network, print_text
from gradus.nets.caffe.text.splits import insert_splits


def split(text: str) -> list[str]:
    return [
        f"{d.message.name}: {' '.join(d.message.bottom)} -> {' '.join(d.message.top)} {list(d.message.loss_weight)}"
        for d in insert_splits(parse_network(text)[1])
    ]


DATA = 'layer { name: "data" type: "Data" top: "data" top: "label" }'


def test_what_is_read_once_stays():
    text = DATA + 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }'
    assert split(text) == ["data:  -> data label []", "ip: data -> ip []"]


def test_what_is_read_twice_is_split_after_its_layer():
    text = (
        DATA
        + 'layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" }'
        + 'layer { name: "b" type: "InnerProduct" bottom: "data" top: "b" }'
        + 'layer { name: "c" type: "EuclideanLoss" bottom: "a" bottom: "b" }'
    )
    assert split(text)[1:4] == [
        "data_data_0_split: data -> data_data_0_split_0 data_data_0_split_1 []",
        "a: data_data_0_split_0 -> a []",
        "b: data_data_0_split_1 -> b []",
    ]


def test_a_layer_in_place_gives_a_new_blob_of_the_old_name():
    text = (
        DATA
        + 'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }'
        + 'layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }'
        + 'layer { name: "a" type: "ReLU" bottom: "ip" top: "a" }'
        + 'layer { name: "b" type: "ReLU" bottom: "ip" top: "b" }'
    )
    assert split(text)[1:5] == [
        "ip: data -> ip []",
        "relu: ip -> ip []",
        "ip_relu_0_split: ip -> ip_relu_0_split_0 ip_relu_0_split_1 []",
        "a: ip_relu_0_split_0 -> a []",
    ]


def test_a_top_that_is_a_loss_and_is_read_has_two_readers():
    text = (
        DATA
        + 'layer { name: "l" type: "EuclideanLoss" bottom: "data" bottom: "label" top: "l" loss_weight: 3 }'
        + 'layer { name: "a" type: "ReLU" bottom: "l" top: "a" }'
    )
    assert split(text)[1:] == [
        "l: data label -> l [0.0]",
        "l_l_0_split: l -> l_l_0_split_0 l_l_0_split_1 [3.0, 0.0]",
        "a: l_l_0_split_1 -> a []",
    ]


def test_the_given_layers_are_not_changed():
    _, definitions = parse_network(
        DATA
        + 'layer { name: "a" type: "ReLU" bottom: "data" top: "a" }'
        + 'layer { name: "b" type: "ReLU" bottom: "data" top: "b" }'
    )
    before = [print_text(d.message) for d in definitions]
    assert len(insert_splits(definitions)) == 4
    assert [print_text(d.message) for d in definitions] == before
