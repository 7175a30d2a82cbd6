from __future__ import annotations

import cv2
import numpy as np
import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources import ssd_transform
from gradus.nets.caffe.sources.annotations import Annotations


def resize(mode: str = "WARP", **given):
    r = message_class("ResizeParameter")(**given)
    r.resize_mode = r.Resize_mode.Value(mode)
    return r


@pytest.fixture
def picture(rng) -> np.ndarray:
    """375 x 500 BGR."""
    return cv2.resize(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8), (500, 375))


def test_warp_is_a_plain_resize(picture, rng):
    out = ssd_transform.resized(picture, resize(height=300, width=300), rng)
    np.testing.assert_array_equal(out, cv2.resize(picture, (300, 300), interpolation=cv2.INTER_LINEAR))
    box = np.array([[-0.1, 0.2, 0.5, 1.1]])
    np.testing.assert_array_equal(
        ssd_transform.resized_boxes(box, 375, 500, resize(height=300, width=300)), [[0, 0.2, 0.5, 1]]
    )


def test_one_of_several_interpolations_is_drawn(picture):
    r = resize(height=40, width=50)
    r.interp_mode.extend([3, 2])
    expected = {kind: cv2.resize(picture, (50, 40), interpolation=kind) for kind in (cv2.INTER_NEAREST, cv2.INTER_AREA)}
    seen = set()
    for seed in range(12):
        out = ssd_transform.resized(picture, r, np.random.default_rng(seed))
        seen |= {kind for kind, want in expected.items() if np.array_equal(out, want)}
    assert seen == set(expected)


@pytest.mark.parametrize(("mode", "border"), [(1, None), (2, cv2.BORDER_REFLECT_101), (3, cv2.BORDER_REPLICATE)])
def test_padding_keeps_the_shape(picture, rng, mode, border):
    # 500 x 375 in 300 x 300: 300 x 225, 37 rows above and 38 below.
    r = resize("FIT_LARGE_SIZE_AND_PAD", height=300, width=300, pad_mode=mode)
    r.pad_value.extend([1, 2, 3])
    out = ssd_transform.resized(picture, r, rng)
    inner = cv2.resize(picture, (300, 225), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(out[37:262], inner)
    if border is None:
        assert (out[:37] == [1, 2, 3]).all() and (out[262:] == [1, 2, 3]).all()
    else:
        np.testing.assert_array_equal(out, cv2.copyMakeBorder(inner, 37, 38, 0, 0, border))


def test_boxes_move_into_the_padded_picture():
    # The picture is 225 of 300 rows high, with 37.5 above it.
    r = resize("FIT_LARGE_SIZE_AND_PAD", height=300, width=300)
    found = ssd_transform.resized_boxes(np.array([[0.1, 0.0, 0.5, 1.0]]), 375, 500, r)
    np.testing.assert_allclose(found, [[0.1, 37.5 / 300, 0.5, 262.5 / 300]])
    tall = ssd_transform.resized_boxes(np.array([[0.0, 0.1, 1.0, 0.5]]), 500, 375, r)
    np.testing.assert_allclose(tall, [[37.5 / 300, 0.1, 262.5 / 300, 0.5]])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((375, 500), (300, 400)),
        ((500, 375), (400, 300)),
        ((7, 7), (300, 300)),
        ((100, 106), (300, 317)),  # 106 / 100 * 300 is 317.99997 in float32
    ],
)
def test_the_small_side_fits(before, after, rng):
    r = resize("FIT_SMALL_SIZE", height=300, width=300)
    assert ssd_transform.new_size(*before, r) == after
    assert ssd_transform.resized(np.zeros((*before, 3), np.uint8), r, rng).shape == (*after, 3)


def test_boxes_of_a_crop_in_units_of_the_scale():
    # 400 x 300 after resizing; a crop of 0.5 x 1 of it is 200 x 300, in units of 100 x 150.
    r = resize("FIT_SMALL_SIZE", height=300, width=300, height_scale=150, width_scale=100)
    box, window = np.array([[0.5, 0.5, 1.0, 1.0]]), np.array([0.0, 0.0, 0.5, 1.0])
    np.testing.assert_allclose(ssd_transform.extrapolated(box, window, 375, 500, r), [[1, 1, 2, 2]])


