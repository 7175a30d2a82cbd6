"""Datasets of DIGITS: taken over byte for byte, broken records told, everything found without the pickle."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from gradus.builtin.digits_import import DigitsImport, ImportOptions
from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split, Version
from gradus.core.errors import InputError, PathError
from gradus.data.batches import open_split
from gradus.data.digits_import import import_classification
from gradus.data.explore import sample_png
from gradus.data.facts import read_facts
from gradus.data.index import open_indexes
from gradus.data.versions import prepare_version
from gradus.plugins.manager import kinds

KIND = DigitsImport()


def asked(folder, **more):
    return ImportOptions(name="old", folder=str(folder), **more)


def imported(folder, out, report, **more):
    options = asked(folder, **more)
    KIND.scan(options, lambda _: None)
    return import_classification(KIND.become(options), out, report)


def test_the_kind_is_found_through_its_entry_point():
    assert isinstance(kinds()["digits-import"], DigitsImport)


@pytest.mark.parametrize(
    ("encoding", "backend", "channels"),
    [
        ("png", "lmdb", 3), ("jpg", "lmdb", 3), ("raw", "lmdb", 3), ("raw", "lmdb", 1), ("png", "lmdb", 1),
        ("raw", "hdf5", 3),
    ],
)  # fmt: skip
def test_what_was_stored_is_what_is_trained_on(digits_job, memory, tmp_path, encoding, backend, channels):
    job, out, report = digits_job(encoding, backend, channels=channels), tmp_path / "job", memory()
    options = KIND.become(asked(job.folder))
    assert isinstance(options, ClassificationOptions)
    assert (options.width, options.height, options.channels, options.resize_mode) == (8, 6, channels, "squash")
    assert (options.encoding, options.backend) == (encoding, backend)
    facts = imported(job.folder, out, report)
    assert read_facts(out) == facts
    assert (facts.labels, facts.width, facts.height, facts.channels) == (["ant", "bee", "cow"], 8, 6, channels)
    assert {s.split: (s.count, s.class_counts) for s in facts.splits} == {
        "train": (9, [3, 3, 3]),
        "val": (4, [2, 1, 1]),
    }
    for split in (Split.TRAIN, Split.VAL):
        samples = open_split(out, facts, split)
        assert samples.labels.tolist() == job.labels[split]
        wanted = job.pixels[split]
        if encoding == "jpg":
            wanted = np.stack([cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_COLOR) for picture in wanted])
        assert np.abs(samples.all().astype(int) - wanted).max() <= (2 if encoding == "jpg" else 0)
        samples.close()
    assert (out / "mean.binaryproto").is_file()
    average = job.pixels["train"].astype(float).mean((0, 1, 2))
    assert np.allclose(facts.mean_pixel, average, atol=1e-4)
    seen = cv2.imdecode(np.frombuffer(sample_png(out, facts, Split.VAL, 2), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(seen.astype(int) - (samples_of(job, encoding)[2])).max() <= (2 if encoding == "jpg" else 0)
    assert (out / "train.txt").read_text() == (job.folder / "train.txt").read_text()
    assert not any("names" in warning for warning in report.warnings)


def samples_of(job, encoding):
    pictures = job.pixels["val"]
    if pictures.shape[3] == 1:
        pictures = pictures.repeat(3, axis=3)
    if encoding == "jpg":
        return [cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_COLOR).astype(int) for picture in pictures]
    return pictures.astype(int)


def test_whole_databases_are_copied_byte_for_byte_and_the_job_is_left_alone(digits_job, memory, tmp_path):
    job = digits_job()
    before = {path: path.read_bytes() for path in job.folder.rglob("*") if path.is_file() and path.name != "lock.mdb"}
    imported(job.folder, tmp_path / "job", memory())
    copy = tmp_path / "job" / "train_db" / "data.mdb"
    assert copy.read_bytes() == before[job.folder / "train_db" / "data.mdb"]
    assert copy.stat().st_nlink == 1
    assert {path: path.read_bytes() for path in before} == before
    assert not Path("pwned").exists() and not (tmp_path / "job" / "status.pickle").exists()


def test_broken_records_are_listed_and_the_others_numbered_without_gaps(
    digits_job, memory, tmp_path, write_lmdb, datum, read_lmdb
):
    job, report = digits_job("raw", counts=(("train", 40),)), memory()
    pictures = [np.ascontiguousarray(p.transpose(2, 0, 1)) for p in job.pixels["train"]]
    values = [datum(picture, label) for picture, label in zip(pictures, job.labels["train"], strict=True)]
    values[3] = values[3][:-40]  # cut off
    values[7] = datum(pictures[7][:, :5], 1)  # smaller
    values[11] = datum(pictures[11], 9)  # of no class
    values[12] = datum(b"\x89PNG\r\n\x1a\nno picture", 0)
    folder = tmp_path / "other"
    (job.folder).rename(folder)
    for path in (folder / "train_db").iterdir():
        path.unlink()
    (folder / "train_db").rmdir()
    write_lmdb(folder / "train_db", [(b"%08d_%d" % (i, i % 3), value) for i, value in enumerate(values)])
    facts = imported(folder, tmp_path / "job", report, unreadable_percent=10)
    assert (facts.splits[0].count, facts.unreadable) == (36, 4)
    listed = [json.loads(line) for line in (tmp_path / "job" / "unreadable.jsonl").read_text().splitlines()]
    assert [entry["file"].rpartition(" ")[2] for entry in listed] == [
        "00000003_0",
        "00000007_1",
        "00000011_2",
        "00000012_0",
    ]
    assert "label is 9, and there are 3 classes" in listed[2]["reason"]
    kept = [i for i in range(40) if i not in (3, 7, 11, 12)]
    records = read_lmdb(tmp_path / "job" / "train_db")
    assert [key for key, _ in records] == [b"%08d_%d" % (place, i % 3) for place, i in enumerate(kept)]
    assert [record.data for _, record in records] == [pictures[i].tobytes() for i in kept]
    with pytest.raises(InputError, match="at most 5 % may be broken") as caught:
        imported(folder, tmp_path / "job", memory())
    assert caught.value.problem.field == "train"
    assert not (tmp_path / "job" / "dataset.json").exists()


def test_keys_of_another_form_are_numbered_anew(digits_job, memory, tmp_path, write_lmdb, datum, read_lmdb):
    """As `convert_imageset` of Caffe writes them: the name of the file in the key, the class in the record only."""
    job = digits_job("raw", counts=(("train", 4),))
    folder = tmp_path / "caffe"
    pictures = [np.ascontiguousarray(p.transpose(2, 0, 1)) for p in job.pixels["train"]]
    write_lmdb(folder / "train_db", [(b"%08d_a/%d.jpg" % (i, i), datum(p, 2 - i % 3)) for i, p in enumerate(pictures)])
    facts = imported(folder, tmp_path / "job", memory())
    assert facts.labels == ["0", "1", "2"]
    assert [key for key, _ in read_lmdb(tmp_path / "job" / "train_db")] == [
        b"00000000_2", b"00000001_1", b"00000002_0", b"00000003_2",
    ]  # fmt: skip
    assert np.allclose(facts.mean_pixel, job.pixels["train"].astype(float).mean((0, 1, 2)))


def test_a_list_with_other_numbers_is_told(digits_job, memory, tmp_path):
    job, report = digits_job(), memory()
    with (job.folder / "train.txt").open("a") as file:
        file.write("/data/unreadable.png 2\n")
    imported(job.folder, tmp_path / "job", report)
    assert any("train.txt names 10 pictures, and train_db has 9 records" in warning for warning in report.warnings)


def test_samples_are_looked_at_as_those_of_any_dataset(digits_job, memory, tmp_path, write_lmdb, datum, read_lmdb):
    """A picture that is in both databases is a leak; a version without it is made of the same folder."""
    job, report = digits_job("raw"), memory()
    pictures = [np.ascontiguousarray(p.transpose(2, 0, 1)) for p in job.pixels["val"]]
    pictures[3] = np.ascontiguousarray(job.pixels["train"][3].transpose(2, 0, 1))  # class 0 in both
    folder = tmp_path / "leaky"
    job.folder.rename(folder)
    (folder / "val_db").rename(tmp_path / "unused")
    write_lmdb(folder / "val_db", [(b"%08d_%d" % (i, i % 3), datum(p, i % 3)) for i, p in enumerate(pictures)])
    imported(folder, tmp_path / "job", report)
    assert any("pictures are in more than one split" in warning for warning in report.warnings), report.warnings
    index = open_indexes(tmp_path / "job")[Split.TRAIN]
    assert [index.name(i) for i in (0, 7)] == ["/data/ant/a picture 0.png", "/data/bee/a picture 7.png"]
    assert index.sha256(2) == hashlib.sha256(job.pixels["train"][2].transpose(2, 0, 1).tobytes()).digest()
    version = Version(parent="20260101-000000-0123456789", without=["leaks"])
    (tmp_path / "second").mkdir()
    prepare_version(tmp_path / "job", tmp_path / "second", version)
    options = KIND.become(asked(folder)).model_copy(update={"version": version})
    facts = import_classification(options, tmp_path / "second", memory())
    assert sum(part.count for part in facts.splits) == 12
    records = [read_lmdb(tmp_path / "second" / name) for name in ("train_db", "val_db")]
    assert all([key[:8] for key, _ in part] == [b"%08d" % i for i in range(len(part))] for part in records)
    assert sum(record.data == pictures[3].tobytes() for part in records for _, record in part) == 1


def test_records_that_were_mixed_have_no_files(digits_job, memory, tmp_path):
    job = digits_job()
    lines = (job.folder / "train.txt").read_text().splitlines()
    (job.folder / "train.txt").write_text("\n".join(reversed(lines)) + "\n")
    imported(job.folder, tmp_path / "job", memory())
    assert open_indexes(tmp_path / "job")[Split.TRAIN].name(4) == "00000004_1"


@pytest.mark.parametrize("content", [b"no blob at all", b""])
def test_a_mean_of_no_use_is_made_anew(digits_job, memory, tmp_path, content):
    job, report = digits_job(), memory()
    (job.folder / "mean.binaryproto").write_bytes(content)
    facts = imported(job.folder, tmp_path / "job", report)
    assert any("made anew" in warning for warning in report.warnings)
    assert np.allclose(facts.mean_pixel, job.pixels["train"].astype(float).mean((0, 1, 2)), atol=1e-4)


def test_a_job_of_features_and_labels_becomes_a_generic_dataset(tmp_path, write_lmdb, datum):
    folder = tmp_path / "generic"
    for split in ("train_db", "val_db"):
        write_lmdb(
            folder / split / "features", [(b"%09d" % i, datum(np.full((3, 4, 5), i, np.uint8))) for i in range(3)]
        )
        write_lmdb(
            folder / split / "labels", [(b"%09d" % i, datum(np.full((1, 2, 16), i, np.float32))) for i in range(3)]
        )
    options = KIND.become(asked(folder, group="old ones"))
    assert (options.type, options.keep, options.group) == ("image-generic", "copy", "old ones")
    assert options.prebuilt_val_labels == str(folder / "val_db" / "labels")
    assert options.prebuilt_test_images == ""


@pytest.mark.parametrize("backend", ["lmdb", "hdf5"])
def test_a_few_records_can_be_looked_at_before(digits_job, backend):
    job = digits_job("raw", backend)
    options = asked(job.folder)
    scan = KIND.scan(options, lambda _: None)
    assert ({split: len(part) for split, part in scan.entries.items()}, scan.labels) == (
        {"train": 9, "val": 4}, ["ant", "bee", "cow"],
    )  # fmt: skip
    decoder = KIND.prepare(options, scan)
    assert [entry.name for entry in scan.entries[Split.VAL][1:]] == [f"val, record {i}" for i in (1, 2, 3)]
    sample = decoder(scan.entries[Split.TRAIN][7])
    assert (sample.feature == job.pixels["train"][7][..., ::-1]).all()
    assert (sample.label.tolist(), sample.counts) == ([0, 1, 0], {1: 1})


def test_a_few_records_of_a_generic_job_can_be_looked_at_before(tmp_path, write_lmdb, datum):
    pictures = [datum(np.full((3, 4, 5), i, np.uint8)) for i in range(3)]
    for name, values in (
        ("features", pictures),
        ("labels", [datum(np.full((2, 1, 1), i, np.float32)) for i in range(3)]),
    ):
        write_lmdb(tmp_path / "job" / "train_db" / name, [(b"%09d" % i, value) for i, value in enumerate(values)])
    options = asked(tmp_path / "job")
    scan = KIND.scan(options, lambda _: None)
    sample = KIND.prepare(options, scan)(scan.entries[Split.TRAIN][-1])
    assert (sample.feature.shape, sample.feature.max(), sample.label.reshape(-1).tolist()) == ((4, 5, 3), 2, [2, 2])


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"solver.prototxt": ""}, "is a model of DIGITS, not a dataset"),
        ({"a/train_db/data.mdb": "", "b/train_db/data.mdb": ""}, r"holds several jobs of DIGITS \(a, b\)"),
        ({"labels.txt": "a\nb\n"}, "it has no train_db"),
        ({"train_db/readme": ""}, "There is no database in"),
        ({"train_db/data.mdb": "x" * 9000}, "cannot be read"),
        ({"train_db/0.h5": "x" * 9000, "train_db/list.txt": "0.h5\n"}, "cannot be read"),
    ],
)
def test_a_folder_that_is_no_such_job_says_what_it_is(tmp_path, files, told):
    for name, content in files.items():
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_text(content)
    with pytest.raises(InputError, match=told) as caught:
        KIND.scan(asked(tmp_path / "x"), lambda _: None)
    assert caught.value.problem.field == "folder"


def test_links_out_of_the_allowed_folders_lead_nowhere(digits_job, tmp_path):
    job = digits_job()
    secret = tmp_path / "secret"
    secret.mkdir()
    (job.folder / "labels.txt").rename(secret / "labels.txt")
    (job.folder / "labels.txt").symlink_to(secret / "labels.txt")
    options = asked(job.folder, roots=[str(job.folder)])
    with pytest.raises(PathError, match="outside the folders that are allowed"):
        KIND.scan(options, lambda _: None)
    (job.folder / "labels.txt").unlink()
    KIND.scan(options, lambda _: None)
    (job.folder / "train_db").rename(secret / "train_db")
    (job.folder / "train_db").symlink_to(secret / "train_db")
    with pytest.raises(PathError, match="outside the folders that are allowed"):
        KIND.scan(options, lambda _: None)
