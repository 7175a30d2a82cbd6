"""Coordinates through layers: against brute force over which inputs an output sees."""

from __future__ import annotations

import numpy as np
import pytest

from gradus.nets.caffe.pycaffe import layers as L
from gradus.nets.caffe.pycaffe.coord_map import (
    AxisMismatchException,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)


def centre(kernel: int, stride: int, pad: int, dilation: int, output: int) -> float:
    """The mean coordinate of the inputs that an output of a convolution sees."""
    return float(np.mean([output * stride - pad + tap * dilation for tap in range(kernel)]))


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "dilation"), [(3, 1, 0, 1), (3, 1, 1, 1), (5, 2, 2, 1), (3, 1, 2, 2), (2, 2, 0, 1)]
)
def test_a_convolution_maps_to_the_middle_of_what_it_sees(kernel, stride, pad, dilation) -> None:
    data = L.Input()
    conv = L.Convolution(data, kernel_size=kernel, stride=stride, pad=pad, dilation=dilation)
    axis, a, b = coord_map_from_to(conv, data)
    assert axis == 1
    for output in (0, 1, 7):
        assert a * output + b == pytest.approx(centre(kernel, stride, pad, dilation, output))
    back = inverse(coord_map(conv.fn))
    assert (back.a, back.b) == pytest.approx((a, b))


def test_a_deconvolution_is_the_way_back() -> None:
    conv, deconv = (
        coord_map(kind(L.Input(), kernel_size=4, stride=2, pad=1).fn) for kind in (L.Convolution, L.Deconvolution)
    )
    both = compose(deconv, conv)
    assert (both.a, both.b) == (1, 0)


def test_fcn_is_cropped_where_its_score_lies() -> None:
    """FCN-32s: padded by 100, five poolings of 2, a 7 x 7 layer, upsampled by 32: the published offset is 19."""
    data = top = L.Input()
    for block, convolutions in enumerate((2, 2, 3, 3, 3)):
        for number in range(convolutions):
            top = L.Convolution(top, kernel_size=3, pad=100 if block == number == 0 else 1)
            top = L.ReLU(top, in_place=True)
        top = L.Pooling(top, kernel_size=2, stride=2)
    top = L.Dropout(L.Convolution(top, kernel_size=7))
    top = L.Deconvolution(L.Convolution(top, kernel_size=1), convolution_param=dict(kernel_size=64, stride=32))
    cropped = crop(top, data)
    assert cropped.fn.params["crop_param"] == {"axis": 2, "offset": [19]}


def test_axes_of_their_own() -> None:
    data = L.Input()
    conv = L.Convolution(data, kernel_h=3, kernel_w=5, stride_h=1, stride_w=2, pad_h=0, pad_w=10)
    _, a, b = coord_map_from_to(conv, data)
    np.testing.assert_allclose(a, [1, 2])
    np.testing.assert_allclose(b, [1, -8])


def test_tops_of_a_layer_with_several_are_told_apart() -> None:
    first, second = L.Input(), L.Input()
    one, two = L.Convolution(first, second, ntop=2, kernel_size=3)
    assert coord_map_from_to(one, first).b == coord_map_from_to(two, second).b == 1
    with pytest.raises(RuntimeError, match="Could not compute map"):
        coord_map_from_to(one, second)


def test_what_cannot_be_mapped_or_cropped() -> None:
    data = L.Input()
    with pytest.raises(UndefinedMapException):
        coord_map(L.InnerProduct(data).fn)
    with pytest.raises(RuntimeError, match="connected by spatial layers"):
        coord_map_from_to(L.InnerProduct(data), data)
    with pytest.raises(AxisMismatchException):
        coord_map_from_to(L.Convolution(L.Convolution(data, axis=2)), data)
    for top, said in (
        (L.Convolution(data, kernel_size=2, stride=2), "scale mismatch"),
        (L.Convolution(data, kernel_size=3), "negative offset"),
        (L.Convolution(data, kernel_size=2, pad=2), "noninteger offset"),
    ):
        with pytest.raises(AssertionError, match=said):
            crop(top, data)