def test_expansion_puts_the_picture_on_the_means_colour(picture):
    p = message_class("TransformationParameter")(mean_value=[104.4, 117.0, 123.0])
    p.expand_param.max_expand_ratio = 4
    found = Annotations(np.array([[0.2, 0.4, 0.6, 0.8]]), np.zeros((1, 3)))
    sizes = []
    for seed in range(6):
        out, seen = ssd_transform.expanded(picture, found, p, np.random.default_rng(seed))
        height, width = out.shape[:2]
        sizes.append(height / 375)
        left, top, right, bottom = seen.boxes[0] * [width, height, width, height]
        np.testing.assert_allclose([right - left, bottom - top], [200, 150], rtol=1e-9)
        x, y = round(left - 100), round(top - 150)
        np.testing.assert_array_equal(out[y : y + 375, x : x + 500], picture)
        ground = np.ones((height, width), bool)
        ground[y : y + 375, x : x + 500] = False
        assert (out[ground] == [104, 117, 123]).all()
    assert min(sizes) >= 1 and max(sizes) <= 4 and np.ptp(sizes) > 1


def test_expansion_happens_with_its_probability(picture):
    p = message_class("TransformationParameter")()
    p.expand_param.max_expand_ratio, p.expand_param.prob = 2, 0.3
    found = Annotations(np.zeros((0, 4)), np.zeros((0, 3)))
    small = picture[:20, :20]
    random = np.random.default_rng(4)
    share = np.mean([ssd_transform.expanded(small, found, p, random)[0] is not small for _ in range(600)])
    assert share == pytest.approx(0.3, abs=0.06)


def test_a_window_is_cut_at_whole_pixels():
    picture = np.arange(10 * 20).reshape(10, 20, 1)
    found = Annotations(np.array([[0.0, 0.0, 1.0, 1.0]]), np.zeros((1, 3)))
    p = message_class("TransformationParameter")()
    out, seen = ssd_transform.cropped(picture, found, np.array([0.13, -0.2, 0.58, 0.44]), p)
    # x 2.6 to 11.6: from 2, 9 wide; y 0 to 4.4: from 0, 4 high.
    np.testing.assert_array_equal(out, picture[0:4, 2:11])
    np.testing.assert_allclose(seen.boxes, [[0, 0, 1, 1]])


TEXT = 'type: "Data" transform_param {{ {0} }} data_param {{ source: "db" batch_size: 2 }}'


def test_plain_data_is_resized_too(opened, database, pictures):
    source = opened(TEXT.format("resize_param { height: 8 width: 9 } noise_param { inverse: true } crop_size: 7"))
    assert source.shapes() == [(2, 3, 7, 7), (2,)]
    read, _ = source.read()
    whole = cv2.resize(pictures[0].transpose(1, 2, 0), (9, 8), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(read[0].numpy(), 255.0 - whole.transpose(2, 0, 1)[:, 0:7, 1:8])


def test_a_resized_batch_is_the_same_again(opened, database):
    text = TEXT.format(
        "resize_param { height: 8 width: 9 interp_mode: LINEAR interp_mode: NEAREST interp_mode: CUBIC }"
    )
    a, b = (opened(text, training=True, seed=3) for _ in range(2))
    b.skip(1)
    a.read()
    for x, y in zip(a.read(), b.read(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("param", "reason"),
    [
        ("resize_param { height: 8 }", "height and width"),
        ("resize_param { height: 8 width: 100000 }", "height and width"),
        ("expand_param { max_expand_ratio: 1 }", "max_expand_ratio"),
        ('expand_param { max_expand_ratio: 2 } mean_file: "m"', "mean_value"),
    ],
)
def test_what_cannot_be_done_is_refused(opened, database, param, reason):
    with pytest.raises(NetworkError, match=reason):
        opened(TEXT.format(param))
