import numpy as np
import pytest
import torch

from gradus.nets.caffe.graph.build import Builder
from gradus.nets.caffe.text.prototxt import parse_network

HEAD = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 2 dim: 2 } } }
layer { name: "norm" type: "BatchNorm" bottom: "x" top: "n" }
"""
SCALE = 'layer { name: "scale" type: "Scale" bottom: "n" top: "s" scale_param { bias_term: true } MORE }'
TAIL = '\nlayer { name: "relu" type: "ReLU" bottom: "s" top: "s" }'
IN_PLACE = (HEAD + SCALE + TAIL).replace('"n"', '"x"').replace('"s"', '"x"')


def run(text, x, *, keep, training=True):
    """The outputs of a net, the gradients of its weights and how many steps do something."""
    builder = Builder()
    built = builder.build("deploy", parse_network(text.replace("MORE", ""))[1], {"in": [x.shape]}, training=training,
                          keep=keep)  # fmt: skip
    builder.place("cpu")
    for i, spec in enumerate(builder.specs):
        torch.nn.init.constant_(spec.tensor, 0.5 + i)
    values = built.plan.fill([torch.tensor(x)])
    outputs = [values[slot] for _, slot in built.plan.outputs]
    sum(top.square().sum() for top in outputs).backward()
    kept = [builder.module._modules["norm"].mean]
    busy = sum(bool(step.writes) for step in built.plan.steps)
    return [*outputs, *(spec.tensor.grad for spec in builder.specs), *kept], busy


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("text", [HEAD + SCALE + TAIL, IN_PLACE])
def test_a_scale_is_done_by_the_normalisation_before_it(rng, text, training):
    x = rng.normal(size=(4, 3, 2, 2)).astype(np.float32)
    apart, together = (run(text, x, keep=keep, training=training) for keep in (True, False))
    assert (apart[1], together[1]) == (3, 2)
    for one, other in zip(apart[0], together[0], strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + SCALE + 'layer { name: "other" type: "ReLU" bottom: "n" top: "o" }',
        HEAD + SCALE.replace("MORE", "propagate_down: false"),
        HEAD.replace('top: "n"', 'top: "n" loss_weight: 1') + SCALE,
        HEAD + SCALE.replace("bias_term: true", "axis: 2"),
        HEAD
        + SCALE.replace('bottom: "n"', 'bottom: "x" bottom: "n"').replace("scale_param {", "scale_param { axis: 0"),
    ],
)
def test_where_others_see_what_lies_between_they_stay_two(rng, text):
    x = rng.normal(size=(4, 3, 2, 2)).astype(np.float32)
    apart, together = (run(text, x, keep=keep) for keep in (True, False))
    assert apart[1] == together[1]
    for one, other in zip(apart[0], together[0], strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), rtol=1e-5, atol=1e-6)
