"""The records of a layer's database as one endless stream, in the order and the share that its text asks for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from gradus.data.readers.database import Records, open_records
from gradus.nets.caffe.sources.order import Order
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.text.prototxt import Definition

Pair = tuple[bytes, memoryview]


class RecordStream:
    """Reads `data_param.source`: keys in order and around again; every `world`-th record in training.

    The backend is told by the folder's files, so that a text which leaves it at its default (LEVELDB) reads an
    LMDB too. With NVIDIA's `shuffle` the records of each pass come in another order.
    """

    def __init__(self, definition: Definition, reading: Reading) -> None:
        p = definition.message.data_param
        self.definition = definition
        self.path: Path = reading.path(definition, "data_param.source")
        self.database: Records = open_records(self.path)
        try:
            share = (reading.rank, reading.world) if reading.training else (0, 1)
            random = reading.generator(f"{definition.name}/order", common=True)
            skip = int(random.integers(p.rand_skip)) if p.rand_skip else 0
            self._last: bytes | None = None  # the key behind which reading goes on
            self._gap, self._world = skip + share[0], share[1]  # records to leave out
            with self.database.after(None) as records:
                if next(records, None) is None:
                    hint = "Was it written to the end?"
                    raise definition.error(f"has an empty database at {self.path}", at="data_param.source", hint=hint)
            self._keys: list[bytes] = self.database.keys() if p.shuffle and reading.training else []
            if self._keys:
                self._order = Order(len(self._keys), random, rank=share[0], world=share[1], skip=skip)
        except BaseException:
            self.database.close()
            raise

    def first(self, held: ExitStack) -> Pair:
        """The next record, which stays the next; valid until `held` is left."""
        if self._keys:
            key = self._keys[self._order.peek()]
            return key, next(held.enter_context(self.database.records([key])))
        return next(islice(self._run(held), self._gap, None))

    def take(self, count: int, held: ExitStack) -> list[Pair]:
        """The next `count` keys and records; the records are valid until `held` is left."""
        if self._keys:
            keys = [self._keys[i] for i in self._order.take(count).tolist()]
            return list(zip(keys, held.enter_context(self.database.records(keys)), strict=True))
        last = self._gap + (count - 1) * self._world
        pairs = list(islice(self._run(held), self._gap, last + 1, self._world))
        self._last, self._gap = pairs[-1][0], self._world - 1
        return pairs

    def skip(self, count: int) -> None:
        """Go on as if `count` records had been taken."""
        if self._keys:
            self._order.take(count)
            return
        keys = self.database.keys()
        done = 0 if self._last is None else bisect_right(keys, self._last)
        place = (done + self._gap + count * self._world) % len(keys)
        self._last, self._gap = (keys[place - 1] if place else None), 0

    def close(self) -> None:
        """Release the database."""
        self.database.close()

    def _run(self, held: ExitStack) -> Iterator[Pair]:
        """All records behind the last one, around and around."""
        after = self._last
        while True:
            yield from held.enter_context(self.database.after(after))
            after = None
