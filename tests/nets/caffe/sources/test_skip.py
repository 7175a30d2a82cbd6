"""Leaving batches out: what follows is what would have followed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np
import pytest

from gradus.nets.caffe.schema import message_class

COUNT = 13  # records: batches of 4 do not come out even
DATA = 'type: "Data" data_param { source: "db" backend: LMDB batch_size: 4 %s }'
IMAGES = 'type: "ImageData" image_data_param { source: "list.txt" batch_size: 4 root_folder: "" %s }'
CUT = "transform_param { crop_size: 5 mirror: true }"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pictures = random.integers(0, 256, (COUNT, 3, 8, 8), np.uint8)
    with lmdb.open(str(tmp_path / "db"), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for i, pixels in enumerate(pictures):
            datum = message_class("Datum")(channels=3, height=8, width=8, label=i, data=pixels.tobytes())
            transaction.put(b"%05d" % i, datum.SerializeToString())
    for i, pixels in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{i}.png"), pixels.transpose(1, 2, 0))
    (tmp_path / "list.txt").write_text("".join(f"{i}.png {i}\n" for i in range(COUNT)))


@pytest.mark.parametrize(
    "text",
    [DATA % "" + CUT, DATA % "rand_skip: 9", DATA % "shuffle: true" + CUT, IMAGES % "shuffle: true" + CUT],
    ids=["in order", "from anywhere", "shuffled", "pictures"],
)
@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize("world", [1, 2])
def test_what_is_skipped_is_as_if_read(opened: Callable[..., Any], text: str, before: int, world: int) -> None:
    reader, skipper = (opened(text, training=True, rank=world - 1, world=world) for _ in range(2))
    for _ in range(before):
        skipper.read()
    skipper.skip(9)
    for _ in range(before + 9):
        reader.read()
    for _ in range(5):
        expected, found = reader.read(), skipper.read()
        for wanted, top in zip(expected, found, strict=True):
            np.testing.assert_array_equal(top.numpy(), wanted.numpy())
