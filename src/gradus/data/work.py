"""Files to records: the part of a build that runs in many threads at once.

Reading, decoding, resizing and compressing happen in native code that lets other threads run. Work
comes in chunks, and results are taken in the order in which the chunks were given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import BadFile, Encoding
from gradus.core.errors import ImageError
from gradus.data.datum import encode_datum
from gradus.data.fitting import fit_file
from gradus.data.lists import Entry, escape
from gradus.data.mean import Sum
from gradus.data.pictures import read_file
from gradus.data.threads import cores

CHUNK = 32
CHUNK_BYTES = 32 * 2**20  # of pixels, so that large pictures do not pile up
AHEAD = 3  # chunks for each thread that may wait to be written
LOOK = 0.2  # seconds between two looks at whether to stop


@dataclass(slots=True)
class Done:
    """What came of one chunk: (label, record) pairs, the files that could not be used, the pixel sum."""

    records: list[tuple[int, bytes]] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)
    total: Sum | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How each file is treated."""

    root: str
    options: ClassificationOptions
    summed: bool  # whether the mean is wanted
    shown: str = ""  # put before the names of files in messages

    def __call__(self, entries: Sequence[Entry], halt: Event) -> Done:
        """Make the records of one chunk, or of the start of it once `halt` is set."""
        options, done = self.options, Done()
        shape = (options.height, options.width, options.channels)
        total = Sum(shape) if self.summed else None
        for file, label in entries:
            if halt.is_set():
                break
            try:
                data = read_file(f"{self.root}/{file}")
                picture = fit_file(data, options.width, options.height, options.channels, options.resize_mode)
            except ImageError as error:
                done.bad.append(BadFile(file=escape(self.shown + file), reason=str(error)))
                continue
            if total is not None:
                total.add(picture.pixels)
            encoded = options.encoding is not Encoding.RAW
            data = picture.encoded(options.encoding, options.quality)
            record = encode_datum(
                data, channels=shape[2], height=shape[0], width=shape[1], label=label, encoded=encoded
            )
            done.records.append((label, record))
        done.total = total
        return done


def chunk_size(options: ClassificationOptions) -> int:
    """How many files one task takes."""
    picture = options.width * options.height * options.channels
    return max(1, min(CHUNK, CHUNK_BYTES // picture))


def in_order(
    recipe: Recipe, entries: Sequence[Entry], look: Callable[[], None], threads: int | None = None
) -> Iterator[Done]:
    """Run the recipe over all entries in threads and yield the results in the order of the entries.

    `look` is called several times a second and ends the work by raising.
    """
    threads = threads or cores()
    size = chunk_size(recipe.options)
    halt = Event()
    running: deque[Future[Done]] = deque()
    chunks = (entries[i : i + size] for i in range(0, len(entries), size))
    with ThreadPoolExecutor(threads, thread_name_prefix="build") as pool:
        try:
            for chunk in chunks:
                running.append(pool.submit(recipe, chunk, halt))
                if len(running) > threads * AHEAD:
                    yield _next(running, look)
            while running:
                yield _next(running, look)
        finally:
            halt.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _next(running: deque[Future[Done]], look: Callable[[], None]) -> Done:
    look()
    first = running.popleft()
    while not first.done():
        wait((first,), timeout=LOOK)
        look()
    return first.result()
