"""transform_param against the catalogue's rule (4.1) in plain numpy, picture by picture."""

import cv2
import numpy as np
import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.sources.transform import Transform
from gradus.nets.caffe.text.prototxt import parse_network


@pytest.fixture
def transform(tmp_path):
    def make(text, *, training=False, seed=3, rank=0):
        _, (definition,) = parse_network(f'layer {{ name: "it" type: "Data" top: "x"\ntransform_param {{ {text} }} }}')
        return Transform(definition, Reading(training=training, seed=seed, root=tmp_path, rank=rank))

    return make


@pytest.fixture
def mean(tmp_path, rng):
    """A mean.binaryproto of (3, 9, 8), written by protobuf's own code."""
    values = rng.uniform(0, 255, (3, 9, 8)).astype(np.float32)
    message = message_class("BlobProto")(num=1, channels=3, height=9, width=8, data=values.ravel().tolist())
    (tmp_path / "mean.binaryproto").write_bytes(message.SerializeToString())
    return values


@pytest.fixture
def batch(rng):
    return rng.integers(0, 256, (40, 3, 9, 8), dtype=np.uint8)


def candidates(picture, mean, scale, crop, mirror, corners):
    """Every result that chance may give, by (down, right, mirrored)."""
    found = {}
    for down, right in corners:
        window = (slice(None), slice(down, down + crop[0]), slice(right, right + crop[1]))
        under = mean if mean.shape[1:] == (1, 1) else mean[window]
        y = (picture[window].astype(np.float64) - under) * scale
        found[down, right, False] = y
        if mirror:
            found[down, right, True] = y[:, :, ::-1]
    return found


def which(y, found):
    """The one of the candidates that it is."""
    hits = [key for key, value in found.items() if np.allclose(y, value, rtol=1e-5, atol=1e-4)]
    assert len(hits) == 1, hits
    return hits[0]


MEANS = {
    "": lambda _: np.zeros((1, 1, 1)),
    "mean_value: 100.5": lambda _: np.full((1, 1, 1), 100.5),
    "mean_value: 104 mean_value: 117 mean_value: 123": lambda _: np.float64([104, 117, 123])[:, None, None],
    'mean_file: "mean.binaryproto"': lambda file: file.astype(np.float64),
}


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("given", MEANS)
@pytest.mark.parametrize("crop", [None, (5, 5), (4, 7)])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("layout", ["planes", "pixels", "alone"])
def test_every_picture_is_what_the_rule_says(transform, batch, mean, mirror, given, crop, training, layout):
    text = f"scale: 0.5 {given} mirror: {str(mirror).lower()}"
    if crop:
        text += f" crop_size: {crop[0]}" if crop[0] == crop[1] else f" crop_h: {crop[0]} crop_w: {crop[1]}"
    it = transform(text, training=training)
    draws = it.draw(len(batch))
    if layout == "alone":  # cut one by one, as pictures that are decoded
        cuts = [it.cut(picture.transpose(1, 2, 0), draws, i) for i, picture in enumerate(batch)]
        y = it.finish(np.stack(cuts).transpose(0, 3, 1, 2), draws)
    else:
        held = np.ascontiguousarray(batch.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        y = it(batch.copy() if layout == "planes" else held, draws)
    size = crop or (9, 8)
    assert y.shape == (40, 3, *size)
    assert it.size(9, 8) == size
    rows, columns = 9 - size[0], 8 - size[1]
    corners = [(rows // 2, columns // 2)]
    if training:
        corners = [(i, j) for i in range(rows + 1) for j in range(columns + 1)]
    found = MEANS[given](mean)
    hits = [which(one, candidates(p, found, 0.5, size, mirror, corners)) for one, p in zip(y, batch, strict=True)]
    assert len({hit[2] for hit in hits}) == 1 + mirror  # both kinds, in both phases
    if training and crop:
        assert len({hit[:2] for hit in hits}) > 8


def test_corners_and_mirroring_are_uniform(transform):
    it = transform("crop_size: 3 mirror: true", training=True)
    places = np.arange(5 * 4, dtype=np.uint8).reshape(1, 1, 5, 4)
    y = it(np.repeat(places, 6000, axis=0), it.draw(6000)).numpy()
    first = np.minimum(y[:, 0, 0, 0], y[:, 0, 0, 2]).astype(int)  # the value of the top left corner
    mirrored = y[:, 0, 0, 0] > y[:, 0, 0, 2]
    counts = np.bincount(first * 2 + mirrored, minlength=20)
    counts = counts[counts > 0]
    assert len(counts) == 3 * 2 * 2
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)  # five standard deviations


def test_the_same_seed_draws_the_same_and_each_process_its_own(transform, batch):
    text = "crop_size: 4 mirror: true"
    first, again, other = (transform(text, training=True, rank=rank) for rank in (0, 0, 1))
    a, b, c = (it(batch, it.draw(len(batch))).numpy() for it in (first, again, other))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    seeded = [transform(f"{text} random_seed: 9", training=True, seed=seed) for seed in (1, 2)]
    a, b = (it(batch, it.draw(len(batch))).numpy() for it in seeded)
    np.testing.assert_array_equal(a, b)


def test_what_is_given_is_not_written_to(transform, batch):
    before = batch.copy()
    it = transform("mirror: true scale: 2 mean_value: 7")
    batch.flags.writeable = False
    it(batch, it.draw(len(batch)))
    np.testing.assert_array_equal(batch, before)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('mean_file: "mean.binaryproto" mean_value: 1', "both mean_file and mean_value"),
        ('mean_file: "no.binaryproto"', "cannot read its mean_file"),
        ('mean_file: "bad.binaryproto"', "unusable mean_file"),
        ("force_color: true force_gray: true", "both force_color and force_gray"),
        ("crop_h: 3", "one of crop_h and crop_w"),
        ("scale: inf", "not finite"),
        ("img_rand_resize_lower: 4 img_rand_resize_upper: 8", "differ in size"),
        ("crop_size: 3 img_rand_resize_lower: 9 img_rand_resize_upper: 8", "above its upper"),
        ("crop_size: 3 vertical_stretch_upper: nan", "not finite"),
    ],
)
def test_settings_that_cannot_work(transform, mean, tmp_path, text, said):
    (tmp_path / "bad.binaryproto").write_bytes(b"\x2a\x08abcdefgh")
    with pytest.raises(NetworkError, match=f'layer "it" .*{said}') as caught:
        transform(text)
    assert caught.value.problem.field.startswith("transform_param.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('mean_file: "mean.binaryproto"', "mean of 8 x 9 for pictures of 5 x 5"),
        ("crop_size: 6", "cannot cut 6 x 6 from a picture of 5 x 5"),
        ("mean_value: 1 mean_value: 2", "mean of 2 channels for pictures of 3"),
    ],
)
def test_pictures_that_do_not_fit(transform, mean, text, said):
    it = transform(text)
    with pytest.raises(NetworkError, match=said):
        it(np.zeros((2, 3, 5, 5), np.uint8), it.draw(2))


