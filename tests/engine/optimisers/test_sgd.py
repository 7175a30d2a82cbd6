"""SGD against Caffe's rule written out in numpy, in double precision."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from gradus.core.errors import InputError
from gradus.core.model import TrainingOptions
from gradus.engine.optimisers.sgd import Sgd
from gradus.engine.optimisers.table import optimiser
from gradus.nets.network import ParameterSpec

Array = NDArray[np.float64]


def options(**changes: object) -> TrainingOptions:
    return TrainingOptions.model_validate({"name": "m", "dataset": "d"} | changes)


def rate_at(step: int) -> float:
    """Two drops in fifty steps."""
    return 0.05 * 0.1 ** ((step >= 17) + (step >= 34))


class Caffe:
    """h = m*h + r*(g + d*w); w -= h."""

    def __init__(self, start: Array, lr_mult: float, decay: float, momentum: float) -> None:
        self.w, self.h = start.copy(), np.zeros_like(start)
        self.lr_mult, self.decay, self.momentum = lr_mult, decay, momentum

    def step(self, gradient: Array, rate: float) -> None:
        self.h = self.momentum * self.h + rate * self.lr_mult * (gradient + self.decay * self.w)
        self.w = self.w - self.h


def specs() -> list[ParameterSpec]:
    """A convolution whose weight lies channels_last, its bias at twice the rate without decay, and a frozen one."""
    torch.manual_seed(3)
    weight = nn.Parameter(torch.randn(6, 4, 3, 3).to(memory_format=torch.channels_last))
    bias, frozen = nn.Parameter(torch.randn(6)), nn.Parameter(torch.randn(5))
    return [
        ParameterSpec("conv.weight", weight, 1.0, 1.0),
        ParameterSpec("conv.bias", bias, 2.0, 0.0),
        ParameterSpec("frozen", frozen, 0.0, 1.0),
    ]


def pull(spec: ParameterSpec, step: int) -> torch.Tensor:
    """A gradient that does not depend on the weight, so that errors do not cancel out."""
    generator = torch.Generator().manual_seed(1000 * step + spec.tensor.numel())
    gradient = torch.randn(spec.tensor.shape, generator=generator)
    # autograd lays a gradient out like its parameter, and the fused kernel relies on it
    return gradient.to(memory_format=torch.channels_last) if gradient.dim() == 4 else gradient


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_equals_caffe_over_two_drops_of_the_rate(momentum: float) -> None:
    learned = specs()
    sgd = Sgd(learned, options(learning_rate=0.05, momentum=momentum, weight_decay=0.02))
    truth = [
        Caffe(s.tensor.detach().numpy().astype(np.float64), s.lr_mult, 0.02 * s.decay_mult, momentum) for s in learned
    ]
    for step in range(50):
        sgd.zero_grad()
        torch.stack([(s.tensor * pull(s, step)).sum() for s in learned if s.lr_mult]).sum().backward()
        sgd.step(rate_at(step))
        for spec, caffe in zip(learned, truth, strict=True):
            caffe.step(pull(spec, step).numpy().astype(np.float64), rate_at(step))
    for spec, caffe in zip(learned, truth, strict=True):
        np.testing.assert_allclose(spec.tensor.detach().numpy(), caffe.w, rtol=1e-6, atol=1e-6)


def test_plain_pytorch_differs_once_the_rate_drops() -> None:
    """The reason for this module: were it not so, torch.optim.SGD would do as it is."""
    first, second = specs()[:1], specs()[:1]
    ours = Sgd(first, options(learning_rate=0.05, weight_decay=0))
    theirs = torch.optim.SGD([second[0].tensor], lr=0.05, momentum=0.9)
    for step in range(25):
        for spec in (first[0], second[0]):
            spec.tensor.grad = pull(spec, step)
        ours.step(rate_at(step))
        theirs.param_groups[0]["lr"] = rate_at(step)
        theirs.step()
        if step == 16:
            torch.testing.assert_close(first[0].tensor, second[0].tensor, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(first[0].tensor, second[0].tensor, rtol=1e-3, atol=1e-3)


def test_decay_is_a_hundredth_of_the_rate_where_none_is_given() -> None:
    (spec,) = specs()[:1]
    start = spec.tensor.detach().clone()
    sgd = Sgd([spec], options(learning_rate=0.5))
    spec.tensor.grad = torch.zeros_like(spec.tensor)
    sgd.step(0.5)
    torch.testing.assert_close(spec.tensor.detach(), start * (1 - 0.5 * 0.005))


def test_frozen_parameters_stay_and_need_no_gradient() -> None:
    learned = specs()
    Sgd(learned, options())
    assert [s.tensor.requires_grad for s in learned] == [True, True, False]


def test_going_on_from_a_snapshot_is_bit_for_bit() -> None:
    straight, resumed = specs(), specs()
    first, second = Sgd(straight, options()), Sgd(resumed, options())

    def run(learned: list[ParameterSpec], sgd: Sgd, steps: range) -> None:
        for step in steps:
            for spec in learned[:2]:
                spec.tensor.grad = pull(spec, step)
            sgd.step(rate_at(step))

    run(straight, first, range(40))
    run(resumed, second, range(20))
    kept = {name: tensor.clone() for name, tensor in second.state().items()}
    third = Sgd(resumed, options())
    third.load(kept, rate_at(19))
    run(resumed, third, range(20, 40))
    assert sorted(kept) == ["momentum.conv.bias", "momentum.conv.weight"]
    assert all(torch.equal(a.tensor, b.tensor) for a, b in zip(straight, resumed, strict=True))


def test_nothing_to_learn() -> None:
    with pytest.raises(InputError, match="nothing to learn"):
        optimiser(specs()[2:], options())


def test_an_unknown_solver_names_those_there_are() -> None:
    with pytest.raises(InputError) as error:
        optimiser(specs(), options().model_copy(update={"solver": "lion"}))
    assert (error.value.problem.field, error.value.problem.hint) == ("solver", "sgd")
