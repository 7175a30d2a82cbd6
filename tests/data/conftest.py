"""Folders of pictures, and the options of a dataset of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from gradus.core.classification import ClassificationOptions


@pytest.fixture
def pictures(tmp_path):
    """Make `count` PNG pictures in each class folder, every one different."""

    def make(classes=("cat", "dog"), count=10, size=(12, 9), root="pictures", channels=3):
        made = np.random.default_rng(7)
        for name in classes:
            folder = tmp_path / root / name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                shape = (size[1], size[0], 3) if channels == 3 else (size[1], size[0])
                assert cv2.imwrite(str(folder / f"{i:03d}.png"), made.integers(0, 256, shape, np.uint8))
        return tmp_path / root

    return make


@pytest.fixture
def options():
    def make(folder, **given):
        given = {"name": "test", "width": 12, "height": 9, **given}
        return ClassificationOptions(train=str(folder), **given)

    return make
