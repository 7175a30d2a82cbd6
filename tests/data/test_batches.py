"""Batches against the pictures as Pillow reads them from the source."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmdb
import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import DatasetFacts, Encoding, ResizeMode, Split, SplitFacts
from gradus.core.errors import InputError, MemoryLimitError, NotFoundError
from gradus.data.batches import open_split
from gradus.data.build import build_classification


@pytest.fixture
def dataset(pictures, options, memory, tmp_path):
    def make(**given):
        channels = given.get("channels", 3)
        root = pictures(count=20, channels=channels)
        out = tmp_path / "job"
        facts = build_classification(options(root, **given), out, memory())
        sources = {}
        for label, name in enumerate(("cat", "dog")):
            for path in (root / name).iterdir():
                pixels = np.asarray(Image.open(path)).reshape(9, 12, channels)[..., ::-1]
                sources[pixels.tobytes()] = label
        return out, facts, sources

    return make


@pytest.mark.parametrize("encoding", [Encoding.PNG, Encoding.RAW])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("budget", [None, 0])
def test_batches_are_the_sources_in_bgr(dataset, encoding, channels, budget):
    out, facts, sources = dataset(encoding=encoding, channels=channels)
    samples = open_split(out, facts, Split.TRAIN, memory_budget=budget)
    assert samples.fits_memory == (budget is None)
    assert len(samples) == 30 and samples.shape == (9, 12, channels)
    assert samples.labels.dtype == np.int64
    order = np.random.default_rng(0).permutation(30)
    found = samples.gather(order)
    assert found.dtype == np.uint8 and found.shape == (30, 9, 12, channels)
    assert [sources[picture.tobytes()] for picture in found] == samples.labels[order].tolist()
    assert (samples.gather(np.array([7, 7, 3])) == found[[list(order).index(i) for i in (7, 7, 3)]]).all()
    samples.close()


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_records_are_what_pillow_decodes(dataset, caffe, channels):
    out, facts, _ = dataset(encoding=Encoding.JPG, channels=channels)
    with lmdb.open(str(out / "val_db"), readonly=True, lock=False) as environment, environment.begin() as transaction:
        records = [caffe.Datum.FromString(value) for _, value in transaction.cursor()]
    expected = np.stack([np.asarray(Image.open(io.BytesIO(r.data))).reshape(9, 12, channels) for r in records])
    samples = open_split(out, facts, Split.VAL)
    difference = np.abs(samples.all()[..., ::-1].astype(int) - expected)
    samples.close()
    assert difference.max() <= 3  # both are libjpeg-turbo, of two versions
    assert samples.labels.tolist() == [record.label for record in records]


def test_all_is_everything_once(dataset):
    out, facts, _ = dataset()
    samples = open_split(out, facts, Split.TRAIN)
    samples.gather(np.arange(5))
    assert (samples.all() == samples.gather(np.arange(30))).all()
    assert samples.all() is samples.all()
    samples.close()


def test_what_does_not_fit_says_so(dataset):
    out, facts, _ = dataset()
    samples = open_split(out, facts, Split.TRAIN, memory_budget=100)
    with pytest.raises(MemoryLimitError):
        samples.all()
    samples.close()


@pytest.mark.parametrize("budget", [None, 0])
def test_many_threads_may_read_at_once(dataset, budget):
    out, facts, sources = dataset()
    samples = open_split(out, facts, Split.TRAIN, memory_budget=budget)
    rng = np.random.default_rng(1)
    wanted = [rng.integers(0, 30, 16) for _ in range(60)]
    with ThreadPoolExecutor(8) as pool:
        for indices, found in zip(wanted, pool.map(samples.gather, wanted), strict=True):
            assert [sources[picture.tobytes()] for picture in found] == samples.labels[indices].tolist()
    samples.close()


@pytest.mark.parametrize("index", [-1, 30])
def test_numbers_outside_are_refused(dataset, index):
    out, facts, _ = dataset()
    samples = open_split(out, facts, Split.TRAIN)
    with pytest.raises(IndexError):
        samples.gather(np.array([0, index]))
    samples.close()


def test_one_database_may_be_opened_twice(dataset):
    out, facts, _ = dataset()
    first, second = (open_split(out, facts, Split.VAL) for _ in range(2))
    first.close()
    assert len(second.gather(np.arange(10))) == 10
    second.close()


def test_a_missing_database_says_so(dataset):
    out, facts, _ = dataset()
    with pytest.raises(NotFoundError):
        open_split(out, facts, Split.TEST)


FACTS = DatasetFacts(
    labels=["a", "b"], width=12, height=9, channels=3, resize_mode=ResizeMode.SQUASH, encoding=Encoding.PNG,
    splits=[SplitFacts(split=Split.TRAIN, count=1, class_counts=[1, 0])], mean_pixel=[0, 0, 0],
)  # fmt: skip


@pytest.mark.parametrize("record", [b"", b"\x08\x03\x10\x09\x18\x0c\x22\x03abc", b"\x22\x04\x89PNG\x38\x01", b"\xff"])
def test_a_damaged_record_is_named(tmp_path: Path, record):
    with (
        lmdb.open(str(tmp_path / "train_db")) as environment,
        environment.begin(write=True) as transaction,
    ):
        transaction.put(b"00000000_1", record)
    samples = open_split(tmp_path, FACTS, Split.TRAIN)
    with pytest.raises(InputError, match="00000000_1"):
        samples.gather(np.array([0]))
    samples.close()
