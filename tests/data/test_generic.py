"""Generic databases: DIGITS' layout, read by other readers than ours, and what may not be used told."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

import cv2
import lmdb
import numpy as np
import pytest

from gradus.core.dataset import BadFile, Split, Version
from gradus.core.errors import ImageError, InputError, NotFoundError
from gradus.core.generic import GenericOptions, Presentation
from gradus.data.building import Stopped
from gradus.data.explore import count_samples, read_label, read_samples, sample_png
from gradus.data.facts import read_built, read_facts
from gradus.data.generic import Recipe, build_generic
from gradus.data.index import open_indexes
from gradus.data.quality.examine import read_quality
from gradus.data.versions import prepare_version
from gradus.data.writers.lmdb import LmdbWriter
from gradus.plugins.data import DataKind, Entry, Sample, Scan

PLANES = np.random.default_rng(3).integers(0, 256, (20, 3, 6, 8)).astype(np.uint8)
MADE = PLANES.transpose(0, 2, 3, 1)  # as a plugin may have it: in another order in memory


class ToyOptions(GenericOptions):
    type: Literal["toy"] = "toy"
    count: int = 12
    broken: tuple[int, ...] = ()
    remarked: tuple[int, ...] = ()
    odd: tuple[int, ...] = ()


class Toy(DataKind[ToyOptions]):
    """Pictures whose label is the mean of each colour."""

    id = "toy"
    title = "Toy"
    presentation = Presentation.VECTOR
    options = ToyOptions

    def scan(self, options, watch):
        watch(options.count)
        entries = [Entry(f"{i}\n.png", i) for i in range(options.count)]
        return Scan(
            {Split.TRAIN: entries[:-2], Split.VAL: entries[-2:]}, labels=["dark", "bright"], user={"version": 1}
        )

    def prepare(self, options, scan):
        def decode(entry):
            if entry.source in options.broken:
                raise ImageError("it is broken")
            pixels = MADE[entry.source]
            if entry.source in options.odd:
                pixels = pixels[:-1]
            remarks = ["it is odd"] * 7 if entry.source in options.remarked else []
            label = pixels.mean(axis=(0, 1)).astype(np.float32)
            return Sample(pixels, label, remarks, {int(label.mean() > 127): 1})

        return decode


def build(folder, memory, **changed):
    report = memory()
    return build_generic(Toy(), ToyOptions(name="toy", **changed), folder, report), report


def records(folder):
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return list(transaction.cursor())


def test_the_layout_of_digits_by_other_readers(tmp_path, memory, caffe):
    facts, _ = build(tmp_path, memory)
    features, labels = records(tmp_path / "train_db/features"), records(tmp_path / "train_db/labels")
    assert [key for key, _ in features] == [b"%09d" % i for i in range(10)] == [key for key, _ in labels]
    seen = []
    for (_, feature), (_, label) in zip(features, labels, strict=True):
        datum = caffe.Datum.FromString(feature)
        assert datum.encoded and (datum.channels, datum.height, datum.width) == (3, 6, 8)
        pixels = cv2.imdecode(np.frombuffer(datum.data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        number = next(i for i in range(10) if np.array_equal(MADE[i], pixels))
        seen.append(number)
        values = caffe.Datum.FromString(label)
        assert (values.channels, values.height, values.width) == (3, 1, 1)
        assert list(values.float_data) == MADE[number].mean(axis=(0, 1)).astype(np.float32).tolist()
    assert sorted(seen) == list(range(10)) and seen != sorted(seen)  # mixed
    mean = caffe.BlobProto.FromString((tmp_path / "train_db/mean.binaryproto").read_bytes())
    expected = MADE[:10].mean(axis=0)[..., ::-1].transpose(2, 0, 1).astype(np.float32)
    assert list(mean.data) == expected.ravel().tolist()
    assert facts.mean_pixel == pytest.approx(expected.mean(axis=(1, 2)).tolist())
    assert [s.count for s in facts.splits] == [10, 2]
    assert sum(facts.splits[0].class_counts) == 10
    assert facts.splits[0].feature.shape == (3, 6, 8) and facts.splits[0].label.shape == (3, 1, 1)
    assert read_built(tmp_path) == facts and facts.user == {"version": 1}
    with pytest.raises(InputError, match="for toy"):
        read_facts(tmp_path)


def test_twice_the_same_bytes_and_another_seed_another_order(tmp_path, memory):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build(tmp_path / name, memory, seed=seed)
    a, b, c = (
        {str(p.relative_to(tmp_path / n)): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in "abc"
    )
    a.pop("dataset.json"), b.pop("dataset.json"), c.pop("dataset.json")  # holds the seconds
    assert a == b and a != c and a.keys() == c.keys()


def test_what_cannot_be_used_is_listed_and_what_is_odd_is_kept(tmp_path, memory):
    facts, report = build(tmp_path, memory, broken=(3,), remarked=(4,), odd=(5, 10), unreadable_percent=40)
    lines = (tmp_path / "unreadable.jsonl").read_text().splitlines()
    bad = {b.file: b for b in map(BadFile.model_validate_json, lines)}
    assert bad["3%0A.png"].reason == "it is broken" and not bad["3%0A.png"].kept
    assert bad["4%0A.png"].reason == "it is odd; it is odd; it is odd; it is odd; it is odd; and 2 more"
    assert bad["4%0A.png"].kept
    assert "3 x 5 x 8" in bad["5%0A.png"].reason
    assert facts.unreadable == len(bad) == 4 and facts.splits[0].count == 8
    assert "3 x 5 x 8" in bad["10%0A.png"].reason  # validation has to be like training
    assert facts.splits[1].feature.shape == (3, 6, 8) and facts.splits[1].count == 1
    expected = MADE[[0, 1, 2, 4, 6, 7, 8, 9]].mean(axis=0)[..., ::-1].mean(axis=(0, 1))
    assert facts.mean_pixel == pytest.approx(expected.tolist())
    assert any("4 of 12" in warning for warning in report.warnings)


def test_above_the_share_it_fails_with_the_first_reasons_and_leaves_nothing(tmp_path, memory):
    with pytest.raises(InputError, match=r"at most 5 % may have one.*it is broken"):
        build(tmp_path, memory, broken=(3,))
    assert [p.name for p in tmp_path.iterdir()] == []


def test_shapes_may_differ_where_that_is_wanted_and_then_there_is_no_mean(tmp_path, memory):
    facts, _ = build(tmp_path, memory, odd=(5,), force_same_shape=False)
    assert facts.splits[0].feature.shape is None and facts.mean_pixel is None
    assert facts.splits[0].count == 10 and not (tmp_path / "train_db/mean.binaryproto").exists()


def test_raw_features_are_planes_in_caffes_order(tmp_path, memory, caffe):
    build(tmp_path, memory, feature_encoding="raw", count=3)
    ((_, record),) = records(tmp_path / "train_db/features")
    datum = caffe.Datum.FromString(record)
    assert not datum.encoded
    assert datum.data == MADE[0][..., ::-1].transpose(2, 0, 1).tobytes()


def test_it_stops_when_asked_to_and_leaves_nothing(tmp_path, memory):
    with pytest.raises(Stopped):
        build_generic(Toy(), ToyOptions(name="toy"), tmp_path, memory(stop_after=1))
    assert [p.name for p in tmp_path.iterdir()] == []


def test_the_facts_are_json(tmp_path, memory):
    build(tmp_path, memory)
    assert json.loads((tmp_path / "dataset.json").read_text())["presentation"] == "vector"


def test_samples_are_found_by_number_and_by_class(tmp_path, memory):
    facts, _ = build(tmp_path, memory, count=20)
    every = read_samples(tmp_path, facts, Split.TRAIN, None, 0, 100)
    assert [s.index for s in every] == list(range(18))
    bright = []
    for sample in every:
        pixels = cv2.imdecode(np.frombuffer(sample_png(tmp_path, facts, Split.TRAIN, sample.index), np.uint8), 1)
        label = read_label(tmp_path, facts, Split.TRAIN, sample.index)
        assert label.ravel().tolist() == pytest.approx(pixels[..., ::-1].mean(axis=(0, 1)).tolist())
        bright += [sample.index] * bool(pixels.mean() > 127)
    found = [read_samples(tmp_path, facts, Split.TRAIN, 1, offset, 4) for offset in range(0, 20, 4)]
    assert [s.index for page in found for s in page] == bright
    assert count_samples(tmp_path, facts, Split.TRAIN, 1) == len(bright)
    assert count_samples(tmp_path, facts, Split.TEST, None) == 0
    with pytest.raises(NotFoundError):
        sample_png(tmp_path, facts, Split.TRAIN, 18)


def test_samples_are_in_the_index_and_copies_are_found_and_left_out(tmp_path, memory):
    copies = np.random.default_rng(5).integers(0, 256, (12, 6, 8, 3)).astype(np.uint8)
    copies[3] = copies[11]  # in training and in validation

    class Copies(Toy):
        def prepare(self, options, scan):
            return lambda entry: Sample(copies[entry.source], counts={0: 1}, size=(80, 60))

    def made(name, **changed):
        build_generic(Copies(), ToyOptions(name="toy", **changed), tmp_path / name, memory())
        return read_quality(tmp_path / name), open_indexes(tmp_path / name)

    quality, indexes = made("parent")
    train = indexes[Split.TRAIN]
    assert quality.leaks == 2 and quality.samples == 12
    stored = [value for _, value in records(tmp_path / "parent" / "train_db" / "features")]
    assert [train.sha256(i) for i in range(10)] == [hashlib.sha256(value).digest() for value in stored]
    assert {train.name(i) for i in range(10)} == {f"{i}\n.png" for i in range(10)}
    assert set(train.records["width"]) == {80} and set(train.records["label"]) == {-1}
    version = Version(parent="x", without=["leaks"])
    (tmp_path / "child").mkdir()
    prepare_version(tmp_path / "parent", tmp_path / "child", version)
    quality, indexes = made("child", version=version)
    assert quality.leaks == 0 and quality.left_out == 1
    assert "3\n.png" not in {indexes[Split.TRAIN].name(i) for i in range(9)}
    assert len(records(tmp_path / "child" / "train_db" / "features")) == len(indexes[Split.TRAIN]) == 9


def test_what_is_no_picture_has_no_looks(tmp_path, memory):
    class Values(Toy):
        def prepare(self, options, scan):
            return lambda entry: Sample(np.full(5, entry.source, np.float32))

    build_generic(Values(), ToyOptions(name="toy"), tmp_path, memory())
    quality = read_quality(tmp_path)
    assert quality.samples == 12 and quality.histograms == [] and {f.kind for f in quality.findings} == set()
    assert set(open_indexes(tmp_path)[Split.TRAIN].records["width"]) == {0}


@pytest.mark.parametrize("size", [1, 7, 300, 1000])
def test_pages_of_a_database_do_not_depend_on_how_many_records_come_at_once(tmp_path, size):
    records = [(i % 3, bytes([i % 251]) * (i % 4000)) for i in range(1000)]
    for name, step in (("a", size), ("b", 13)):
        with LmdbWriter(tmp_path / name) as writer:
            for start in range(0, len(records), step):
                writer.append(records[start : start + step])
            writer.close()
    assert (tmp_path / "a" / "data.mdb").read_bytes() == (tmp_path / "b" / "data.mdb").read_bytes()


def test_of_large_samples_fewer_are_made_at_once():
    def decode(entry):
        if entry.source is None:
            raise ImageError("it is broken")
        return Sample(feature=np.zeros(entry.source, np.uint8), label=np.zeros(entry.source[:2], np.uint8))

    recipe = Recipe(decode, ToyOptions(name="toy", batch_size=30), Presentation.MASK)
    broken = Entry("broken")
    assert recipe.size([broken, Entry("small", (8, 8, 3))]) == 30
    assert recipe.size([Entry("large", (4000, 3000, 3))]) == 1
    assert 2 <= recipe.size([Entry("medium", (200, 300, 3))]) <= 2 * 2**20 // (200 * 300 * 4)
    assert recipe.size([broken] * 9) == recipe.size([]) == 30
