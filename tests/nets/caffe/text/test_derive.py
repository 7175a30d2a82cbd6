import pytest

from gradus.core.errors import NetworkError
from gradus.core.network import NetworkInput
from gradus.nets.caffe.text.derive import deploy_text, derive, train_val_text
from gradus.nets.caffe.text.prototxt import parse_network
from gradus.nets.sources import Sources
from gradus.zoo import network_text

GIVEN = NetworkInput(width=40, height=32, channels=3, classes=4)
BODY = """
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" exclude { stage: "deploy" } }
layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc" include { stage: "val" } }
layer { name: "acc5" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc5" accuracy_param { top_k: 5 } include { stage: "val" } }
layer { name: "acc6" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc6" accuracy_param { top_k: 6 } include { stage: "val" } }
layer { name: "acc4" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc4" accuracy_param { top_k: 4 } include { stage: "val" } }
layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" include { stage: "deploy" } }
"""  # noqa: E501
DATA = """
layer { name: "in" type: "Data" top: "data" top: "label" include { stage: "train" }
  transform_param { crop_size: 24 mirror: true scale: 0.5 mean_value: 3 } data_param { batch_size: 8 } }
layer { name: "in" type: "Data" top: "data" top: "label" include { stage: "val" } }
"""


def names(derived, phase):
    return [d.message.name for d in derived.layers[phase]]


def test_each_phase_has_its_layers_with_data_first():
    derived = derive(DATA + BODY, GIVEN)
    assert names(derived, "train") == ["in", "ip", "loss"]
    assert names(derived, "val") == ["in", "ip", "loss", "acc", "acc4"]  # no best 5 or 6 of 4 classes
    assert names(derived, "deploy") == ["input", "ip", "prob"]


def test_the_dataset_fills_what_is_left_open():
    derived = derive(DATA + BODY, GIVEN)
    assert derived.layers["train"][1].message.inner_product_param.num_output == 4
    assert list(derived.layers["deploy"][0].message.input_param.shape[0].dim) == [1, 3, 24, 24]
    assert (derived.crop_size, derived.mirror, derived.scale) == (24, True, 0.5)
    assert derived.batch == {"train": 8, "val": 16, "deploy": 1}


def test_the_form_comes_before_the_text():
    derived = derive(DATA + BODY, GIVEN.model_copy(update={"batch_size": 5, "crop_size": 20}))
    assert derived.batch == {"train": 5, "val": 5, "deploy": 1}
    assert derived.batch_proposed == 8
    for phase in ("train", "val"):
        message = derived.layers[phase][0].message
        assert (message.data_param.batch_size, message.transform_param.crop_size) == (5, 20)
    assert list(derived.layers["deploy"][0].message.input_param.shape[0].dim)[2:] == [20, 20]


def test_missing_data_layers_are_made():
    derived = derive(BODY, GIVEN)
    first = derived.layers["train"][0].message
    assert (first.type, list(first.top), first.data_param.batch_size) == ("Data", ["data", "label"], 16)
    assert list(derived.layers["deploy"][0].message.input_param.shape[0].dim) == [1, 3, 32, 40]


def test_train_val_text_is_plain_caffe():
    text = train_val_text(derive(DATA + BODY, GIVEN), Sources("a/train_db", "a/val_db", "mean.binaryproto"))
    net, _ = parse_network(text)
    rules = {(m.name, m.top[0]): [r.phase for r in m.include] for m in net.layer if m.type != "Data"}
    assert rules == {("ip", "ip"): [], ("loss", "loss"): [], ("acc", "acc"): [1], ("acc4", "acc4"): [1]}
    data = [m for m in net.layer if m.type == "Data"]
    assert [(m.include[0].phase, m.data_param.source, m.data_param.backend) for m in data] == [
        (0, "a/train_db", 1), (1, "a/val_db", 1),
    ]  # fmt: skip
    assert all(m.transform_param.mean_file == "mean.binaryproto" and not m.transform_param.mean_value for m in data)
    assert "stage" not in text
    assert net.layer[0].type == net.layer[1].type == "Data"


def test_without_a_validation_database_there_is_no_val_net():
    text = train_val_text(derive(DATA + BODY, GIVEN), Sources(val=None, mean_values=(1.0, 2.0, 3.0)))
    net, _ = parse_network(text)
    assert [m.name for m in net.layer] == ["in", "ip", "loss"]
    assert list(net.layer[0].transform_param.mean_value) == [1, 2, 3]


def test_deploy_text_reads_back():
    net, _ = parse_network(deploy_text(derive(DATA + BODY, GIVEN)))
    assert [m.type for m in net.layer] == ["Input", "InnerProduct", "Softmax"]
    assert not any(m.include or m.exclude for m in net.layer)


