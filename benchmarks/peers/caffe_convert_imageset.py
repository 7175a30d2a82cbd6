"""The structure of Caffe's `convert_imageset`, in the same libraries, as the peer to measure against.

What makes it what it was: one thread that reads each file with OpenCV, squashes it with `cv::resize`'s default
filter (bilinear, not antialiased), fills a `Datum` with planes blue, green, red, and commits to LMDB every 1,000
records. Its inner loop was native code then as it is here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import cv2
import lmdb

from benchmarks.peers.digits_create_db import Datum

BATCH = 1000
MAP = 1 << 40


def create(
    images: Sequence[tuple[str | os.PathLike[str], int]], out_dir: str | os.PathLike[str], width: int, height: int
) -> int:
    """Build `out_dir` (a new LMDB of raw records) from (path, label) pairs; returns how many were written."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    environment = lmdb.open(os.fspath(out_dir), map_size=MAP, writemap=False)
    transaction = environment.begin(write=True)
    count = 0
    for path, label in images:
        pixels = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR)
        if pixels is None:
            continue
        planes = b"".join(plane.tobytes() for plane in cv2.split(cv2.resize(pixels, (width, height))))
        datum = Datum(channels=3, height=height, width=width, data=planes, label=label, encoded=False)
        transaction.put(f"{count:08d}_{os.fspath(path)}".encode(), datum.SerializeToString())
        count += 1
        if count % BATCH == 0:
            transaction.commit()
            transaction = environment.begin(write=True)
    transaction.commit()
    environment.sync(True)
    environment.close()
    cv2.setNumThreads(threads)
    return count
