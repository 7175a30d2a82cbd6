"""Flags as gflags reads them, which Caffe's scripts rely on: `-solver x`, `--solver x`, `-solver=x`, `--solver=x`.

A flag that is on or off is `--flag`, `--noflag` or `--flag=false`. Flags and words may be mixed; after `--` come words
only. All commands know all flags, as in Caffe, where they are one program's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gradus.core.errors import InputError

ON = frozenset({"true", "t", "yes", "y", "1"})
OFF = frozenset({"false", "f", "no", "n", "0"})


class Flag(NamedTuple):
    """One flag: its value when it is not given, which also says its type, and what it means."""

    default: str | int | bool
    help: str


FLAGS: dict[str, Flag] = {
    "solver": Flag("", "the solver's text file"),
    "model": Flag("", "the network's text file"),
    "weights": Flag("", "trained weights to start from, several separated by ','"),
    "snapshot": Flag("", "the .solverstate to go on from"),
    "gpu": Flag("", "GPUs to run on, separated by ',', or 'all'"),
    "iterations": Flag(50, "how many batches"),
    "phase": Flag("", "TRAIN or TEST"),
    "level": Flag(0, "the network's level"),
    "stage": Flag("", "the network's stages, separated by ','"),
    "sigint_effect": Flag("stop", "what SIGINT does: stop, snapshot or none"),
    "sighup_effect": Flag("snapshot", "what SIGHUP does: stop, snapshot or none"),
    "rankdir": Flag("TB", "draw from top to bottom (TB), BT, LR or RL"),
    "log_dir": Flag("", "a folder for the log, as caffe.INFO and a file of its own"),
    "minloglevel": Flag(0, "leave out what is less than: 0 all, 1 warnings, 2 errors"),
    # Of glog and gflags, taken and without effect: the log goes to standard error in any case.
    "logtostderr": Flag(False, ""),
    "alsologtostderr": Flag(True, ""),
    "colorlogtostderr": Flag(False, ""),
    "stderrthreshold": Flag(2, ""),
    "log_prefix": Flag(True, ""),
    "v": Flag(0, ""),
    "vmodule": Flag("", ""),
    "help": Flag(False, "say this"),
    "version": Flag(False, "say the version"),
}


class UsageError(InputError):
    """A command line that makes no sense."""

    code = "usage"


@dataclass(frozen=True)
class Given:
    """A command line, read: every flag's value, and the words beside them."""

    values: dict[str, Any]
    words: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    def listed(self, name: str) -> list[str]:
        """The parts of a flag that holds several, separated by commas."""
        return [part.strip() for part in self.values[name].split(",") if part.strip()]

    def need(self, name: str, why: str) -> str:
        """A flag that the command cannot do without."""
        value = str(self.values[name])
        if not value:
            raise UsageError(why, field=f"--{name}", hint=f"Give --{name}=FILE.")
        return value

    def positive(self, name: str) -> int:
        """A number that must be at least 1."""
        value = int(self.values[name])
        if value < 1:
            raise UsageError(f"--{name} must be at least 1, not {value}", field=f"--{name}")
        return value


def parse(arguments: Sequence[str]) -> Given:
    """Read a command line; a UsageError names the flag that is unknown, or that lacks its value."""
    values = {name: flag.default for name, flag in FLAGS.items()}
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words += rest
        elif not argument.startswith("-") or argument == "-":
            words.append(argument)
        else:
            name, equals, value = argument.lstrip("-").partition("=")
            name, off = _known(name.replace("-", "_"), given=bool(equals))
            flag = FLAGS[name]
            if isinstance(flag.default, bool) and not equals:
                values[name] = not off
                continue
            if not equals and (value := next(rest, None)) is None:  # type: ignore[assignment]
                raise UsageError(f"flag --{name} lacks its value", field=f"--{name}")
            values[name] = _value(name, flag, value)
    return Given(values, words)


def _known(name: str, *, given: bool) -> tuple[str, bool]:
    """The flag's name, and whether it was written as `noflag`."""
    if name == "h":
        return "help", False
    if name in FLAGS:
        return name, False
    bare = name.removeprefix("no")
    if not given and bare != name and bare in FLAGS and isinstance(FLAGS[bare].default, bool):
        return bare, True
    known = ", ".join(f"--{known}" for known, flag in FLAGS.items() if flag.help)
    raise UsageError(f"unknown flag --{name[:80]}", field=f"--{name[:80]}", hint=f"There are {known}.")


def _value(name: str, flag: Flag, text: str) -> str | int | bool:
    if isinstance(flag.default, bool):
        if text.lower() not in ON | OFF:
            raise UsageError(f"--{name} is true or false, not {text[:80]!r}", field=f"--{name}")
        return text.lower() in ON
    if isinstance(flag.default, int):
        try:
            return int(text)
        except ValueError:
            raise UsageError(f"--{name} is a whole number, not {text[:80]!r}", field=f"--{name}") from None
    return text
