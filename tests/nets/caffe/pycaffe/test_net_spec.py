"""Networks written in Python become the messages that one would have written by hand."""

from __future__ import annotations

import pytest
from google.protobuf import text_format

from gradus.nets.caffe.pycaffe import layers as L
from gradus.nets.caffe.pycaffe import params as P
from gradus.nets.caffe.pycaffe.net_spec import NetSpec, settings_field, to_proto
from gradus.nets.caffe.schema import message_class


def parsed(text: str) -> object:
    return text_format.Parse(text, message_class("NetParameter")())


def test_a_network_is_what_one_would_have_written() -> None:
    n = NetSpec()
    n.data, n.label = L.DummyData(shape=[dict(dim=[2, 3]), dict(dim=[2])], ntop=2)
    n.ip = L.InnerProduct(
        n.data, num_output=4, weight_filler=dict(type="xavier"), param=[dict(lr_mult=1), dict(lr_mult=2)]
    )
    n.relu = L.ReLU(n.ip, in_place=True)
    n.pool = L.Pooling(n.relu, pool=P.Pooling.AVE, kernel_size=2)
    n.loss = L.SoftmaxWithLoss(n.pool, n.label, loss_weight=0.5, name="other")
    assert n.to_proto() == parsed("""
      layer { name: "data" type: "DummyData" top: "data" top: "label"
              dummy_data_param { shape { dim: 2 dim: 3 } shape { dim: 2 } } }
      layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" param { lr_mult: 1 } param { lr_mult: 2 }
              inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
      layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
      layer { name: "pool" type: "Pooling" bottom: "ip" top: "pool" pooling_param { pool: AVE kernel_size: 2 } }
      layer { name: "other" type: "SoftmaxWithLoss" bottom: "pool" bottom: "label" top: "loss" loss_weight: 0.5 }
    """)


def test_what_has_no_name_is_numbered_by_its_type() -> None:
    data = L.Input(shape=dict(dim=[1, 2]))
    first, second = L.Slice(L.ReLU(data), ntop=2)
    net = to_proto(L.Eltwise(first, L.ReLU(second), operation=P.Eltwise.MAX))
    assert [(layer.name, list(layer.bottom), list(layer.top)) for layer in net.layer] == [
        ("Input1", [], ["Input1"]),
        ("ReLU1", ["Input1"], ["ReLU1"]),
        ("Slice1", ["ReLU1"], ["Slice1", "Slice2"]),
        ("ReLU2", ["Slice2"], ["ReLU2"]),
        ("Eltwise1", ["Slice1", "ReLU2"], ["Eltwise1"]),
    ]
    assert net.layer[4].eltwise_param.operation == 2


def test_settings_go_where_the_type_has_them() -> None:
    assert [settings_field(t) for t in ("Convolution", "Deconvolution", "EuclideanLoss", "SoftmaxWithLoss")] == [
        "convolution_param", "convolution_param", "", "softmax_param",
    ]  # fmt: skip
    net = to_proto(L.Deconvolution(L.Input(), convolution_param=dict(num_output=2, kernel_size=[3, 5])))
    assert list(net.layer[1].convolution_param.kernel_size) == [3, 5]
    net = to_proto(L.Data(ntop=1, source="db", batch_size=3, backend="LMDB", transform_param=dict(mirror=True)))
    assert (net.layer[0].data_param.backend, net.layer[0].transform_param.mirror) == (1, True)


def test_a_layer_without_tops_is_a_function() -> None:
    n = NetSpec()
    n.data = L.Input(shape=dict(dim=3))
    n["silence/all"] = L.Silence(n.data, ntop=0)
    net = n.to_proto()
    assert (net.layer[1].name, list(net.layer[1].top)) == ("silence/all", [])
    assert n.keys() == ["data", "silence/all"]


def test_names_are_given_read_and_taken_away() -> None:
    n = NetSpec()
    n["a/b"] = L.Input()
    assert n["a/b"] is n.tops["a/b"]
    n.update({"c": L.ReLU(n["a/b"])})
    del n.c
    assert n.vals() == [n["a/b"]]
    with pytest.raises(AttributeError, match="no blob 'c'"):
        _ = n.c


def test_a_network_deeper_than_pythons_stack() -> None:
    top = L.Input()
    for _ in range(3000):
        top = L.ReLU(top)
    assert len(to_proto(top).layer) == 3001


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: L.ReLU((L.Input(), 1)), TypeError, r"ReLU input 0 is not a Top \(type is <class 'tuple'>\)"),
        (lambda: L.ReLU(in_place=True), ValueError, "cannot work in place"),
        (lambda: to_proto(L.ReLU(L.Input(), colour=1)), AttributeError, "no field 'colour'"),
        (lambda: to_proto(L.Pooling(L.Input(), pool="MEAN")), ValueError, "no value 'MEAN'"),
        (lambda: to_proto(L.Input(input_param=3)), TypeError, "takes a dict"),
        (lambda: P.Pooling.MEAN, AttributeError, "no constant 'MEAN'"),
        (lambda: P.Nothing.MAX, AttributeError, "no constant"),
    ],
)
def test_what_is_wrong_is_the_error_that_caffe_raises(make, error, said) -> None:
    with pytest.raises(error, match=said):
        make()
