"""JPEG photographs to build databases of, made from the pictures that scikit-image brings along.

Each is a random part of one of them, mirrored or not, of another brightness and with the noise of a camera, so
that no two files have the same bytes to compress. The same files on every machine.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from benchmarks.digits import OUT

SOURCES = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")  # free to share
QUALITY = 90
NOISE = 4.0  # of 255, the deviation of each pixel
LEAST = 0.6  # of a source's sides: what is smaller would be enlarged too much
CLASSES = 10


def write_photographs(count: int, width: int, height: int) -> Path:
    """A folder of `count` JPEG files in ten class folders, unless an earlier run has written it."""
    folder = OUT / f"photographs-{count}-{width}x{height}"
    mark = folder / ".complete"
    if mark.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    sources, chance = _sources(), np.random.default_rng(1)
    for index in range(count):
        pixels = _photograph(sources[index % len(sources)], width, height, chance)
        path = folder / f"class_{index % CLASSES}" / f"{index:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(pixels, quality=QUALITY, colorsubsampling="420"))
    mark.touch()
    return folder


def _sources() -> list[np.ndarray]:
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise SystemExit("The photographs come with scikit-image: pip install -c constraints.txt --group bench")
    data = Path(found.origin).parent / "data"
    return [cv2.cvtColor(cv2.imread(str(data / name)), cv2.COLOR_BGR2RGB) for name in SOURCES]


def _photograph(source: np.ndarray, width: int, height: int, chance: np.random.Generator) -> np.ndarray:
    largest = min(source.shape[1] / width, source.shape[0] / height)
    scale = largest * chance.uniform(LEAST, 1)
    across, down = int(width * scale), int(height * scale)
    left, top = (int(chance.integers(0, space + 1)) for space in (source.shape[1] - across, source.shape[0] - down))
    part = source[top : top + down, left : left + across]
    if chance.random() < 0.5:
        part = part[:, ::-1]
    kind = cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=kind).astype(np.float32)
    pixels = pixels * chance.uniform(0.8, 1.2) + chance.normal(0, NOISE, pixels.shape)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
