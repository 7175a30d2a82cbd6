from itertools import product

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


def places(spatial, kernel, stride, pad, dilation):
    """For each window (catalogue 1.1) its index, and its kernel cells with the input cells they lie on."""
    out = [
        (n + 2 * p - (d * (k - 1) + 1)) // s + 1
        for n, k, s, p, d in zip(spatial, kernel, stride, pad, dilation, strict=True)
    ]
    for window in product(*map(range, out)):
        cells = []
        for cell in product(*map(range, kernel)):
            at = tuple(o * s - p + k * d for o, s, p, k, d in zip(window, stride, pad, cell, dilation, strict=True))
            if all(0 <= a < n for a, n in zip(at, spatial, strict=True)):
                cells.append((cell, at))
        yield window, out, cells


def correlate(x, w, b, stride, pad, dilation, group):
    """Cross-correlation by its definition."""
    inputs, outputs = x.shape[1] // group, w.shape[0] // group
    y = None
    for window, out, cells in places(x.shape[2:], w.shape[2:], stride, pad, dilation):
        y = np.zeros((x.shape[0], w.shape[0], *out)) if y is None else y
        for g in range(group):
            mine = slice(g * outputs, (g + 1) * outputs)
            for cell, at in cells:
                values = x[(slice(None), slice(g * inputs, (g + 1) * inputs), *at)]
                y[(slice(None), mine, *window)] += values @ w[(mine, slice(None), *cell)].T
    return y + np.reshape(b, (1, -1, *[1] * (x.ndim - 2)))


def spread(x, w, b, stride, pad, dilation, group):
    """The transpose: each input value adds its kernel to the output, (catalogue 1.1)."""
    out = [
        s * (n - 1) + d * (k - 1) + 1 - 2 * p
        for n, k, s, p, d in zip(x.shape[2:], w.shape[2:], stride, pad, dilation, strict=True)
    ]
    inputs, outputs = x.shape[1] // group, w.shape[1]
    y = np.zeros((x.shape[0], outputs * group, *out))
    for window, _, cells in places(out, w.shape[2:], stride, pad, dilation):
        for g in range(group):
            mine = slice(g * inputs, (g + 1) * inputs)
            for cell, at in cells:
                values = x[(slice(None), mine, *window)] @ w[(mine, slice(None), *cell)]
                y[(slice(None), slice(g * outputs, (g + 1) * outputs), *at)] += values
    return y + np.reshape(b, (1, -1, *[1] * (x.ndim - 2)))


