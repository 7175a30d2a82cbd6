"""pycaffe's solvers: the loop of `gradus caffe train` over nets whose blobs one can look at (catalogue 5.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from gradus.nets.caffe import net as core
from gradus.nets.caffe import user_code
from gradus.nets.caffe.pycaffe.errors import CaffeError, as_caffe
from gradus.nets.caffe.pycaffe.net import Net
from gradus.nets.caffe.pycaffe.passes import Passes
from gradus.nets.caffe.pycaffe.process import SETTINGS
from gradus.nets.caffe.solvers import scaffold
from gradus.nets.caffe.solvers.solver import Callback
from gradus.nets.caffe.solvers.solver import Solver as Loop
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.network import Outputs

_log = logging.getLogger("caffe")


class _Loss(torch.autograd.Function):
    """A loss whose gradient is found layer by layer, and left in the blobs."""

    @staticmethod
    def forward(ctx: Any, passes: Passes, start: Tensor, value: Tensor) -> Tensor:  # noqa: ARG004 - it starts the graph
        ctx.passes = passes
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        ctx.passes.backward(len(ctx.passes.calls) - 1, 0)
        return None, None, None


class _Watched(core.Net):
    """A net that runs layer by layer over blobs that stay."""

    passes: Passes

    def run(self) -> Outputs:
        """One batch through the blobs."""
        value = torch.as_tensor(self.passes.forward(0, len(self.passes.calls) - 1), device=self.device)
        outputs = {name: self._held(name) for name in self.outputs}
        if not self.loss_weights or not any(self.loss_weights.values()):
            return Outputs(outputs, None)
        start = torch.zeros((), requires_grad=torch.is_grad_enabled())
        return Outputs(outputs, _Loss.apply(self.passes, start, value))

    def _held(self, name: str) -> Tensor:
        blob = self.passes.blobs[name]
        return blob.values.tensor(blob.shape, self.passes.device).clone()


class _Loop(Loop):
    """Caffe's loop, with gradients taken from the blobs at the last moment: callbacks may have changed them."""

    kind: ClassVar[type[core.Net]] = _Watched

    def reading(self, alone: Reading) -> Reading:
        """The share of this process, as `set_solver_rank` and `set_solver_count` say."""
        return SETTINGS.share(alone)

    def apply_update(self) -> None:
        """One update from what the weights' blobs hold as gradients."""
        assert isinstance(self.net, _Watched)
        self.net.passes.settle()
        self.net.passes.give_gradients()
        super().apply_update()


class SGDSolver:
    """A training from a solver file: `step(n)` or `solve()`, with `net` and `test_nets` to look at meanwhile."""

    kind: ClassVar[str] = "SGD"

    def __init__(self, solver_file: str | PathLike[str]) -> None:
        with as_caffe(), user_code.permitted(user_code.Policy(everywhere=True)):
            param = scaffold.read_solver(Path(fspath(solver_file)))
            param.type = self.kind
            if not param.HasField("random_seed") and SETTINGS.seed is not None:
                param.random_seed = SETTINGS.next_seed()
            self._loop = _Loop(
                param, source=fspath(solver_file), device=str(SETTINGS.device()), lean=False,
                log=lambda _, words: _log.info("%s", words),
            )  # fmt: skip
            self.net, *self.test_nets = self._wrapped()
        self._loop.callbacks.append(Callback(self.net.clear_param_diffs, lambda: None))

    def _wrapped(self) -> list[Net]:
        """The surface of all nets; the test nets' weights are the first one's."""
        nets = []
        for net in (self._loop.net, *self._loop.test_nets):
            assert isinstance(net, _Watched)
            net.passes = Passes(net)
            nets.append(Net.of(net.passes))
        for other in nets[1:]:
            other._passes.learn_again(nets[0]._passes)
        return nets

    @property
    def param(self) -> Any:
        """The SolverParameter."""
        return self._loop.param

    @property
    def iter(self) -> int:
        """How many updates were made."""
        return self._loop.iteration

    @property
    def lr(self) -> float:
        """The learning rate of the next iteration."""
        return self._loop.rate

    def step(self, n: int) -> None:
        """So many iterations, with the tests and snapshots that are due."""
        with as_caffe():
            self._loop.step(n)

    def solve(self, resume_file: str | None = None) -> None:
        """Train to the last iteration, from a solver state if one is given."""
        with as_caffe():
            self._loop.solve(resume_file)

    def restore(self, state_file: str) -> None:
        """Go on from a solver state."""
        with as_caffe():
            self._loop.restore(state_file)

    def snapshot(self) -> None:
        """Write weights and state under the snapshot prefix."""
        with as_caffe():
            self.net._passes.settle()
            self._loop.snapshot()

    def apply_update(self) -> None:
        """Change the weights by what their `diff` holds; that is one iteration."""
        with as_caffe():
            self._loop.apply_update()

    def add_callback(
        self, on_start: Callable[[], object] | None = None, on_gradients: Callable[[], object] | None = None
    ) -> None:
        """Call functions in every iteration: before its passes, and when the gradients are there."""
        self._loop.callbacks.append(Callback(on_start or _nothing, on_gradients or _nothing))

    def share_weights(self, net: Net) -> None:
        """Let another net use the weights of this solver's net."""
        net.share_with(self.net)


def _nothing() -> None:
    """Called where no function was given."""


class NesterovSolver(SGDSolver):
    """Nesterov's accelerated gradient."""

    kind = "Nesterov"


class AdaGradSolver(SGDSolver):
    """AdaGrad."""

    kind = "AdaGrad"


class RMSPropSolver(SGDSolver):
    """RMSProp."""

    kind = "RMSProp"


class AdaDeltaSolver(SGDSolver):
    """AdaDelta."""

    kind = "AdaDelta"


class AdamSolver(SGDSolver):
    """Adam."""

    kind = "Adam"


_KINDS = {
    kind.kind: kind
    for kind in (SGDSolver, NesterovSolver, AdaGradSolver, RMSPropSolver, AdaDeltaSolver, AdamSolver)
}  # fmt: skip


def get_solver(solver_file: str | PathLike[str]) -> SGDSolver:
    """The solver whose type the file names."""
    with as_caffe():
        name = scaffold.read_solver(Path(fspath(solver_file))).type
    if name not in _KINDS:
        raise CaffeError(f"there is no solver of type {name!r}", hint=f"Known are: {', '.join(_KINDS)}.")
    return _KINDS[name](solver_file)
