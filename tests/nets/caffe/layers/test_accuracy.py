import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


def right(scores, label, k):
    """Fewer than k other classes have a score that is as high (catalogue 1.7, master)."""
    return sum(score >= scores[label] for c, score in enumerate(scores) if c != label) < k


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("ignored", [None, 0, 255, -1])
@pytest.mark.parametrize("kind", [np.float64, np.int64])
def test_ties_count_against(alone, rng, k, ignored, kind):
    x = rng.integers(0, 3, size=(40, 6)).astype(np.float64)  # few values: many ties
    labels = rng.integers(0, 6, size=40).astype(kind)
    if ignored is not None:
        labels[::5] = ignored
    ignore = "" if ignored is None else f"ignore_label: {ignored}"
    layer = alone(f'type: "Accuracy" accuracy_param {{ top_k: {k} {ignore} }}', x.shape, labels.shape)
    counted = [right(s, int(t), k) for s, t in zip(x, labels, strict=True) if t != ignored]
    assert layer(x, labels).shape == ()
    np.testing.assert_allclose(layer(x, labels), np.mean(counted), rtol=1e-6)


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_pixels_and_classes_along_any_axis(alone, rng, axis):
    x = rng.integers(0, 4, size=(3, 5, 4, 6)).astype(np.float64)
    rows = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    labels = rng.integers(0, x.shape[axis], size=len(rows))
    text = f'type: "Accuracy" top: "all" top: "each" accuracy_param {{ axis: {axis} ignore_label: 1 }}'
    overall, each = alone(text, x.shape, labels.shape)(x, labels)
    hits = np.array([right(s, t, 1) for s, t in zip(rows, labels, strict=True)])
    np.testing.assert_allclose(overall, hits[labels != 1].mean(), rtol=1e-6)
    expected = [0 if c == 1 else hits[labels == c].mean() for c in range(x.shape[axis])]
    np.testing.assert_allclose(each, expected, rtol=1e-6)


def test_of_each_class_and_0_for_those_that_do_not_occur(alone):
    x = np.eye(3)[[0, 1, 1, 0]]
    layer = alone('type: "Accuracy" top: "a" top: "each"', (4, 3), (4,))
    overall, each = layer(x, np.array([0, 1, 0, 0]))
    assert overall == pytest.approx(0.75)
    np.testing.assert_allclose(each, [2 / 3, 1, 0], rtol=1e-6)


def test_nothing_counted_is_0(alone, rng):
    layer = alone('type: "Accuracy" accuracy_param { ignore_label: 1 }', (3, 4), (3,))
    assert layer(rng.normal(size=(3, 4)), np.ones(3)) == 0


def test_nothing_is_learned_from_it(alone, rng):
    layer = alone('type: "Accuracy"', (3, 4), (3,))
    x = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    assert not layer.differentiable(x, torch.zeros(3)).requires_grad


@pytest.mark.parametrize(
    ("settings", "said"), [("top_k: 5", "best 5 of 4"), ("top_k: 0", "top_k"), ("axis: 2", "axis 2")]
)
def test_guesses_that_cannot_be(alone, settings, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Accuracy" accuracy_param {{ {settings} }}', (3, 4), (3,))
