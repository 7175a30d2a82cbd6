import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.graph.build import Builder
from gradus.nets.caffe.text.prototxt import parse_network

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "p" type: "Parameter" top: "w" parameter_param { shape { dim: 3 } } }
layer { name: "cut" type: "ReLU" bottom: "w" top: "w" }
layer { name: "s" type: "Scale" bottom: "x" bottom: "w" top: "y" }
"""


def test_the_blob_is_the_top_and_learns():
    _, definitions = parse_network(NET)
    builder = Builder()
    built = builder.build("deploy", definitions, {"in": [(2, 3)]}, training=True)
    builder.place("cpu")
    (spec,) = builder.specs
    assert (spec.name, spec.tensor.shape) == ("p.weight", (3,))
    assert not spec.tensor.any()
    spec.tensor.data.copy_(torch.tensor([1.0, -2, 3]))
    x = torch.arange(6.0).view(2, 3)
    (y,) = [v for v in built.plan.fill([x], keep=True)[-1:]]
    np.testing.assert_array_equal(y.detach(), x * torch.tensor([1.0, 0, 3]))
    np.testing.assert_array_equal(spec.tensor.detach(), [1, -2, 3])  # not overwritten by the layer in place
    y.sum().backward()
    np.testing.assert_array_equal(spec.tensor.grad, [0 + 3, 0, 2 + 5])


def test_sizes_are_at_least_one(alone):
    with pytest.raises(NetworkError, match="at least 1"):
        parse = 'layer { name: "p" type: "Parameter" top: "w" parameter_param { shape { dim: 0 } } }'
        Builder().build("deploy", parse_network(parse)[1], {}, training=False)