# text: (spatial size, kernel, stride, pad, dilation, group)
CASES = {
    "kernel_size: 3": ((8, 9), (3, 3), (1, 1), (0, 0), (1, 1), 1),
    "kernel_size: 3 stride: 2 pad: 1": ((8, 9), (3, 3), (2, 2), (1, 1), (1, 1), 1),
    "kernel_h: 1 kernel_w: 4 pad_h: 0 pad_w: 2 stride_h: 2 stride_w: 1":
        ((8, 9), (1, 4), (2, 1), (0, 2), (1, 1), 1),
    "kernel_size: 2 kernel_size: 3 stride: 1 stride: 2": ((8, 9), (2, 3), (1, 2), (0, 0), (1, 1), 1),
    "kernel_size: 3 dilation: 2 group: 2": ((8, 9), (3, 3), (1, 1), (0, 0), (2, 2), 2),
    "kernel_size: 3 pad: 4 pad: 2 dilation: 2 dilation: 1 engine: CUDNN": ((7, 5), (3, 3), (1, 1), (4, 2), (2, 1), 1),
    "kernel_size: 4 stride: 3 pad: 2": ((10,), (4,), (3,), (2,), (1,), 1),
    "kernel_size: 2 stride: 2 pad: 1 force_nd_im2col: true group: 2":
        ((4, 5, 3), (2, 2, 2), (2, 2, 2), (1, 1, 1), (1, 1, 1), 2),
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_it_is_cross_correlation(alone, rng, text):
    size, kernel, stride, pad, dilation, group = CASES[text]
    x, w, b = rng.normal(size=(2, 4, *size)), rng.normal(size=(6, 4 // group, *kernel)), rng.normal(size=6)
    layer = alone(f'type: "Convolution" convolution_param {{ num_output: 6 {text} }}', x.shape)
    layer.set(weight=w, bias=b)
    expected = correlate(x, w, b, stride, pad, dilation, group)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-10, atol=1e-12)
    assert layer.layer.multiply_adds([x.shape], [expected.shape]) == expected.size * w[0].size


@pytest.mark.parametrize("text", CASES)
def test_its_transpose_spreads_each_value(alone, rng, text):
    size, kernel, stride, pad, dilation, group = CASES[text]
    x, w, b = rng.normal(size=(2, 4, *size)), rng.normal(size=(4, 6 // group, *kernel)), rng.normal(size=6)
    layer = alone(f'type: "Deconvolution" convolution_param {{ num_output: 6 {text} }}', x.shape)
    layer.set(weight=w, bias=b)
    expected = spread(x, w, b, stride, pad, dilation, group)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-10, atol=1e-12)
    assert layer.layer.multiply_adds([x.shape], [expected.shape]) == x.size * w[0].size


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution"])
def test_a_later_channel_axis_leaves_more_axes_to_the_batch(alone, rng, kind):
    x, w = rng.normal(size=(2, 3, 4, 7)), rng.normal(size=(4, 4, 3))
    text = f'type: "{kind}" convolution_param {{ num_output: 4 kernel_size: 3 axis: -2 bias_term: false }}'
    layer = alone(text, x.shape)
    layer.set(weight=w)
    operation = correlate if kind == "Convolution" else spread
    expected = operation(x.reshape(6, 4, 7), w, np.zeros(4), (1,), (0,), (1,), 1)
    np.testing.assert_allclose(layer(x), expected.reshape(2, 3, *expected.shape[1:]), rtol=1e-10, atol=1e-12)


def test_several_bottoms_share_the_weights(alone, rng):
    x, z, w = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(1, 3, 4, 4)), rng.normal(size=(2, 3, 3, 3))
    text = 'type: "Convolution" top: "y" top: "v" convolution_param { num_output: 2 kernel_size: 3 bias_term: false }'
    layer = alone(text, x.shape, z.shape)
    layer.set(weight=w)
    for top, bottom in zip(layer(x, z), (x, z), strict=True):
        expected = correlate(bottom, w, np.zeros(2), (1, 1), (0, 0), (1, 1), 1)
        np.testing.assert_allclose(top, expected, rtol=1e-10, atol=1e-12)
    with pytest.raises(NetworkError, match="gives 1 blobs, and the text names 2"):
        alone(text, x.shape)
    with pytest.raises(NetworkError, match="same number of axes and channels"):
        alone(text, x.shape, (1, 4, 4, 4))


@pytest.mark.parametrize("kind", ["DepthwiseConvolution", "ConvolutionDepthwise"])
@pytest.mark.parametrize("outputs", [None, 3, 6])
def test_depthwise_is_one_group_for_each_channel(alone, rng, kind, outputs):
    x, w = rng.normal(size=(2, 3, 6, 5)), rng.normal(size=(outputs or 3, 1, 3, 3))
    given = f"num_output: {outputs}" if outputs else ""
    layer = alone(f'type: "{kind}" convolution_param {{ {given} kernel_size: 3 pad: 1 bias_term: false }}', x.shape)
    layer.set(weight=w)
    expected = correlate(x, w, np.zeros(len(w)), (1, 1), (1, 1), (1, 1), 3)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-10, atol=1e-12)
    for wrong, said in (("num_output: 4", "3 groups"), ("num_output: 6 group: 2", "each of its 3 channels")):
        with pytest.raises(NetworkError, match=said):
            alone(f'type: "{kind}" convolution_param {{ {wrong} kernel_size: 3 }}', x.shape)


@pytest.mark.parametrize("text", [text for text in CASES if "group" not in text])
def test_im2col_lays_windows_out_as_channels(alone, rng, text):
    size, kernel, stride, pad, dilation, _ = CASES[text]
    x = rng.normal(size=(2, 4, *size))
    top = alone(f'type: "Im2col" convolution_param {{ {text} }}', x.shape)(x)
    windows = list(places(size, kernel, stride, pad, dilation))
    for window, _, cells in windows:
        expected = np.zeros((2, 4, *kernel))
        for cell, at in cells:
            expected[(slice(None), slice(None), *cell)] = x[(slice(None), slice(None), *at)]
        np.testing.assert_array_equal(top[(slice(None), slice(None), *window)], expected.reshape(2, -1))
    assert top.shape == (2, 4 * np.prod(kernel), *windows[0][1])


def test_im2col_adds_the_gradients_of_windows_that_overlap(alone):
    layer = alone('type: "Im2col" convolution_param { kernel_size: 2 pad: 1 stride: 1 }', (1, 2, 3, 3))
    x = torch.zeros((1, 2, 3, 3), dtype=torch.float64, requires_grad=True)
    layer.differentiable(x).sum().backward()
    assert (x.grad == 4).all()  # with this padding each cell is in four windows of 2x2


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Convolution", "num_output: 6 kernel_size: 3 stride: 2 pad: 1 group: 2"),
        ("Convolution", "num_output: 6 kernel_h: 1 kernel_w: 3 stride: 1 pad_h: 0 pad_w: 1 dilation: 1"),
        ("Convolution", "num_output: 4 kernel_size: 3 dilation: 2"),
        ("Deconvolution", "num_output: 6 kernel_size: 4 stride: 2 pad: 1"),
        ("Deconvolution", "num_output: 4 kernel_size: 4 stride: 2 pad: 1 group: 4"),
    ],
)
def test_opencv_gives_the_same(alone, opencv, rng, kind, text):
    x = rng.normal(size=(1, 4, 8, 9)).astype(np.float32)
    layer = alone(f'type: "{kind}" convolution_param {{ {text} }}', x.shape)
    weight, bias = rng.normal(size=layer.get("weight").shape), rng.normal(size=layer.get("bias").shape)
    layer.set(weight=weight, bias=bias)
    blobs = [weight.astype(np.float32), bias.astype(np.float32)]
    theirs = opencv(f'type: "{kind}" convolution_param {{ {text} }}', x, blobs)
    np.testing.assert_allclose(layer(x.astype(np.float64)), theirs, rtol=1e-4, atol=1e-5)


