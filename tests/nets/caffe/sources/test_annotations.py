from __future__ import annotations

import numpy as np
import pytest

from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources.annotations import Annotations, coverage, jaccard, mirrored, seen_in


def parameter(emit: str | None = None, share: float = 0.0):
    p = message_class("TransformationParameter")()
    if emit is not None:
        p.emit_constraint.emit_type = p.emit_constraint.EmitType.Value(emit)
        p.emit_constraint.emit_overlap = share
    return p


FOUND = Annotations(
    np.array([[0.1, 0.1, 0.3, 0.5], [0.4, 0.4, 0.9, 0.79], [0.45, 0.0, 0.6, 0.2], [0.0, 0.0, 0.2, 1.0]]),
    np.array([[1, 0, 0], [2, 0, 1], [2, 1, 0], [3, 0, 0.0]]),
)
WINDOW = np.array([0.2, 0.2, 0.7, 0.6])  # 0.5 wide, 0.4 high


def test_a_crop_shows_what_it_meets():
    seen = seen_in(WINDOW, FOUND, parameter())
    # The third ends where the window starts, the fourth too.
    np.testing.assert_allclose(seen.boxes, [[0, 0, 0.2, 0.75], [0.4, 0.5, 1, 1]], atol=1e-12)
    np.testing.assert_array_equal(seen.marks, FOUND.marks[:2])


def test_by_the_centre():
    # Centres (0.2, 0.3), on the edge, and (0.65, 0.595) count; moving the window loses the first.
    assert len(seen_in(WINDOW, FOUND, parameter("CENTER")).boxes) == 2
    assert len(seen_in(WINDOW + np.array([0.01, 0, 0, 0.01]), FOUND, parameter("CENTER")).boxes) == 1


@pytest.mark.parametrize(("share", "count"), [(0.29, 2), (0.31, 1), (0.38, 0)])
def test_by_the_share_that_shows(share, count):
    # 0.1 x 0.3 of 0.2 x 0.4 is 0.375; 0.3 x 0.2 of 0.5 x 0.39 is 0.308.
    assert len(seen_in(WINDOW, FOUND, parameter("MIN_OVERLAP", share)).boxes) == count


def test_a_larger_ground_shrinks_boxes():
    seen = seen_in(np.array([-1.0, -0.5, 3.0, 1.5]), FOUND, parameter())
    np.testing.assert_allclose(seen.boxes[0], [1.1 / 4, 0.6 / 2, 1.3 / 4, 1.0 / 2])
    assert len(seen.boxes) == 4


def test_mirrored_twice_is_the_same():
    np.testing.assert_allclose(mirrored(FOUND.boxes)[0], [0.7, 0.1, 0.9, 0.5])
    np.testing.assert_allclose(mirrored(mirrored(FOUND.boxes)), FOUND.boxes)


def test_overlap_and_share():
    a, b = np.array([0, 0, 0.5, 0.4]), np.array([[0.25, 0.2, 0.75, 0.6], [0.5, 0.4, 1, 1], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(jaccard(a, b), [0.05 / 0.35, 0, 0])
    np.testing.assert_allclose(coverage(np.broadcast_to(a, b.shape), b), [0.25, 0, 0])
    np.testing.assert_allclose(coverage(b, a), [0.25, 0, 0])
