"""DetectionOutput: SSD's predictions decoded, thinned out and listed (catalogue 1.11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from gradus.nets.caffe.layers import boxes, priors
from gradus.nets.caffe.layers.base import Layer, Shape


class DetectionOutput(Layer):
    """Rows of image, label, score, xmin, ymin, xmax, ymax as (1, 1, kept, 7): by image, by label, best first.

    Per class the `top_k` best above `confidence_threshold` go through non-maximum suppression; of what is left
    the `keep_top_k` best of an image stay. Where nothing is left each image gives one row of its number and -1s.
    `clip` is OpenCV's: boxes end at the picture's edge.

    `save_output_param`, `visualize` and the bottoms after the third are for files and windows that Caffe's layer
    writes on the side. They are accepted and have no effect: the top has all that they would show.
    """

    settings = "detection_output_param"
    bottoms = (3, 5)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Check that predictions and priors agree."""
        if not p.HasField("num_classes"):
            raise self.error("needs num_classes", at="detection_output_param")
        self.classes = self.positive(p.num_classes, "num_classes")
        self.places = 1 if p.share_location else self.classes
        priors.check(self, shapes, self.classes, self.places)
        nms = p.nms_param
        if not nms.nms_threshold >= 0:
            raise self.error("needs an nms_threshold of 0 or more", at="detection_output_param.nms_param")
        if not 0 < nms.eta <= 1:
            raise self.error("needs an eta above 0 and up to 1", at="detection_output_param.nms_param")
        self.threshold, self.eta = nms.nms_threshold, nms.eta
        self.top_k = nms.top_k if nms.HasField("top_k") else -1
        self.keep = p.keep_top_k
        self.confidence = p.confidence_threshold if p.HasField("confidence_threshold") else -torch.inf
        self.code, self.scaled, self.clip = p.code_type, p.variance_encoded_in_target, p.clip
        self.labels = [c for c in range(self.classes) if c != p.background_label_id]

    @torch.no_grad()
    def forward(self, offsets: Tensor, scores: Tensor, prior: Tensor, *_: Tensor) -> Tensor:
        """In float32. On the meta device one row, which is what Caffe's setup says."""
        if offsets.is_meta:
            return offsets.new_empty((1, 1, 1, 7), dtype=torch.float32)
        said = priors.unpack(offsets, scores, prior, self.places)
        scaled = said.offsets if self.scaled else said.offsets * said.variance
        decoded = boxes.decode(scaled, said.prior, self.code)
        if self.clip:
            decoded = decoded.clamp(0, 1)
        number, scores = len(offsets), said.scores.transpose(1, 2)
        label = torch.tensor(self.labels, device=scores.device)
        scores = scores.index_select(1, label)  # (N, labels, P)
        decoded = decoded.index_select(1, label) if self.places > 1 else decoded.expand(-1, len(label), -1, -1)
        score, ranked, kept = self.thinned(scores, decoded)
        kept = self.best_of_image(score, kept)
        image, place, rank = kept.nonzero(as_tuple=True)
        if not len(image):
            rows = torch.full((number, 7), -1.0, device=scores.device)
            rows[:, 0] = torch.arange(number)
            return rows.view(1, 1, number, 7)
        head = torch.stack([image.to(score), label[place].to(score), score[image, place, rank]], 1)
        return torch.cat([head, ranked[image, place, rank]], 1)[None, None].float()

    def thinned(self, scores: Tensor, decoded: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Per image and label the scores (N, L, K) best first, their boxes (N, L, K, 4), and which of them stay."""
        counts = scores > self.confidence
        most = int(counts.sum(2).max()) if counts.numel() else 0
        most = min(most, self.top_k) if self.top_k > -1 else most
        scores = torch.where(counts, scores, -torch.inf)
        score, order = scores.sort(dim=2, descending=True, stable=True)
        score, order = score[..., :most], order[..., :most]
        ranked = decoded.gather(2, order.unsqueeze(3).expand(-1, -1, -1, 4))
        valid = counts.gather(2, order)
        flat = boxes.suppress(ranked.flatten(0, 1), valid.flatten(0, 1), self.threshold, self.eta)
        return score, ranked, flat.view_as(valid)

    def best_of_image(self, score: Tensor, kept: Tensor) -> Tensor:
        """Of what stays the best of each image, over all its labels."""
        if self.keep < 0:
            return kept
        flat = torch.where(kept, score, -torch.inf).flatten(1)
        order = flat.argsort(dim=1, descending=True, stable=True)[:, : self.keep]
        best = torch.zeros_like(flat, dtype=torch.bool).scatter_(1, order, True)
        return kept & best.view_as(kept)
