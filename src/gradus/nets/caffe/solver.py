"""The solver.prototxt that DIGITS derives from a form (inventory 5.4): what the loop does, as Caffe would read it."""

from __future__ import annotations

from gradus.core.model import LearningRatePolicy, TrainingOptions
from gradus.core.pace import Pace
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text import print_text

CPU, GPU = 0, 1  # SolverParameter.SolverMode


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
    solver = message_class("SolverParameter")(
        net=net, type="SGD", base_lr=options.learning_rate, max_iter=pace.max_iter, lr_policy=options.policy.value,
        momentum=options.momentum, weight_decay=options.decay, display=pace.display, snapshot=pace.snapshot,
        snapshot_prefix="snapshot", solver_mode=GPU if gpu else CPU,
    )  # fmt: skip
    if options.policy is LearningRatePolicy.STEP:
        solver.gamma = options.gamma
        solver.stepsize = pace.step_size(options.step_percent)
    if pace.test_interval is not None:
        solver.test_iter.append(pace.test_iter(val_batch))
        solver.test_interval = pace.test_interval
    chosen = options.seed if options.seed is not None else seed
    if chosen is not None:
        solver.random_seed = chosen
    return print_text(solver)
