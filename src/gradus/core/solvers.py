"""The solvers and learning-rate policies that a training is asked for by, and the settings that each has.

One table says which settings a solver or policy uses and what it takes where they are left open. The form, the
command line, the checks and the engine read it; the formulas are in `nets/caffe/solvers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SolverType(StrEnum):
    SGD = "sgd"
    NESTEROV = "nesterov"
    ADAGRAD = "adagrad"
    RMSPROP = "rmsprop"
    ADADELTA = "adadelta"
    ADAM = "adam"


class LearningRatePolicy(StrEnum):
    FIXED = "fixed"
    STEP = "step"
    MULTISTEP = "multistep"
    EXP = "exp"
    INV = "inv"
    POLY = "poly"
    SIGMOID = "sigmoid"


@dataclass(frozen=True)
class Choice:
    """A solver or policy: its title, and its settings with what is taken where nothing is given."""

    title: str
    settings: Mapping[str, float | str] = field(default_factory=dict)
    weight_decay: float | None = None  # None: a hundredth of the learning rate, as DIGITS had it
    histories: int = 1  # values kept for each weight


SOLVERS: Mapping[SolverType, Choice] = {
    SolverType.SGD: Choice("SGD", {"learning_rate": 0.01, "momentum": 0.9}),
    SolverType.NESTEROV: Choice("Nesterov", {"learning_rate": 0.01, "momentum": 0.9}),
    SolverType.ADAGRAD: Choice("AdaGrad", {"learning_rate": 0.01, "delta": 1e-8}),
    SolverType.RMSPROP: Choice("RMSProp", {"learning_rate": 0.001, "rms_decay": 0.99, "delta": 1e-8}),
    # the values of Caffe's own examples: its general defaults make it stand still
    SolverType.ADADELTA: Choice("AdaDelta", {"learning_rate": 1.0, "momentum": 0.95, "delta": 1e-6}, 0.0005, 2),
    SolverType.ADAM: Choice(
        "Adam", {"learning_rate": 0.001, "momentum": 0.9, "momentum2": 0.999, "delta": 1e-8}, histories=2
    ),
}

POLICIES: Mapping[LearningRatePolicy, Choice] = {  # DIGITS' defaults
    LearningRatePolicy.FIXED: Choice("Fixed"),
    LearningRatePolicy.STEP: Choice("Step Down", {"step_percent": 33.0, "gamma": 0.1}),
    LearningRatePolicy.MULTISTEP: Choice("Step Down (arbitrary steps)", {"step_values": "50,85", "gamma": 0.5}),
    LearningRatePolicy.EXP: Choice("Exponential Decay", {"gamma": 0.95}),
    LearningRatePolicy.INV: Choice("Inverse Decay", {"gamma": 0.1, "power": 0.5}),
    LearningRatePolicy.POLY: Choice("Polynomial Decay", {"power": 3.0}),
    LearningRatePolicy.SIGMOID: Choice("Sigmoid Decay", {"step_percent": 50.0, "gamma": 0.1}),
}

SETTINGS = tuple(dict.fromkeys(name for table in (SOLVERS, POLICIES) for c in table.values() for name in c.settings))
"""Every setting that only some of them use."""


def takers(name: str) -> dict[str, float | str]:
    """The solvers and policies that have a setting, with what each takes where it is left open."""
    return {
        kind.value: choice.settings[name]
        for table in (SOLVERS, POLICIES)
        for kind, choice in table.items()
        if name in choice.settings
    }


def own_values(name: str) -> str:
    """The same in words, for a line of help."""
    by_value: dict[str, list[str]] = {}
    for kind, value in takers(name).items():
        by_value.setdefault(shown(value), []).append(kind)
    said = [(value, ", ".join(kinds)) for value, kinds in by_value.items()]
    if len(said) == 1:
        return f"For {said[0][1]}. Empty: {said[0][0]}."
    return f"Empty: {'; '.join(f'{value} for {kinds}' for value, kinds in said)}."


def shown(value: float | str) -> str:
    """A value as it is typed."""
    return value if isinstance(value, str) else f"{value:g}"
