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


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (10, 13)])
@pytest.mark.parametrize("kernel, stride, pad", [*WINDOWS, ((2, 2), (3, 3), (0, 0)), ((2, 2), (4, 3), (1, 1))])
@pytest.mark.parametrize("kind", ["MAX", "AVE"])
def test_rounding_down_everywhere(alone, rng, size, kernel, stride, pad, kind):
    x = rng.normal(size=(1, 2, *size))
    text = f"pool: {kind} {settings(kernel, stride, pad)} round_mode: FLOOR"
    expected = reference(x, kind == "AVE", kernel, stride, pad, floor)[0]
    np.testing.assert_allclose(alone(f'type: "Pooling" pooling_param {{ {text} }}', x.shape)(x), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "kernel, stride, pad", [((3, 3), (2, 2), (1, 1)), ((3, 3), (3, 3), (2, 2)), ((1, 1), (3, 4), (0, 0))]
)
def test_the_second_top_says_where_each_maximum_was(alone, rng, kernel, stride, pad):
    x = rng.normal(size=(2, 2, 9, 8))
    layer = alone(f'type: "Pooling" top: "y" top: "m" pooling_param {{ {settings(kernel, stride, pad)} }}', x.shape)
    top, mask = layer(x)
    expected, where = reference(x, False, kernel, stride, pad)
    np.testing.assert_allclose(top, expected)
    np.testing.assert_array_equal(mask, where)


def test_places_survive_bfloat16(alone):
    x = torch.zeros(1, 1, 40, 40, dtype=torch.bfloat16)
    x[0, 0, 39, 38] = 1
    layer = alone('type: "Pooling" top: "y" top: "m" pooling_param { kernel_size: 40 }', tuple(x.shape))
    assert layer.differentiable(x)[1].item() == 39 * 40 + 38  # bfloat16 itself would say 1600


def test_a_diverged_network_shows(alone):
    x = np.zeros((1, 1, 4, 4))
    x[0, 0, 1, 1] = np.nan
    layer = alone('type: "Pooling" pooling_param { kernel_size: 2 stride: 2 }', x.shape)
    np.testing.assert_array_equal(layer(x), [[[[np.nan, 0], [0, 0]]]])


def cells(x, kernel, stride):
    """The values of each window without padding, by its position; windows end where the picture does."""
    out = reference(x, False, kernel, stride, (0, 0))[0].shape
    for u in range(out[2]):
        for v in range(out[3]):
            top, left = u * stride[0], v * stride[1]
            yield u, v, x[:, :, top : top + kernel[0], left : left + kernel[1]].reshape(*out[:2], -1)


@pytest.mark.parametrize("kernel, stride", [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 2), (1, 2)), ((2, 2), (3, 3))])
def test_stochastic_weighs_each_value_by_itself_when_testing(alone, rng, kernel, stride):
    x = np.maximum(rng.normal(size=(2, 2, 7, 6)), 0)
    x[0, 0, :3, :3] = 0  # a window of zeros gives 0
    text = f'type: "Pooling" pooling_param {{ pool: STOCHASTIC {settings(kernel, stride, (0, 0))} }}'
    top = alone(text, x.shape)(x)
    for u, v, values in cells(x, kernel, stride):
        total = values.sum(2)
        expected = np.where(total > 0, (values**2).sum(2) / np.where(total > 0, total, 1), 0)
        np.testing.assert_allclose(top[:, :, u, v], expected, rtol=1e-12)


def test_stochastic_draws_in_proportion_when_training(alone):
    x = np.broadcast_to(np.array([[1.0, 2], [0, 5]]), (1, 4000, 2, 2)).copy()
    layer = alone('type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 }', x.shape, training=True)
    torch.manual_seed(3)
    drawn, counts = np.unique(layer(x), return_counts=True)
    np.testing.assert_array_equal(drawn, [1, 2, 5])
    # 4000 draws: the standard deviation of a share is at most 0.008
    np.testing.assert_allclose(counts / 4000, [1 / 8, 2 / 8, 5 / 8], atol=0.03)


