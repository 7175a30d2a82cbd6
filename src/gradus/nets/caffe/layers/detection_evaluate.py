"""DetectionEvaluate: which detections find a true box (catalogue 1.11). Their mean is `average_precision`'s."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers import boxes
from gradus.nets.caffe.layers.base import Layer, Shape

FIT_SMALL_SIZE, FIT_LARGE_SIZE_AND_PAD = 2, 3  # ResizeParameter.Resize_mode


class DetectionEvaluate(Layer):
    """Detections (1, 1, D, 7) and true boxes (1, 1, G, 8) to rows of five: (1, 1, classes + D, 5).

    First a row of -1, class, number of true boxes, -1, -1 for each class but the background; then a row of
    image, class, score, hit, miss for each detection, by image, by class, best first. A detection hits the true
    box of its image and class that it overlaps most, if by `overlap_threshold` and as the first one.

    With `name_size_file` (lines of name, height, width) boxes are compared in pixels of the original pictures.
    Its lines are taken in turn by the images that have detections, over and over, as Caffe does.
    """

    settings = "detection_evaluate_param"
    bottoms = (2, 2)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The classes that count, and where the pictures' sizes are, if the text names a file of them."""
        if not p.HasField("num_classes"):
            raise self.error("needs num_classes", at="detection_evaluate_param")
        classes = self.positive(p.num_classes, "num_classes")
        if not p.overlap_threshold > 0:
            raise self.error("needs an overlap_threshold above 0", at="detection_evaluate_param.overlap_threshold")
        for shape, width, what in ((shapes[0], 7, "detections"), (shapes[1], 8, "true boxes")):
            if len(shape) != 4 or shape[:2] != (1, 1) or shape[3] != width:
                raise self.error(f"needs {what} as (1, 1, count, {width})", at="bottom")
        self.classes = classes
        self.background, self.threshold = p.background_label_id, p.overlap_threshold
        self.difficult = p.evaluate_difficult_gt
        self.resize = p.resize_param if p.HasField("resize_param") else None
        self.name_size_file: str = p.name_size_file
        self.seen = 0  # images with detections so far

    @cached_property
    def sizes(self) -> Tensor:
        """Height and width of each picture: (pictures, 2). The file is opened for the first batch with detections."""
        path = self.name_size_file
        try:
            rows = [line.split()[-2:] for line in Path(path).read_text().splitlines() if line.strip()]
            sizes = torch.tensor([[float(high), float(wide)] for high, wide in rows])
        except (OSError, ValueError) as problem:
            raise self.error(
                f"cannot read {path}: {problem}", at="detection_evaluate_param.name_size_file",
                hint="Its lines are: name height width. Without the file boxes are compared as shares of the picture.",
            ) from problem  # fmt: skip
        if not len(sizes):
            raise self.error(f"finds no sizes in {path}", at="detection_evaluate_param.name_size_file")
        return sizes

    @torch.no_grad()
    def forward(self, found: Tensor, true: Tensor) -> Tensor:
        """In float32."""
        if found.is_meta:
            heads = self.classes - (0 <= self.background < self.classes)
            return found.new_empty((1, 1, heads + found.shape[2], 5), dtype=torch.float32)
        found, true = found.float().view(-1, 7), true.float().view(-1, 8)
        found = found[(found[:, 0] != -1) & (found[:, 1] != -1)]
        for column in (2, 1, 0):  # the last is the first to sort by
            found = found[found[:, column].argsort(stable=True, descending=column == 2)]
        counted = (true[:, 0] != -1) & (true[:, 1] > self.background)
        heads = self.heads(true[counted])
        if not len(found):
            return heads[None, None]
        overlaps = torch.where(self.may_match(found, true) & counted, self.overlaps(found, true), -1.0)
        best, which = overlaps.max(1)
        hit = best >= self.threshold
        place = torch.arange(len(found), device=found.device)
        first = torch.full_like(true[:, 0], len(found), dtype=torch.long)
        first = first.scatter_reduce(0, which, torch.where(hit, place, len(found)), "amin")
        judged = ~hit | self.judged(true)[which]
        good = hit & judged & (first[which] == place)
        marks = torch.stack([good, judged & ~good], 1).float()
        return torch.cat([heads, torch.cat([found[:, :3], marks], 1)])[None, None]

    def judged(self, true: Tensor) -> Tensor:
        """Which true boxes count: difficult ones only if the text says so."""
        return torch.ones_like(true[:, 7], dtype=torch.bool) if self.difficult else true[:, 7] == 0

    def heads(self, true: Tensor) -> Tensor:
        """A row for each class with the number of its true boxes."""
        labels = torch.arange(self.classes, device=true.device)
        labels = labels[labels != self.background]
        mine = (true[:, 1].round() == labels.unsqueeze(1)) & self.judged(true)
        rows = torch.full((len(labels), 5), -1.0, device=true.device)
        rows[:, 1], rows[:, 2] = labels, mine.sum(1)
        return rows

    @staticmethod
    def may_match(found: Tensor, true: Tensor) -> Tensor:
        """Whose image and class agree: bool (D, G)."""
        return (found[:, :2].unsqueeze(1) == true[:, :2].round()).all(2)

    def overlaps(self, found: Tensor, true: Tensor) -> Tensor:
        """Each detection's overlap with each true box: (D, G)."""
        a, b = found[:, 3:7], true[:, 3:7]
        if not self.name_size_file:
            return boxes.overlap(a.unsqueeze(1), b)
        images, turn = torch.unique(found[:, 0], return_inverse=True)
        sizes = self.sizes.to(found.device)
        other = torch.searchsorted(images, true[:, 0].contiguous())  # for images without detections it matters not
        a = self.pixels(a, sizes[(self.seen + turn) % len(sizes)]).unsqueeze(1)
        b = self.pixels(b, sizes[(self.seen + other) % len(sizes)])
        self.seen = (self.seen + len(images)) % len(sizes)
        shared = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
        both = torch.where((shared >= 0).all(-1), (shared + 1).prod(-1), 0.0)  # a pixel is part of its box
        return both / (_whole(a) + _whole(b) - both).clamp(min=1)

    def pixels(self, box: Tensor, size: Tensor) -> Tensor:
        """Boxes of the resized picture in pixels of the original one, whose (height, width) `size` gives."""
        scale = size.flip(1).repeat(1, 2)
        r = self.resize
        if r is not None and r.resize_mode == FIT_SMALL_SIZE and r.height_scale and r.width_scale:
            return torch.minimum((box * box.new_tensor([r.width_scale, r.height_scale] * 2)).clamp(min=0), scale)
        if r is not None and r.resize_mode == FIT_LARGE_SIZE_AND_PAD:
            aspect = size[:, 1] / size[:, 0]
            beside = (0.5 - r.height * aspect / r.width / 2).clamp(min=0)
            above = (0.5 - r.width / aspect / r.height / 2).clamp(min=0)
            pad = torch.stack([beside, above], 1).repeat(1, 2)
            box = (box - pad) / (1 - 2 * pad)
        return box.clamp(0, 1) * scale


def _whole(box: Tensor) -> Tensor:
    """The pixels of boxes whose last row and column belong to them."""
    return (box[..., 2:] - box[..., :2] + 1).clamp(min=0).prod(-1)
