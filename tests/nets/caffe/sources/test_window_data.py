"""WindowData against R-CNN's rule, written out one window at a time."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradus.core.errors import InputError, NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources.window_data import warp
from gradus.nets.caffe.sources.windows import read_windows


def windows(more="", transform="crop_size: 12", source="windows.txt"):
    return (
        f'type: "WindowData" transform_param {{ {transform} }} '
        f'window_data_param {{ source: "{source}" batch_size: 16 {more} }}'
    )


def c_round(value):
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def reference(picture, box, crop, context=0, square=False, mirror=False):
    """The pixels (crop, crop, 3) and where they are: what the region with its context looks like, warped."""
    rows, columns = picture.shape[:2]
    x1, y1, x2, y2 = box
    width = height = crop
    left = top = 0
    if context or square:
        factor = np.float32(crop) / np.float32(crop - 2 * context)  # Caffe's float: it decides where halves round to
        half_w, half_h = np.float32(x2 - x1 + 1) / 2, np.float32(y2 - y1 + 1) / 2
        x, y = x1 + half_w, y1 + half_h
        if square:
            half_w = half_h = max(half_w, half_h)
        x1, x2 = c_round(x - half_w * factor), c_round(x + half_w * factor)
        y1, y2 = c_round(y - half_h * factor), c_round(y + half_h * factor)
        across, down = np.float32(crop) / np.float32(x2 - x1 + 1), np.float32(crop) / np.float32(y2 - y1 + 1)
        beyond = max(0, -x1), max(0, -y1), max(0, x2 - columns + 1), max(0, y2 - rows + 1)
        x1, y1, x2, y2 = x1 + beyond[0], y1 + beyond[1], x2 - beyond[2], y2 - beyond[3]
        width, height = c_round((x2 - x1 + 1) * across), c_round((y2 - y1 + 1) * down)
        left, top = c_round((beyond[2] if mirror else beyond[0]) * across), c_round(beyond[1] * down)
        width, height = min(width, crop - left), min(height, crop - top)
    pixels = cv2.resize(picture[y1 : y2 + 1, x1 : x2 + 1], (width, height), interpolation=cv2.INTER_LINEAR)
    out, inside = np.zeros((crop, crop, 3), np.uint8), np.zeros((crop, crop), bool)
    out[top : top + height, left : left + width] = pixels[:, ::-1] if mirror else pixels
    inside[top : top + height, left : left + width] = True
    return out, inside


@pytest.fixture
def files(tmp_path, rng):
    """Two pictures with ten windows; all have labels of their own, so that a batch tells which it is."""
    pictures = [rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), rng.integers(0, 256, (25, 22, 3), dtype=np.uint8)]
    boxes = (
        [(0, 0, 39, 29), (5, 6, 20, 12), (30, 2, 39, 28), (0, 20, 8, 29)],
        [(3, 3, 10, 20), (0, 0, 21, 24), (15, 1, 21, 4)],
    )
    overlaps = [1.0, 0.5, 0.3, 0.7], [0.9, 0.1, 0.6]
    text, table, label = "", {}, 1
    for i, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture)
        rows, columns = picture.shape[:2]
        text += f"# {i}\n{i}.png\n3\n{rows}\n{columns}\n{len(boxes[i])}\n"
        for box, overlap in zip(boxes[i], overlaps[i], strict=True):
            text += f"{label} {overlap} {' '.join(map(str, box))}\n"
            table[label] = (picture, box, overlap)
            label += 1
    (tmp_path / "windows.txt").write_text(text)
    return table


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("context", [0, 2])
def test_windows_are_cut_and_warped_by_the_rule(opened, files, context, square, mirror):
    transform = f"crop_size: 12 mirror: {str(mirror).lower()} mean_value: 10 mean_value: 20 mean_value: 30"
    more = f'context_pad: {context} crop_mode: "{"square" if square else "warp"}" scale: 0.5 fg_threshold: 0.4'
    source = opened(windows(more + " bg_threshold: 0.4", transform), training=True)
    assert source.shapes() == [(16, 3, 12, 12), (16,)]
    mean, met = np.array((10, 20, 30)), set()
    foreground = {label for label, (_, _, overlap) in files.items() if overlap >= 0.4}
    for _ in range(25):
        data, labels = source.read()
        assert labels[:12].tolist() == [0] * 12  # three quarters background, first
        assert set(labels[12:].tolist()) <= foreground
        for y, label in zip(data.numpy(), labels.int().tolist(), strict=True):
            hits = []
            for name, (picture, box, overlap) in files.items():
                if (label or name) != name or (overlap >= 0.4) != bool(label):
                    continue
                for flipped in {False, mirror}:
                    pixels, inside = reference(picture, box, 12, context, square, flipped)
                    wanted = (pixels - mean) * 0.5 * inside[..., None]
                    if np.allclose(y, wanted.transpose(2, 0, 1)):
                        hits.append((name, flipped))
            assert len(hits) == 1
            met.update(hits)
    assert met == {(name, flipped) for name in files for flipped in {False, mirror}}


def test_a_mean_file_is_taken_at_its_centre(opened, files, tmp_path, rng):
    mean = rng.uniform(0, 255, (3, 17, 17)).astype(np.float32)
    message = message_class("BlobProto")(num=1, channels=3, height=17, width=17, data=mean.ravel().tolist())
    (tmp_path / "mean.binaryproto").write_bytes(message.SerializeToString())
    plain = opened(windows("fg_fraction: 1"), training=True).read()[0].numpy()
    text = windows("fg_fraction: 1 cache_images: true", 'crop_size: 12 mean_file: "mean.binaryproto" scale: 2')
    less = opened(text, training=True).read()[0].numpy()
    np.testing.assert_allclose(less, 2 * (plain - mean[:, 2:14, 2:14]), rtol=1e-5, atol=1e-4)


def test_windows_between_the_thresholds_are_left_out(opened, files):
    source = opened(windows("fg_threshold: 0.65 bg_threshold: 0.2 fg_fraction: 0.5"), training=True)
    labels = np.concatenate([source.read()[1].numpy() for _ in range(10)])
    assert set(labels) == {0, 1, 4, 5}
    assert (labels == 0).sum() == 80


@example((2, 0, 28, 0), 1, False, False)  # a half that float32 and float64 round apart
@given(
    st.tuples(st.integers(0, 39), st.integers(0, 29), st.integers(0, 39), st.integers(0, 29)),
    st.integers(0, 9), st.booleans(), st.booleans(),
)  # fmt: skip
def test_any_box_in_a_picture_fits_its_crop(corners, context, square, mirror):
    picture = np.arange(30 * 40 * 3, dtype=np.uint32).reshape(30, 40, 3).astype(np.uint8)
    x1, x2 = sorted(corners[::2])
    y1, y2 = sorted(corners[1::2])
    box = np.float64([x1, y1, x2, y2])
    try:
        pixels, top, left = warp(picture, box, 20, context, square=square, mirror=mirror)
    except InputError as problem:  # too thin a strip of it lies in the picture
        assert context
        assert "does not lie in the picture" in str(problem)
        return
    wanted, inside = reference(picture, (x1, y1, x2, y2), 20, context, square, mirror)
    there = np.zeros((20, 20), bool)
    there[top : top + pixels.shape[0], left : left + pixels.shape[1]] = True
    np.testing.assert_array_equal(there, inside)
    np.testing.assert_array_equal(pixels.reshape(-1, 3), wanted[inside])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (windows(transform="crop_size: 0"), "crop_size"),
        (windows("context_pad: 6"), "context_pad"),
        (windows('crop_mode: "round"'), "crop_mode"),
        (windows("fg_threshold: 2"), "needs 4 foreground windows"),
        (windows("bg_threshold: 0"), "needs 12 background windows"),
        (windows("fg_fraction: 1.5"), "background"),
        (windows(source="none.txt"), "none.txt"),
        (windows(source="bad.txt"), "line 3"),
        (windows(source="zero.txt"), "without a class"),
        (windows("fg_fraction: 1", source="lost.txt"), r"gone.png \(line 1\)"),
        (windows("fg_fraction: 1", source="out.txt"), r"0.png \(line 1\): the window 0, 0, 40, 5 does not lie"),
    ],
)
def test_what_cannot_be_read_names_the_layer(opened, files, tmp_path, text, said):
    (tmp_path / "bad.txt").write_text("# 0\n0.png\nthree 30 40 0")
    (tmp_path / "zero.txt").write_text("# 0\n0.png\n3 30 40 1\n0 1.0 0 0 5 5")
    (tmp_path / "lost.txt").write_text("# 0\ngone.png\n3 30 40 1\n1 1.0 0 0 5 5")
    (tmp_path / "out.txt").write_text("# 0\n0.png\n3 30 40 1\n1 1.0 0 0 40 5")
    with pytest.raises(NetworkError, match=f'layer "it" .*{said}'):
        opened(text).read()


ROW = st.tuples(st.integers(0, 20), st.floats(0, 1, width=32), *[st.integers(0, 500)] * 4)


@given(
    st.lists(st.tuples(st.sampled_from(["a.png", "b c.jpg", "ä"]), st.lists(ROW, max_size=4))), st.sampled_from(" \n")
)
def test_what_is_written_is_read(pictures, between):
    text = ""
    for i, (path, rows) in enumerate(pictures):
        text += f"# {i}\n{path}\n{between.join(('3', '375', '500', str(len(rows))))}\n"
        text += "".join(" ".join(map(str, row)) + "\n" for row in rows)
    found = list(read_windows(text))
    assert [(p.path, p.channels) for p in found] == [(path, 3) for path, _ in pictures]
    for picture, (_, rows) in zip(found, pictures, strict=True):
        np.testing.assert_array_equal(picture.windows, np.float64(rows).reshape(-1, 6))


@given(st.text(alphabet="#01 3.\n-e", max_size=80) | st.text(max_size=30))
def test_any_text_is_read_or_refused_with_its_line(text):
    try:
        list(read_windows(text))
    except InputError as problem:
        assert 1 <= problem.problem.line <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1 1 0 0 5 x", "not a number"),
        ("1 1 0 0 5 1e10", "too large"),
        ("1 nan 0 0 5 5", "not a number"),
        ("1 1 0.5 0 5 5", "whole numbers"),
        ("1 1 0 0 5 5 7", "behind the last window"),
    ],
)
def test_a_wrong_number_is_found_on_its_line(row, said):
    text = f"# 0\na.png\n3 30 40 1\n1 1 0 0 5 5\n\n# 1\nb.png\n3 30 40\n2\n1 1 0 0 5 5\n{row}\n"
    with pytest.raises(InputError, match=f"line 11: .*{said}") as caught:
        list(read_windows(text))
    assert caught.value.problem.line == 11


def test_a_count_that_lies_takes_no_memory():
    with pytest.raises(InputError, match="numbers are missing"):
        list(read_windows("# 0\na.png\n3 375 500 2000000000\n1 1 0 0 5 5\n"))
