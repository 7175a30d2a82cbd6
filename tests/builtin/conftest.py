"""Tables with their pictures; DIGITS' own layouts, written by py-lmdb, h5py and the protobuf runtime, none of ours."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import h5py
import lmdb
import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

CLASSES = ("ant", "bee", "cow")


@pytest.fixture
def table(tmp_path):
    """Gray pictures `0.png` to `9.png` of the value 10 i, and a way to write a table beside them."""
    for i in range(10):
        Image.new("L", (6, 4), i * 10).save(tmp_path / f"{i}.png")

    def write(content, name="table.csv"):
        path = tmp_path / name
        if name.endswith(".parquet"):
            pyarrow.parquet.write_table(pyarrow.table(content), path)
        else:
            path.write_text(content)
        return str(path)

    return write


@pytest.fixture
def write_lmdb():
    """An LMDB of (key, value) pairs, with py-lmdb's own settings."""

    def write(path, pairs):
        path.mkdir(parents=True)
        with lmdb.open(str(path), map_size=2**26) as environment, environment.begin(write=True) as transaction:
            for key, value in pairs:
                transaction.put(key, value)
        return path

    return write


@pytest.fixture
def datum(caffe):
    """The bytes of a `Datum`: of an array (channels, height, width), or of the bytes of a picture file."""

    def make(values, label=0, shape=None):
        if isinstance(values, bytes):
            channels, height, width = shape or (3, 6, 8)
            message = caffe.Datum(channels=channels, height=height, width=width, data=values, label=label, encoded=True)
        else:
            channels, height, width = values.shape
            message = caffe.Datum(channels=channels, height=height, width=width, label=label, encoded=False)
            if values.dtype == np.uint8:
                message.data = values.tobytes()
            else:
                message.float_data.extend(values.reshape(-1).tolist())
        return message.SerializeToString()

    return make


@pytest.fixture
def read_lmdb(caffe):
    """The (key, Datum) pairs of an LMDB, read by other code than ours."""

    def read(path):
        with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
            return [(bytes(key), caffe.Datum.FromString(bytes(value))) for key, value in transaction.cursor()]

    return read


@pytest.fixture
def digits_job(tmp_path, write_lmdb, datum, caffe):
    """The folder of a classification job: pictures of 8 x 6, random but for the seed, `pixels[split]` in BGR."""

    def make(encoding="png", backend="lmdb", counts=(("train", 9), ("val", 4)), channels=3, mean=True, name="20160101"):
        folder = tmp_path / "digits" / "jobs" / f"{name}-101010-abcd"
        folder.mkdir(parents=True)
        random = np.random.default_rng(3)
        pixels = {split: random.integers(0, 256, (n, 6, 8, channels), np.uint8) for split, n in counts}
        labels = {split: [i % len(CLASSES) for i in range(n)] for split, n in counts}
        (folder / "labels.txt").write_text("".join(f"{name}\n" for name in CLASSES))
        (folder / "status.pickle").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")  # runs, if it is ever read
        for split, n in counts:
            lines = (f"/data/{CLASSES[label]}/a picture {i}.png {label}\n" for i, label in enumerate(labels[split]))
            (folder / f"{split}.txt").write_text("".join(lines))
            if backend == "hdf5":
                write_hdf5(folder / f"{split}_db", pixels[split], labels[split])
                continue
            records = [
                (b"%08d_%d" % (i, label), datum(stored(picture, encoding), label, (channels, 6, 8)))
                for i, (picture, label) in enumerate(zip(pixels[split], labels[split], strict=True))
            ]
            assert len(records) == n
            write_lmdb(folder / f"{split}_db", records)
        if mean:
            average = pixels["train"].astype(np.float64).mean(0).transpose(2, 0, 1)
            blob = caffe.BlobProto(num=1, channels=channels, height=6, width=8)
            blob.data.extend(average.reshape(-1).tolist())
            (folder / "mean.binaryproto").write_bytes(blob.SerializeToString())
        return SimpleNamespace(folder=folder, pixels=pixels, labels=labels)

    return make


def stored(picture, encoding):
    """As DIGITS stores it: a picture file, or planes of blue, green, red."""
    if encoding == "raw":
        return np.ascontiguousarray(picture.transpose(2, 0, 1))
    ok, data = cv2.imencode(f".{encoding}", picture)
    assert ok
    return data.tobytes()


def write_hdf5(folder, pixels, labels):
    """Two files of float32 N x C x H x W, red, green, blue, and a list of them."""
    folder.mkdir()
    colours = pixels[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    half = len(labels) // 2
    for name, part in (("0.h5", slice(0, half)), (f"{half}.h5", slice(half, None))):
        with h5py.File(folder / name, "w") as file:
            file["data"], file["label"] = colours[part], np.array(labels[part], np.float32)
    (folder / "list.txt").write_text(f"0.h5\n{half}.h5\n")
