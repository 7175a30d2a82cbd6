"""Feeds give the same batches however they come by them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.batches import Samples, open_split
from gradus.data.facts import read_facts
from gradus.engine import feed as feeds
from gradus.engine.sampler import PlainOrder, ShuffledOrder

CPU = torch.device("cpu")


def opened(dataset: Path, budget: int | None = None) -> Samples:
    return open_split(dataset, read_facts(dataset), Split.TRAIN, memory_budget=budget)


@pytest.mark.parametrize("budget", [None, 0])
@pytest.mark.parametrize("kind", [feeds.HostFeed, feeds.AheadFeed, feeds.ResidentFeed])
def test_batches(dataset: Path, kind: Callable[..., feeds.Feed], budget: int | None) -> None:
    truth = opened(dataset)
    order = ShuffledOrder(90, 16, 1)
    steps = () if kind is feeds.HostFeed else (20,)
    with kind(opened(dataset, budget), order.indices, CPU, *steps) as feed:
        for step in range(20):
            pixels, labels = feed.batch(step)
            assert pixels.dtype is torch.uint8
            assert np.array_equal(pixels.numpy(), truth.all()[order.indices(step)])
            assert np.array_equal(labels.numpy(), truth.labels[order.indices(step)])
    truth.close()


def test_a_resident_set_is_indexed_where_it_is(dataset: Path) -> None:
    order = ShuffledOrder(90, 16, 1)
    with feeds.ResidentFeed(opened(dataset), order.indices, CPU, 20) as feed:
        first, _ = feed.batch(0)
        feed._uploader.join()
        feed._samples.gather = None  # type: ignore[assignment]  # nothing is asked of it any more
        again, _ = feed.batch(0)
        assert torch.equal(first, again)


def test_passes_begin_again(dataset: Path) -> None:
    order = PlainOrder(90, 40)
    with feeds.AheadFeed(opened(dataset, 0), order.indices, CPU, order.steps) as feed:
        sizes = [len(feed.batch(step)[1]) for _ in range(2) for step in range(3)]
        assert sizes == [40, 40, 10] * 2
        feed.batch(0)  # a pass that is given up


def test_what_fits_is_not_read_ahead(dataset: Path) -> None:
    for budget, kind in [(None, feeds.HostFeed), (0, feeds.AheadFeed)]:
        with feeds.feed(opened(dataset, budget), PlainOrder(90, 40).indices, CPU, 3) as feed:
            assert type(feed) is kind


def test_a_record_that_cannot_be_read_is_told_in_the_loop(dataset: Path) -> None:
    samples = opened(dataset, 0)

    def damaged(_: object) -> None:
        raise InputError("train_db, record 00000003_1: damaged")

    samples.gather = damaged  # type: ignore[assignment]
    with (
        feeds.AheadFeed(samples, PlainOrder(90, 40).indices, CPU, 3) as feed,
        pytest.raises(InputError, match="00000003_1"),
    ):
        feed.batch(0)
