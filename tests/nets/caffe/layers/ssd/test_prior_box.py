from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from gradus.core.errors import NetworkError


def layer(param: str) -> str:
    return f'type: "PriorBox" prior_box_param {{ {param} }}'


def opencv(param: str, features: tuple[int, int], picture: tuple[int, int]) -> np.ndarray:
    text = "".join(
        f'input: "{name}" input_dim: 1 input_dim: 2 input_dim: {size[0]} input_dim: {size[1]} '
        for name, size in (("a", features), ("b", picture))
    )
    text += f'layer {{ name: "it" bottom: "a" bottom: "b" top: "y" {layer(param)} }}'
    net = cv2.dnn.readNetFromCaffe(np.frombuffer(text.encode(), np.uint8))
    net.setInput(np.zeros((1, 2, *features), np.float32), "a")
    net.setInput(np.zeros((1, 2, *picture), np.float32), "b")
    return net.forward("it")


@pytest.mark.parametrize(
    "param",
    [
        "min_size: 30 clip: false variance: 0.1",
        "min_size: 30 max_size: 60 aspect_ratio: 2 clip: false variance: 0.1",
        "min_size: 30 max_size: 60 aspect_ratio: 2 aspect_ratio: 3 clip: true variance: 0.1 variance: 0.1 "
        "variance: 0.2 variance: 0.2",
        "min_size: 30 aspect_ratio: 2 flip: false step: 16 offset: 0.25 clip: false variance: 0.1",
        "min_size: 30 max_size: 60 min_size: 44 max_size: 80 aspect_ratio: 2 step_h: 20 step_w: 12 clip: false "
        "variance: 0.3",
    ],
)
def test_boxes_are_those_of_opencv(alone, param):
    net = alone(layer(param), (1, 2, 3, 5), (1, 2, 64, 100))
    ours = net(np.zeros((1, 2, 3, 5)), np.zeros((1, 2, 64, 100)))
    theirs = opencv(param, (3, 5), (64, 100))
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_sizes_are_cut_to_integers(alone):
    # Catalogue 1.11: 35.84 and 76.8 count as 35 and 76, in the original fork's code too.
    net = alone(layer("min_size: 35.84 max_size: 76.8 img_size: 100"), (1, 1, 1, 1), (1, 1, 9, 9))
    square, larger = net(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 9, 9)))[0, 0].reshape(2, 4)
    np.testing.assert_allclose(square, [0.5 - 0.175, 0.5 - 0.175, 0.5 + 0.175, 0.5 + 0.175], rtol=1e-6)
    half = math.sqrt(35 * 76) / 200
    np.testing.assert_allclose(larger, [0.5 - half, 0.5 - half, 0.5 + half, 0.5 + half], rtol=1e-6)


def test_ratios_count_once(alone):
    # 0.5 is there already as the inverse of 2, and 1 always is: square, 2 and 1/2.
    net = alone(layer("min_size: 8 aspect_ratio: 2 aspect_ratio: 0.5 aspect_ratio: 1"), (1, 1, 2, 2), (1, 1, 32, 32))
    boxes = net(np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 32, 32)))[0, 0].reshape(4, 3, 4) * 32
    width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    root = math.sqrt(2)
    np.testing.assert_allclose(width, np.broadcast_to([8, 8 * root, 8 / root], (4, 3)), rtol=1e-5)
    np.testing.assert_allclose(height, np.broadcast_to([8, 8 / root, 8 * root], (4, 3)), rtol=1e-5)
    np.testing.assert_allclose(boxes[:, 0, :2] + 4, [[8, 8], [24, 8], [8, 24], [24, 24]], rtol=1e-5)


def test_variance_is_a_tenth_unless_given(alone):
    net = alone(layer("min_size: 8"), (1, 1, 2, 1), (1, 1, 8, 8))
    np.testing.assert_allclose(net(np.zeros((1, 1, 2, 1)), np.zeros((1, 1, 8, 8)))[0, 1], [0.1] * 8, rtol=1e-6)


@pytest.mark.parametrize(
    ("param", "reason"),
    [
        ("", "min_size"),
        ("min_size: 0", "above 0"),
        ("min_size: 8 max_size: 8", "above its min_size"),
        ("min_size: 8 max_size: 9 max_size: 10", "as many max_size"),
        ("min_size: 8 variance: 0.1 variance: 0.1", "one variance or four"),
        ("min_size: 8 aspect_ratio: -2", "aspect_ratio above 0"),
        ("min_size: 8 img_size: 8 img_h: 8 img_w: 8", "img_size and also"),
        ("min_size: 8 step_h: 8", "step_w above 0"),
        ("min_size: inf", "not finite"),
    ],
)
def test_what_makes_no_boxes_is_refused(alone, param, reason):
    with pytest.raises(NetworkError, match=reason):
        alone(layer(param), (1, 1, 2, 2), (1, 1, 8, 8))
