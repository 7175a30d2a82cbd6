"""Prebuilt databases: read through, used where they lie or copied; what changes under a dataset is told."""

import os

import numpy as np
import pytest
from pydantic import ValidationError

from gradus.builtin.prebuilt import PrebuiltDatabases, PrebuiltOptions
from gradus.core.errors import InputError
from gradus.data.facts import read_built
from gradus.data.readers.lmdb import open_database

KIND = PrebuiltDatabases()
RANDOM = np.random.default_rng(1)
PICTURES = RANDOM.integers(0, 256, (6, 3, 4, 5), np.uint8)
NUMBERS = RANDOM.normal(size=(6, 2, 1, 1)).astype(np.float32)


def key(place):
    return b"%09d" % place


@pytest.fixture
def databases(tmp_path, write_lmdb, datum):
    def make(name, values):
        records = [value if isinstance(value, bytes) else datum(value) for value in values]
        return str(write_lmdb(tmp_path / "old" / name, [(key(i), record) for i, record in enumerate(records)]))

    return make


@pytest.fixture
def built(memory, tmp_path):
    def make(images, labels="", **more):
        options = PrebuiltOptions(name="p", prebuilt_train_images=images, prebuilt_train_labels=labels, **more)
        KIND.scan(options, lambda _: None)
        KIND.build(options, tmp_path / "job", memory())
        return read_built(tmp_path / "job")

    return make


def test_databases_are_used_where_they_lie(databases, built, read_lmdb, tmp_path):
    images, labels = databases("images", PICTURES), databases("labels", NUMBERS)
    facts = built(images, labels, prebuilt_val_images=databases("val", PICTURES[:2]))
    train, val = facts.splits
    assert (facts.type, facts.presentation, facts.unreadable) == ("image-generic", "vector", 0)
    assert (train.count, train.feature.shape, train.feature.number) == (6, (3, 4, 5), "uint8")
    assert (train.label.shape, train.label.number, val.count, val.label) == ((2, 1, 1), "float32", 2, None)
    linked = tmp_path / "job" / "train_db" / "features"
    assert (linked / "data.mdb").samefile(f"{images}/data.mdb")
    assert [bytes(record.data) for _, record in read_lmdb(linked)] == [picture.tobytes() for picture in PICTURES]
    assert not (tmp_path / "job" / "test_db").exists()


def test_a_database_that_changes_or_vanishes_is_told(databases, built, tmp_path):
    images = databases("images", PICTURES)
    built(images)
    linked = tmp_path / "job" / "train_db" / "features"
    open_database(linked).close()
    file = tmp_path / "old" / "images" / "data.mdb"
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 10**9))
    with pytest.raises(InputError, match="was changed after this dataset was made of it"):
        open_database(linked)
    file.rename(file.with_name("gone"))
    with pytest.raises(InputError, match="cannot be read: No such file") as caught:
        open_database(linked)
    assert caught.value.problem.file == str(file)


def test_copies_do_not_need_what_they_were_made_of(databases, built, read_lmdb, tmp_path):
    images = databases("images", PICTURES)
    built(images, databases("labels", NUMBERS), keep="copy")
    (tmp_path / "old" / "images" / "data.mdb").unlink()
    records = read_lmdb(tmp_path / "job" / "train_db" / "labels")
    assert [list(record.float_data) for _, record in records] == [pytest.approx(n.reshape(-1)) for n in NUMBERS]
    assert len(read_lmdb(tmp_path / "job" / "train_db" / "features")) == 6


@pytest.mark.parametrize(
    ("label", "feature", "presentation"),
    [
        (np.zeros((1, 4, 5), np.uint8), np.zeros((3, 4, 5), np.uint8), "mask"),
        (np.zeros((3, 4, 5), np.uint8), np.zeros((3, 4, 5), np.uint8), "picture"),
        (np.zeros((1, 7, 16), np.float32), np.zeros((3, 4, 5), np.uint8), "boxes"),
        (np.zeros((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.uint8), "vector"),
    ],
)  # fmt: skip
def test_how_labels_are_shown_follows_from_their_form(databases, built, label, feature, presentation):
    assert built(databases("i", [feature]), databases("l", [label])).presentation == presentation


def test_records_that_cannot_be_used_are_left_out_of_a_copy_and_refused_elsewhere(
    databases, built, datum, read_lmdb, tmp_path
):
    broken = datum(PICTURES[1])[:-30]
    values = [PICTURES[0], broken, *PICTURES[2:5], PICTURES[5][:, :2]]
    images, labels = databases("images", values), databases("labels", NUMBERS)
    with pytest.raises(InputError, match=r"record 000000001.*ends too early") as caught:
        built(images, labels)
    assert caught.value.problem.field == "prebuilt_train_images"
    facts = built(images, labels, keep="copy", unreadable_percent=40)
    assert (facts.splits[0].count, facts.unreadable) == (4, 2)
    records = read_lmdb(tmp_path / "job" / "train_db" / "labels")
    assert [k for k, _ in records] == [key(0), key(1), key(2), key(3)]
    assert [tuple(r.float_data) for _, r in records] == [tuple(NUMBERS[i].reshape(-1).tolist()) for i in (0, 2, 3, 4)]
    listed = (tmp_path / "job" / "unreadable.jsonl").read_text()
    assert "3 x 2 x 5, and the first 3 x 4 x 5; “Enforce same shape” refuses that" in listed


def test_shapes_may_differ_where_that_is_allowed(databases, built):
    facts = built(databases("i", [PICTURES[0], PICTURES[1][:, :2]]), force_same_shape=False)
    assert facts.splits[0].feature.shape is None


def test_a_mean_is_taken_over(databases, built, caffe, tmp_path):
    average = PICTURES.astype(float).mean(0)
    blob = caffe.BlobProto(num=1, channels=3, height=4, width=5, data=average.reshape(-1).tolist())
    (tmp_path / "m.binaryproto").write_bytes(blob.SerializeToString())
    facts = built(databases("i", PICTURES), prebuilt_mean_file=str(tmp_path / "m.binaryproto"))
    assert facts.mean_pixel == pytest.approx(average.mean((1, 2)).tolist())
    read = caffe.BlobProto.FromString((tmp_path / "job" / "train_db" / "mean.binaryproto").read_bytes())
    assert list(read.data) == pytest.approx(average.reshape(-1).tolist())


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"prebuilt_val_labels": "/x"}, "Validation Images must be given where there are validation labels"),
        ({"prebuilt_test_labels": "/x"}, "Test Images must be given"),
        ({"prebuilt_mean_file": "/x/mean.npy"}, r"must be a file that ends in \.binaryproto"),
    ],
)
def test_fields_that_need_each_other(fields, told):
    with pytest.raises(ValidationError, match=told):
        PrebuiltOptions(name="p", prebuilt_train_images="/i", **fields)


def test_what_does_not_belong_together_names_its_field(databases, built, tmp_path):
    images = databases("images", PICTURES)
    (tmp_path / "m.binaryproto").write_bytes(b"no blob")
    (tmp_path / "empty").mkdir()
    for given, field, told in (
        ({"labels": databases("few", NUMBERS[:5])}, "prebuilt_train_labels", "has 5 records, and that of the images 6"),
        ({"prebuilt_val_images": str(tmp_path / "empty")}, "prebuilt_val_images", "There is no database in"),
        ({"prebuilt_val_images": databases("none", [])}, "prebuilt_val_images", "has no records"),
        ({"prebuilt_mean_file": str(tmp_path / "m.binaryproto")}, "prebuilt_mean_file", "is not a mean"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            built(images, **given)
        assert caught.value.problem.field == field
