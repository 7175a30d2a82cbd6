"""Image processing: two pictures in each sample, both as they were made."""

import lmdb
import numpy as np
import pytest
from PIL import Image

from gradus.builtin.processing import ImageProcessing, ProcessingOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.generic import build_generic


def picture(i, width=9, height=7):
    return np.random.default_rng(i).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def made(tmp_path):
    """Labels are their features inverted."""

    def make(count=10, scale=1):
        for name in ("noisy", "clean"):
            (tmp_path / name).mkdir(exist_ok=True)
        for i in range(count):
            Image.fromarray(picture(i)).save(tmp_path / "noisy" / f"{i}.png")
            label = (255 - picture(i)).repeat(scale, 0).repeat(scale, 1)
            Image.fromarray(label).save(tmp_path / "clean" / f"{i}.bmp")
        return {"feature_folder": str(tmp_path / "noisy"), "label_folder": str(tmp_path / "clean")}

    return make


@pytest.fixture
def build(tmp_path, memory):
    def run(**given):
        options = ProcessingOptions(name="test", feature_encoding="raw", **given)
        return build_generic(ImageProcessing(), options, tmp_path / "out", memory())

    return run


@pytest.fixture
def records(tmp_path, caffe):
    def read(part):
        environment = lmdb.open(str(tmp_path / "out" / "train_db" / part), readonly=True, lock=False)
        with environment, environment.begin() as transaction:
            datums = [caffe.Datum.FromString(value) for _, value in transaction.cursor()]
        return [np.frombuffer(d.data, np.uint8).reshape(d.channels, d.height, d.width) for d in datums]

    return read


def test_both_pictures_of_each_pair(made, build, records):
    facts = build(**made())
    assert facts.presentation == "picture" and facts.labels == [] and [s.count for s in facts.splits] == [9, 1]
    whole = {picture(i).tobytes() for i in range(10)}
    for feature, label in zip(records("features"), records("labels"), strict=True):
        assert (feature == 255 - label).all()
        assert feature[::-1].transpose(1, 2, 0).tobytes() in whole  # planes of blue, green, red


def test_a_label_may_be_larger(made, build):
    facts = build(**made(scale=2))
    assert facts.splits[0].feature.shape == (3, 7, 9) and facts.splits[0].label.shape == (3, 14, 18)


@pytest.mark.parametrize(("conversion", "channels"), [("none", 3), ("L", 1)])
def test_size_and_conversion_are_of_both(made, build, conversion, channels):
    facts = build(**made(scale=2), width=6, height=5, channel_conversion=conversion)
    assert facts.splits[0].feature.shape == facts.splits[0].label.shape == (channels, 5, 6)


def test_what_cannot_be_read_says_which_of_the_two(made, tmp_path):
    given = made()
    (tmp_path / "clean" / "3.bmp").write_bytes(b"")
    options = ProcessingOptions(name="x", **given)
    kind = ImageProcessing()
    scan = kind.scan(options, lambda _: None)
    decode = kind.prepare(options, scan)
    (broken,) = (entry for part in scan.entries.values() for entry in part if entry.name == "3.png")
    with pytest.raises(InputError, match="its label: the file is empty"):
        decode(broken)
    assert sum(len(scan.entries[split]) for split in Split) == 10