PREFIXED = """
input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9
layer { name: "train_in" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } include { phase: TRAIN } }
layer { name: "train_in" type: "Data" top: "data" top: "label" data_param { batch_size: 2 } include { phase: TEST } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" }
layer { name: "train_aux" type: "InnerProduct" bottom: "data" top: "aux" }
layer { name: "train_auxloss" type: "SoftmaxWithLoss" bottom: "aux" bottom: "label" top: "auxloss" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
layer { name: "deploy_out" type: "Softmax" bottom: "ip" top: "out" }
"""


def test_the_prefixes_of_early_digits():
    derived = derive(PREFIXED, GIVEN)
    assert names(derived, "train") == ["in", "ip", "aux", "auxloss", "loss"]
    assert names(derived, "deploy") == ["input", "ip", "out"]
    assert derived.batch["val"] == 2


def test_databases_of_hdf5_are_named_as_caffe_reads_them():
    text = train_val_text(derive(DATA + BODY, GIVEN), Sources("a/train_db", "a/val_db", "mean.binaryproto", hdf5=True))
    layers = parse_network(text, "t")[1]
    data = [layer.message for layer in layers if layer.message.type == "HDF5Data"]
    assert [d.hdf5_data_param.source for d in data] == ["a/train_db/list.txt", "a/val_db/list.txt"]
    assert all(d.hdf5_data_param.batch_size and not d.HasField("transform_param") for d in data)
    assert "data_param {" not in text.replace("hdf5_data_param {", "")


def test_a_plain_train_val_text_gets_a_softmax_and_loses_dead_branches():
    text = PREFIXED.replace("train_aux", "aux").replace('layer { name: "deploy_out" type: "Softmax"', "#")
    derived = derive(text.replace("train_in", "in"), GIVEN)
    assert names(derived, "deploy") == ["input", "ip", "prob"]
    assert list(derived.layers["deploy"][-1].message.bottom) == ["ip"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('layer { name: "in" type: "Data" top: "data"\n data_param { source: "/etc" } }\n' + BODY, 2, "source"),
        ('layer { name: "in" type: "Data" top: "data"\n data_param { backend: LMDB } }\n' + BODY, 2, "backend"),
        ('\nlayer { name: "in" type: "ImageData" top: "data" }\n' + BODY, 2, "cannot read or write data"),
        (
            'layer { name: "a" type: "Data" top: "data" }\nlayer { name: "b" type: "Data" top: "data" }' + BODY,
            2,
            "second",
        ),
        (DATA.replace("24", "33") + BODY, 3, "33x33"),
        (BODY.replace('exclude { stage: "deploy" }', ""), 3, "still there in deploy"),
        (BODY.replace('Softmax"', 'ReLU"'), 8, "Softmax"),
        ('name: "nothing"', 1, "no layers"),
    ],
)
def test_what_cannot_be_derived(text, line, said):
    with pytest.raises(NetworkError) as caught:
        derive(text, GIVEN)
    assert said in str(caught.value)
    assert caught.value.problem.line == line
    assert caught.value.problem.hint


def test_a_crop_from_the_form_that_is_too_large_names_the_field():
    with pytest.raises(NetworkError) as caught:
        derive(network_text("alexnet"), NetworkInput(width=64, height=64, channels=3, classes=2, crop_size=65))
    assert caught.value.problem.field == "crop_size"


def test_googlenet_in_stages():
    given = NetworkInput(width=256, height=256, channels=3, classes=3)
    derived = derive(network_text("googlenet"), given)
    types = [d.message.type for d in derived.layers["train"]]
    assert types.count("SoftmaxWithLoss") == 3
    assert types.count("Accuracy") == 0
    accuracies = [d.message.name for d in derived.layers["val"] if d.message.type == "Accuracy"]
    assert accuracies == ["loss1/top-1", "loss2/top-1", "accuracy"]  # no best 5 of 3
    assert not any(d.message.name.startswith("loss") for d in derived.layers["deploy"])


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            'type: "InfogainLoss" bottom: "ip2" bottom: "label" infogain_loss_param { source: "/etc/passwd" }',
            "opens none",
        ),
        ('type: "DetectNetTransformation" transform_param { mean_file: "/etc/passwd" }', "opens none"),
        ('type: "HDF5Output" bottom: "ip2" bottom: "label" hdf5_output_param { file_name: "/tmp/x" }', "read or write"),
        (
            'type: "DetectionOutput" detection_output_param { save_output_param { output_directory: "/" } }',
            "opens none",
        ),
    ],
)
def test_a_model_opens_no_files_that_its_text_names(layer, message):
    with pytest.raises(NetworkError, match=message):
        derive(network_text("lenet") + f'layer {{ name: "last" {layer} }}', GIVEN)
