"""Files to records: the part of a build that runs in many threads at once.

Reading, decoding, resizing and compressing happen in native code that lets other threads run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import BadFile, Encoding
from gradus.core.errors import ImageError
from gradus.data.datum import encode_datum, encode_planes
from gradus.data.fitting import Fitted, fit_file
from gradus.data.index import SampleFacts
from gradus.data.lists import Entry, escape
from gradus.data.mean import Sum
from gradus.data.ordered import CHUNK_BYTES
from gradus.data.pictures import read_file
from gradus.data.quality.measure import NOTHING, Taken, finished
from gradus.data.remote.address import is_address
from gradus.data.threads import cores
from gradus.data.wire import Buffer

CHUNK = 256
CHUNK_FILES = 2**20  # bytes of files
TINY = 2048  # bytes of a file or picture up to which most of the work is Python's: threads would wait for each other
LOOKED_AT = 20  # files
LATE = 0.0005  # seconds that one takes to read, above which it is the disk or the network that is waited for,
QUICK = 2e8  # and bytes a second
WAITING = 8  # threads that wait for it

Measure = Callable[[str, int, Fitted], Taken | None]
"""Of a file, its class and its picture; None where it is to be left out. Called from several threads."""


@dataclass(slots=True)
class Done:
    """What came of one chunk: (label, record) pairs, the files that could not be used, the pixel sum.

    `noted` are files of the records that something is to be known of. `measured` has what the recipe's `measure`
    found, one for each record; `left_out` are those it gave none for.
    """

    records: list[tuple[int, Buffer]] = field(default_factory=list)
    measured: SampleFacts = NOTHING
    bad: list[BadFile] = field(default_factory=list)
    noted: list[BadFile] = field(default_factory=list)
    total: Sum | None = None
    left_out: int = 0

    @property
    def read(self) -> int:
        """How many files were read."""
        return len(self.records) + len(self.bad) + self.left_out


@dataclass(frozen=True, slots=True)
class Recipe:
    """How each file is treated."""

    root: str
    options: ClassificationOptions
    summed: bool  # whether the mean is wanted
    shown: str = ""  # put before the names of files in messages
    copy_of: Callable[[str], str] | None = None  # where a file is that was fetched, empty for others
    measure: Measure | None = None  # what else is to be known of each picture while it is here

    def __call__(self, entries: Sequence[Entry], halt: Event) -> Done:
        """Make the records of one chunk, or of the start of it once `halt` is set."""
        options, done = self.options, Done()
        shape = (options.height, options.width, options.channels)
        total = Sum(shape) if self.summed else None
        taken: list[Taken] = []
        for file, label in entries:
            if halt.is_set():
                break
            try:
                data = read_file(self._path(file))
                picture = fit_file(data, options.width, options.height, options.channels, options.resize_mode)
            except ImageError as error:
                done.bad.append(BadFile(file=self._listed(file), reason=str(error)))
                continue
            if self.measure is not None:
                measured = self.measure(file, label, picture)
                if measured is None:
                    done.left_out += 1
                    continue
                taken.append(measured)
            if picture.remark:
                done.noted.append(BadFile(file=self._listed(file), reason=picture.remark, kept=True))
            if total is not None:
                total.add(picture.pixels)
            if options.encoding is Encoding.RAW:
                record: Buffer = encode_planes(picture.pixels, label)
            else:
                record = encode_datum(
                    picture.encoded(options.encoding, options.quality),
                    channels=shape[2], height=shape[0], width=shape[1], label=label, encoded=True,
                )  # fmt: skip
            done.records.append((label, record))
        done.total, done.measured = total, finished(taken)
        return done

    def division(self, entries: Sequence[Entry]) -> tuple[int, int]:
        """How many files a task takes, and in how many threads: by the size of pictures and files, and by the disk."""
        began = time.monotonic()
        lengths = [self._length(file) for file, _ in entries[:: len(entries) // LOOKED_AT + 1]]
        late = time.monotonic() - began > LATE * max(1, len(lengths)) + sum(lengths) / QUICK
        length = sum(lengths) // max(1, len(lengths))
        picture = self.options.width * self.options.height * self.options.channels
        size = max(1, min(CHUNK, CHUNK_BYTES // picture, CHUNK_FILES // max(1, length)))
        if late:
            return size, max(WAITING, cores())
        return size, 1 if max(length, picture) <= TINY else cores()

    def _length(self, file: str) -> int:
        try:
            return len(read_file(self._path(file)))
        except ImageError:
            return 0

    def _path(self, file: str) -> str:
        return (self.copy_of and self.copy_of(file)) or f"{self.root}/{file}"

    def _listed(self, file: str) -> str:
        return escape(file if is_address(file) else self.shown + file)
