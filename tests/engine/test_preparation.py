"""Mean, crop, mirror and scale against the same written out for single pictures in numpy."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gradus.core.dataset import ResizeMode
from gradus.core.errors import InputError
from gradus.core.model import MeanKind, Preprocessing
from gradus.engine.preparation import Preparation
from gradus.engine.sampler import Draw

CPU = torch.device("cpu")
HEIGHT, WIDTH = 9, 12


def recorded(**changes: object) -> Preprocessing:
    return Preprocessing.model_validate(
        {
            "width": WIDTH,
            "height": HEIGHT,
            "channels": 3,
            "resize_mode": ResizeMode.SQUASH,
            "mean": MeanKind.IMAGE,
            "mean_pixel": [10.0, 20.0, 30.5],
        }
        | changes
    )


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (5, HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture
def mean() -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(0, 255, (3, HEIGHT, WIDTH)).astype(np.float32)


def by_hand(
    picture: NDArray[np.uint8],
    mean: NDArray[np.float64],
    top: int,
    left: int,
    size: tuple[int, int],
    flip: bool,
    scale: float,
) -> NDArray[np.float64]:
    """Caffe's data transformer for one picture; `mean` is (channels, height, width) or (channels, 1, 1)."""
    out = np.empty((3, *size))
    for channel in range(3):
        for y in range(size[0]):
            for x in range(size[1]):
                at = mean[channel, top + y, left + x] if mean.shape[1] > 1 else mean[channel, 0, 0]
                target = size[1] - 1 - x if flip else x
                out[channel, y, target] = (float(picture[top + y, left + x, channel]) - at) * scale
    return out


@pytest.mark.parametrize("kind", list(MeanKind))
@pytest.mark.parametrize("scale", [1.0, 0.00390625])
def test_random_crops_and_flips(
    pictures: NDArray[np.uint8], mean: NDArray[np.float32], kind: MeanKind, scale: float
) -> None:
    preparation = Preparation(recorded(mean=kind, crop_size=7, scale=scale), mean, CPU, mirror=True)
    draw = Draw(np.array([0, 2, 1, 0, 2]), np.array([5, 0, 3, 2, 4]), np.array([True, False, True, False, True]))
    made = preparation.training(torch.from_numpy(pictures), draw)
    subtracted = {
        MeanKind.IMAGE: mean.astype(np.float64),
        MeanKind.PIXEL: np.array([10.0, 20.0, 30.5]).reshape(3, 1, 1),
        MeanKind.NONE: np.zeros((3, 1, 1)),
    }[kind]
    assert made.shape == (5, 3, 7, 7)
    assert made.dtype is torch.float32
    assert made.is_contiguous(memory_format=torch.channels_last)
    for i in range(5):
        expected = by_hand(
            pictures[i], subtracted, int(draw.top[i]), int(draw.left[i]), (7, 7), bool(draw.flip[i]), scale
        )
        np.testing.assert_allclose(made[i].numpy(), expected, atol=1e-4)


def test_no_mirror_where_the_network_does_not_ask_for_it(
    pictures: NDArray[np.uint8], mean: NDArray[np.float32]
) -> None:
    preparation = Preparation(recorded(crop_size=9), mean, CPU)
    draw = Draw(np.zeros(5, np.int64), np.full(5, 3), np.ones(5, np.bool_))
    made = preparation.training(torch.from_numpy(pictures), draw)
    np.testing.assert_allclose(made[0].numpy(), by_hand(pictures[0], mean.astype(np.float64), 0, 3, (9, 9), False, 1))


@pytest.mark.parametrize(("crop", "top", "left"), [(7, 1, 2), (8, 0, 2), (9, 0, 1)])
def test_validation_takes_the_centre(
    pictures: NDArray[np.uint8], mean: NDArray[np.float32], crop: int, top: int, left: int
) -> None:
    """Caffe: (height - crop) / 2 in whole numbers."""
    preparation = Preparation(recorded(crop_size=crop, scale=0.5), mean, CPU, mirror=True)
    made = preparation.evaluation(torch.from_numpy(pictures))
    for i in range(5):
        expected = by_hand(pictures[i], mean.astype(np.float64), top, left, (crop, crop), False, 0.5)
        np.testing.assert_allclose(made[i].numpy(), expected, atol=1e-4)


def test_whole_pictures_need_no_draw(pictures: NDArray[np.uint8], mean: NDArray[np.float32]) -> None:
    preparation = Preparation(recorded(), mean, CPU)
    assert not preparation.draws
    source = torch.from_numpy(pictures)
    made = preparation.training(source, None)
    np.testing.assert_allclose(made.numpy(), pictures.transpose(0, 3, 1, 2) - mean, atol=1e-5)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(source.numpy(), pictures)  # the dataset itself is left alone


def test_without_a_mean_the_dataset_is_left_alone(pictures: NDArray[np.uint8]) -> None:
    made = Preparation(recorded(mean=MeanKind.NONE, scale=2), None, CPU).evaluation(torch.from_numpy(pictures))
    np.testing.assert_array_equal(made.numpy(), 2.0 * pictures.transpose(0, 3, 1, 2))


def test_a_crop_that_does_not_fit() -> None:
    with pytest.raises(InputError, match="12 x 9") as error:
        Preparation(recorded(mean=MeanKind.NONE, crop_size=10), None, CPU)
    assert error.value.problem.field == "crop_size"


@pytest.mark.parametrize("shape", [(3, 9, 9), None])
def test_a_mean_of_another_shape(shape: tuple[int, int, int] | None) -> None:
    with pytest.raises(InputError, match="mean picture is"):
        Preparation(recorded(), None if shape is None else np.zeros(shape, np.float32), CPU)
