"""Layers that the user wrote in Python for Caffe (catalogue 1.9), unchanged, inside a network of torch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

from gradus.nets.caffe import user_code
from gradus.nets.caffe.layers.base import Layer, Shape, Use
from gradus.nets.caffe.pycaffe.blob import Blob
from gradus.nets.caffe.pycaffe.layer import Layer as UserLayer
from gradus.nets.caffe.text.rules import TEST, TRAIN

_OF_PYTHON_2 = (SyntaxError, TypeError, NameError, AttributeError)  # what code for Python 2 raises in Python 3
_METHODS = ("setup", "reshape", "forward", "backward")


class Python(Layer):
    """Runs the class that `python_param` names, on the CPU and in float32, whatever the network runs on.

    Each phase has an instance of its own, so that `phase` and what a layer keeps between calls stay apart;
    the blobs that `setup` adds are shared. A blob's values are those that `setup` gave it.
    """

    settings = "python_param"
    bottoms = (0, None)
    tops = (0, None)
    any_size = True
    overwritable = False

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Import the module, make the layer, and learn from its own `setup` which blobs it has."""
        self._runs: dict[int, _Run] = {}
        if not p.module or not p.layer:
            raise self.error(
                "needs a module and a layer", at=self.settings,
                hint='For example: python_param { module: "my_layers" layer: "MyLayer" }',
            )  # fmt: skip
        self._kind = self._find(p.module, p.layer)
        run = self._run(TRAIN if self.trains else TEST, shapes)
        for number, blob in enumerate(run.user.blobs):
            self.learn(f"blob{number}", blob.shape)
            self.blobs[-1].filler = blob.data.copy()

    def step(self, use: Use) -> Callable[..., Any]:
        """One phase's own instance; for shapes alone only its `reshape` is called."""
        phase = TRAIN if use.training else TEST
        if self.definition.message.python_param.share_in_parallel and _processes() > 1:
            raise self.error(
                "cannot be shared by the processes of several GPUs", at="python_param.share_in_parallel",
                hint="Train on one GPU, or remove share_in_parallel.",
            )  # fmt: skip
        return (lambda *bottoms: self._shapes(phase, bottoms)) if use.shapes_only else self._runner(phase)

    def instance(self, trains: bool) -> Any:
        """The user's object for a phase, TRAIN or TEST."""
        return self._runs[TRAIN if trains else TEST].user

    def _runner(self, phase: int) -> Callable[..., Any]:
        def run(*bottoms: Tensor) -> Any:
            tensors = [getattr(self, blob.name) for blob in self.blobs]
            current = self._run(phase, [tuple(b.shape) for b in bottoms])
            tops = _Call.apply(current, len(bottoms), *bottoms, *tensors) if current.tops else current.only(bottoms)
            return tops[0] if len(tops) == 1 else tops

        return run

    def _shapes(self, phase: int, bottoms: Sequence[Tensor]) -> Any:
        run = self._run(phase, [tuple(b.shape) for b in bottoms])
        run.reshape([tuple(b.shape) for b in bottoms])
        tops = [torch.empty(blob.shape, device="meta") for blob in run.tops]
        return tops[0] if len(tops) == 1 else tops

    def _run(self, phase: int, shapes: Sequence[Shape]) -> _Run:
        if phase not in self._runs:
            run = _Run(self, self._kind, phase, shapes)
            declared = [tuple(getattr(self, blob.name).shape) for blob in self.blobs]
            if self._runs and [blob.shape for blob in run.user.blobs] != declared:
                raise self.error("adds other blobs in one phase than in another", at="python_param.layer")
            self._runs[phase] = run
        return self._runs[phase]

    def _find(self, module: str, name: str) -> Any:
        try:
            with self.explained(module, "cannot be imported"):
                found = getattr(user_code.load(module), name, None)
        except user_code.RefusedError as problem:
            raise self.error(
                f"cannot be made: {problem}", at="python_param.module", hint=problem.problem.hint
            ) from problem
        if not isinstance(found, type) or not all(callable(getattr(found, method, None)) for method in _METHODS):
            raise self.error(
                f'has no class "{name[:80]}" with {", ".join(_METHODS)} in module "{module}"', at="python_param.layer",
                hint="A Python layer derives from caffe.Layer.",
            )  # fmt: skip
        return found

    @contextmanager
    def explained(self, module: str, doing: str) -> Iterator[None]:
        """Whatever the user's code raises becomes an error with the layer, the module and the user's own line."""
        try:
            yield
        except user_code.RefusedError:
            raise
        except (Exception, SystemExit) as problem:  # the boundary: this is other people's code
            place, line = _place(problem, module)
            reason = " ".join(f"{type(problem).__name__}: {problem}".rstrip(": ").split())[:300]
            raise self.error(
                f"{doing}: {place} raises {reason}", at="python_param.layer",
                hint=_hint(problem, line),
            ) from problem  # fmt: skip


