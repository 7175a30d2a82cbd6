import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


def bilinear(x, size):
    """Corners onto corners: output i lies at i * (n - 1) / (size - 1) of the input."""
    for axis, out in ((2, size[0]), (3, size[1])):
        n = x.shape[axis]
        at = np.arange(out) * ((n - 1) / (out - 1) if out > 1 else 0)
        low = np.floor(at + 1e-12).astype(int)
        share = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, n - 1), axis) * share
    return x


@pytest.mark.parametrize(
    ("text", "part", "size"),
    [
        ("height: 9 width: 4", slice(None), (9, 4)),
        ("height: 1 width: 1", slice(None), (1, 1)),
        ("zoom_factor: 3", slice(None), (13, 16)),  # 5 + 4 * 2, 6 + 5 * 2
        ("shrink_factor: 2", slice(None), (3, 3)),  # (5 - 1) // 2 + 1, (6 - 1) // 2 + 1
        ("shrink_factor: 2 zoom_factor: 4", slice(None), (9, 9)),
        ("zoom_factor: 2 pad_beg: -1 pad_end: -1", slice(1, -1), (5, 7)),
        ("height: 8 width: 8 pad_beg: -2", slice(2, None), (8, 8)),
    ],
)
def test_corners_stay_corners(alone, rng, text, part, size):
    x = rng.normal(size=(2, 3, 5, 6))
    layer = alone(f'type: "Interp" interp_param {{ {text} }}', x.shape)
    np.testing.assert_allclose(layer(x), bilinear(x[:, :, part, part], size), rtol=1e-9, atol=1e-12)
    t = torch.tensor(x[:1, :1], requires_grad=True)
    assert torch.autograd.gradcheck(layer.differentiable, (t,), check_undefined_grad=False)


def test_opencv_interpolates_the_same(alone, opencv, rng):
    x = rng.normal(size=(1, 2, 5, 6)).astype(np.float32)
    text = 'type: "Interp" interp_param { height: 11 width: 8 }'
    np.testing.assert_allclose(alone(text, x.shape)(x.astype(np.float64)), opencv(text, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs a size"),
        ("height: 4", "needs a size"),
        ("height: 0 width: 4", "0x4"),
        ("zoom_factor: 0", "zoom_factor"),
        ("shrink_factor: -1", "shrink_factor"),
        ("height: 4 width: 4 pad_beg: 1", "only crop"),
        ("height: 4 width: 4 pad_end: -5", "everything"),
    ],
)
def test_sizes_that_cannot_be(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Interp" interp_param {{ {text} }}', (1, 1, 5, 5))


@pytest.mark.parametrize(("text", "scale"), [("", (2, 2)), ("scale: 3", (3, 3)), ("scale_h: 1 scale_w: 4", (1, 4))])
def test_one_bottom_is_repeated(alone, rng, text, scale):
    x = rng.normal(size=(2, 3, 4, 5))
    layer = alone(f'type: "Upsample" upsample_param {{ {text} }}', x.shape)
    np.testing.assert_array_equal(layer(x), x.repeat(scale[0], 2).repeat(scale[1], 3))
    t = torch.tensor(x, requires_grad=True)
    layer.differentiable(t).sum().backward()
    assert (t.grad == scale[0] * scale[1]).all()


@pytest.mark.parametrize(
    ("text", "size"),
    [("scale: 2", (8, 6)), ("scale: 2 pad_out_h: true", (7, 6)), ("upsample_h: 9 upsample_w: 7", (9, 7))],
)
def test_values_return_to_where_their_maximum_was(alone, rng, text, size):
    x, mask = rng.normal(size=(2, 3, 4, 3)), np.zeros((2, 3, 4, 3))
    expected = np.zeros((2, 3, size[0] * size[1]))
    for n in range(2):
        for c in range(3):
            places = rng.permutation(size[0] * size[1])[:12]
            mask[n, c] = places.reshape(4, 3)
            expected[n, c, places] = x[n, c].ravel()
    layer = alone(f'type: "Upsample" upsample_param {{ {text} }}', x.shape, x.shape)
    np.testing.assert_array_equal(layer(x, mask), expected.reshape(2, 3, *size))
    t, dy = torch.tensor(x, requires_grad=True), rng.normal(size=(2, 3, *size))
    (grad,) = torch.autograd.grad(layer.differentiable(t, torch.tensor(mask)), t, torch.tensor(dy))
    np.testing.assert_array_equal(grad, np.take_along_axis(dy.reshape(2, 3, -1), mask.reshape(2, 3, -1).astype(int), 2)
                                  .reshape(x.shape))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shapes", "said"),
    [
        ("scale: 0", 1, "scale"),
        ("scale_h: 2", 1, "both scale_h and scale_w"),
        ("scale: 2 scale_h: 2 scale_w: 2", 1, "either scale"),
        ("scale: 3 pad_out_w: true", 2, "they need 2"),
        ("upsample_h: 8 upsample_w: 8", 1, "only with a mask"),
        ("upsample_h: 0 upsample_w: 8", 2, "0x8"),
    ],
)
def test_upsampling_that_cannot_be(alone, text, shapes, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Upsample" upsample_param {{ {text} }}', *[(1, 1, 4, 4)] * shapes)


def test_a_mask_has_the_shape_of_its_input(alone):
    with pytest.raises(NetworkError, match="mask of the shape"):
        alone('type: "Upsample"', (1, 1, 4, 4), (1, 1, 4, 5))
