"""The same pictures and boxes written in four formats, from one table of truth."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

NAMES = ["cat", "dog", "bird"]
SIZE = (160, 100)  # width, height
TRUTH = {
    "a": [("cat", 10.0, 20.0, 50.0, 60.0), ("dog", 0.0, 0.0, 160.0, 100.0)],
    "b": [("bird", 8.0, 4.0, 24.0, 28.0)],
    "c": [],
}


def pictures(folder: Path, names: list[str] | None = None, size: tuple[int, int] = SIZE) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names or TRUTH):
        pixels = np.full((size[1], size[0], 3), 60 + 40 * number, np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), pixels)


def kitti(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, boxes in TRUTH.items():
        lines = [
            f"{kind} 0.00 0 -1.5 {left:.2f} {top:.2f} {right:.2f} {bottom:.2f} 1 1 1 0 0 10 0\n"
            for kind, left, top, right, bottom in boxes
        ]
        (folder / f"{name}.txt").write_text("".join(lines))


def voc(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, boxes in TRUTH.items():
        objects = "".join(
            f"<object><name>{kind}</name><difficult>0</difficult><bndbox><xmin>{left:g}</xmin><ymin>{top:g}</ymin>"
            f"<xmax>{right:g}</xmax><ymax>{bottom:g}</ymax></bndbox></object>\n"
            for kind, left, top, right, bottom in boxes
        )
        size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
        (folder / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename>{size}\n{objects}</annotation>"
        )


def coco(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    images = [
        {"id": 10 + i, "file_name": f"{name}.png", "width": SIZE[0], "height": SIZE[1]} for i, name in enumerate(TRUTH)
    ]
    annotations = [
        {
            "id": 100 * i + j, "image_id": 10 + i, "category_id": 7 + NAMES.index(kind),
            "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top), "iscrowd": 0,
            "segmentation": [[left, top, right, top, right, bottom]],
        }
        for i, boxes in enumerate(TRUTH.values())
        for j, (kind, left, top, right, bottom) in enumerate(boxes)
    ]  # fmt: skip
    categories = [{"id": 7 + i, "name": name} for i, name in enumerate(NAMES)]
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


def yolo(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    width, height = SIZE
    for name, boxes in TRUTH.items():
        lines = [
            f"{NAMES.index(kind)} {(left + right) / 2 / width!r} {(top + bottom) / 2 / height!r} "
            f"{(right - left) / width!r} {(bottom - top) / height!r}\n"
            for kind, left, top, right, bottom in boxes
        ]
        (folder / f"{name}.txt").write_text("".join(lines))


@pytest.fixture
def writers() -> SimpleNamespace:
    """The truth and those who write it."""
    return SimpleNamespace(
        TRUTH=TRUTH, SIZE=SIZE, NAMES=NAMES, pictures=pictures, kitti=kitti, voc=voc, coco=coco, yolo=yolo
    )
