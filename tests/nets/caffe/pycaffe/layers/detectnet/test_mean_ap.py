from __future__ import annotations

import numpy as np
import pytest

from gradus.core.errors import InputError
from gradus.nets.caffe.pycaffe.blob import Blob
from gradus.nets.caffe.pycaffe.layers.detectnet.mean_ap import ScoreDetections, mAP


def run(layer, arrays: list[np.ndarray], tops: int) -> list[np.ndarray]:
    bottom, top = [Blob(*a.shape) for a in arrays], [Blob() for _ in range(tops)]
    for blob, array in zip(bottom, arrays, strict=True):
        blob.data[...] = array
    layer.setup(bottom, top)
    layer.reshape(bottom, top)
    layer.forward(bottom, top)
    return [blob.data for blob in top]


def lists(*pictures: list[list[float]]) -> np.ndarray:
    out = np.zeros((len(pictures), 50, 5))
    for n, rows in enumerate(pictures):
        for i, row in enumerate(rows):
            out[n, i, : len(row)] = row
    return out


def test_each_true_box_takes_the_first_free_detection():
    true = lists([[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]], [])
    detected = lists(
        # 9 x 10 of 10 x 10 is 0.9; 0 to 9.5 is 0.95: the first true box takes the first of both, though it is worse.
        [[0, 0, 9, 10, 2.0], [0, 0, 10, 9.5, 1.0], [50, 50, 60, 56, 1.0]],
        [[1, 1, 5, 5, 0.5]],
    )
    rows = run(ScoreDetections(), [true, detected], 1)[0]
    assert rows.shape == (2, 50, 5)
    np.testing.assert_allclose(
        rows[0, :5],
        [[0, 0, 9, 10, 1], [0, 0, 10, 9.5, 1], [50, 50, 60, 56, 2], [50, 50, 60, 60, 3], [0] * 5],
    )
    np.testing.assert_allclose(rows[1, :2], [[1, 1, 5, 5, 2], [0] * 5])


@pytest.mark.parametrize(("width", "kind"), [(7, 1), (6.9, 2)])
def test_seven_tenths_are_enough(width, kind):
    rows = run(ScoreDetections(), [lists([[0, 0, 10, 10]]), lists([[0, 0, width, 10, 1]])], 1)[0]
    assert rows[0, 0, 4] == kind


def test_percentages():
    scored = lists([[1, 1, 2, 2, 1]] * 3 + [[1, 1, 2, 2, 2]], [[1, 1, 2, 2, 3]] * 2)
    product, precision, recall = (float(t[0]) for t in run(mAP(), [scored], 3))
    assert precision == pytest.approx(75)
    assert recall == pytest.approx(60)
    assert product == pytest.approx(45)


def test_nothing_at_all_is_zero():
    assert [float(t[0]) for t in run(mAP(), [lists([])], 3)] == [0, 0, 0]


def test_other_numbers_of_pictures_are_refused():
    with pytest.raises(InputError, match="2 pictures"):
        run(ScoreDetections(), [lists([], []), lists([])], 1)


def test_more_rows_than_a_list_has_is_an_error():
    true = lists([[100 + i, 0, 101 + i, 1] for i in range(30)])
    with pytest.raises(InputError, match="60"):
        run(ScoreDetections(), [true, lists([[i + 1, 9, i + 2, 10, 1] for i in range(30)])], 1)
