"""HDF5 databases, read back with h5py and with Caffe's own rules, and held against an LMDB of the same pictures."""

import os
import shutil
import subprocess

import h5py
import numpy as np
import pytest

from gradus.core.dataset import Backend, Compression, Encoding, Split
from gradus.core.errors import InputError, NotFoundError, StorageFullError
from gradus.data.batches import open_split
from gradus.data.build import build_classification
from gradus.data.datum import encode_datum
from gradus.data.explore import read_samples, sample_png
from gradus.data.mean import read_mean
from gradus.data.pictures import read_picture
from gradus.data.readers.database import open_numbered, open_records
from gradus.data.readers.hdf5 import Hdf5Database
from gradus.data.writers.hdf5 import Hdf5Writer


@pytest.fixture
def both(pictures, options, memory, tmp_path):
    """The same dataset as HDF5 and as an LMDB."""

    def make(**given):
        root = pictures(count=30, channels=given.get("channels", 3))
        made = []
        for backend in Backend:
            out = tmp_path / backend
            made.append((out, build_classification(options(root, backend=backend, **given), out, memory())))
        return made[::-1]

    return make


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("compression", list(Compression))
def test_layout_is_digits(both, channels, compression):
    (out, facts), _ = both(channels=channels, compression=compression)
    assert facts.encoding is Encoding.RAW and facts.encoding_reason and facts.backend is Backend.HDF5
    assert sorted(path.name for path in (out / "train_db").iterdir()) == ["0.h5", "list.txt"]
    assert (out / "train_db" / "list.txt").read_text() == "0.h5\n"
    samples = open_split(out, facts, Split.TRAIN)
    with h5py.File(out / "train_db" / "0.h5", locking=False) as file:
        assert file["data"].dtype == np.float32 and file["data"].shape == (46, channels, 9, 12)
        assert file["data"].compression == (None if compression is Compression.NONE else "gzip")
        assert (file["data"][()].transpose(0, 2, 3, 1)[..., ::-1] == samples.all()).all()  # RGB there, BGR here
        assert (file["label"][()] == samples.labels).all()
    samples.close()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("budget", [None, 0])
def test_everything_reads_as_from_an_lmdb(both, channels, budget):
    (out, facts), (other, other_facts) = both(channels=channels)
    mine, theirs = (
        open_split(*each, Split.TRAIN, memory_budget=budget) for each in ((out, facts), (other, other_facts))
    )
    order = np.random.default_rng(1).permutation(len(mine))
    assert (mine.gather(order[:7]) == theirs.gather(order[:7])).all()
    assert (mine.gather(order) == theirs.gather(order)).all() and (mine.labels == theirs.labels).all()
    for samples in (mine, theirs):
        samples.close()
    for label in (None, 1):
        asked = (Split.TRAIN, label, 3, 8)
        assert read_samples(out, facts, *asked) == read_samples(other, other_facts, *asked)
    found, expected = (read_picture(sample_png(*each, Split.VAL, 5)) for each in ((out, facts), (other, other_facts)))
    assert (found == expected).all()
    assert (read_mean(out / "mean.binaryproto") == read_mean(other / "mean.binaryproto")).all()


def test_the_same_seed_gives_the_same_bytes(pictures, options, memory, tmp_path):
    root = pictures(count=20)
    for name in ("one", "two"):
        build_classification(options(root, backend="hdf5", compression="gzip"), tmp_path / name, memory())
    one, two = ((tmp_path / name / "train_db" / "0.h5").read_bytes() for name in ("one", "two"))
    assert one == two


def picture(number):
    return np.full((3, 2, 4), number, np.uint8) + np.arange(3, dtype=np.uint8)[:, None, None]


def write(folder, count, **options):
    with Hdf5Writer(folder, Compression.NONE, **options) as writer:
        for i in range(count):
            data = picture(i).tobytes()
            writer.append([(i % 3, encode_datum(data, channels=3, height=2, width=4, label=i % 3, encoded=False))])
        writer.close()


