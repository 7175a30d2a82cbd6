"""Classifier and Detector: what they show the net, and what they make of its answers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

# Gives the mean of each channel of its 2 x 2 input.
NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 3 dim: 3 dim: 2 dim: 2 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { pool: AVE global_pooling: true } }
layer { name: "prob" type: "Flatten" bottom: "pool" top: "prob" }
"""


@pytest.fixture
def weights(caffe, write, tmp_path) -> str:
    caffe.Net(write(NET), caffe.TEST).save(tmp_path / "w.caffemodel")
    return str(tmp_path / "w.caffemodel")


@pytest.fixture
def pictures(rng) -> list[np.ndarray]:
    return [rng.random((4, 4, 3)).astype(np.float32) for _ in range(2)]


def test_ten_crops_are_averaged(caffe, write, weights, pictures) -> None:
    classifier = caffe.Classifier(
        write(NET), weights, image_dims=(4, 4), mean=np.array([1.0, 2.0, 3.0]), raw_scale=10, input_scale=0.5,
        channel_swap=(2, 1, 0),
    )  # fmt: skip
    places = [(slice(0, 2), slice(0, 2)), (slice(0, 2), slice(2, 4)), (slice(2, 4), slice(0, 2)),
              (slice(2, 4), slice(2, 4)), (slice(1, 3), slice(1, 3))]  # fmt: skip
    expected = [np.mean([p[place].mean((0, 1)) for place in places], axis=0)[::-1] * 10 for p in pictures]
    found = classifier.predict(pictures)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found, (np.array(expected) - [1, 2, 3]) * 0.5, rtol=1e-4)


def test_or_the_centre_alone(caffe, write, weights, pictures) -> None:
    classifier = caffe.Classifier(write(NET), weights, image_dims=(4, 4))
    expected = [p[1:3, 1:3].mean((0, 1)) for p in pictures]
    np.testing.assert_allclose(classifier.predict(pictures, oversample=False), expected, rtol=1e-5)


def test_without_sizes_the_whole_picture_is_shown(caffe, write, weights, pictures) -> None:
    classifier = caffe.Classifier(write(NET), weights)
    whole = [p.mean((0, 1)) for p in pictures]  # halving averages four pixels into one
    np.testing.assert_allclose(classifier.predict(pictures, oversample=False), whole, rtol=1e-5)


def test_windows_of_a_picture_are_classified(caffe, write, weights, tmp_path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4, 4:] = 255
    Image.fromarray(pixels).save(tmp_path / "p.png")
    detector = caffe.Detector(write(NET), weights)
    path = str(tmp_path / "p.png")
    found = detector.detect_windows([(path, [(0, 4, 4, 8), (4, 0, 8, 4)]), (path, [(0, 2, 4, 6)])])
    assert [(f["window"], f["filename"]) for f in found] == [
        ((0, 4, 4, 8), path), ((4, 0, 8, 4), path), ((0, 2, 4, 6), path),
    ]  # fmt: skip
    np.testing.assert_allclose([f["prediction"] for f in found], [[1] * 3, [0] * 3, [0.5] * 3], atol=1e-6)
    assert detector.detect_windows([]) == []


def test_context_beyond_the_border_is_the_mean(caffe, write, weights) -> None:
    """A net of 10 x 10 with a border of 2: a window of 6 grows by 10 / 6, so its own part fills 6 of 10 pixels."""
    net = write(NET.replace("dim: 2 dim: 2", "dim: 10 dim: 10"), "large.prototxt")
    detector = caffe.Detector(net, weights, mean=np.array([0.25, 0.5, 0.75]), context_pad=2)
    picture = np.ones((20, 20, 3), np.float32)
    inside = detector.crop(picture, np.array([7, 7, 12, 12]))
    assert inside.shape == (10, 10, 3)
    np.testing.assert_allclose(inside, 1)
    corner = detector.crop(picture, np.array([0, 0, 5, 5]))
    np.testing.assert_allclose(corner[0, 0], [0.25, 0.5, 0.75])  # outside of the picture
    np.testing.assert_allclose(corner[5:, 5:], 1)
    assert corner.shape == (10, 10, 3)
    with pytest.raises(ValueError, match="outside the picture"):
        detector.crop(picture, np.array([50, 50, 55, 55]))
    with pytest.raises(RuntimeError, match="MATLAB"):
        detector.detect_selective_search(["a.png"])
