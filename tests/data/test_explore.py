"""Pages of records, and single ones as pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import Encoding, Split
from gradus.core.errors import NotFoundError
from gradus.data.batches import open_split
from gradus.data.build import build_classification
from gradus.data.explore import read_samples, sample_png


@pytest.fixture
def dataset(pictures, options, memory, tmp_path):
    out = tmp_path / "job"
    root = pictures(("a", "b", "c"), count=12)
    return out, build_classification(options(root, encoding=Encoding.JPG, validation_percent=0), out, memory())


def test_pages_cover_the_database_in_order(dataset):
    out, facts = dataset
    pages = [read_samples(out, facts, Split.TRAIN, None, offset, 10) for offset in range(0, 50, 10)]
    assert [len(page) for page in pages] == [10, 10, 10, 6, 0]
    found = [sample for page in pages for sample in page]
    assert [sample.index for sample in found] == list(range(36))
    assert all(sample.key == f"{sample.index:08d}_{sample.label}" for sample in found)
    samples = open_split(out, facts, Split.TRAIN)
    assert [sample.label for sample in found] == samples.labels.tolist()
    samples.close()


def test_a_class_alone(dataset):
    out, facts = dataset
    everything = read_samples(out, facts, Split.TRAIN, None, 0, 100)
    for label in range(3):
        of_class = [sample for sample in everything if sample.label == label]
        pages = [read_samples(out, facts, Split.TRAIN, label, offset, 5) for offset in (0, 5, 10, 15)]
        assert [sample for page in pages for sample in page] == of_class
        assert len(of_class) == 12
    assert read_samples(out, facts, Split.TRAIN, 3, 0, 5) == []
    assert read_samples(out, facts, Split.TRAIN, None, -1, 5) == []


def test_a_record_is_shown_as_the_network_sees_it(dataset):
    out, facts = dataset
    samples = open_split(out, facts, Split.TRAIN)
    for index in (0, 17, 35):
        image = Image.open(io.BytesIO(sample_png(out, facts, Split.TRAIN, index)))
        assert image.format == "PNG"
        assert (np.asarray(image)[..., ::-1] == samples.gather(np.array([index]))[0]).all()
    samples.close()


@pytest.mark.parametrize(("split", "index"), [(Split.TRAIN, 36), (Split.TRAIN, -1), (Split.VAL, 0)])
def test_records_that_are_not_there(dataset, split, index):
    out, facts = dataset
    with pytest.raises(NotFoundError):
        sample_png(out, facts, split, index)
