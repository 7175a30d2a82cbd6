from __future__ import annotations

import numpy as np
import pytest

from gradus.core.errors import NetworkError


def layer(param: str) -> str:
    return f'type: "DetectionEvaluate" detection_evaluate_param {{ {param} }}'


def judge(reference, found, true, classes, *, background=0, threshold=0.5, difficult=True) -> np.ndarray:
    """The rule one detection after the other (catalogue 1.11)."""
    true = [r for r in true if r[0] != -1 and r[1] > background]
    rows = [
        [-1, c, sum(r[1] == c and (difficult or not r[7]) for r in true), -1, -1]
        for c in range(classes)
        if c != background
    ]
    visited = set()
    for det in sorted((d for d in found if d[0] != -1 and d[1] != -1), key=lambda d: (d[0], d[1], -d[2])):
        same = [i for i, r in enumerate(true) if tuple(r[:2]) == tuple(det[:2])]
        overlaps = [reference.overlap(det[3:], true[i][3:7]) for i in same]
        hit, miss = 0, 1
        if same and max(overlaps) >= threshold:
            best = same[int(np.argmax(overlaps))]
            if not difficult and true[best][7]:
                hit, miss = 0, 0
            elif best not in visited:
                visited.add(best)
                hit, miss = 1, 0
        rows.append([*det[:3], hit, miss])
    return np.array(rows)


def batch(rng, number: int) -> tuple[np.ndarray, np.ndarray]:
    """True boxes, and detections that lie on or beside them."""
    low = rng.uniform(0, 0.6, (12, 2))
    true = np.full((14, 8), -1.0)
    true[:12, 0], true[:12, 1], true[:12, 7] = (
        np.sort(rng.integers(0, 3, 12)),
        rng.integers(1, 4, 12),
        np.arange(12) % 3,
    )
    true[:12, 3:7] = np.concatenate([low, low + rng.uniform(0.1, 0.4, (12, 2))], 1)
    which = rng.integers(0, 12, number)
    found = np.zeros((number, 7))
    found[:, :2], found[:, 2] = true[which, :2], rng.permutation(number) / number
    found[:, 3:] = true[which, 3:7] + rng.normal(0, 0.04, (number, 4))
    found[::5, 1] = rng.integers(1, 4, len(found[::5]))
    return found, true


@pytest.mark.parametrize("difficult", [True, False])
@pytest.mark.parametrize("threshold", [0.5, 0.75])
def test_rows_are_those_of_the_rule(alone, reference, rng, difficult, threshold):
    found, true = batch(rng, 40)
    param = f"num_classes: 4 overlap_threshold: {threshold} evaluate_difficult_gt: {str(difficult).lower()}"
    ours = alone(layer(param), (1, 1, 40, 7), (1, 1, 14, 8))(found[None, None], true[None, None])
    expected = judge(reference, found, true, 4, threshold=threshold, difficult=difficult)
    assert {0, 1} == set(expected[3:, 3])
    np.testing.assert_allclose(ours[0, 0], expected, rtol=1e-6)


def test_nothing_found(alone):
    found = np.full((1, 1, 2, 7), -1.0)
    found[0, 0, :, 0] = [0, 1]
    true = np.array([[[[0, 2, 0, 0.1, 0.1, 0.5, 0.5, 0], [1, 2, 0, 0.1, 0.1, 0.5, 0.5, 1]]]])
    net = alone(layer("num_classes: 3 evaluate_difficult_gt: false"), found.shape, true.shape)
    np.testing.assert_array_equal(net(found, true), [[[[-1, 1, 0, -1, -1], [-1, 2, 1, -1, -1]]]])


def test_in_pixels_the_last_row_and_column_count(alone, tmp_path):
    # 10 x 10 pixels: [0, 0.4] is 5 pixels wide, [0.2, 0.6] too; 3 x 5 of 2 * 25 - 15 pixels overlap: 0.43 > 1/3.
    sizes = tmp_path / "sizes.txt"
    sizes.write_text("one 10 10\ntwo 1000 1000\n")
    found = np.array([[[[0, 1, 0.9, 0.2, 0, 0.6, 0.4], [1, 1, 0.9, 0.2, 0, 0.6, 0.4]]]])
    true = np.array([[[[0, 1, 0, 0, 0, 0.4, 0.4, 0], [1, 1, 0, 0, 0, 0.4, 0.4, 0]]]])
    net = alone(layer(f'num_classes: 2 overlap_threshold: 0.4 name_size_file: "{sizes}"'), found.shape, true.shape)
    for _ in range(2):  # the file starts over
        np.testing.assert_array_equal(net(found, true)[0, 0, 1:, 3:], [[1, 0], [0, 1]])


def test_in_pixels_padding_of_the_resized_picture_is_taken_off(alone, tmp_path):
    # 200 x 100 padded to a square: its upper quarter is padding, so that y 0.25 to 0.75 is the whole picture.
    sizes = tmp_path / "sizes.txt"
    sizes.write_text("one 100 200\n")
    param = (
        f'num_classes: 2 overlap_threshold: 0.99 name_size_file: "{sizes}" '
        "resize_param { resize_mode: FIT_LARGE_SIZE_AND_PAD height: 300 width: 300 }"
    )
    found = np.array([[[[0, 1, 0.9, 0, 0.25, 1, 0.75]]]])
    whole = np.array([[[[0, 1, 0, 0, 0.0, 1, 1.0, 0]]]])  # clipped to the same
    net = alone(layer(param), found.shape, whole.shape)
    np.testing.assert_array_equal(net(found, whole)[0, 0, 1, 3:], [1, 0])


@pytest.mark.parametrize(
    ("param", "reason"),
    [
        ("", "num_classes"),
        ("num_classes: 2 overlap_threshold: 0", "overlap_threshold"),
    ],
)
def test_what_does_not_fit_is_refused(alone, param, reason):
    with pytest.raises(NetworkError, match=reason):
        alone(layer(param), (1, 1, 1, 7), (1, 1, 1, 8))


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot read"), ("one ten 10", "cannot read"), ("\n", "finds no sizes")]
)
def test_a_file_without_sizes_is_refused_at_the_first_batch(alone, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "sizes.txt").write_text(content)
    net = alone(layer(f'num_classes: 2 name_size_file: "{tmp_path / "sizes.txt"}"'), (1, 1, 1, 7), (1, 1, 1, 8))
    with pytest.raises(NetworkError, match=reason):
        net(np.ones((1, 1, 1, 7)), np.ones((1, 1, 1, 8)))
