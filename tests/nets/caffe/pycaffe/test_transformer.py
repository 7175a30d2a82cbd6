"""The Transformer's steps, in Caffe's order, and the way back."""

from __future__ import annotations

import numpy as np
import pytest

from gradus.nets.caffe.pycaffe.transformer import Transformer
from gradus.nets.caffe.pycaffe.warp import resize_image


@pytest.fixture
def whole() -> Transformer:
    transformer = Transformer({"data": (10, 3, 4, 5)})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", np.array([104.0, 117.0, 123.0]))
    transformer.set_input_scale("data", 0.017)
    return transformer


def test_the_steps_come_in_caffes_order(whole, rng) -> None:
    picture = rng.random((4, 5, 3)).astype(np.float32)
    kept = picture.copy()
    expected = (picture[..., ::-1].transpose(2, 0, 1) * 255 - np.array([104, 117, 123])[:, None, None]) * 0.017
    np.testing.assert_allclose(whole.preprocess("data", picture), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(picture, kept)
    np.testing.assert_allclose(whole.deprocess("data", expected[None]), picture, atol=1e-5)


def test_a_picture_of_another_size_is_resized_first(whole, rng) -> None:
    picture = rng.random((9, 7, 3))
    np.testing.assert_allclose(
        whole.preprocess("data", picture), whole.preprocess("data", resize_image(picture, (4, 5))), atol=1e-5
    )


def test_a_mean_may_be_a_picture_gray_or_of_another_size(rng) -> None:
    for mean, expected in (
        (rng.random((1, 4, 5)), lambda m: m),
        (rng.random((4, 5)), lambda m: m[None]),
        (np.full((1, 9, 9), 2.5), lambda _: np.full((1, 4, 5), 2.5)),
    ):
        transformer = Transformer({"x": (1, 1, 4, 5)})
        transformer.set_mean("x", mean)
        np.testing.assert_allclose(transformer.preprocess("x", np.zeros((4, 5))), -expected(mean), rtol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda t: t.preprocess("other", np.zeros((4, 5, 3))), "not one of the net inputs: data"),
        (lambda t: t.set_transpose("data", (0, 1)), "Transpose order"),
        (lambda t: t.set_channel_swap("data", (1, 0)), "Channel swap"),
        (lambda t: t.set_mean("data", np.zeros(4)), "Mean channels"),
        (lambda t: t.set_mean("data", np.zeros((1, 3, 4, 5))), "Mean shape invalid"),
        (lambda t: t.set_raw_scale("x", 1), "not one of the net inputs"),
    ],
)
def test_what_does_not_fit_is_a_value_error(whole, wrong, said) -> None:
    with pytest.raises(ValueError, match=said):
        wrong(whole)
