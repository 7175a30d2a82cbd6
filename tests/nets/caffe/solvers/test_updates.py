"""Each solver against Caffe's rule in numpy, in double precision, over fifty steps with two drops of the rate."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gradus.core.errors import NetworkError
from gradus.nets.caffe.solvers.descent import Descent
from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.caffe.solvers.updates import UPDATES
from gradus.nets.network import ParameterSpec

OWN = {
    "SGD": {"momentum": 0.9},
    "Nesterov": {"momentum": 0.9},
    "SAG": {"momentum": 0.9},
    "AdaGrad": {"delta": 1e-6},
    "RMSProp": {"rms_decay": 0.95, "delta": 1e-6},
    "AdaDelta": {"momentum": 0.95, "delta": 1e-6},
    "Adam": {"momentum": 0.9, "momentum2": 0.99, "delta": 1e-4},  # large enough that its place shows
}
WITH = {
    "plain": {},
    "L2": {"weight_decay": 0.02},
    "L1": {"weight_decay": 0.02, "regularization_type": "L1"},
    "clipped and accumulated": {"weight_decay": 0.02, "clip_gradients": 4.0, "iter_size": 3},
    "clipped above every norm": {"clip_gradients": 1e6},
}


def rate_at(step: int) -> float:
    return 0.05 * 0.1 ** ((step >= 17) + (step >= 34))


def settings(kind: str, **changes: object) -> SolverSettings:
    return SolverSettings(**({"base_lr": 0.05, "lr_policy": "fixed", "type": kind} | OWN[kind] | changes))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("extras", WITH.values(), ids=WITH.keys())
@pytest.mark.parametrize("kind", OWN)
def test_equals_caffe(trial, caffe_step, kind, extras, dtype, tolerance) -> None:
    both, given = trial(dtype), settings(kind, **extras)
    update = UPDATES[kind](both.specs, given)
    for step in range(50):
        update.zero_grad()
        caffe_step(given, both.blobs, both.give(step), rate_at(step), step)
        update.step(rate_at(step))
    both.assert_equal(tolerance)


@pytest.mark.parametrize("kind", ["SGD", "Nesterov", "SAG", "AdaDelta", "Adam"])
def test_without_momentum(trial, caffe_step, kind) -> None:
    """Adam's and AdaDelta's is what Caffe takes where a file names none."""
    both, given = trial(), settings(kind, momentum=0.0, weight_decay=0.02)
    update = UPDATES[kind](both.specs, given)
    for step in range(20):
        caffe_step(given, both.blobs, both.give(step), rate_at(step), step)
        update.step(rate_at(step))
    both.assert_equal(2e-6)
    assert [list(h.shape) for h in update.history()][:4] == [[6, 4, 3, 3], [6], [5, 7], [3]]


@pytest.mark.parametrize("rates", [[0.0, 0.05, 0.0], [1e-9, 0.3, 1e-7]], ids=["zero", "far apart"])
@pytest.mark.parametrize("kind", ["SGD", "Nesterov"])
def test_a_rate_may_be_anything_at_any_step(trial, caffe_step, kind, rates) -> None:
    """A ramp starts at 0: the history then only fades."""
    both, given = trial(torch.float64), settings(kind, weight_decay=0.02)
    update = UPDATES[kind](both.specs, given)
    for step in range(30):
        caffe_step(given, both.blobs, both.give(step), rates[step % 3], step)
        update.step(rates[step % 3])
    both.assert_equal(1e-12)


def test_plain_pytorch_differs_once_the_rate_drops(trial) -> None:
    """Why PyTorch's buffer holds the rate here: were it not so, torch.optim.SGD would do as it is."""
    ours, theirs = trial(), trial()
    update = UPDATES["SGD"](ours.specs, settings("SGD"))
    plain = torch.optim.SGD([theirs.specs[0].tensor], lr=0.05, momentum=0.9)
    for step in range(25):
        ours.give(step)
        theirs.give(step)
        update.step(rate_at(step))
        plain.param_groups[0]["lr"] = rate_at(step)
        plain.step()
        if step == 16:
            torch.testing.assert_close(ours.specs[0].tensor, theirs.specs[0].tensor, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(ours.specs[0].tensor, theirs.specs[0].tensor, rtol=1e-3, atol=1e-3)


def test_the_loss_scale_is_undone_before_clipping(trial) -> None:
    plain, scaled = trial(), trial()
    given = settings("SGD", clip_gradients=4.0, weight_decay=0.01)
    first, second = UPDATES["SGD"](plain.specs, given), UPDATES["SGD"](scaled.specs, given)
    for step in range(5):
        plain.give(step)
        scaled.give(step)
        for spec in scaled.specs[:3]:
            spec.tensor.grad *= 1024
        first.step(0.05)
        second.step(0.05, scale=1 / 1024)
    for a, b in zip(plain.specs, scaled.specs, strict=True):
        torch.testing.assert_close(a.tensor, b.tensor, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("policy", ["scale", "clip"])
@pytest.mark.parametrize("kind", ["L2", "L1"])
def test_larc(trial, policy, kind) -> None:
    """(1-m) * eta * |w| / |g| takes the place of lr_mult, or limits the rate; the decay is added after the norm."""
    both, eta, m, rate, decay = trial(torch.float64), 0.02, 0.9, 0.05, 0.01
    update = UPDATES["SGD"](
        both.specs,
        settings("SGD", larc=True, larc_policy=policy, larc_eta=eta, weight_decay=decay, regularization_type=kind),
    )
    for step in range(20):
        for blob, g in zip(both.blobs, both.give(step), strict=True):
            if not blob.lr_mult:
                continue
            local = (1 - m) * eta * np.linalg.norm(blob.w) / np.linalg.norm(g)
            local = rate * local if policy == "scale" else min(rate, local)
            towards = np.sign(blob.w) if kind == "L1" else blob.w
            blob.h = m * blob.h + local * (g + decay * blob.decay_mult * towards)
            blob.w = blob.w - blob.h
        update.step(rate)
    both.assert_equal(1e-12)


def test_larc_leaves_a_parameter_of_zeros_its_rate() -> None:
    spec = ParameterSpec("w", nn.Parameter(torch.zeros(3)), 5.0, 1.0)
    update = UPDATES["SGD"]([spec], settings("SGD", larc=True))
    spec.tensor.grad = torch.ones(3)
    update.step(0.05)
    torch.testing.assert_close(spec.tensor.detach(), torch.full((3,), -0.05))


def test_momentum_may_start_at_nothing_and_grow(trial) -> None:
    """NVIDIA's momentum_policy poly: the first step's history must not be lost."""
    both = trial(torch.float64)
    descent = Descent(both.specs, settings("SGD", momentum=0.0, momentum_policy="poly", max_momentum=0.8, max_iter=10))
    for step in range(10):
        for blob, g in zip(both.blobs, both.give(step), strict=True):
            blob.h = 0.8 * step / 10 * blob.h + 0.05 * blob.lr_mult * g
            blob.w = blob.w - blob.h
        descent.step(step)
    both.assert_equal(1e-12)


def test_what_the_loss_does_not_reach_still_decays_and_moves_on() -> None:
    """Caffe has a gradient of zeros there."""
    spec = ParameterSpec("w", nn.Parameter(torch.tensor([2.0])), 1.0, 1.0)
    update = UPDATES["SGD"]([spec], settings("SGD", momentum=0.5, weight_decay=0.1))
    update.step(1.0)
    assert spec.tensor.item() == pytest.approx(2 - 0.2)
    update.zero_grad()
    update.step(1.0)
    assert spec.tensor.item() == pytest.approx(1.8 - (0.5 * 0.2 + 0.18))


def test_frozen_parameters_stay_and_need_no_gradient(trial) -> None:
    both = trial()
    frozen = both.specs[3].tensor.detach().clone()
    update = UPDATES["Adam"](both.specs, settings("Adam", weight_decay=0.5))
    both.give(0)
    update.step(0.1)
    assert [s.tensor.requires_grad for s in both.specs] == [True, True, True, False]
    assert torch.equal(both.specs[3].tensor, frozen)


def test_nothing_to_learn_is_no_error(trial) -> None:
    update = UPDATES["SGD"](trial().specs[3:], settings("SGD"))
    update.step(0.1)
    update.zero_grad()
    assert [list(h.shape) for h in update.history()] == [[3]]
    assert update.state() == {}


@pytest.mark.parametrize("kind", OWN)
def test_the_history_is_caffes(trial, caffe_step, kind) -> None:
    """In its units and order: one blob for each parameter, frozen ones too, then a second row."""
    both, given = trial(torch.float64), settings(kind, weight_decay=0.02)
    update = UPDATES[kind](both.specs, given)
    for step in range(20):
        caffe_step(given, both.blobs, both.give(step), rate_at(step), step)
        update.step(rate_at(step))
    both.blobs[3].h[:] = 0  # the decay of a frozen blob, which nothing reads
    both.blobs[3].h2[:] = 0
    expected = [b.h for b in both.blobs] + ([b.h2 for b in both.blobs] if kind in ("AdaDelta", "Adam") else [])
    for mine, theirs in zip(update.history(), expected, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("through", ["history", "state"])
@pytest.mark.parametrize("kind", OWN)
def test_stopped_and_gone_on_is_bit_for_bit(trial, kind, through) -> None:
    straight, broken = trial(), trial()
    given = settings(kind, weight_decay=0.02, clip_gradients=4.0)

    def run(both, update, steps: range) -> None:
        for step in steps:
            both.give(step)
            update.step(rate_at(step))

    run(straight, UPDATES[kind](straight.specs, given), range(40))
    first = UPDATES[kind](broken.specs, given)
    run(broken, first, range(25))
    second = UPDATES[kind](broken.specs, given)
    if through == "history":
        second.load_history([h.clone() for h in first.history()], 25)
    else:
        second.load({name: tensor.clone() for name, tensor in first.state().items()}, 25)
    run(broken, second, range(25, 40))
    assert all(torch.equal(a.tensor, b.tensor) for a, b in zip(straight.specs, broken.specs, strict=True))


def test_state_is_named_after_the_parameters(trial) -> None:
    names = ["conv.weight", "conv.bias", "ip.weight"]
    sgd, adam = (UPDATES[kind](trial().specs, settings(kind)).state() for kind in ("SGD", "Adam"))
    assert list(sgd) == [f"history.{name}" for name in names]
    assert list(adam) == [f"history.{name}" for name in names] + [f"history1.{name}" for name in names]


def test_a_history_that_does_not_fit_is_refused_whole(trial) -> None:
    both = trial()
    update = UPDATES["Adam"](both.specs, settings("Adam"))
    blobs = [torch.ones_like(h) for h in update.history()]
    with pytest.raises(NetworkError, match="has 4 history blobs, Adam needs 8"):
        update.load_history(blobs[:4])
    with pytest.raises(NetworkError, match=r"is \[4\], the network's is \[3\]"):
        update.load_history([*blobs[:-1], torch.ones(4)])
    assert not any(h.any() for h in update.history())
    update.load_history([blobs[0], blobs[1].view(1, 1, 1, 6), *blobs[2:]])  # four axes, as old files have them
    assert update.history()[1].tolist() == [1.0] * 6
