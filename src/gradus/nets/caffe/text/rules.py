"""Which layers a phase has: Caffe's include and exclude rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gradus.core.network import Phase

TRAIN, TEST = 0, 1  # caffe.Phase
RULES = ("include", "exclude")  # the fields that say in which nets a layer is


@dataclass(frozen=True, slots=True)
class State:
    """What a net is built for: Caffe's NetState."""

    phase: int = TEST
    level: int = 0
    stages: frozenset[str] = frozenset()

    @classmethod
    def of(cls, phase: int, *stages: str, level: int = 0) -> State:
        """A state with its stages written out."""
        return cls(phase, level, frozenset(stages))


# The three states that DIGITS gives one all-in-one text (inventory 5.3).
STATES: dict[Phase, State] = {
    "train": State.of(TRAIN, "train"),
    "val": State.of(TEST, "val"),
    "deploy": State.of(TEST, "deploy"),
}


def meets(state: State, rule: Any) -> bool:
    """Whether every part that a NetStateRule gives holds."""
    return (
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and state.stages.issuperset(rule.stage)
        and state.stages.isdisjoint(rule.not_stage)
    )


def included(state: State, include: Iterable[Any], exclude: Iterable[Any]) -> bool:
    """Whether a layer with these rules is in: any include rule met (or none given) and no exclude rule met."""
    wanted = list(include)
    return (not wanted or any(meets(state, rule) for rule in wanted)) and not any(
        meets(state, rule) for rule in exclude
    )