def test_files_end_before_caffe_loses_count_and_read_as_one(tmp_path):
    write(tmp_path / "db", 25, most_elements=10 * 24)
    assert (tmp_path / "db" / "list.txt").read_text() == "0.h5\n1.h5\n2.h5\n"
    database = open_numbered(tmp_path / "db")
    assert len(database) == 25
    assert database.keys_from(b"00000008", 4) == [b"00000008_2", b"00000009_0", b"00000010_1", b"00000011_2"]
    assert database.keys_from(b"00000024_9", 4) == [] and database.keys_from(b"00000008_2", 1) == [b"00000008_2"]
    wanted = [database.keys()[i] for i in (9, 10, 11, 3, 24, 3)]
    with database.records(wanted) as records:
        assert [bytes(record)[8] for record in records] == [9, 10, 11, 3, 24, 3]  # the first byte of the data
    with database.after(b"00000022_1") as records:
        assert [key for key, _ in records] == [b"00000023_2", b"00000024_0"]
    with pytest.raises(NotFoundError), database.records([b"00000025_0"]) as records:
        list(records)
    database.close()


def test_a_caffe_layer_reads_it_as_a_database(tmp_path):
    write(tmp_path / "db", 3)
    database = open_records(tmp_path / "db")
    with database.after(None) as records:
        assert [key for key, _ in records] == [b"00000000_0", b"00000001_1", b"00000002_2"]
    database.close()


def strange(folder, data, label=(0, 1), link=None):
    folder.mkdir()
    with h5py.File(folder / "0.h5", "w") as file:
        if data is not None:
            file["data"] = data
        file["label"] = np.asarray(label)
        if link is not None:
            file["data"] = link
    (folder / "list.txt").write_text("/somewhere/else/0.h5\n")


def test_other_writers_files_are_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5))
    for name, kind in (("u", np.uint8), ("d", np.float64)):
        strange(tmp_path / name, pixels.astype(kind), [[1.0], [4.0]])
        database = Hdf5Database(tmp_path / name)
        assert database.keys() == [b"00000000_1", b"00000001_4"]
        with database.records(database.keys()) as records:
            assert [bytes(r)[8:68] for r in records] == [p[::-1].astype(np.uint8).tobytes() for p in pixels]
        database.close()


@pytest.mark.parametrize(
    ("data", "link"),
    [
        (None, None),
        (None, h5py.ExternalLink("/etc/passwd", "data")),
        (None, h5py.SoftLink("/label")),
        (np.zeros((2, 3, 4)), None),
        (np.zeros((3, 3, 4, 4)), None),
        (np.zeros((2, 2, 4, 4)), None),
        (np.array([["a"]], dtype="S1"), None),
    ],
)
def test_what_is_no_database_is_refused(tmp_path, data, link):
    strange(tmp_path / "db", data, link=link)
    with pytest.raises(InputError):
        open_numbered(tmp_path / "db")


@pytest.mark.parametrize("value", [-1.0, 256.0, np.nan])
def test_values_that_are_no_pixels_are_refused(tmp_path, value):
    strange(tmp_path / "db", np.full((2, 3, 4, 4), value, np.float32))
    database = open_numbered(tmp_path / "db")
    with pytest.raises(InputError, match="0 to 255"), database.records(database.keys()) as records:
        list(records)
    database.close()


def test_damage_is_told_apart(tmp_path):
    write(tmp_path / "db", 5)
    file = tmp_path / "db" / "0.h5"
    file.write_bytes(file.read_bytes()[:700])
    with pytest.raises(InputError, match="cannot be read"):
        open_numbered(tmp_path / "db")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root can mount a small disk")
def test_a_full_disk_is_said(pictures, options, memory, tmp_path):
    root, disk = pictures(count=100), tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        with pytest.raises(StorageFullError):
            build_classification(options(root, width=64, height=64, backend="hdf5"), disk / "job", memory())
        assert not list((disk / "job").glob("*_db"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