# NVIDIA's random resizing: with lower = upper nothing of it is left to chance

SIDES = {
    "img_rand_resize_lower: 12 img_rand_resize_upper: 12": (12, 15),  # the short side, 24 to 12; the long one follows
    "horizontal_stretch_lower: 0.5 horizontal_stretch_upper: 0.5": (24, 15),
    "vertical_stretch_lower: 0.5 vertical_stretch_upper: 0.5": (12, 30),
    "rand_resize_ratio_lower: 1.1 rand_resize_ratio_upper: 1.1": (24, 26),  # wider than high: width = 1.1 height
    "img_rand_resize_lower: 4 img_rand_resize_upper: 4": (10, 10),  # no smaller than the crop
    "img_rand_resize_lower: 48 img_rand_resize_upper: 48": (24, 30),  # not upscaled, unless it is allowed
    "img_rand_resize_lower: 48 img_rand_resize_upper: 48 allow_upscale: true": (48, 60),
}


@pytest.mark.parametrize("algorithm", ["INTER_NEAREST", "INTER_LINEAR", "INTER_CUBIC", "INTER_AREA"])
@pytest.mark.parametrize("text", SIDES)
def test_pictures_are_resized_as_opencv_does(transform, rng, text, algorithm):
    picture = rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)
    it = transform(f"crop_size: 10 {text} interpolation_algo_down: {algorithm} interpolation_algo_up: {algorithm}")
    height, width = SIDES[text]
    resized = cv2.resize(picture, (width, height), interpolation=getattr(cv2, algorithm))
    top, left = (height - 10) // 2, (width - 10) // 2
    expected = resized[top : top + 10, left : left + 10].transpose(2, 0, 1)
    y = it(picture.transpose(2, 0, 1)[None], it.draw(1))
    np.testing.assert_array_equal(y[0].numpy(), expected)


def test_random_sizes_cover_their_range(transform, rng):
    it = transform("crop_size: 2 img_rand_resize_lower: 4 img_rand_resize_upper: 7", training=True)
    picture = rng.integers(0, 256, (8, 8, 1), dtype=np.uint8)
    sizes = {it._resize(picture, row).shape for row in it.draw(200).resize}
    assert sizes == {(n, n, 1) for n in range(4, 8)}


def test_the_mean_of_resized_pictures_is_the_means_centre(transform, rng, mean):
    text = 'crop_size: 3 vertical_stretch_lower: 0.5 vertical_stretch_upper: 0.5 mean_file: "mean.binaryproto"'
    it = transform(text, training=True)
    y = it(np.full((2, 3, 12, 12), 200, np.uint8), it.draw(2)).numpy()
    np.testing.assert_allclose(y[1], 200 - mean[:, 3:6, 2:5], rtol=1e-6)


@pytest.mark.parametrize(("factor", "algorithm"), [(0.5, cv2.INTER_NEAREST), (1.5, cv2.INTER_CUBIC)])
def test_growing_and_shrinking_have_algorithms_of_their_own(transform, rng, factor, algorithm):
    picture = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    it = transform(
        f"crop_size: 6 allow_upscale: true vertical_stretch_lower: {factor} vertical_stretch_upper: {factor}"
    )
    height = int(12 * factor)
    resized = cv2.resize(picture, (12, height), interpolation=algorithm)  # NVIDIA's defaults
    expected = resized[(height - 6) // 2 :, 3:9][:6].transpose(2, 0, 1)
    np.testing.assert_array_equal(it(picture.transpose(2, 0, 1)[None], it.draw(1))[0].numpy(), expected)
