from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch

from gradus.nets.caffe.layers import augmentation
from gradus.nets.caffe.layers.augmentation import Choice, choose
from gradus.nets.caffe.schema import message_class


@pytest.fixture
def picture(rng) -> np.ndarray:
    """A smooth BGR picture, float32 (40, 64, 3) of 0 to 255."""
    coarse = rng.uniform(0, 255, (6, 9, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (64, 40), interpolation=cv2.INTER_CUBIC), 0, 255)


def planes(picture: np.ndarray) -> torch.Tensor:
    return torch.tensor(picture.transpose(2, 0, 1))


@pytest.mark.parametrize(("hue", "saturation"), [(15, 1.0), (-170, 1.0), (0, 0.6), (40, 0.0), (180, 0.75)])
def test_colours_turn_as_in_opencv(picture, hue, saturation):
    hsv = cv2.cvtColor(picture / 255, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0] + hue) % 360  # new OpenCVs take no hue below 0
    hsv[..., 1] *= saturation
    theirs = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR) * 255
    batch = torch.stack([planes(picture)] * 2)
    ours = augmentation.recoloured(batch, [Choice((64, 40), hue, saturation), Choice((64, 40))])
    np.testing.assert_allclose(ours[0].permute(1, 2, 0), theirs, atol=2e-2)
    assert torch.equal(ours[1], batch[1])


def test_gray_and_black_stay(picture):
    batch = torch.zeros(1, 3, 2, 2)
    batch[0, :, 0] = 128
    ours = augmentation.recoloured(batch, [Choice((2, 2), 50.0, 0.3)])
    torch.testing.assert_close(ours, batch)


@pytest.mark.parametrize("size", [(64, 40), (45, 28), (90, 70)])
@pytest.mark.parametrize("corner", [(0, 0), (7, -5), (-9, 12), (200, 0)])
def test_scale_and_crop_as_in_opencv(picture, size, corner):
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    theirs = np.zeros((36, 50, 3), np.float32)
    for row in range(36):
        for column in range(50):
            y, x = row + corner[1], column + corner[0]
            if 0 <= y < size[1] and 0 <= x < size[0]:
                theirs[row, column] = scaled[y, x]
    ours = augmentation.placed(planes(picture), Choice(size, corner=corner), (50, 36))
    np.testing.assert_allclose(ours.permute(1, 2, 0), theirs, atol=1e-2)


@pytest.mark.parametrize("degrees", [1.0, -12.5, 80.0])
def test_rotation_as_in_opencv(picture, degrees):
    size = (64, 40)
    rect = cv2.RotatedRect((32, 20), size, degrees)
    left, top, width, height = rect.boundingRect()
    before = np.float32(cv2.RotatedRect((32, 20), size, 0).points())
    after = np.float32(rect.points()) - np.float32([left, top])
    matrix = cv2.getAffineTransform(before[:3], after[:3])
    theirs = cv2.warpAffine(
        picture, matrix, (width, height), dst=np.zeros((height, width, 3), np.float32),
        borderMode=cv2.BORDER_TRANSPARENT,
    )  # fmt: skip
    assert augmentation.turned_size(size, degrees) == (width, height)
    np.testing.assert_allclose(augmentation.turning(size, degrees), matrix, atol=1e-4)
    ours = (
        augmentation.placed(planes(picture), Choice(size, rotation=degrees), (width, height)).permute(1, 2, 0).numpy()
    )
    inside = cv2.erode((theirs.any(2) & ours.any(2)).astype(np.uint8), np.ones((3, 3))) > 0
    assert inside.mean() > 0.25
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1.5)  # OpenCV rounds places to 1/32 pixel
    there = (theirs != 0).any(2)
    edge = cv2.dilate(there.astype(np.uint8), np.ones((3, 3))) != cv2.erode(there.astype(np.uint8), np.ones((3, 3)))
    assert (((ours != 0).any(2) == there) | edge).all()  # on the edge itself OpenCV's versions differ
    cropped = augmentation.placed(planes(picture), Choice(size, rotation=degrees, corner=(3, 5)), (30, 20))
    np.testing.assert_allclose(cropped.permute(1, 2, 0), ours[5:25, 3:33], atol=1e-3)


