import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError

X, SIZE = (2, 5, 8, 9), (2, 3, 4, 6)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", (slice(None), slice(None), slice(0, 4), slice(0, 6))),
        ("offset: 2", (slice(None), slice(None), slice(2, 6), slice(2, 8))),
        ("offset: 4 offset: 3", (slice(None), slice(None), slice(4, 8), slice(3, 9))),
        ("axis: 1 offset: 2 offset: 0 offset: 1", (slice(None), slice(2, 5), slice(0, 4), slice(1, 7))),
        ("axis: -1 offset: 3", (slice(None), slice(None), slice(None), slice(3, 9))),
    ],
)
def test_it_cuts_to_the_second_size(alone, rng, text, at):
    x, size = rng.normal(size=X), rng.normal(size=SIZE)
    layer = alone(f'type: "Crop" crop_param {{ {text} }}', X, SIZE)
    np.testing.assert_array_equal(layer(x, size), x[at])
    t = torch.tensor(x, requires_grad=True)
    layer.differentiable(t, torch.tensor(size)).sum().backward()
    expected = np.zeros(X)
    expected[at] = 1
    np.testing.assert_array_equal(t.grad, expected)


def test_opencv_cuts_the_same(alone, opencv, rng):
    x, size = rng.normal(size=X).astype(np.float32), rng.normal(size=(2, 5, 4, 6)).astype(np.float32)
    text = 'type: "Crop" crop_param { axis: 2 offset: 3 offset: 1 }'
    np.testing.assert_array_equal(alone(text, X, size.shape)(x, size), opencv(text, x, others=[size]))


@pytest.mark.parametrize(
    ("text", "shapes", "said"),
    [
        ("offset: 5", (X, SIZE), "would cut 4 from 5"),
        ("offset: 1 offset: 1 offset: 1", (X, SIZE), "3 offsets for the 2 axes"),
        ("axis: 4", (X, SIZE), "axis"),
        ("", (X, (2, 5, 9, 9)), "would cut 9 from 0 on out of the 8 along axis 2"),
        ("", (X, (2, 5, 4)), "as many axes"),
        ("offset: 4294967295", (X, SIZE), "would cut"),
    ],
)
def test_cuts_that_cannot_be(alone, text, shapes, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Crop" crop_param {{ {text} }}', *shapes)