def test_stochastic_gives_the_gradient_to_the_value_it_drew(alone, rng):
    x = torch.tensor(rng.uniform(1, 2, size=(1, 3, 5, 5)), requires_grad=True)
    layer = alone('type: "Pooling" pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }', (1, 3, 5, 5),
                  training=True)  # fmt: skip
    top = layer.differentiable(x)
    assert top.shape == (1, 3, 3, 3)
    top.sum().backward()
    assert set(np.unique(x.grad)) == {0, 1}
    np.testing.assert_allclose((x.detach() * x.grad).sum(), top.detach().sum())
    assert x.grad.sum() == 27


@pytest.mark.parametrize("kind", ["MAX", "AVE"])
@pytest.mark.parametrize("size", [(8, 8), (13, 12), (9, 16)])
def test_a_pyramid_pools_in_ever_smaller_parts(alone, rng, kind, size):
    x = rng.normal(size=(2, 3, *size))
    parts = []
    for bins in (1, 2, 4):
        kernel = tuple(ceil(n / bins) for n in size)
        pad = tuple((k * bins - n + 1) // 2 for k, n in zip(kernel, size, strict=True))
        parts.append(reference(x, kind == "AVE", kernel, kernel, pad)[0].reshape(2, -1))
    layer = alone(f'type: "SPP" spp_param {{ pyramid_height: 3 pool: {kind} }}', x.shape)
    np.testing.assert_allclose(layer(x), np.concatenate(parts, 1), rtol=1e-12)
    single = alone(f'type: "SPP" spp_param {{ pyramid_height: 1 pool: {kind} }}', x.shape)
    np.testing.assert_allclose(single(x), parts[0].reshape(2, 3, 1, 1), rtol=1e-12)


def test_a_stochastic_pyramid(alone, rng):
    x = rng.uniform(0, 1, size=(1, 2, 8, 4))
    expected = []
    for bins in (1, 2):
        for c in range(2):
            blocks = x[0, c].reshape(bins, 8 // bins, bins, 4 // bins)
            expected.append(((blocks**2).sum((1, 3)) / blocks.sum((1, 3))).ravel())
    layer = alone('type: "SPP" spp_param { pyramid_height: 2 pool: STOCHASTIC }', x.shape)
    np.testing.assert_allclose(layer(x)[0], np.concatenate(expected), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "pyramid_height"), ("pyramid_height: 4", "4x4 parts"), ("pyramid_height: 4294967295", "4x4 parts"),
     ("pyramid_height: 2 pool: STOCHASTIC", "no padding")],
)  # fmt: skip
def test_pyramids_that_cannot_be(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "SPP" spp_param {{ {text} }}', (1, 1, 5, 5))


@pytest.mark.parametrize("kind", ["MAX", "AVE"])
@pytest.mark.parametrize("kernel, stride, pad", [((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1)),
                                                 ((3, 2), (2, 1), (1, 0))])  # fmt: skip
def test_opencv_gives_the_same(alone, opencv, rng, kind, kernel, stride, pad):
    x = rng.normal(size=(2, 3, 9, 8)).astype(np.float32)
    text = f'type: "Pooling" pooling_param {{ pool: {kind} {settings(kernel, stride, pad)} }}'
    np.testing.assert_allclose(alone(text, x.shape)(x.astype(np.float64)), opencv(text, x), rtol=1e-5, atol=1e-6)


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
        ("pool: STOCHASTIC kernel_size: 2 pad: 1", "no padding"),
        ("global_pooling: true stride: 2", "a stride or a pad"),
        ("global_pooling: true pad: 1", "a stride or a pad"),
        ("kernel_size: 2 stride_h: 1", "stride_w"),
        ("kernel_size: 2 pad_w: 1", "pad_h"),
    ],
)
def test_settings_that_cannot_work(alone, text, said):
    with pytest.raises(NetworkError, match=said) as caught:
        alone(f'type: "Pooling" pooling_param {{ {text} }}', (1, 1, 6, 6))
    assert caught.value.problem.line == 2


def test_only_pictures_are_pooled(alone):
    with pytest.raises(NetworkError, match="4 axes"):
        alone('type: "Pooling" pooling_param { kernel_size: 2 }', (3, 6))