def test_without_bias_there_is_one_blob(alone):
    layer = alone(
        'type: "Convolution" convolution_param { num_output: 2 kernel_size: 1 bias_term: false }', (1, 3, 4, 4)
    )
    assert [blob.name for blob in layer.layer.blobs] == ["weight"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kernel_size: 3", "num_output"),
        ("num_output: 0 kernel_size: 3", "num_output"),
        ("num_output: 4", "kernel_size"),
        ("num_output: 4 kernel_size: 0", "kernel_size"),
        ("num_output: 4 kernel_size: 3 stride: 0", "stride"),
        ("num_output: 4 kernel_size: 3 stride_h: 2", "stride"),
        ("num_output: 4 kernel_size: 3 dilation: 0", "dilation"),
        ("num_output: 4 kernel_size: 9", "larger than its input"),
        ("num_output: 4 kernel_size: 4294967295", "larger than its input"),
        ("num_output: 4 kernel_size: 3 group: 3", "groups"),
        ("num_output: 4 kernel_size: 3 group: 0", "group"),
        ("num_output: 4 kernel_size: 3 kernel_h: 3 kernel_w: 3", "kernel_h"),
        ("num_output: 4 kernel_h: 3", "kernel_size"),
        ("num_output: 4 kernel_w: 3", "kernel_size"),
        ("num_output: 4 kernel_size: 1 kernel_size: 2 kernel_size: 3", "3 times"),
        ("num_output: 4 kernel_size: 3 pad: 1 pad: 1 pad: 1", "3 times"),
        ("num_output: 4 kernel_size: 3 axis: 3", "1 to 3 axes"),
        ("num_output: 4 kernel_size: 3 axis: 4", "axis"),
        ("num_output: 2147483647 kernel_size: 3", "more than Caffe's"),
        ('num_output: 4 kernel_size: 3 weight_filler { type: "xaviar" }', "xaviar"),
        ('num_output: 4 kernel_size: 3 weight_filler { type: "gaussian" std: nan }', "finite"),
    ],
)
def test_settings_that_cannot_work_name_the_layer_and_the_line(alone, text, said):
    with pytest.raises(NetworkError) as caught:
        alone(f'type: "Convolution" convolution_param {{ {text} }}', (1, 4, 7, 7))
    assert said in str(caught.value)
    assert '"it" (Convolution)' in str(caught.value)
    assert caught.value.problem.line == 2


def test_padding_may_not_eat_a_deconvolutions_output(alone):
    text = 'type: "Deconvolution" convolution_param { num_output: 1 kernel_size: 2 pad: 2 }'
    with pytest.raises(NetworkError, match="nothing is left"):
        alone(text, (1, 1, 3, 4))  # 1 * 2 + 2 - 4 = 0 rows
    assert alone(text, (1, 1, 4, 4))(np.zeros((1, 1, 4, 4))).shape == (1, 1, 1, 1)
