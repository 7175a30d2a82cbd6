"""Pictures drawn with a seed, and indexes of them made without a database."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import ResizeMode, Split
from gradus.data.fitting import fit_file
from gradus.data.index import FOLDER, IndexWriter
from gradus.data.quality.measure import Measure, finished


def scene(seed: int, size=(320, 240)) -> Image.Image:
    """Something like a photograph: shapes of all sizes, most of the energy in the large ones."""
    made = np.random.default_rng(seed)
    sum_ = np.zeros((size[1], size[0], 3))
    for cells in (2, 4, 8, 16, 40):
        rough = made.normal(0, 1, (cells, cells, 3)) + made.normal(0, 1, (cells, cells, 1))
        for channel in range(3):
            layer = Image.fromarray(rough[..., channel].astype(np.float32))
            sum_[..., channel] += np.asarray(layer.resize(size, Image.Resampling.BICUBIC)) / cells**0.45
    scaled = 128 + 50 * (sum_ - sum_.mean()) / sum_.std()
    return Image.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))


def jpeg(picture: Image.Image, quality=92) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def changed(picture: Image.Image) -> dict[str, bytes]:
    """The same picture as people make it again."""
    width, height = picture.size
    lighter = Image.fromarray(np.clip(np.asarray(picture).astype(float) * 1.1 + 4, 0, 255).astype(np.uint8))
    return {
        "recompressed": jpeg(picture, 45),
        "resized": jpeg(picture.resize((width * 3 // 5, height * 3 // 5), Image.Resampling.BILINEAR)),
        "brightened": jpeg(lighter),
        "cropped": jpeg(picture.crop((width // 100, height // 100, width - width // 100, height - height // 100))),
    }


@pytest.fixture
def indexed(tmp_path):
    """Write an index of (name, data, label) of each split; `group` names the group of a file."""

    def write(splits, group=None, size=(128, 128), folder: Path = tmp_path) -> Path:
        for split, files in splits.items():
            measure = Measure(group)
            with IndexWriter(folder / FOLDER, Split(split)) as writer:
                for name, data, label in files:
                    writer.append(finished([measure(name, label, fit_file(data, *size, 3, ResizeMode.SQUASH))]))
                writer.close()
        return folder

    return write


@pytest.fixture
def draw():
    return scene


@pytest.fixture
def again():
    return changed


@pytest.fixture
def as_jpeg():
    return jpeg
