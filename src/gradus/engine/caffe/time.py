"""`gradus caffe time`: how long each layer takes, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor

from gradus.engine.caffe.device import device_of
from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.solvers.lines import number

PHASES = {"": "train", "TRAIN": "train", "TEST": "test"}
_PLACES = {"forward": "caffe.cpp:409", "backward": "caffe.cpp:412"}


def run(given: Given, log: Log) -> None:
    """Time a network; as in Caffe after one pass that does not count."""
    model = given.need("model", "Need a model definition to time.")
    iterations, device = given.positive("iterations"), device_of(given, log)
    net = Net(model, phase=phase_of(given), level=given.level, stages=given.listed("stage"), device=device)
    try:
        log("caffe.cpp:360", "Performing Forward")
        loss = net.run().loss
        log("caffe.cpp:365", f"Initial loss: {number(0.0 if loss is None else loss.item())}")
        log("caffe.cpp:366", "Performing Backward")
        if loss is not None and loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
        log("caffe.cpp:374", "*** Benchmark begins ***")
        log("caffe.cpp:375", f"Testing for {iterations} iterations.")
        _report(Stopwatch(net), iterations, log)
    finally:
        net.close()


def phase_of(given: Given) -> str:
    """The phase that `--phase` names; Caffe's default is TRAIN."""
    try:
        return PHASES[given.phase]
    except KeyError:
        raise UsageError(f'phase must be "TRAIN" or "TEST", not {given.phase[:80]!r}', field="--phase") from None


class Stopwatch:
    """The milliseconds that each layer has taken so far, by direction."""

    def __init__(self, net: Net) -> None:
        self.net, self._weights = net, net.loss_weights
        self.names = [placed.definition.message.name for placed, _ in net.calls]
        self.spent = {"forward": [0.0] * len(self.names), "backward": [0.0] * len(self.names)}
        self._values: dict[int, Tensor] = {}  # by slot
        self._bottoms: dict[int, list[Tensor]] = {}  # by layer: where its own graph begins
        self._gradients: dict[int, Tensor] = {}  # by slot

    def total(self, direction: str) -> float:
        """Of all layers together."""
        return sum(self.spent[direction])

    def pass_once(self) -> None:
        """One batch forward and backward, each layer by itself; the weights have their gradients afterwards."""
        for spec in self.net.specs:
            spec.tensor.grad = None
        for index in range(len(self.names)):
            self._timed("forward", index, self._forward)
        self._gradients = {
            slot: torch.full_like(self._values[slot], weight)
            for placed, _ in self.net.calls
            for name, slot in zip(placed.definition.message.top, placed.writes, strict=True)
            if (weight := self._weights[name])
        }
        for index in reversed(range(len(self.names))):
            self._timed("backward", index, self._backward)

    def _forward(self, index: int) -> None:
        placed, step = self.net.calls[index]
        if step is None:
            self._values.update(zip(placed.writes, self.net.batch(placed), strict=True))
            return
        given = [self._values[slot] for slot in step.reads]
        bottoms = self._bottoms[index] = [x.detach().requires_grad_(x.requires_grad) for x in given]
        result = step.call(*bottoms)
        tops = [result] if isinstance(result, Tensor) else list(result)
        self._values.update(zip(step.writes, tops, strict=True))

    def _backward(self, index: int) -> None:
        """From the gradients of a layer's tops to those of its bottoms and weights."""
        _, step = self.net.calls[index]
        writes = () if step is None else step.writes
        known = [slot for slot in writes if slot in self._gradients and self._values[slot].requires_grad]
        if step is None or not known:
            return
        torch.autograd.backward([self._values[slot] for slot in known], [self._gradients[slot] for slot in known])
        for slot, bottom in zip(step.reads, self._bottoms[index], strict=True):
            if bottom.grad is not None:
                before = self._gradients.get(slot)
                self._gradients[slot] = bottom.grad if before is None else before + bottom.grad

    def _timed(self, direction: str, index: int, work: Callable[[int], None]) -> None:
        self._wait()
        start = perf_counter()
        work(index)
        self._wait()
        self.spent[direction][index] += (perf_counter() - start) * 1000

    def _wait(self) -> None:
        if self.net.device != "cpu":
            torch.cuda.synchronize(self.net.device)


def _report(watch: Stopwatch, iterations: int, log: Log) -> None:
    begun = perf_counter()
    for iteration in range(iterations):
        start = perf_counter()
        watch.pass_once()
        taken = (perf_counter() - start) * 1000
        log("caffe.cpp:403", f"Iteration: {iteration + 1} forward-backward time: {number(taken)} ms.")
    total = (perf_counter() - begun) * 1000
    log("caffe.cpp:406", "Average time per layer: ")
    for index, name in enumerate(watch.names):
        for direction, place in _PLACES.items():
            spent = watch.spent[direction][index] / iterations
            log(place, f"{name:>10}\t{direction}: {number(spent)} ms.")
    log("caffe.cpp:417", f"Average Forward pass: {number(watch.total('forward') / iterations)} ms.")
    log("caffe.cpp:419", f"Average Backward pass: {number(watch.total('backward') / iterations)} ms.")
    log("caffe.cpp:421", f"Average Forward-Backward: {number(total / iterations)} ms.")
    log("caffe.cpp:423", f"Total Time: {number(total)} ms.")
    log("caffe.cpp:424", "*** Benchmark ends ***")
