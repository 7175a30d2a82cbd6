"""How long a training is and when something is due in it, in iterations.

The one place of this arithmetic: the loop, the solver text and the pages all ask here. An iteration is one
update of the weights, from one batch or, with accumulation, from several. Rules are DIGITS' (its Caffe solver
derivation).
"""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field

DISPLAYS_PER_EPOCH = 8  # DIGITS: about eight lines of progress in an epoch ...
IMAGES_PER_DISPLAY = 5000  # ... and at least one in 5000 pictures
_ROUNDING = 1e-9  # 0.1 epochs of 10 iterations must be due at 1, 2, 3, not at 1, 2, 4


class Pace(BaseModel):
    """The length of a training and its intervals.

    `snapshot_interval` and `validation_interval` are in epochs and may be fractions; 0 means only at the
    end for snapshots and never for validation. `val_count` 0 means that there is nothing to validate on.
    """

    model_config = ConfigDict(frozen=True)

    epochs: int = Field(ge=1)
    train_count: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    accumulation: int = Field(1, ge=1)
    snapshot_interval: float = Field(1, ge=0)
    validation_interval: float = Field(1, ge=0)
    val_count: int = Field(0, ge=0)

    @property
    def pictures(self) -> int:
        """Pictures of one iteration."""
        return self.batch_size * self.accumulation

    @property
    def iterations_per_epoch(self) -> int:
        """The last batch of an epoch is filled up from the next one, hence the ceiling."""
        return math.ceil(self.train_count / self.pictures)

    @property
    def max_iter(self) -> int:
        """Iterations of the whole training."""
        return self.epochs * self.iterations_per_epoch

    @property
    def display(self) -> int:
        """Iterations between two points of the training series."""
        eighth = self.iterations_per_epoch // DISPLAYS_PER_EPOCH
        return max(1, min(eighth, math.ceil(IMAGES_PER_DISPLAY / self.pictures)))

    @property
    def snapshot(self) -> int:
        """Caffe's `snapshot`: iterations between two snapshots, 0 where only the last is kept."""
        every = self._every(self.snapshot_interval)
        return 0 if every is None else int(every)

    @property
    def test_interval(self) -> int | None:
        """Caffe's `test_interval`; None where nothing is validated, `max_iter` for once at the end."""
        if not self.validates:
            return None
        every = self._every(self.validation_interval)
        return self.max_iter if every is None else int(every)

    @property
    def validates(self) -> bool:
        """Whether there is validation at all."""
        return self.validation_interval > 0 and self.val_count > 0

    def test_iter(self, val_batch_size: int) -> int:
        """Batches of one validation pass."""
        return math.ceil(self.val_count / val_batch_size)

    def step_size(self, percent: float) -> int:
        """Iterations between two steps of the learning rate, for a step in percent of the training."""
        return max(1, math.ceil(percent * self.max_iter / 100))

    def epoch(self, iteration: int) -> float:
        """How many epochs that many finished iterations are."""
        return iteration / self.iterations_per_epoch

    def snapshot_due(self, iteration: int) -> bool:
        """Whether a snapshot belongs after this many finished iterations; always at the end."""
        return iteration == self.max_iter or self._due(iteration, self._every(self.snapshot_interval))

    def validation_due(self, iteration: int) -> bool:
        """Whether to validate after this many finished iterations; at the end too, where there is validation."""
        if not self.validates:
            return False
        return iteration == self.max_iter or self._due(iteration, self._every(self.validation_interval))

    def _every(self, interval: float) -> float | None:
        """An interval in iterations, at least 1; None where it is 0 or does not fit into the training."""
        every = interval * self.iterations_per_epoch
        if every <= 0 or every >= self.max_iter:
            return None
        return max(1.0, every)

    @staticmethod
    def _due(iteration: int, every: float | None) -> bool:
        """True at the first iteration at or after each multiple, so that fractions do not drift."""
        if every is None or iteration <= 0:
            return False
        return math.floor(iteration / every + _ROUNDING) > math.floor((iteration - 1) / every + _ROUNDING)