class _Run:
    """The user's object in one phase, with its bottoms and tops as blobs."""

    def __init__(self, layer: Python, kind: Any, phase: int, shapes: Sequence[Shape]) -> None:
        self._layer, message = layer, layer.definition.message
        self._module = message.python_param.module
        param = type(message)()
        param.CopyFrom(message)
        param.phase = phase
        self.bottoms = [Blob(*shape) for shape in shapes]
        own = {i: blob for i, (blob, name) in enumerate(zip(self.bottoms, message.bottom, strict=True))
               if i < len(message.top) and message.top[i] == name}  # fmt: skip
        self.tops = [own.get(i) or Blob() for i in range(len(message.top))]  # in place: one blob is both
        with self._calling("__init__"):
            self.user = kind(param)
            if isinstance(self.user, UserLayer):  # also where its own __init__ passed nothing on
                self.user.param_str, self.user.phase, self.user.layer_param = (
                    message.python_param.param_str,
                    phase,
                    param,
                )
        with self._calling("setup"):
            self.user.setup(self.bottoms, self.tops)

    @contextmanager
    def _calling(self, method: str) -> Iterator[None]:
        with self._layer.explained(self._module, f"fails in {method}"):
            yield

    def reshape(self, shapes: Sequence[Shape]) -> None:
        """Let the user's `reshape` give the tops their shapes."""
        for blob, shape in zip(self.bottoms, shapes, strict=True):
            blob.reshape(*shape)
        with self._calling("reshape"):
            self.user.reshape(self.bottoms, self.tops)

    def forward(self, bottoms: Sequence[Tensor], tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The tops, on the device of the bottoms (or of the blobs)."""
        device = next((t.device for t in (*bottoms, *tensors)), torch.device("cpu"))
        for blob, tensor in zip(self.user.blobs, tensors, strict=True):
            blob.values.adopt(tensor)
        for blob, tensor in zip(self.bottoms, bottoms, strict=True):
            blob.reshape(*tensor.shape)
            blob.data[...] = tensor.detach().float().cpu().numpy()
        with self._calling("reshape"):
            self.user.reshape(self.bottoms, self.tops)
        with self._calling("forward"):
            self.user.forward(self.bottoms, self.tops)
        for blob, tensor in zip(self.user.blobs, tensors, strict=True):  # running statistics are written in forward
            blob.values.tensor(blob.shape, tensor.device)
        return tuple(torch.from_numpy(blob.data.copy()).to(device) for blob in self.tops)

    def only(self, bottoms: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """A layer without tops is called for what else it does."""
        self.forward(bottoms, [getattr(self._layer, blob.name) for blob in self._layer.blobs])
        return ()

    def backward(self, tops: Sequence[Tensor | None], down: Sequence[bool]) -> list[np.ndarray]:
        """What the user's `backward` writes into the diffs of bottoms and blobs; what it does not write is 0."""
        sums = [blob.diff.copy() for blob in self.user.blobs]  # autograd adds up, and so may who looks at the blobs
        for blob in (*self.bottoms, *self.user.blobs):
            blob.diff[...] = 0
        for blob, gradient in zip(self.tops, tops, strict=True):
            blob.diff[...] = 0 if gradient is None else gradient.float().cpu().numpy()
        with self._calling("backward"):
            self.user.backward(self.tops, list(down), self.bottoms)
        found = [blob.diff.copy() for blob in (*self.bottoms, *self.user.blobs)]
        for blob, before in zip(self.user.blobs, sums, strict=True):
            blob.diff[...] = before
        return found


class _Call(torch.autograd.Function):
    """forward(bottoms, tops) and backward(tops, propagate_down, bottoms) of the user's object."""

    @staticmethod
    def forward(ctx: Any, run: _Run, count: int, *given: Tensor) -> tuple[Tensor, ...]:
        ctx.run, ctx.count = run, count
        ctx.like = [(tensor.device, tensor.dtype) for tensor in given]
        return run.forward(given[:count], given[count:])

    @staticmethod
    def backward(ctx: Any, *tops: Tensor | None) -> Any:
        needed = ctx.needs_input_grad[2:]
        found = ctx.run.backward(tops, needed[: ctx.count])
        pairs = zip(found, ctx.like, needed, strict=True)
        return None, None, *(torch.from_numpy(a).to(device, dtype) if n else None for a, (device, dtype), n in pairs)


def _place(problem: BaseException, module: str) -> tuple[str, int | None]:
    """The user's own line that an exception comes from, as words and as a number."""
    if isinstance(problem, SyntaxError) and problem.lineno:
        return f'line {problem.lineno} of module "{module}"', problem.lineno
    path = "/".join(module.split("."))
    frames = traceback.extract_tb(problem.__traceback__)
    own = [f for f in frames if f.filename.endswith((f"{path}.py", f"{path}/__init__.py"))]
    if not own:
        return f'module "{module}"', None
    return f'line {own[-1].lineno} of module "{module}"', own[-1].lineno


def _hint(problem: BaseException, line: int | None) -> str:
    look = f"Look at line {line} of that file." if line else "Look at the module's code."
    if isinstance(problem, _OF_PYTHON_2):
        look += " Code for Python 2 needs changes: a // b where a / b was whole, print(...), range and items."
    return look


def _processes() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
