"""Regions of interest, against the definitions of Fast R-CNN and R-FCN written out cell by cell."""

import math

import numpy as np
import pytest

from gradus.core.errors import NetworkError

REGIONS = np.array([[0, 2, 1, 9, 7], [1, 0, 0, 15, 11], [1, 5, 5, 5, 5], [0, 12, 8, 40, 30], [0, -7, -3, 3, 4]], float)


def rounded(x):
    return math.copysign(math.floor(abs(x) + 0.5), x)


def within(first, last, size):
    return int(min(max(math.floor(first), 0), size)), int(min(max(math.ceil(last), 0), size))


def roi_pooling(x, regions, rows, columns, scale):
    y = np.zeros((len(regions), x.shape[1], rows, columns))
    for r, (image, *corners) in enumerate(regions):
        x1, y1, x2, y2 = (rounded(c * scale) for c in corners)
        high, wide = max(y2 - y1 + 1, 1) / rows, max(x2 - x1 + 1, 1) / columns
        for i in range(rows):
            for j in range(columns):
                a, b = within(math.floor(i * high) + y1, math.ceil((i + 1) * high) + y1, x.shape[2])
                c, d = within(math.floor(j * wide) + x1, math.ceil((j + 1) * wide) + x1, x.shape[3])
                if b > a and d > c:
                    y[r, :, i, j] = x[int(image), :, a:b, c:d].max((1, 2))
    return y


def psroi_pooling(x, regions, outputs, group, scale):
    y = np.zeros((len(regions), outputs, group, group))
    for r, (image, *corners) in enumerate(regions):
        x1, y1 = rounded(corners[0]) * scale, rounded(corners[1]) * scale
        x2, y2 = (rounded(corners[2]) + 1) * scale, (rounded(corners[3]) + 1) * scale
        high, wide = max(y2 - y1, 0.1) / group, max(x2 - x1, 0.1) / group
        for i in range(group):
            for j in range(group):
                a, b = (
                    int(min(max(f, 0), x.shape[2])) for f in (math.floor(i * high + y1), math.ceil((i + 1) * high + y1))
                )
                c, d = (
                    int(min(max(f, 0), x.shape[3])) for f in (math.floor(j * wide + x1), math.ceil((j + 1) * wide + x1))
                )
                if b > a and d > c:
                    for o in range(outputs):
                        y[r, o, i, j] = x[int(image), (o * group + i) * group + j, a:b, c:d].mean()
    return y


@pytest.mark.parametrize(("grid", "scale"), [((2, 3), 1.0), ((3, 3), 0.5), ((7, 7), 0.25)])
def test_roi_pooling(alone, rng, grid, scale):
    x = rng.normal(size=(2, 3, 12, 16))
    text = f"pooled_h: {grid[0]} pooled_w: {grid[1]} spatial_scale: {scale}"
    layer = alone(f'type: "ROIPooling" roi_pooling_param {{ {text} }}', x.shape, REGIONS.shape)
    np.testing.assert_allclose(layer(x, REGIONS), roi_pooling(x, REGIONS, *grid, scale), rtol=1e-12)


@pytest.mark.parametrize(("group", "scale"), [(1, 1.0), (3, 0.5), (2, 0.0625)])
def test_psroi_pooling(alone, rng, group, scale):
    x = rng.normal(size=(2, 4 * group**2, 12, 16))
    text = f"output_dim: 4 group_size: {group} spatial_scale: {scale}"
    layer = alone(f'type: "PSROIPooling" psroi_pooling_param {{ {text} }}', x.shape, REGIONS.shape)
    np.testing.assert_allclose(layer(x, REGIONS), psroi_pooling(x, REGIONS, 4, group, scale), rtol=1e-9, atol=1e-12)


def test_no_regions_give_no_output(alone, rng):
    x = rng.normal(size=(1, 2, 5, 5))
    layer = alone('type: "ROIPooling" roi_pooling_param { pooled_h: 2 pooled_w: 2 }', x.shape, (1, 5))
    assert layer(x, np.zeros((0, 5))).shape == (0, 2, 2, 2)


@pytest.mark.parametrize(
    ("text", "shapes", "message"),
    [
        ('type: "ROIPooling" roi_pooling_param { pooled_h: 2 pooled_w: 2 }', [(1, 2, 5, 5), (3, 4)], "regions of 5"),
        ('type: "ROIPooling" roi_pooling_param { pooled_h: 2 }', [(1, 2, 5, 5), (3, 5)], "pooled_w"),
        (
            'type: "PSROIPooling" psroi_pooling_param { output_dim: 2 group_size: 2 }',
            [(1, 9, 5, 5), (3, 5)],
            "8 channels",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(alone, text, shapes, message):
    with pytest.raises(NetworkError, match=message):
        alone(text, *shapes)