def test_boxes_move_with_their_picture():
    labels = torch.zeros(3, 1, 16, dtype=torch.float64)
    labels[..., :4], labels[..., 5] = torch.tensor([10.0, 4, 20, 8]), 7
    choices = [Choice((64, 40), flip=True), Choice((32, 80), corner=(3, -2)), Choice((64, 40), rotation=90.0)]
    moved = augmentation.moved(labels, choices, (64, 40)).numpy()[:, 0]
    np.testing.assert_allclose(moved[0, :4], [64 - 10 - 20 - 1, 4, 20, 8])
    np.testing.assert_allclose(moved[1, :4], [5 - 3, 8 + 2, 10, 16])
    # Clockwise by 90: the centre (20, 8), 12 left of and 12 above the middle, comes 12 right of and 12 above it.
    corner = augmentation.turning((64, 40), 90.0) @ [32, 20, 1]
    np.testing.assert_allclose(moved[2, :4], [corner[0] + 12 - 10, corner[1] - 12 - 4, 20, 8], atol=1e-6)
    assert (moved[:, 5] == 7).all()


def chances(**given: float):
    zero = {f"{name}_prob": 0 for name in ("crop", "scale", "flip", "rotation", "hue_rotation", "desaturation")}
    return message_class("DetectNetAugmentationParameter")(**(zero | given))


def test_nothing_happens_without_probability():
    draws = [0.0] * augmentation.DRAWS
    assert choose(chances(), draws, (64, 40), (64, 40)) == Choice((64, 40))


def test_without_a_random_crop_it_is_the_middle():
    # (64 - 61) / 2 is 1.5, rounded away from 0; (40 - 45) / 2 is -2.5.
    assert choose(chances(), [0.5] * augmentation.DRAWS, (64, 40), (61, 45)).corner == (2, -3)


def test_ranges_and_shares_are_those_of_the_text():
    p = chances(
        crop_prob=0.7, shift_x=10, shift_y=4, scale_prob=0.4, scale_min=0.8, scale_max=1.2, flip_prob=0.5,
        rotation_prob=0.3, max_rotate_degree=5, hue_rotation_prob=0.8, hue_rotation=30, desaturation_prob=0.6,
        desaturation_max=0.8,
    )  # fmt: skip
    draws = torch.rand(4000, augmentation.DRAWS, generator=torch.Generator().manual_seed(3)).tolist()
    found = [choose(p, d, (100, 80), (100, 80)) for d in draws]

    def share(condition) -> float:
        return sum(map(condition, found)) / len(found)

    assert share(lambda c: c.flip) == pytest.approx(0.5, abs=0.03)
    assert share(lambda c: c.hue != 0) == pytest.approx(0.8, abs=0.03)
    assert share(lambda c: c.saturation != 1) == pytest.approx(0.6, abs=0.03)
    assert share(lambda c: c.rotation != 0) == pytest.approx(0.3, abs=0.03)
    assert share(lambda c: c.size != (100, 80)) == pytest.approx(0.4 * 0.975, abs=0.03)
    hues, fades, turns = ([getattr(c, name) for c in found] for name in ("hue", "saturation", "rotation"))
    assert -30 <= min(hues) < -29 and 29 < max(hues) <= 30
    assert 0.2 <= min(fades) < 0.21 and max(fades) == 1
    assert -5 <= min(turns) < -4.5 and 4.5 < max(turns) <= 5
    assert min(c.size[0] for c in found) == 80 and max(c.size[0] for c in found) == 120
    plain = [c.corner for c in found if c.size == (100, 80) and not c.turns]
    assert {x for x, _ in plain} == set(range(-5, 6)) and {y for _, y in plain} == set(range(-2, 3))


def test_a_turned_picture_is_cropped_from_its_canvas():
    p = chances(rotation_prob=1, max_rotate_degree=90)
    choice = choose(p, [0.999999] * augmentation.DRAWS, (64, 40), (64, 40))
    width, height = augmentation.turned_size((64, 40), choice.rotation)
    assert (width, height) == (pytest.approx(40, abs=3), pytest.approx(64, abs=3))
    half = lambda v: int(math.copysign(math.floor(abs(v) / 2 + 0.5), v))  # noqa: E731
    assert choice.corner == (half(width - 64), half(height - 40))


def test_places_are_exact_in_mixed_precision():
    """A matrix product would be computed in bfloat16, three digits: whole pixels off."""
    labels = torch.zeros(1, 1, 16)
    labels[..., :4] = torch.tensor([1001.0, 301, 20, 8])
    picture = torch.arange(64.0 * 300).view(1, 64, 300)
    choice = Choice((300, 64), rotation=3.0)
    wanted = augmentation.moved(labels, [choice], (300, 64)), augmentation.placed(picture, choice, (300, 64))
    with torch.autocast("cpu", torch.bfloat16):
        found = augmentation.moved(labels, [choice], (300, 64)), augmentation.placed(picture, choice, (300, 64))
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)
