"""Measures against Pillow, SciPy and hashlib."""

from __future__ import annotations

import hashlib
import io
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import ResizeMode
from gradus.data.fitting import fit_file
from gradus.data.quality.measure import Measure, Taken, finished, group_number, look_at, unpadded


def noise(size, seed=0, scale=12):
    """A smooth picture, so that no filter's details matter."""
    rough = np.random.default_rng(seed).integers(0, 256, (scale, scale, 3), np.uint8)
    return np.asarray(Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC))


class Looks(NamedTuple):
    hash: int
    brightness: float
    contrast: float
    small: bytes


def looked_at(pixels) -> Looks:
    """What is kept of a picture that has these pixels."""
    facts = finished([Taken("a", 1, bytes(32), (1, 1), 0, 0, look_at(pixels))])
    record = facts.records[0]
    return Looks(int(record["hash"]), record["brightness"], record["contrast"], facts.small.tobytes())


def published(pixels) -> int:
    """pHash as the imagehash library defines it: Pillow's gray and antialiasing, SciPy's transform, the median."""
    small = Image.fromarray(pixels).convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    low = cv2.dct(np.asarray(small, np.float64))[:8, :8]
    return sum(1 << (63 - i) for i, bit in enumerate((low > np.median(low)).ravel()) if bit)


@pytest.mark.parametrize("seed", range(8))
def test_the_hash_is_the_published_one(seed):
    pixels = noise((256, 256), seed)
    assert (looked_at(pixels).hash ^ published(pixels)).bit_count() <= 2  # of another filter


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 500, 3), (28, 28, 1), (700, 20), (64, 64, 3)])
def test_any_picture_is_measured(shape):
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    look = looked_at(pixels)
    gray = np.asarray(Image.fromarray(pixels).convert("L")) if pixels.shape[-1] == 3 and pixels.ndim == 3 else pixels
    assert look.brightness == pytest.approx(gray.mean(), abs=0.6)
    assert look.contrast == pytest.approx(gray.std(), abs=0.6)
    assert len(look.small) == 256 and 0 <= look.hash < 2**64


def test_a_picture_of_one_colour_has_no_contrast():
    look = looked_at(np.full((50, 40, 3), 200, np.uint8))
    assert look.contrast == 0 and look.brightness == 200 and set(look.small) == {200}


def test_brightness_and_contrast_hardly_change_the_hash():
    pixels = noise((200, 150)).astype(float)
    other = np.clip(pixels * 0.8 + 20, 0, 255).astype(np.uint8)
    assert (looked_at(pixels.astype(np.uint8)).hash ^ looked_at(other).hash).bit_count() <= 2


def test_what_the_index_keeps(tmp_path):
    with io.BytesIO() as out:
        Image.fromarray(noise((120, 80))).save(out, "PNG")
        data = out.getvalue()
    fitted = fit_file(data, 32, 32, 3, ResizeMode.CROP)
    measure = Measure(lambda file: file.split("/")[0])
    facts = finished([measure("cat/1.png", 4, fitted)])
    kept, digest = facts.records[0], hashlib.sha256(data).digest()
    assert facts.names == ["cat/1.png"] and (kept["width"], kept["height"], kept["bytes"]) == (120, 80, len(data))
    assert kept["sha256"].tobytes() == digest and kept["label"] == 4
    assert kept["group"] == group_number("cat") != group_number("dog") and group_number(None) == 0
    without = {("cat/1.png", digest), ("cat/2.png", bytes(32))}
    left = [name for name in ("cat/1.png", "cat/2.png", "dog/1.png") if Measure(None, without)(name, 0, fitted)]
    assert left == ["cat/2.png", "dog/1.png"]


@pytest.mark.parametrize("size", [(48, 40), (28, 28), (32, 9), (64, 64), (1, 1)])
def test_many_at_once_are_as_each_by_itself(size):
    measure = Measure()
    taken = []
    for seed in range(9):
        with io.BytesIO() as out:
            Image.fromarray(noise((60, 50), seed)).save(out, "PNG")
            taken.append(measure(str(seed), seed, fit_file(out.getvalue(), *size, 3, ResizeMode.SQUASH)))
    together, alone = finished(taken), [finished([each]) for each in taken]
    assert together.records.tobytes() == b"".join(each.records.tobytes() for each in alone)
    assert together.small.tobytes() == b"".join(each.small.tobytes() for each in alone)
    assert len(together) == 9 and len(finished([])) == 0
    assert size == (1, 1) or len(set(together.records["hash"].tolist())) == 9


def test_the_canvas_around_a_picture_does_not_count():
    made = np.random.default_rng(5).integers(1, 255, (30, 40, 3)).astype(np.uint8)
    canvas = np.zeros((90, 200, 3), np.uint8)
    canvas[:30, :40] = made
    assert np.array_equal(unpadded(canvas), made)
    assert unpadded(np.zeros((4, 5), np.uint8)).shape == (4, 5)
