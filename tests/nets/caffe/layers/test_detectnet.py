from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.data.mean import write_mean

OFF = " ".join(f"{name}_prob: 0" for name in ("crop", "scale", "flip", "rotation", "hue_rotation", "desaturation"))


def layer(truth: str = "stride: 8", chances: str = OFF, more: str = "") -> str:
    return (
        'type: "DetectNetTransformation" top: "pictures" top: "grids" '
        f"detectnet_groundtruth_param {{ image_size_x: 64 image_size_y: 32 {truth} }} "
        f"detectnet_augmentation_param {{ {chances} }} {more}"
    )


def labels(*pictures: list[list[float]]) -> np.ndarray:
    out = np.zeros((len(pictures), 1, 6, 16))
    for label, rows in zip(out[:, 0], pictures, strict=True):
        label[0, :2] = len(rows), 16
        label[:, 5] = 1  # rows past the count are left over from somewhere
        for row, box in zip(label[1:], rows, strict=False):
            row[:4] = box
        label[len(rows) + 1 :, :4] = [8, 8, 16, 16]
    return out


@pytest.mark.parametrize("training", [True, False])
def test_without_augmentation_pictures_stay(alone, rng, training):
    pictures, truth = rng.uniform(0, 255, (2, 3, 32, 64)).astype(np.float32), labels([[16, 8, 32, 16]], [])
    net = alone(layer("stride: 16"), pictures.shape, truth.shape, training=training)
    top, grid = net(pictures, truth)
    np.testing.assert_allclose(top, pictures, rtol=1e-6)
    assert grid.shape == (2, 9, 2, 4)
    np.testing.assert_allclose(grid[0, 1:5, 0, 1], [0, 8, 32, 24])
    assert not grid[1].any()


def test_testing_resizes_pictures_and_boxes(alone, rng):
    pictures, truth = rng.uniform(0, 255, (1, 3, 48, 80)).astype(np.float32), labels([[20, 12, 40, 24]])
    top, grid = alone(layer(), pictures.shape, truth.shape)(pictures, truth)
    theirs = cv2.resize(pictures[0].transpose(1, 2, 0), (64, 32), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(top[0], theirs.transpose(2, 0, 1), atol=1e-2)
    cell = np.argwhere(grid[0, 0])[0]
    corner = grid[0, 1:5, cell[0], cell[1]] + np.array([cell[1], cell[0], cell[1], cell[0]]) * 8
    np.testing.assert_allclose(corner, [16, 8, 48, 24], rtol=1e-5)


@pytest.mark.parametrize("values", [[50], [10, 20, 30]])
def test_mean_values_are_subtracted(alone, rng, values):
    pictures, truth = rng.uniform(0, 255, (1, 3, 32, 64)), labels([])
    mean = " ".join(f"mean_value: {v}" for v in values)
    top, _ = alone(layer(more=f"transform_param {{ {mean} }}"), pictures.shape, truth.shape)(pictures, truth)
    np.testing.assert_allclose(top, pictures - np.array(values)[:, None, None], atol=1e-3)


def test_a_mean_picture_is_resized_to_the_pictures(alone, rng, tmp_path):
    mean = rng.uniform(0, 255, (3, 16, 20)).astype(np.float32)
    write_mean(tmp_path / "mean.binaryproto", mean)
    pictures, truth = rng.uniform(0, 255, (1, 3, 32, 64)), labels([])
    text = layer(more=f'transform_param {{ mean_file: "{tmp_path}/mean.binaryproto" }}')
    top, _ = alone(text, pictures.shape, truth.shape)(pictures, truth)
    theirs = cv2.resize(mean.transpose(1, 2, 0), (64, 32), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    np.testing.assert_allclose(top[0], pictures[0] - theirs, atol=1e-2)


def test_a_flip_mirrors_picture_and_boxes(alone, rng):
    pictures, truth = rng.uniform(0, 255, (1, 3, 32, 64)), labels([[4, 8, 16, 16]])
    net = alone(layer(chances=OFF.replace("flip_prob: 0", "flip_prob: 1")), pictures.shape, truth.shape, training=True)
    top, grid = net(pictures, truth)
    np.testing.assert_allclose(top, pictures[..., ::-1], rtol=1e-5)
    cell = np.argwhere(grid[0, 0])[0]
    assert grid[0, 1, cell[0], cell[1]] + cell[1] * 8 == 64 - 4 - 16 - 1


def test_the_same_seed_draws_the_same(alone, rng):
    pictures, truth = rng.uniform(0, 255, (3, 3, 40, 70)), labels([[4, 8, 30, 16]], [[10, 10, 20, 20]], [])
    net = alone(layer(chances="shift_x: 8 shift_y: 8 max_rotate_degree: 5"), pictures.shape, truth.shape, training=True)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(net(pictures, truth))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert (results[0][0] != results[2][0]).any()


@pytest.mark.parametrize(
    ("text", "shapes", "reason"),
    [
        (layer(), [(1, 1, 32, 64), (1, 1, 6, 16)], "3 channels"),
        (layer(), [(1, 3, 32, 64), (1, 1, 6, 8)], "boxes \\+ 1, 16"),
        (layer("stride: 0"), [(1, 3, 32, 64), (1, 1, 6, 16)], "stride"),
        (layer("stride: 100"), [(1, 3, 32, 64), (1, 1, 6, 16)], "image_size_x"),
        (layer(more="transform_param { mean_value: 1 mean_value: 2 }"), [(1, 3, 32, 64), (1, 1, 6, 16)], "one mean"),
        (layer(chances="scale_min: 0"), [(1, 3, 32, 64), (1, 1, 6, 16)], "scale_min"),
    ],
)
def test_what_does_not_fit_is_refused(alone, text, shapes, reason):
    with pytest.raises(NetworkError, match=reason):
        alone(text, *shapes)


def test_a_mean_that_does_not_fit_is_refused_at_the_first_batch(alone, tmp_path):
    write_mean(tmp_path / "gray.binaryproto", np.zeros((1, 4, 4), np.float32))
    for name, reason in (("none", "unusable mean_file"), ("gray.binaryproto", "3 channels")):
        net = alone(layer(more=f'transform_param {{ mean_file: "{tmp_path / name}" }}'), (1, 3, 32, 64), (1, 1, 6, 16))
        with pytest.raises(NetworkError, match=reason):
            net(np.zeros((1, 3, 32, 64)), labels([]))
