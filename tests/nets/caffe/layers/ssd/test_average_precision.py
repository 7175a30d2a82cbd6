from __future__ import annotations

import numpy as np
import pytest

from gradus.core.errors import InputError
from gradus.nets.caffe.layers.average_precision import DetectionScores, average_precision

# Worked by hand: hits 1 0 1 1 0 of 4 true boxes.
# precision 1, 1/2, 2/3, 3/4, 3/5; recall 1/4, 1/4, 1/2, 3/4, 3/4; best from each on: 1, 3/4, 3/4, 3/4, 3/5.
SCORES = np.array([0.6, 0.9, 0.8, 0.5, 0.7])
HITS = np.array([True, True, False, False, True])


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("Integral", 1 / 4 * (1 + 2 / 3 + 3 / 4)),
        ("MaxIntegral", 1 / 4 * (1 + 3 / 4 + 3 / 4)),
        ("11point", (3 * 1 + 5 * 3 / 4) / 11),
    ],
)
def test_precision_of_a_worked_example(version, expected):
    assert average_precision(SCORES, HITS, 4, version) == pytest.approx(expected, rel=1e-6)


def test_max_integral_takes_the_step_that_a_detection_ends():
    # hits 1 1 of 2 after a miss between: recall steps from 1/2 at precision 1/2, whose best from there on is 2/3.
    scores, hits = np.array([3.0, 2.0, 1.0]), np.array([False, True, True])
    # precision 0, 1/2, 2/3; recall 0, 1/2, 1; best from each on: 2/3 everywhere.
    assert average_precision(scores, hits, 2, "MaxIntegral") == pytest.approx(2 / 3)


def test_recall_is_a_float_as_in_caffe():
    # 7 of 10 is 0.699999988 in float32 and does not reach the recall 0.7; 3 of 10 (0.300000012) reaches 0.3.
    assert average_precision(np.arange(7.0), np.ones(7, bool), 10, "11point") == pytest.approx(7 / 11)
    assert average_precision(np.arange(3.0), np.ones(3, bool), 10, "11point") == pytest.approx(4 / 11)


def test_mean_is_over_all_classes_and_leaves_difficult_ones_out():
    scores = DetectionScores()
    head = [[-1, 1, 1, -1, -1], [-1, 2, 2, -1, -1]]
    scores.add(np.array([[[*head, [0, 1, 0.9, 1, 0], [0, 1, 0.95, 0, 0]]]], np.float32))
    scores.add(np.array([[[*head, [0, 1, 0.8, 1, 0]]]], np.float32))
    assert scores.by_class() == pytest.approx({1: 1.0, 2: 0.0})
    assert scores.mean() == pytest.approx(0.5)


def test_an_unknown_version_is_refused():
    with pytest.raises(InputError, match="ap_version") as caught:
        average_precision(SCORES, HITS, 4, "area")
    assert "MaxIntegral" in (caught.value.problem.hint or "")
