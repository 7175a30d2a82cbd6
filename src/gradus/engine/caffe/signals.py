"""SIGINT and SIGHUP as requests that a training looks at after each iteration."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from gradus.engine.caffe.flags import UsageError
from gradus.nets.caffe.solvers.solver import Action


class Signals:
    """While it is entered, both signals are noted down; `asked` gives what the last of them asks for, once."""

    def __init__(self, interrupt: str, hangup: str) -> None:
        self._effects = {
            signal.SIGHUP: effect(hangup, "sighup_effect"),
            signal.SIGINT: effect(interrupt, "sigint_effect"),
        }
        self._came: set[int] = set()
        self._before: dict[signal.Signals, Any] = {}

    def asked(self) -> Action:
        """What is asked for; a hang-up comes first, as in Caffe."""
        for number, action in self._effects.items():
            if number in self._came:
                self._came.discard(number)
                return action
        return Action.NONE

    def _note(self, number: int, _: FrameType | None) -> None:
        self._came.add(number)

    def __enter__(self) -> Signals:
        self._before = {number: signal.signal(number, self._note) for number in self._effects}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def effect(name: str, flag: str) -> Action:
    """The action that a flag names."""
    try:
        return Action(name)
    except ValueError:
        raise UsageError(f'--{flag} is "stop", "snapshot" or "none", not {name[:80]!r}', field=f"--{flag}") from None
