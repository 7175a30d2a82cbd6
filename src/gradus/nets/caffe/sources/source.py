"""What every source of batches is, and how a run wants it read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from torch import Tensor

from gradus.core.errors import GradusError, NetworkError
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.text.prototxt import Definition


@dataclass(frozen=True, slots=True)
class Reading:
    """How one run reads: its phase, the seed of all it draws, where paths start, and which share is its own."""

    training: bool  # Caffe's phase TRAIN
    seed: int | None = None  # None: another draw each time
    root: Path = field(default_factory=Path.cwd)  # what a relative path in the text is relative to
    rank: int = 0  # of `world` processes that train together
    world: int = 1

    def generator(self, purpose: str, *, common: bool = False) -> Generator:
        """Random numbers that depend on the seed, the purpose and the rank only; `common` ones are alike in all ranks.

        A purpose is the layer's name, and what is drawn where a layer draws several things.
        """
        if self.seed is None:
            return np.random.default_rng()
        words = [self.seed & (1 << 64) - 1, int.from_bytes(purpose.encode(), "big"), 0 if common else self.rank]
        return np.random.default_rng(words)

    def path(self, definition: Definition, field: str) -> Path:
        """The file or folder that a field of the layer (`data_param.source`) names."""
        value: Any = definition.message
        for name in field.split("."):
            value = getattr(value, name)
        if not value:
            raise definition.error(f"names no {field.rpartition('.')[2]}", at=field, hint="Give the path of its data.")
        if "\0" in value:
            raise definition.error("names a path with a zero byte", at=field)
        return self.root / str(value)


class Source(ABC):
    """Batches of one data layer, without end: after the last record comes the first."""

    ahead: int = 4  # batches to keep ready, as many as Caffe does; 0 where nothing is gained or allowed

    def __init__(self, definition: Definition, reading: Reading) -> None:
        self.definition, self.reading = definition, reading
        self.tops = len(definition.message.top)

    @abstractmethod
    def shapes(self) -> list[Shape]:
        """The shapes of the tops of the next batch."""

    @abstractmethod
    def read(self) -> list[Tensor]:
        """The next batch: float32 on the CPU, one tensor for each top."""

    def skip(self, batches: int) -> None:  # noqa: B027 - not all can
        """Go on as if so many batches had been read, so that a training goes on with the data where it was.

        A source that cannot do that without reading them starts from its beginning, as all do in Caffe.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to release
        """Release files and threads."""

    def positive(self, value: int, field: str) -> int:
        """A setting that must be at least 1."""
        if value < 1:
            raise self.error(f"needs a {field.rpartition('.')[2]} of at least 1", at=field)
        return value

    def error(self, what: str, *, at: str = "", hint: str | None = None) -> NetworkError:
        """A NetworkError about the layer: its name, its line, the field `at`."""
        return self.definition.error(what, at=at, hint=hint)

    @contextmanager
    def explaining(self, at: str) -> Iterator[None]:
        """Turn what is wrong with a file into an error that names the layer and its line too."""
        try:
            yield
        except NetworkError:  # say all there is to say
            raise
        except GradusError as problem:
            raise self.error(f"cannot read its data: {problem}", at=at, hint=problem.problem.hint) from problem
        except OSError as problem:
            reason = f"cannot read {problem.filename or 'its data'}: {problem.strerror or problem}"
            raise self.error(reason, at=at, hint="Is the path right, as seen from the network's folder?") from problem
