"""The solver.prototxt that DIGITS derives from a form (inventory 5.4), and the settings that the loop takes from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradus.core.errors import InputError
from gradus.core.model import TrainingOptions, steps_of
from gradus.core.pace import Pace
from gradus.core.solvers import LearningRatePolicy
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.caffe.text.prototxt import print_text
from gradus.nets.caffe.text.upgrade import SOLVERS

CPU, GPU = 0, 1  # SolverParameter.SolverMode
MOST_ITERATIONS = 2**31 - 1  # int32
SAME = ("momentum", "momentum2", "rms_decay", "delta", "power")  # settings that Caffe calls and means the same


def solver_text(
    options: TrainingOptions,
    pace: Pace,
    *,
    val_batch: int,
    gpu: bool,
    seed: int | None = None,
    net: str = "train_val.prototxt",
) -> str:
    """The solver.prototxt of a training; `seed` is the one in use where the options leave it open."""
    solver = _learning(options, pace)
    solver.net, solver.display, solver.snapshot, solver.snapshot_prefix = net, pace.display, pace.snapshot, "snapshot"
    solver.solver_mode = GPU if gpu else CPU
    if pace.test_interval is not None:
        solver.test_iter.append(pace.test_iter(val_batch))
        solver.test_interval = pace.test_interval
    chosen = options.seed if options.seed is not None else seed
    if chosen is not None:
        solver.random_seed = chosen
    return print_text(solver)


def solver_settings(options: TrainingOptions, pace: Pace) -> SolverSettings:
    """How the weights change, exactly as the solver.prototxt says it."""
    return SolverSettings.from_message(_learning(options, pace))


def _learning(options: TrainingOptions, pace: Pace) -> Any:
    """The fields that say how the weights change."""
    if pace.max_iter > MOST_ITERATIONS:
        raise InputError(
            f"The training would have {pace.max_iter:,} iterations, more than Caffe can count.", field="epochs",
            hint="Ask for fewer epochs or a larger batch size.",
        )  # fmt: skip
    used = options.used()
    solver = message_class("SolverParameter")(
        type=next(name for name in SOLVERS if name.lower() == options.solver), base_lr=used["learning_rate"],
        lr_policy=options.policy.value, max_iter=pace.max_iter, weight_decay=options.decay,
        regularization_type=options.regularisation,
    )  # fmt: skip
    for name in SAME:
        if name in used:
            setattr(solver, name, used[name])
    if options.clip_gradients is not None:
        solver.clip_gradients = options.clip_gradients
    if pace.accumulation > 1:
        solver.iter_size = pace.accumulation
    if "gamma" in used:
        solver.gamma = GAMMAS.get(options.policy, _as_it_is)(float(used["gamma"]), pace.max_iter / 100)
    if "step_percent" in used:
        solver.stepsize = pace.step_size(float(used["step_percent"]))
    if "step_values" in used:
        solver.stepvalue.extend(pace.step_size(percent) for percent in steps_of(str(used["step_values"])))
    return solver


def _as_it_is(gamma: float, _: float) -> float:
    return gamma


GAMMAS: dict[LearningRatePolicy, Callable[[float, float], float]] = {
    LearningRatePolicy.EXP: lambda gamma, percent: math.pow(gamma, 1 / percent),
    LearningRatePolicy.INV: lambda gamma, percent: gamma / percent,
    LearningRatePolicy.SIGMOID: lambda gamma, percent: -gamma / percent,
}
"""The form's gamma is for each percent of the training; the solver's for each iteration. `percent` is in iterations."""
