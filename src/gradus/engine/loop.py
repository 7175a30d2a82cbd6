"""The training loop: batches, updates, points, validation, snapshots. One for every task kind and device.

What is learned is the network's own business: it gives a loss and any number of scalars, each of which
becomes a series. Nothing is read from the device between two points.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from gradus.core.errors import DivergedError, InputError
from gradus.core.model import Precision
from gradus.core.pace import Pace
from gradus.core.report import Report
from gradus.engine.feed import Feed
from gradus.engine.preparation import Preparation
from gradus.engine.sampler import ShuffledOrder
from gradus.engine.series import Recorder, finite
from gradus.engine.snapshot_files import list_snapshots
from gradus.engine.snapshots import TrainingState, random_state, write_snapshot
from gradus.engine.stopping import Stopped, StopSwitch
from gradus.engine.validation import Validation
from gradus.nets.caffe.solvers.descent import Descent
from gradus.nets.network import Network, Outputs

SHORTEST = 0.25  # seconds between two points at least: four a second are as live as a chart gets ...
LONGEST = 2.0  # ... and at most, where an iteration is slow: a chart must show that it is alive
GUARD = 600.0  # seconds after which a snapshot is taken although none is due, in case of a crash


@dataclass(frozen=True)
class Parts:
    """All that a training is put together from."""

    folder: Path
    network: Network
    descent: Descent
    pace: Pace
    order: ShuffledOrder
    preparation: Preparation
    open_batches: Callable[[], Feed]
    open_validation: Callable[[], Validation]
    fabric: Fabric
    precision: Precision
    seed: int
    report: Report


class Loop:
    """A training from its first iteration, or from a snapshot's, to the last."""

    def __init__(self, parts: Parts, resumed: TrainingState | None = None) -> None:
        self._parts, self._pace, self._report = parts, parts.pace, parts.report
        self._done = resumed.step if resumed else 0  # iterations
        self._validated = resumed.validated if resumed else False
        self._saved = self._done  # iterations in the newest snapshot
        self._rate = resumed.learning_rate if resumed else parts.descent.rate(0)
        self._recorder = Recorder("train/", parts.fabric.device)
        self._stop = StopSwitch(parts.report)
        self._validation: Validation | None = None
        self._latest: dict[str, float | None] = {}  # of the series, at this very iteration
        self._point_at = self._saved_at = time.monotonic()
        self._pointed = self._done

    def run(self) -> None:
        """Train to the end. Raises Stopped when asked to stop, DivergedError when there is no point in going on."""
        try:
            if self._done and not self._validated and self._pace.validation_due(self._done):
                self._validate()
            if self._done < self._pace.max_iter:
                with self._parts.open_batches() as batches:
                    self._train(batches)
        finally:
            if self._validation is not None:
                self._validation.close()

    def _train(self, batches: Feed) -> None:
        pace = self._pace
        while self._done < pace.max_iter:
            if self._stop.asked():
                self._end_early()
            urgent = self._iterate(batches)
            self._done += 1
            self._validated = False
            save, validate = pace.snapshot_due(self._done), pace.validation_due(self._done)
            if urgent or save or validate or self._point_due():
                self._point()
            if validate:
                self._validate()
            if save:
                self._snapshot()
            elif time.monotonic() - self._saved_at > GUARD:
                self._snapshot(passing=True)
        if pace.validation_due(self._done) and not self._validated:
            raise Stopped

    def _iterate(self, batches: Feed) -> bool:
        """One iteration: forward and backward for each of its batches, one update. True when to look at its figures."""
        update, pace, urgent = self._parts.descent.update, self._pace, False
        update.zero_grad()
        for batch in range(self._done * pace.accumulation, (self._done + 1) * pace.accumulation):
            outputs = self._forward(batches, batch)
            if outputs.loss is None:
                raise InputError(
                    "The network has no loss to learn from.",
                    field="network_text",
                    hint="Add a loss layer, such as SoftmaxWithLoss, that is part of the training phase.",
                )
            self._parts.fabric.backward(outputs.loss)
            urgent |= self._recorder.add(self._done + 1, outputs, outputs.loss)
        self._rate = self._parts.descent.step(self._done)
        return urgent

    def _forward(self, batches: Feed, batch: int) -> Outputs:
        parts, preparation = self._parts, self._parts.preparation
        pixels, labels = batches.batch(batch)
        draw = (
            parts.order.draw(batch, preparation.spare_rows, preparation.spare_columns) if preparation.draws else None
        )  # fmt: skip
        images = preparation.training(pixels, draw)
        with parts.fabric.autocast():
            return parts.network.forward(images, labels, "train")

    def _point_due(self) -> bool:
        """The first iteration, then at the display interval but neither too often nor too seldom to watch."""
        if self._done == 1 or self._done == self._pace.max_iter:
            return True
        waited = time.monotonic() - self._point_at
        return waited > LONGEST or (waited > SHORTEST and self._done - self._pointed >= self._pace.display)

    def _point(self) -> None:
        """Read the series and tell them."""
        steps = self._done - self._pointed
        if steps <= 0:
            return
        reading = self._recorder.read()
        now = time.monotonic()
        rate = steps * self._pace.pictures / max(1e-9, now - self._point_at)
        self._point_at, self._pointed = now, self._done
        epoch = self._pace.epoch(self._done)
        self._latest = dict(reading.values)
        self._report.metrics(self._done, epoch, reading.values | {"learning_rate": finite(self._rate)})
        self._report.progress(self._done / self._pace.max_iter, f"epoch {epoch:.2f} of {self._pace.epochs}", rate)
        if reading.diverged is not None:
            raise self._diverged(reading.diverged, "The loss")

    def _validate(self) -> None:
        """A validation pass; one that is cut short by a stop tells nothing."""
        if self._validation is None:
            self._validation = self._parts.open_validation()
        fraction, epoch = self._done / self._pace.max_iter, self._pace.epoch(self._done)

        def heard(done: int, count: int) -> bool:
            self._report.progress(fraction, f"epoch {epoch:.2f}: validating, {done:,} of {count:,}")
            return not self._stop.asked()

        values = self._validation.run(heard)
        self._point_at = time.monotonic()
        if values is None:
            return
        self._validated = True
        self._latest |= values
        self._report.metrics(self._done, epoch, values)
        self._report.progress(fraction, f"epoch {epoch:.2f} of {self._pace.epochs}")
        lost = next((name for name, value in values.items() if value is None), None)
        if lost is not None:  # the last update may have ruined the weights, with no training loss after it to tell
            raise self._diverged(self._done, lost)

    def _snapshot(self, *, passing: bool = False) -> None:
        """Write a snapshot, unless the last update has ruined the weights."""
        parts = self._parts
        self._point()
        flags = [torch.isfinite(t).all() for t in parts.network.state().values() if t.is_floating_point()]
        if not bool(torch.stack(flags).all()):
            raise self._diverged(self._done, "A weight")
        state = TrainingState(
            step=self._done,
            epoch=self._pace.epoch(self._done),
            seed=parts.seed,
            learning_rate=self._rate,
            precision=parts.precision,
            train_count=self._pace.train_count,
            batch_size=self._pace.batch_size,
            accumulation=self._pace.accumulation,
            validated=self._validated,
            **random_state(parts.fabric.device),
        )
        snapshot = write_snapshot(
            parts.folder, parts.network, parts.descent.update, state, metrics=self._latest, passing=passing
        )
        self._saved, self._saved_at = self._done, time.monotonic()
        self._point_at = self._saved_at
        if not passing:
            self._report.snapshot(snapshot)

    def _end_early(self) -> None:
        """Keep what was learned, and say that it was stopped."""
        if self._done > self._saved:
            self._snapshot()
        raise Stopped

    def _diverged(self, iteration: int, what: str) -> DivergedError:
        good = list_snapshots(self._parts.folder)
        kept = f"The last good snapshot is {good[-1].name}." if good else "No snapshot had been taken before."
        return DivergedError(
            f"{what} became NaN or infinite at iteration {iteration:,} "
            f"(epoch {self._pace.epoch(iteration):.2f}). Try decreasing your learning rate. {kept}",
            field="learning_rate",
            hint=f"It was {self._rate:g}; a tenth of it is a good next try.",
        )
