"""What a solver file says of how the weights change: checked, with Caffe's names and defaults.

Names, defaults and meanings are catalogue section 3 (BVLC's, then NVIDIA's additions). What a solver file says
besides, such as nets, tests, display and snapshots, belongs to whoever runs the training.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from gradus.core.errors import NetworkError
from gradus.nets.caffe.text.upgrade import SOLVERS

RATE_POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")
WITHOUT_MOMENTUM = frozenset({"AdaGrad", "RMSProp"})


@dataclass(frozen=True, slots=True)
class SolverSettings:
    """The settings of one solver, by Caffe's field names. Making one checks it: a NetworkError names the field."""

    REQUIRED: ClassVar = ("base_lr", "lr_policy")  # a file without them would learn nothing, or not run in Caffe

    base_lr: float
    lr_policy: str
    type: str = "SGD"
    gamma: float = 0.0
    power: float = 0.0
    stepsize: int = 0
    stepvalue: tuple[int, ...] = ()
    max_iter: int = 0
    rampup_interval: int = 0
    rampup_lr: float = 0.0
    min_lr: float = 0.0
    momentum: float = 0.0
    momentum_policy: str = "fixed"
    momentum_power: float = 1.0
    max_momentum: float | None = None  # as NVIDIA's: 0.99 for the policy poly, no limit for opt
    weight_decay: float = 0.0
    weight_decay_policy: str = "fixed"
    weight_decay_power: float = 1.0
    max_weight_decay: float = 0.0
    regularization_type: str = "L2"
    momentum2: float = 0.999
    rms_decay: float = 0.99
    delta: float = 1e-8
    clip_gradients: float = -1.0  # below 0: not clipped
    iter_size: int = 1
    larc: bool = False
    larc_policy: str = "scale"
    larc_eta: float = 0.001
    larc_turbo: bool = False

    def __post_init__(self) -> None:
        for field, holds, what in CHECKS:
            value = getattr(self, field)
            if not holds(value, self):
                raise _error(field, f"{what}, not {_shown(value)}")

    @classmethod
    def from_message(cls, solver: Any, source: str | None = None) -> SolverSettings:
        """The settings of a SolverParameter message in today's notation; `source` names its file in errors.

        Numbers are what the file's author wrote: 0.01, where the message holds the float32 next to it.
        """
        try:
            return cls(**_given(solver))
        except NetworkError as error:
            problem = error.problem
            raise NetworkError(problem.message, field=problem.field, file=source, hint=problem.hint) from None


def _given(solver: Any) -> dict[str, Any]:
    """What the message sets, by our field names."""
    for field in SolverSettings.REQUIRED:
        if not solver.HasField(field):
            raise _error(field, "is missing", hint=f"Add it, such as {_EXAMPLES[field]}.")
    return {f.name: _plain(getattr(solver, f.name)) for f in fields(SolverSettings) if _is_set(solver, f.name)}


_EXAMPLES = {"base_lr": "base_lr: 0.01", "lr_policy": 'lr_policy: "fixed"'}


def _is_set(solver: Any, name: str) -> bool:
    return len(solver.stepvalue) > 0 if name == "stepvalue" else solver.HasField(name)


def _plain(value: Any) -> Any:
    """The shortest decimal that is the same float32, as it was typed; a tuple of what is repeated."""
    if isinstance(value, float):
        return float(str(np.float32(value)))
    return value if isinstance(value, (bool, int, str)) else tuple(value)


def _error(field: str, what: str, hint: str | None = None) -> NetworkError:
    return NetworkError(f"the solver's {field} {what}", field=field, hint=hint)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return repr(value) if isinstance(value, str) else str(value)


_Check = Callable[[Any, SolverSettings], bool]


def _choice(field: str, *choices: str) -> tuple[str, _Check, str]:
    return field, lambda value, _: value in choices, f"must be one of {', '.join(choices)}"


def _not_negative(field: str) -> tuple[str, _Check, str]:
    return field, lambda value, _: math.isfinite(value) and value >= 0, "must be a number of at least 0"


def _share(field: str) -> tuple[str, _Check, str]:
    return field, lambda value, _: 0 <= value < 1, "must be at least 0 and less than 1"


CHECKS: tuple[tuple[str, _Check, str], ...] = (
    _choice("type", *SOLVERS),
    _choice("lr_policy", *RATE_POLICIES),
    _choice("momentum_policy", "fixed", "poly", "opt"),
    _choice("weight_decay_policy", "fixed", "poly"),
    _choice("regularization_type", "L2", "L1"),
    _choice("larc_policy", "scale", "clip"),
    *(_not_negative(name) for name in ("base_lr", "rampup_lr", "min_lr", "weight_decay", "max_weight_decay", "delta")),
    *(_not_negative(name) for name in ("momentum_power", "weight_decay_power", "larc_eta", "rampup_interval")),
    *(_share(name) for name in ("momentum", "momentum2", "rms_decay")),
    ("max_momentum", lambda value, _: value is None or 0 <= value <= 1, "must be between 0 and 1"),
    ("momentum", lambda value, s: not (value and s.type in WITHOUT_MOMENTUM), "must be 0 for AdaGrad and RMSProp"),
    ("iter_size", lambda value, _: value >= 1, "must be at least 1"),
    ("stepsize", lambda value, s: value >= 1 or s.lr_policy != "step", "must be at least 1 for the policy step"),
    ("max_iter", lambda value, s: value >= 1 or not _lasts(s), "must be at least 1 for a policy that lasts until it"),
    ("gamma", lambda value, _: math.isfinite(value), "must be a finite number"),
    ("gamma", lambda value, s: value >= 0 or s.lr_policy == "sigmoid", "must be at least 0 but for the policy sigmoid"),
    ("power", lambda value, _: math.isfinite(value), "must be a finite number"),
    ("min_lr", lambda value, s: s.lr_policy != "poly" or value <= s.base_lr, "must be at most base_lr"),
    ("clip_gradients", lambda value, _: not math.isnan(value), "must be a number"),
    ("larc", lambda value, s: not (value and s.type == "SAG"), "is not supported for SAG"),
    ("larc_turbo", lambda value, _: not value, "is not supported: its correction is not kept in a solver state"),
)  # fmt: skip


def _lasts(settings: SolverSettings) -> bool:
    return "poly" in (settings.lr_policy, settings.momentum_policy, settings.weight_decay_policy)
