"""Caffe's training loop: what it does in which order, and what it says (catalogue 3).

    test, when it is due -> iter_size times forward and backward -> update -> snapshot, when it is due

Nothing is read from the device but for a line that is due. The `gradus caffe train` command and pycaffe's solvers
are this loop; they differ in who hears its log and who may ask it to stop.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from gradus.core.errors import InputError
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.solvers import lines, scaffold, snapshots
from gradus.nets.caffe.solvers.descent import Descent
from gradus.nets.caffe.solvers.settings import SolverSettings
from gradus.nets.caffe.solvers.tally import Tally
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.text.rules import TRAIN, State
from gradus.nets.network import Outputs


class Action(StrEnum):
    """What somebody may ask of a training that runs."""

    NONE = "none"
    STOP = "stop"
    SNAPSHOT = "snapshot"


class Callback(NamedTuple):
    """What is called in every iteration: before it begins, and when its gradients are there."""

    on_start: Callable[[], object]
    on_gradients: Callable[[], object]


class Solver:
    """A training: its net, its test nets, and where it stands.

    `param` is a SolverParameter in today's notation (`scaffold.read_solver` gives one) that `source` names in errors.
    `lean` keeps no blob longer than the pass needs it, which saves memory and time where nobody looks at them.
    """

    kind: ClassVar[type[Net]] = Net

    def __init__(
        self, param: Any, *, source: str = "solver.prototxt", device: str = "cpu", lean: bool = True,
        log: lines.Log = lines.quiet, asked: Callable[[], Action] = lambda: Action.NONE,
    ) -> None:  # fmt: skip
        self.param, self.device, self.log, self.asked = param, device, log, asked
        settings = SolverSettings.from_message(param, source)
        _check(param, source)
        self.callbacks: list[Callback] = []
        self.iteration = 0
        self.stopping = False
        self._losses: deque[Tensor] = deque(maxlen=param.average_loss)
        self._seed = param.random_seed if param.random_seed >= 0 else int.from_bytes(os.urandom(4), "little")
        self._weights = [name.strip() for part in param.weights for name in part.split(",") if name.strip()]
        self.net = self._open(scaffold.train_net(param), "training", lean=lean)
        self.test_nets = [
            self._open(wanted, f"test net (#{index}) specified by", lean=lean)
            for index, wanted in enumerate(scaffold.test_nets(param))
        ]
        for net in self.test_nets:
            net.share_with(self.net)
        for number, name in enumerate(self._weights):
            log("caffe.cpp:155", f"Finetuning from {name}")
            if number:  # the first one was there when the net was made
                self.net.copy_from(name)
            lines.weights(log, name, self.net.copied)
        self.descent = Descent(self.net.specs, settings)
        log("solver.cpp:56", "Solver scaffolding done.")

    def _open(self, wanted: scaffold.Wanted, what: str, *, lean: bool) -> Net:
        self.log("solver.cpp:87", f"Creating {what} {wanted.origin}")
        state = State.of(wanted.state.phase, *wanted.state.stage, level=wanted.state.level)
        reading = self.reading(Reading(training=state.phase == TRAIN, seed=self._seed))
        first = self._weights[0] if self._weights else None  # it also says whose BatchNorm the text means
        net = self.kind(wanted.net, first, state=state, seed=self._seed, device=self.device, lean=lean, reading=reading)
        for name in net.outputs:
            self.log("net.cpp:244", f"This network produces output {name}")
        self.log("net.cpp:257", "Network initialization done.")
        return net

    def reading(self, alone: Reading) -> Reading:
        """How a net's data is read, given how it would be by one process alone."""
        return alone

    # The loop

    def solve(self, resume: str | None = None) -> None:
        """Train to the last iteration, keep the result, and look at it once more."""
        param, log = self.param, self.log
        log("solver.cpp:272", f"Solving {self.net.name}")
        log("solver.cpp:273", f"Learning Rate Policy: {param.lr_policy}")
        self.stopping = False
        if resume:
            log("solver.cpp:279", f"Restoring previous solver status from {resume}")
            self.restore(resume)
        self.step(param.max_iter - self.iteration)
        if param.snapshot_after_train and not _due(self.iteration, param.snapshot):
            self.snapshot()
        if self.stopping:
            log("solver.cpp:294", "Optimization stopped early.")
            return
        if _due(self.iteration, param.display):
            with torch.no_grad():
                self._hear(self.net.run())
            log("solver.cpp:310", f"Iteration {self.iteration}, loss = {lines.number(self.smoothed_loss)}")
        if _due(self.iteration, param.test_interval):
            self.test_all()
        log("solver.cpp:315", "Optimization Done.")

    def step(self, count: int) -> None:
        """So many iterations, or fewer where somebody asks to stop."""
        param, end = self.param, self.iteration + count
        self._losses.clear()
        self._shown_at, self._shown = perf_counter(), self.iteration
        while self.iteration < end:
            if _due(self.iteration, param.test_interval) and (self.iteration or param.test_initialization):
                self.test_all()
                if self.stopping:
                    break
            for callback in self.callbacks:
                callback.on_start()
            outputs = self._forward_backward()
            if _due(self.iteration, param.display):
                self._show(outputs)
            for callback in self.callbacks:
                callback.on_gradients()
            self.apply_update()
            action = self.asked()
            if _due(self.iteration, param.snapshot) or action is Action.SNAPSHOT:
                self.snapshot()
            if action is Action.STOP:
                self.stopping = True
                break

    def _forward_backward(self) -> Outputs:
        """The passes of one iteration: gradients are added up, the loss is their mean. Gives the last outputs."""
        if self.param.random_seed >= 0:  # dropout and the like: an iteration draws the same however it was come to
            torch.manual_seed(self._seed + self.iteration)
        self.descent.update.zero_grad()
        total: Tensor | None = None
        for _ in range(self.param.iter_size):
            outputs = self.net.run()
            if outputs.loss is not None:
                if outputs.loss.requires_grad:
                    outputs.loss.backward()  # type: ignore[no-untyped-call]
                total = outputs.loss.detach() if total is None else total + outputs.loss.detach()
        if total is not None:
            self._losses.append(total / self.param.iter_size if self.param.iter_size > 1 else total)
        return outputs

    def _hear(self, outputs: Outputs) -> None:
        if outputs.loss is not None:
            self._losses.append(outputs.loss.detach())

    def apply_update(self) -> None:
        """Change the weights by the gradients as they are, which ends the iteration."""
        if _due(self.iteration, self.param.display):
            self.log("sgd_solver.cpp:105", f"Iteration {self.iteration}, lr = {lines.number(self.rate)}")
        self.descent.step(self.iteration)
        self.iteration += 1

    @property
    def rate(self) -> float:
        """The learning rate of the iteration that comes."""
        return self.descent.rate(self.iteration)

    @property
    def smoothed_loss(self) -> float:
        """The mean of the last `average_loss` losses."""
        return float(torch.stack(tuple(self._losses)).mean()) if self._losses else 0.0

    def _show(self, outputs: Outputs) -> None:
        """The lines of an iteration that is displayed."""
        loss = lines.number(self.smoothed_loss)  # waits for the device, so the clock is read after it
        seconds = perf_counter() - self._shown_at
        pace = (self.iteration - self._shown) / (seconds or 1.0)
        self.log(
            "solver.cpp:218",
            f"Iteration {self.iteration} ({lines.number(pace)} iter/s, {lines.number(seconds)}s/{self.param.display} "
            f"iters), loss = {loss}",
        )
        self._shown_at, self._shown = perf_counter(), self.iteration
        for index, (name, value) in enumerate(lines.outputs(outputs.values, self.net.loss_weights)):
            self.log("solver.cpp:237", f"    Train net output #{index}: {name} = {value}")

    # Tests

    def test_all(self) -> None:
        """Test every test net with the weights of now."""
        for index in range(len(self.test_nets)):
            if not self.stopping:
                self.test(index)

    def test(self, index: int) -> dict[str, Tensor]:
        """Test one net over `test_iter` batches: the mean of each output, or with eval_type "detection" the mean
        average precision. A test that is cut short tells nothing.
        """
        self.log("solver.cpp:330", f"Iteration {self.iteration}, Testing net (#{index})")
        net, batches = self.test_nets[index], self.param.test_iter[index]
        if self.param.eval_type not in ("classification", "detection"):
            raise InputError(
                f'"{self.param.eval_type[:80]}" is no eval_type', field="eval_type",
                hint="Valid are: classification, detection.",
            )  # fmt: skip
        tally = Tally(net.outputs if self.param.eval_type == "detection" else ())
        loss: Tensor | float = 0.0  # stays on the device
        for _ in range(batches):
            self._look()
            if self.stopping:
                self.log("solver.cpp:379", "Test interrupted.")
                return {}
            with torch.no_grad():
                outputs = net.run()
            tally.add(outputs.values)
            if outputs.loss is not None:
                loss = loss + outputs.loss
        if self.param.test_compute_loss:
            self.log("solver.cpp:384", f"Test loss: {lines.number(float(loss) / max(1, batches))}")
        if self.param.show_per_class_result:
            for scores in tally.detections.values():
                for label, precision in scores.by_class(self.param.ap_version).items():
                    self.log("solver.cpp:540", f"class{label}: {lines.number(precision)}")
        means = tally.results(self.param.ap_version)
        for number, (name, shown) in enumerate(lines.outputs(means, net.loss_weights)):
            self.log("solver.cpp:397", f"    Test net output #{number}: {name} = {shown}")
        return means

    def _look(self) -> None:
        """Do what was asked for while a test runs."""
        while (action := self.asked()) is not Action.NONE:
            if action is Action.SNAPSHOT:
                self.snapshot()
            else:
                self.stopping = True

    # Snapshots

    def snapshot(self) -> Path:
        """Keep weights and state under the iteration's number; gives the weights' file."""
        return snapshots.write(self.net, self.descent, self.iteration, self.param, self.log)

    def restore(self, state: str) -> None:
        """Go on from a solver state: its iteration, its history, the weights that it names, and the data behind it."""
        begun = self.iteration > 0
        self.iteration = snapshots.restore(Path(state), self.net, self.descent, self.log)
        if begun:
            return
        self.net.skip(self.iteration * self.param.iter_size)
        tests = self._tests_before(self.iteration)
        for net, batches in zip(self.test_nets, self.param.test_iter, strict=True):
            net.skip(tests * batches)

    def _tests_before(self, iteration: int) -> int:
        """How many tests a training from its beginning has made before that iteration."""
        interval = self.param.test_interval
        if not interval or not iteration:
            return 0
        return int((iteration - 1) // interval + self.param.test_initialization)

    def close(self) -> None:
        """End the threads and files of all data layers."""
        for net in (self.net, *self.test_nets):
            net.close()


def _due(iteration: int, interval: int) -> bool:
    return interval > 0 and iteration % interval == 0


def _check(param: Any, source: str) -> None:
    """What is wrong with the loop's own settings, before anything is opened."""
    for name, least in (("average_loss", 1), ("max_iter", 0), ("display", 0), ("test_interval", 0), ("snapshot", 0)):
        if getattr(param, name) < least:
            raise InputError(f"the solver's {name} must be at least {least}", field=name, file=source)
    if any(count < 0 for count in param.test_iter):
        raise InputError("the solver has a negative test_iter", field="test_iter", file=source)
    if param.snapshot:
        snapshots.check_prefix(param.snapshot_prefix, source)
