from math import ceil, floor

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


def reference(x, mean, kernel, stride, pad, rounding=ceil):
    """Caffe's windows one by one (catalogue 1.2), with the position of each first maximum."""
    n, c, *size = x.shape
    out = []
    for i in range(2):
        o = int(rounding((size[i] + 2 * pad[i] - kernel[i]) / stride[i])) + 1
        if any(pad) and (o - 1) * stride[i] >= size[i] + pad[i]:
            o -= 1
        out.append(o)
    y, mask = np.zeros((n, c, *out)), np.full((n, c, *out), -1.0)
    for u in range(out[0]):
        for v in range(out[1]):
            top, left = u * stride[0] - pad[0], v * stride[1] - pad[1]
            below, right = min(top + kernel[0], size[0] + pad[0]), min(left + kernel[1], size[1] + pad[1])
            cells = (below - top) * (right - left)
            part = x[:, :, max(top, 0) : min(below, size[0]), max(left, 0) : min(right, size[1])]
            if mean:
                y[:, :, u, v] = part.sum((2, 3)) / cells
            elif part.size == 0:
                y[:, :, u, v] = np.finfo(np.float32).min
            else:
                y[:, :, u, v] = part.max((2, 3))
                first = part.reshape(n, c, -1).argmax(2)
                rows, columns = np.divmod(first, part.shape[3])
                mask[:, :, u, v] = (rows + max(top, 0)) * size[1] + columns + max(left, 0)
    return y, mask


# kernel, stride, pad for sizes where rounding up, clipping and padding matter
WINDOWS = [
    ((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1)), ((3, 3), (1, 1), (1, 1)),
    ((5, 5), (3, 3), (0, 0)), ((3, 2), (2, 1), (1, 0)), ((3, 3), (3, 3), (2, 2)), ((2, 2), (2, 2), (1, 1)),
    ((4, 4), (3, 3), (3, 3)), ((7, 7), (1, 1), (0, 0)),
]  # fmt: skip


def settings(kernel, stride, pad):
    names = ("kernel", "stride", "pad")
    return " ".join(f"{n}_h: {a[0]} {n}_w: {a[1]}" for n, a in zip(names, (kernel, stride, pad), strict=True))


@pytest.mark.parametrize("size", [(7, 7), (8, 10), (13, 9)])
@pytest.mark.parametrize("kernel, stride, pad", WINDOWS)
@pytest.mark.parametrize("kind", ["MAX", "AVE"])
def test_windows_are_caffes(alone, rng, size, kernel, stride, pad, kind):
    x = rng.normal(size=(2, 3, *size))
    layer = alone(f'type: "Pooling" pooling_param {{ pool: {kind} {settings(kernel, stride, pad)} }}', x.shape)
    np.testing.assert_allclose(layer(x), reference(x, kind == "AVE", kernel, stride, pad)[0], rtol=1e-12)


def test_a_stride_beyond_the_kernel_keeps_the_window_past_the_end(alone, rng):
    x = rng.normal(size=(1, 1, 7, 7))  # ceil(5 / 3) + 1 = 3: the last window starts at 6; of size 8 at 6 too
    layer = alone('type: "Pooling" pooling_param { kernel_size: 2 stride: 3 }', x.shape)
    np.testing.assert_allclose(layer(x), reference(x, False, (2, 2), (3, 3), (0, 0))[0])
    x = rng.normal(size=(1, 1, 6, 6))
    layer = alone('type: "Pooling" pooling_param { kernel_size: 1 stride: 4 }', x.shape)
    expected = reference(x, False, (1, 1), (4, 4), (0, 0))[0]
    assert expected.shape == (1, 1, 3, 3)
    assert expected[0, 0, 2, 2] == np.finfo(np.float32).min
    np.testing.assert_allclose(layer(x), expected)


def test_rounding_down_on_request(alone, rng):
    x = rng.normal(size=(1, 2, 8, 8))
    layer = alone('type: "Pooling" pooling_param { kernel_size: 3 stride: 2 round_mode: FLOOR }', x.shape)
    np.testing.assert_allclose(layer(x), reference(x, False, (3, 3), (2, 2), (0, 0), floor)[0])


@pytest.mark.parametrize("kernel, stride, pad", [((3, 3), (2, 2), (1, 1)), ((3, 3), (3, 3), (2, 2))])
def test_the_second_top_says_where_each_maximum_was(alone, rng, kernel, stride, pad):
    x = rng.normal(size=(2, 2, 9, 8))
    layer = alone(f'type: "Pooling" top: "y" top: "m" pooling_param {{ {settings(kernel, stride, pad)} }}', x.shape)
    top, mask = layer(x)
    expected, where = reference(x, False, kernel, stride, pad)
    np.testing.assert_allclose(top, expected)
    np.testing.assert_array_equal(mask, where)


@pytest.mark.parametrize("kind, reduce", [("MAX", np.max), ("AVE", np.mean)])
def test_global_pooling_takes_the_whole_channel(alone, rng, kind, reduce):
    x = rng.normal(size=(2, 3, 5, 4))
    layer = alone(f'type: "Pooling" pooling_param {{ pool: {kind} global_pooling: true }}', x.shape)
    np.testing.assert_allclose(layer(x), reduce(x, (2, 3), keepdims=True), rtol=1e-12)


def test_channels_last_gives_the_same(alone, rng):
    x = torch.tensor(rng.normal(size=(2, 3, 9, 9)))
    layer = alone('type: "Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }', tuple(x.shape))
    y = layer.differentiable(x.to(memory_format=torch.channels_last))
    assert y.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(y.numpy(), layer(x.numpy()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kernel_size: 0", "kernel_size"),
        ("", "kernel_size"),
        ("kernel_size: 2 stride: 0", "stride"),
        ("kernel_size: 2 pad: 2", "padding"),
        ("kernel_h: 2", "kernel_w"),
        ("kernel_size: 2 kernel_h: 2 kernel_w: 2", "either"),
        ("kernel_size: 2 global_pooling: true", "global_pooling"),
        ("kernel_size: 900", "too large"),
        ("pool: STOCHASTIC kernel_size: 2", "STOCHASTIC"),
    ],
)
def test_settings_that_cannot_work(alone, text, said):
    with pytest.raises(NetworkError, match=said) as caught:
        alone(f'type: "Pooling" pooling_param {{ {text} }}', (1, 1, 6, 6))
    assert caught.value.problem.line == 2


def test_only_pictures_are_pooled(alone):
    with pytest.raises(NetworkError, match="4 axes"):
        alone('type: "Pooling" pooling_param { kernel_size: 2 }', (3, 6))
