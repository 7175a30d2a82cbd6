"""DetectNet's grids of coverage and boxes become lists of boxes (catalogue 1.10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from gradus.nets.caffe.pycaffe.blob import Blob
from gradus.nets.caffe.pycaffe.errors import CaffeValueError
from gradus.nets.caffe.pycaffe.layer import Layer

MAX_BOXES = 50  # of one class in one picture


class Clustering(Layer):
    """Coverage (N, classes, rows, columns) and box corners (N, 4, rows, columns) to a top (N, 50, 5) for each class.

    Corners are in pixels from their cell's own. A top's rows are left, top, right, bottom and confidence; what is
    not used is 0. Boxes go through float16 as in NVIDIA's layer, which keeps about three digits.
    """

    fields: Sequence[tuple[str, Any]] = (("image_size_x", int), ("image_size_y", int), ("stride", int))

    def setup(self, bottom: list[Blob], top: list[Blob]) -> None:  # noqa: ARG002 - Caffe's interface
        """Read `param_str`: numbers with commas, the number of classes last (1 where it is missing)."""
        given = [part.strip() for part in self.param_str.split(",")]
        names = ", ".join(name for name, _ in self.fields)
        try:
            self.values = {name: kind(text) for (name, kind), text in zip(self.fields, given, strict=False)}
            self.classes = int(given[len(self.fields)]) if len(given) > len(self.fields) else 1
        except ValueError as problem:
            raise CaffeValueError(f'param_str "{self.param_str[:80]}" has something else than numbers',
                                  hint=f"It is: {names}, classes.") from problem  # fmt: skip
        if len(self.values) < len(self.fields):
            raise CaffeValueError(f'param_str "{self.param_str[:80]}" has too few numbers', hint=f"It is: {names}.")
        if min(self.values["image_size_x"], self.values["image_size_y"]) < self.values["stride"] or (
            self.values["stride"] < 1
        ):
            raise CaffeValueError(f'param_str "{self.param_str[:80]}" has a stride that its picture cannot have')
        if len(top) != self.classes:
            raise CaffeValueError(f"there are {len(top)} tops for {self.classes} classes", hint="Name one for each.")

    def reshape(self, bottom: list[Blob], top: list[Blob]) -> None:
        """A list of 50 for each picture."""
        number, classes = bottom[0].data.shape[:2]
        if classes != self.classes:
            raise CaffeValueError(f"the coverage has {classes} classes and param_str says {self.classes}")
        for blob in top:
            blob.reshape(number, MAX_BOXES, 5)

    def forward(self, bottom: list[Blob], top: list[Blob]) -> None:
        """Class by class and picture by picture: how many boxes there are differs."""
        coverage, corners = bottom[0].data, bottom[1].data
        for channel, blob in enumerate(top):
            out = np.zeros_like(blob.data)
            for n in range(len(out)):
                found = self.boxes(self.proposals(coverage[n, channel], corners[n]))
                if len(found) > MAX_BOXES:
                    raise CaffeValueError(f"picture {n} has {len(found)} boxes, more than the {MAX_BOXES} of a top")
                out[n, : len(found), : found.shape[1]] = found.astype(np.float16)
            blob.data[...] = out

    def proposals(self, coverage: np.ndarray, corners: np.ndarray) -> np.ndarray:
        """The boxes of all cells that are covered, in pixels of the picture: float64 (count, 4)."""
        width, height, stride = (self.values[name] for name in ("image_size_x", "image_size_y", "stride"))
        rows, columns = height // stride, width // stride
        y, x = np.nonzero(self.covered(coverage[:rows, :columns]))
        origin = np.stack([x * (width / columns), y * (height / rows)] * 2, 1)
        found: np.ndarray = corners[:, y, x].T.astype(np.float64) + origin
        return found

    def covered(self, coverage: np.ndarray) -> np.ndarray:
        """Which cells propose a box."""
        raise NotImplementedError

    def boxes(self, proposals: np.ndarray) -> np.ndarray:
        """The list of a picture: (count, 4 or 5)."""
        raise NotImplementedError


class ClusterGroundtruth(Clustering):
    """The true boxes of label grids, each once; their confidence is 0. param_str: "width,height,stride[,classes]"."""

    def covered(self, coverage: np.ndarray) -> np.ndarray:
        """All cells of an object."""
        return coverage > 0

    def boxes(self, proposals: np.ndarray) -> np.ndarray:
        """Each box once, in the order in which the grid first has it."""
        _, first = np.unique(proposals, axis=0, return_index=True)
        return proposals[np.sort(first)]


class ClusterDetections(Clustering):
    """The boxes on which several cells agree.

    param_str: "width,height,stride,coverage_threshold,rect_threshold,rect_eps,min_height[,classes]". Boxes are cut
    to whole pixels and grouped by OpenCV; the confidence is the logarithm of how many agree.
    """

    fields = (
        *Clustering.fields,
        ("coverage_threshold", float), ("rect_threshold", int), ("rect_eps", float), ("min_height", int),
    )  # fmt: skip

    def covered(self, coverage: np.ndarray) -> np.ndarray:
        """The cells that are sure enough."""
        sure: np.ndarray = coverage >= self.values["coverage_threshold"]
        return sure

    def boxes(self, proposals: np.ndarray) -> np.ndarray:
        """The groups' boxes that are high enough."""
        if not proposals.any():
            return np.zeros((0, 5))
        sides = proposals[:, 2:] - proposals[:, :2]
        whole = np.concatenate([proposals[:, :2], sides], 1).clip(-(2**30), 2**30).astype(np.int32).tolist()
        grouped, weights = cv2.groupRectangles(whole, self.values["rect_threshold"], self.values["rect_eps"])
        found = np.array(grouped, np.float64).reshape(-1, 4)
        confidence = np.log(np.array(weights, np.float64).reshape(-1, 1))
        rows = np.concatenate([found[:, :2], found[:, :2] + found[:, 2:], confidence], 1)
        high: np.ndarray = rows[found[:, 3] >= self.values["min_height"]]
        return high
