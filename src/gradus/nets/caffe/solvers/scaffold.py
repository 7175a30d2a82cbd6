"""The nets that a solver's text asks for, each with the state it is built for (catalogue 2.3 and 3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradus.core.errors import InputError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.schema.dialects import speaks_nvidia
from gradus.nets.caffe.text.prototxt import parse, read_text
from gradus.nets.caffe.text.rules import TEST, TRAIN
from gradus.nets.caffe.text.upgrade import upgrade_solver

_TRAIN_NET = ("net", "net_param", "train_net", "train_net_param")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One net: its file or message, its NetState, and the words in which Caffe's log says where it is from."""

    net: Any
    state: Any
    origin: str


def read_solver(path: Path) -> Any:
    """A solver's text as a SolverParameter, brought up to date, with a snapshot prefix in any case.

    Without one snapshots are called as the solver's file is; where the prefix is a folder, they lie in it.
    NVIDIA's Caffe tests before the first iteration only if asked to.
    """
    param = upgrade_solver(parse(read_text(path), "SolverParameter", str(path))[0], str(path))
    if not param.HasField("test_initialization") and speaks_nvidia(param):
        param.test_initialization = False
    if not param.snapshot_prefix:
        param.snapshot_prefix = str(path.with_suffix(""))
    elif Path(param.snapshot_prefix).is_dir():
        param.snapshot_prefix = str(Path(param.snapshot_prefix, path.stem))
    return param


def train_net(param: Any) -> Wanted:
    """The net to learn; exactly one field names it."""
    given = [name for name in _TRAIN_NET if param.HasField(name)]
    if len(given) != 1:
        names = " and ".join(given)
        raise InputError(
            f"the solver names {'two nets to train: ' + names if given else 'no net to train'}", field="net",
            hint=f"Give exactly one of {', '.join(_TRAIN_NET)}.",
        )  # fmt: skip
    (name,) = given
    net = getattr(param, name)
    origin = f"net specified in {name}." if name.endswith("_param") else f"net from {name} file: {net}"
    return Wanted(net, _state(TRAIN, net, param.train_state), origin)


def test_nets(param: Any) -> list[Wanted]:
    """The nets to test: those of test_net_param, of test_net, then the common one for each test_iter that is left."""
    nets = [(net, "test_net_param") for net in param.test_net_param]
    nets += [(net, f"test_net file: {net}") for net in param.test_net]
    rest = len(param.test_iter) - len(nets)
    common = [name for name in ("net_param", "net") if param.HasField(name)]
    if rest < 0 or (rest > 0 and not common):
        raise InputError(
            f"the solver has {len(nets)} test nets and {len(param.test_iter)} test_iter", field="test_iter",
            hint="Give one test_iter for each test net.",
        )  # fmt: skip
    if rest:
        name = common[0]
        net = getattr(param, name)
        nets += [(net, "net_param" if name == "net_param" else f"net file: {net}")] * rest
    if param.test_state and len(param.test_state) != len(nets):
        raise InputError(
            f"the solver has {len(nets)} test nets and {len(param.test_state)} test_state", field="test_state",
            hint="Give one test_state for each test net, or none.",
        )  # fmt: skip
    if nets and param.test_interval <= 0:
        raise InputError(
            "the solver has test nets and no test_interval", field="test_interval", hint="For example 500."
        )
    states = list(param.test_state) or [None] * len(nets)
    return [Wanted(net, _state(TEST, net, state), origin) for (net, origin), state in zip(nets, states, strict=True)]


def _state(phase: int, net: Any, solver_state: Any) -> Any:
    """The phase, what the net's own text says, what the solver says: the later counts."""
    state = message_class("NetState")(phase=phase)
    message = parse(read_text(Path(net)), "NetParameter", net)[0] if isinstance(net, str) else net
    state.MergeFrom(message.state)
    if solver_state is not None:
        state.MergeFrom(solver_state)
    return state
