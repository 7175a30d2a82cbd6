"""The structure of DIGITS 6's `create_db.py`, rebuilt from a description of it, as the peer to measure against.

What makes it what it was: ten reader threads that take single lines from one queue and put single
pictures on another; pictures loaded by Pillow and copied into arrays; one writer that encodes every
picture with Pillow's default PNG level, adds it to a float64 mean, fills a protobuf `Datum` and
commits to LMDB every 100 records with the map doubled when it is full.
"""

from __future__ import annotations

import io
import os
import queue
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from PIL import Image

READERS = 10
BATCH = 100
QUEUE = 2 * BATCH
FIRST_MAP = 10 * 2**20  # py-lmdb's own default


def _caffe_messages() -> tuple[type, type]:
    """`Datum` and `BlobProto` as Caffe declares them."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="peer_caffe.proto", package="peer", syntax="proto2")
    shapes: dict[str, tuple[tuple[str, int, int, int, bool], ...]] = {
        "Datum": (
            ("channels", 1, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("height", 2, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("width", 3, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("data", 4, kinds.TYPE_BYTES, kinds.LABEL_OPTIONAL, False),
            ("label", 5, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("float_data", 6, kinds.TYPE_FLOAT, kinds.LABEL_REPEATED, False),
            ("encoded", 7, kinds.TYPE_BOOL, kinds.LABEL_OPTIONAL, False),
        ),
        "BlobProto": (
            ("num", 1, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("channels", 2, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("height", 3, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("width", 4, kinds.TYPE_INT32, kinds.LABEL_OPTIONAL, False),
            ("data", 5, kinds.TYPE_FLOAT, kinds.LABEL_REPEATED, True),
        ),
    }
    for name, fields in shapes.items():
        message = file.message_type.add(name=name)
        for field, number, kind, label, packed in fields:
            added = message.field.add(name=field, number=number, type=kind, label=label)
            if packed:
                added.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"peer.{name}")) for name in shapes]
    return found[0], found[1]


Datum, BlobProto = _caffe_messages()


def _load(path: str) -> Image.Image:
    image = Image.open(path)
    image.load()
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGB")


def _resize(image: Image.Image, width: int, height: int, channels: int) -> np.ndarray[Any, Any]:
    """Squash, on an array, as DIGITS' `resize_image` worked."""
    if channels == 1 and image.mode != "L":
        image = image.convert("L")
    elif channels == 3 and image.mode != "RGB":
        image = image.convert("RGB")
    pixels = np.array(image)
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def _read(
    lines: queue.Queue[tuple[str, int]], pictures: queue.Queue[Any], width: int, height: int, channels: int
) -> None:
    while True:
        try:
            path, label = lines.get_nowait()
        except queue.Empty:
            return
        try:
            pictures.put((_resize(_load(path), width, height, channels), label))
        except OSError as error:
            pictures.put((error, label))


def _datum(pixels: np.ndarray[Any, Any], label: int, encoding: str) -> bytes:
    if encoding == "none":
        planes = pixels[np.newaxis] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)[[2, 1, 0]]
        datum = Datum(
            channels=planes.shape[0], height=planes.shape[1], width=planes.shape[2], data=planes.tobytes(), label=label
        )
    else:
        buffer = io.BytesIO()
        options: dict[str, Any] = {"quality": 90} if encoding == "jpg" else {}
        Image.fromarray(pixels).save(buffer, "JPEG" if encoding == "jpg" else "PNG", **options)
        datum = Datum(
            channels=1 if pixels.ndim == 2 else 3,
            height=pixels.shape[0],
            width=pixels.shape[1],
            data=buffer.getvalue(),
            label=label,
            encoded=True,
        )
    return bytes(datum.SerializeToString())


def _write_batch(environment: lmdb.Environment, batch: list[tuple[bytes, bytes]]) -> None:
    try:
        with environment.begin(write=True) as transaction:
            for key, value in batch:
                transaction.put(key, value)
    except lmdb.MapFullError:
        environment.set_mapsize(environment.info()["map_size"] * 2)
        _write_batch(environment, batch)


def _write_mean(path: Path, mean: np.ndarray[Any, Any]) -> None:
    planes = mean[np.newaxis] if mean.ndim == 2 else mean.transpose(2, 0, 1)[[2, 1, 0]]
    blob = BlobProto(num=1, channels=planes.shape[0], height=planes.shape[1], width=planes.shape[2])
    blob.data.extend(planes.astype(float).flat)
    path.write_bytes(blob.SerializeToString())
    Image.fromarray(mean.astype(np.uint8)).save(path.with_name("mean.jpg"))


def create(
    images: Sequence[tuple[str | os.PathLike[str], int]],
    out_dir: str | os.PathLike[str],
    width: int,
    height: int,
    channels: int,
    encoding: str = "png",
    shuffle: bool = True,
) -> int:
    """Build `out_dir` (a new LMDB) and its mean from (path, label) pairs; returns how many were written.

    `encoding` is `png`, `jpg` or `none`, in DIGITS' words.
    """
    entries = [(os.fspath(path), label) for path, label in images]
    if shuffle:
        random.Random(0).shuffle(entries)
    lines: queue.Queue[tuple[str, int]] = queue.Queue()
    for entry in entries:
        lines.put(entry)
    pictures: queue.Queue[Any] = queue.Queue(QUEUE)
    readers = [
        threading.Thread(target=_read, args=(lines, pictures, width, height, channels), daemon=True)
        for _ in range(READERS)
    ]
    for reader in readers:
        reader.start()

    environment = lmdb.open(os.fspath(out_dir), map_size=FIRST_MAP, map_async=True, max_dbs=0)
    total: np.ndarray[Any, Any] | None = None
    batch: list[tuple[bytes, bytes]] = []
    count = 0
    for _ in entries:
        pixels, label = pictures.get()
        if isinstance(pixels, OSError):
            continue
        total = np.zeros(pixels.shape, np.float64) if total is None else total
        total += pixels
        batch.append((f"{count:08d}_{label}".encode(), _datum(pixels, label, encoding)))
        count += 1
        if len(batch) == BATCH:
            _write_batch(environment, batch)
            batch = []
    if batch:
        _write_batch(environment, batch)
    environment.sync(True)
    environment.close()
    for reader in readers:
        reader.join()
    if total is None:
        raise ValueError("no images loaded from input file")
    _write_mean(Path(out_dir) / "mean.binaryproto", total / count)
    return count
