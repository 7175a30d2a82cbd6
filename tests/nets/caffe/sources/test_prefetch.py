import gc
import threading
import time

import numpy as np
import pytest
import torch

from gradus.core.errors import InputError
from gradus.nets.caffe.sources.order import Order
from gradus.nets.caffe.sources.pool import Pool
from gradus.nets.caffe.sources.prefetch import Prefetched
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.text.prototxt import parse_network


class Counting(Source):
    """Gives 0, 1, 2, ..."""

    def __init__(self, fails_at=None):
        _, (definition,) = parse_network('layer { name: "count" type: "Data" top: "n" }')
        super().__init__(definition, Reading(training=True))
        self.made, self.closed, self.fails_at = 0, 0, fails_at

    def shapes(self):
        return [(self.made + 1,)]

    def read(self):
        if self.made == self.fails_at:
            raise InputError("no more")
        self.made += 1
        return [torch.full((self.made,), self.made - 1.0)]

    def close(self):
        self.closed += 1


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch count"]


def test_batches_come_in_order_and_no_more_than_asked_for_are_kept():
    inner = Counting()
    source = Prefetched(inner, 3)
    assert source.shapes() == [(1,)]
    assert inner.made == 0  # nothing is read before it is asked for
    for i in range(5):
        (batch,) = source.read()
        assert batch.tolist() == [i] * (i + 1)
        wait_for(lambda i=i: inner.made == i + 4)
        assert source.shapes() == [(i + 2,)]
    time.sleep(0.02)
    assert inner.made == 8
    source.close()
    assert (inner.closed, threads()) == (1, [])
    source.close()
    assert inner.closed == 1


def test_a_source_that_nobody_holds_ends_its_thread():
    inner = Counting()
    source = Prefetched(inner, 2)
    source.read()
    assert len(threads()) == 1
    del source
    gc.collect()
    assert (inner.closed, threads()) == (1, [])


def test_what_goes_wrong_is_raised_where_the_batch_would_have_been():
    source = Prefetched(Counting(fails_at=2), 4)
    assert [source.read()[0][0].item() for _ in range(2)] == [0, 1]
    for _ in range(2):
        with pytest.raises(InputError, match="no more"):
            source.read()
        with pytest.raises(InputError, match="no more"):
            source.shapes()
    source.close()


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("shuffled", [False, True])
def test_processes_together_read_every_item_once_in_each_pass(world, shuffled):
    shares = [Order(5, np.random.default_rng(1) if shuffled else None, rank=rank, world=world) for rank in range(world)]
    dealt = np.stack([np.concatenate([share.take(k) for k in (4, 1, 10, 0, 20)]) for share in shares], axis=1).ravel()
    for start in range(0, len(dealt) - 4, 5):
        part = dealt[start : start + 5]
        assert sorted(part) == [0, 1, 2, 3, 4]
        if not shuffled:
            assert part.tolist() == [0, 1, 2, 3, 4]


def test_looking_at_the_next_item_does_not_take_it():
    order = Order(4, np.random.default_rng(2), skip=3)
    for _ in range(10):
        assert order.peek() == order.take(1)[0]


def test_the_pool_does_all_and_raises_the_first_error():
    pool, done = Pool(), set()
    pool.each(done.add, 100)
    assert done == set(range(100))

    def fails(i):
        if i in (30, 90):
            raise InputError(f"item {i}")

    with pytest.raises(InputError, match="item 30"):
        pool.each(fails, 100)
    blocks = []
    pool.blocks(blocks.append, 10, least=20)
    assert blocks == [slice(0, 10)]
    pool.close()
    pool.close()
