from itertools import product

import numpy as np
import pytest

from gradus.core.errors import NetworkError


def reference(x, w, b, stride, pad, dilation, group):
    """Cross-correlation by its definition (catalogue 1.1)."""
    n, _, h, wd = x.shape
    o, cg, kh, kw = w.shape
    x = np.pad(x, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1])))
    oh = (h + 2 * pad[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (wd + 2 * pad[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((n, o, oh, ow))
    for i, j, u, v in product(range(n), range(o), range(oh), range(ow)):
        g = j // (o // group)
        rows = u * stride[0] + dilation[0] * np.arange(kh)
        columns = v * stride[1] + dilation[1] * np.arange(kw)
        patch = x[i, g * cg : (g + 1) * cg][:, rows][:, :, columns]
        y[i, j, u, v] = (patch * w[j]).sum() + b[j]
    return y


CASES = {
    "kernel_size: 3": ((3, 3), (1, 1), (0, 0), (1, 1), 1),
    "kernel_size: 3 stride: 2 pad: 1": ((3, 3), (2, 2), (1, 1), (1, 1), 1),
    "kernel_h: 1 kernel_w: 4 pad_w: 2 stride_h: 2": ((1, 4), (2, 1), (0, 2), (1, 1), 1),
    "kernel_size: 2 kernel_size: 3 stride: 1 stride: 2": ((2, 3), (1, 2), (0, 0), (1, 1), 1),
    "kernel_size: 3 dilation: 2 group: 2": ((3, 3), (1, 1), (0, 0), (2, 2), 2),
}


@pytest.mark.parametrize("text", CASES)
def test_it_is_cross_correlation(alone, rng, text):
    kernel, stride, pad, dilation, group = CASES[text]
    layer = alone(f'type: "Convolution" convolution_param {{ num_output: 6 {text} }}', (2, 4, 8, 9))
    x, w, b = rng.normal(size=(2, 4, 8, 9)), rng.normal(size=(6, 4 // group, *kernel)), rng.normal(size=6)
    layer.set(weight=w, bias=b)
    np.testing.assert_allclose(layer(x), reference(x, w, b, stride, pad, dilation, group), rtol=1e-10, atol=1e-12)


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
        ("num_output: 4 kernel_size: 3 dilation: 0", "dilation"),
        ("num_output: 4 kernel_size: 9", "larger than its input"),
        ("num_output: 4 kernel_size: 4294967295", "larger than its input"),
        ("num_output: 4 kernel_size: 3 group: 3", "groups"),
        ("num_output: 4 kernel_size: 3 group: 0", "group"),
        ("num_output: 4 kernel_size: 3 kernel_h: 3 kernel_w: 3", "kernel_h"),
        ("num_output: 4 kernel_h: 3", "kernel_size"),
        ("num_output: 4 kernel_size: 1 kernel_size: 2 kernel_size: 3", "3 times"),
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
