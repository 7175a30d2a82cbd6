from __future__ import annotations

import cv2
import numpy as np
import pytest

from gradus.core.errors import InputError
from gradus.nets.caffe.pycaffe.blob import Blob
from gradus.nets.caffe.pycaffe.layers.detectnet.clustering import ClusterDetections, ClusterGroundtruth


def run(kind, param: str, coverage: np.ndarray, corners: np.ndarray, tops: int = 1) -> list[np.ndarray]:
    layer = kind()
    layer.param_str = param
    bottom, top = [Blob(*coverage.shape), Blob(*corners.shape)], [Blob() for _ in range(tops)]
    bottom[0].data[...], bottom[1].data[...] = coverage, corners
    layer.setup(bottom, top)
    layer.reshape(bottom, top)
    layer.forward(bottom, top)
    return [blob.data for blob in top]


def put(coverage, corners, channel, cells, box, stride=16, sure=1.0, shake=0.0):
    """Let cells (row, column) say that they see a box."""
    for i, (row, column) in enumerate(cells):
        coverage[0, channel, row, column] = sure
        origin = np.array([column, row, column, row]) * stride
        corners[0, :, row, column] = np.array(box) - origin + shake * i


def test_true_boxes_are_listed_once():
    coverage, corners = np.zeros((1, 2, 4, 6)), np.zeros((1, 4, 4, 6))
    put(coverage, corners, 0, [(1, 3), (2, 3)], [40, 20, 90, 60])
    put(coverage, corners, 0, [(0, 0), (0, 1)], [2, 1, 30, 12])
    put(coverage, corners, 1, [(3, 5)], [80, 50, 96, 64])
    first, second = run(ClusterGroundtruth, "96,64,16,2", coverage, corners, 2)
    assert first.shape == (1, 50, 5)
    np.testing.assert_array_equal(first[0, :3], [[2, 1, 30, 12, 0], [40, 20, 90, 60, 0], [0] * 5])
    np.testing.assert_array_equal(second[0, :2], [[80, 50, 96, 64, 0], [0] * 5])


def test_detections_are_the_groups_of_opencv(rng):
    coverage = rng.uniform(0, 1, (1, 1, 6, 8))
    corners = np.zeros((1, 4, 6, 8))
    boxes = [[10, 20, 60, 70], [70, 10, 120, 80]]
    for row in range(6):
        for column in range(8):
            box = np.array(boxes[column // 4]) + rng.normal(0, 1.5, 4)
            corners[0, :, row, column] = box - np.array([column, row, column, row]) * 16
    found = run(ClusterDetections, "128,96,16,0.4,3,0.2,22", coverage, corners)[0][0]
    rects = []
    for row, column in zip(*np.nonzero(coverage[0, 0].astype(np.float32) >= 0.4), strict=True):
        left, top, right, bottom = corners[0, :, row, column].astype(np.float32) + np.array([column, row] * 2) * 16.0
        rects.append([int(left), int(top), int(right - left), int(bottom - top)])
    grouped, weights = cv2.groupRectangles(rects, 3, 0.2)
    assert len(grouped) == 2
    for row, (x, y, w, h), weight in zip(found, grouped, weights, strict=False):
        np.testing.assert_allclose(row, np.float16([x, y, x + w, y + h, np.log(weight)]), rtol=1e-6)
    assert not found[2:].any()


@pytest.mark.parametrize(("height", "count"), [(39, 1), (41, 0)])
def test_low_boxes_are_left_out(height, count):
    coverage, corners = np.zeros((1, 1, 4, 6)), np.zeros((1, 4, 4, 6))
    put(coverage, corners, 0, [(1, 1), (1, 2), (2, 2)], [20, 10, 70, 50])
    found = run(ClusterDetections, f"96,64,16,0.5,1,0.2,{height}", coverage, corners)[0][0]
    assert (found.any(1)).sum() == count
    if count:
        np.testing.assert_allclose(found[0], np.float16([20, 10, 70, 50, np.log(3)]))


def test_a_single_cell_is_not_enough():
    coverage, corners = np.zeros((1, 1, 4, 6)), np.zeros((1, 4, 4, 6))
    put(coverage, corners, 0, [(1, 1)], [20, 10, 70, 50])
    assert not run(ClusterDetections, "96,64,16,0.5,1,0.2,1", coverage, corners)[0].any()


def test_lists_go_through_half_precision():
    coverage, corners = np.zeros((1, 1, 4, 6)), np.zeros((1, 4, 4, 6))
    put(coverage, corners, 0, [(0, 0)], [2049, 0.1, 2051, 5])
    row = run(ClusterGroundtruth, "96,64,16", coverage, corners)[0][0, 0]
    np.testing.assert_array_equal(row, np.float32([2048, np.float16(0.1), 2052, 5, 0]))


def test_more_boxes_than_a_list_has_is_an_error():
    coverage = np.ones((1, 1, 8, 8))
    corners = np.tile(np.arange(64.0).reshape(8, 8), (1, 4, 1, 1))
    with pytest.raises(InputError, match="64 boxes"):
        run(ClusterGroundtruth, "128,128,16", coverage, corners)


@pytest.mark.parametrize("param", ["", "96,64", "96,64,x", "96,64,16,2", "96,64,0", "8,8,16"])
def test_a_wrong_param_str_is_refused(param):
    with pytest.raises(InputError):
        run(ClusterGroundtruth, param, np.zeros((1, 1, 4, 6)), np.zeros((1, 4, 4, 6)))


def test_coverage_of_other_classes_is_refused():
    with pytest.raises(InputError, match="2 classes"):
        run(ClusterGroundtruth, "96,64,16", np.zeros((1, 2, 4, 6)), np.zeros((1, 4, 4, 6)))
