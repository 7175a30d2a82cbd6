"""MultiBoxLoss: SSD's loss of boxes and classes over matched priors and mined negatives (catalogue 1.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers import boxes, matching, priors
from gradus.nets.caffe.layers.base import Shape
from gradus.nets.caffe.layers.class_loss import HIGHEST_LOSS
from gradus.nets.caffe.layers.loss import BATCH_SIZE, FULL, NONE, VALID, Loss, capped, precise
from gradus.nets.caffe.layers.matching import FREE, Thinning, Truth
from gradus.nets.caffe.layers.priors import Predictions

SMOOTH_L1 = 1  # MultiBoxLossParameter.LocLossType
SOFTMAX = 0  # ConfLossType
BIPARTITE = 0  # MatchType
MINE_NONE, MAX_NEGATIVE, HARD_EXAMPLE = 0, 1, 2  # MiningType


class MultiBoxLoss(Loss):
    """Box offsets (N, P * 4 * places), class scores (N, P * classes), priors and true boxes (1, 1, G, 8) to one loss.

    A true box's row is item, label, instance, xmin, ymin, xmax, ymax, difficult; item -1 is padding. Rows with a
    label up to the background's are left out, as NVIDIA's Caffe does (the original stops). What `nms_param`
    leaves out of `top_k` is 0, so that mining with suppression needs it.

    With conf_loss_type LOGISTIC and mining_type NONE Caffe writes the targets of all pictures but the first to
    the wrong rows; here each prior gets its own.
    """

    settings = "multibox_loss_param"
    bottoms = (4, 4)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Check that predictions and priors agree."""
        if not p.HasField("num_classes"):
            raise self.error("needs num_classes", at="multibox_loss_param")
        self.classes = self.positive(p.num_classes, "num_classes")
        self.places = 1 if p.share_location else self.classes
        self.p = p
        if p.HasField("do_neg_mining") and p.do_neg_mining != (p.mining_type != MINE_NONE):
            raise self.error("has a do_neg_mining that contradicts its mining_type",
                             at="multibox_loss_param.do_neg_mining", hint="Remove do_neg_mining.")  # fmt: skip
        if p.mining_type != MINE_NONE and not p.share_location:
            raise self.error("mines negatives, which needs share_location: true", at="multibox_loss_param.mining_type",
                             hint="Or set mining_type: NONE.")  # fmt: skip
        if p.mining_type == HARD_EXAMPLE:
            self.positive(p.sample_size, "sample_size")
        if p.conf_loss_type == SOFTMAX and p.background_label_id >= self.classes:
            raise self.error("has a background_label_id past its classes", at="multibox_loss_param.background_label_id")
        if p.map_object_to_agnostic and self.classes != 2:
            raise self.error("maps all objects to one class, which needs num_classes: 2",
                             at="multibox_loss_param.map_object_to_agnostic")  # fmt: skip
        priors.check(self, shapes, self.classes, self.places)
        if len(shapes[3]) != 4 or shapes[3][3] != 8:
            raise self.error("needs true boxes of 8 numbers each as its fourth bottom", at="bottom")
        flags = list(self.definition.message.propagate_down) or [True, True]
        self.counts_boxes, self.counts_classes = flags[:2]
        self.read_divisor()

    def forward(self, offsets: Tensor, scores: Tensor, prior: Tensor, true: Tensor) -> Tensor:
        """A number without axes, in float32."""
        if offsets.is_meta:
            return offsets.new_empty((), dtype=torch.float32)
        said = priors.unpack(offsets, scores, prior, self.places)
        with torch.no_grad():
            truth = self.truth(precise(true).reshape(-1, 8), len(offsets))
            matches, best = self.match(said, truth)
            labels = self.labels(matches, truth)
        box_loss = self.box_loss(said, matches, truth)
        class_loss = self.class_loss(said.scores, labels)
        with torch.no_grad():
            positive, counted = self.mine(said, box_loss, class_loss, matches, best, truth)
        total = class_loss.new_zeros(())
        if self.counts_boxes:
            total = total + self.p.loc_weight * torch.where(positive, box_loss, 0.0).sum()
        if self.counts_classes:
            total = total + torch.where(counted, class_loss, 0.0).sum()
        return total / self.normalizer(positive)

    def truth(self, rows: Tensor, number: int) -> Truth:
        """The rows that count."""
        item, label = rows[:, 0].long(), rows[:, 1].round().long()
        counts = (item >= 0) & (item < number) & (label > self.p.background_label_id)
        if not self.p.use_difficult_gt:
            counts &= rows[:, 7] == 0
        item = torch.where(counts, item, number)
        per_picture = torch.zeros(number + 1, dtype=torch.long, device=rows.device).index_add_(0, item, counts.long())
        most, highest = torch.stack([per_picture.max(), torch.where(counts, label, 0).max()]).tolist()
        if highest >= self.classes and not self.p.map_object_to_agnostic:
            raise self.error(
                f"gets a true box of class {highest}, and num_classes is {self.classes}",
                at="multibox_loss_param.num_classes", hint="Classes count from 0, the background included.",
            )  # fmt: skip
        return Truth(item, label, rows[:, 3:7].contiguous(), number, most)

    def match(self, said: Predictions, truth: Truth) -> tuple[Tensor, Tensor]:
        """The true box of each prediction, int64 (N, places, P), and the best overlap of each prior (N, P)."""

        def find(candidates: Tensor, among: Truth) -> tuple[Tensor, Tensor]:
            return matching.match(
                candidates, among, bipartite=self.p.match_type == BIPARTITE, threshold=self.p.overlap_threshold,
                inside=self.p.ignore_cross_boundary_bbox,
            )  # fmt: skip

        place = torch.arange(self.places, device=said.prior.device)
        if self.p.use_prior_for_matching:
            matches, best = find(said.prior, truth)
            label = truth.label[matches.clamp(min=0)]
            mine = (matches > FREE).unsqueeze(1) & (label.unsqueeze(1) == place.view(-1, 1))
            return torch.where(mine | (self.places == 1), matches.unsqueeze(1), FREE), best
        picture = truth.item.clamp(max=truth.pictures - 1)
        found = []
        for i in range(self.places):
            item = truth.item if self.places == 1 else torch.where(truth.label == i, truth.item, truth.pictures)
            found.append(find(self.decoded(said)[picture, i], replace(truth, item=item)))
        return torch.stack([matches for matches, _ in found], 1), found[0][1]

    def decoded(self, said: Predictions) -> Tensor:
        """The boxes that are predicted: (N, places, P, 4)."""
        scaled = said.offsets if self.p.encode_variance_in_target else said.offsets * said.variance
        return boxes.decode(scaled, said.prior, self.p.code_type)

    def labels(self, matches: Tensor, truth: Truth) -> Tensor:
        """The class of each prior, the background's where it is free: int64 (N, P)."""
        label = torch.full_like(truth.label, self.p.background_label_id + 1) if self.p.map_object_to_agnostic \
            else truth.label  # fmt: skip
        found = torch.where(matches > FREE, label[matches.clamp(min=0)], FREE).amax(1)
        return torch.where(found > FREE, found, self.p.background_label_id)

    def box_loss(self, said: Predictions, matches: Tensor, truth: Truth) -> Tensor:
        """For each prediction the loss against its true box, 0 where it has none: (N, places, P)."""
        with torch.no_grad():
            counts = (matches > FREE).unsqueeze(3)
            target = boxes.encode(truth.box[matches.clamp(min=0)], said.prior, self.p.code_type) / said.variance
            if self.p.bp_inside:
                seen = said.prior if self.p.use_prior_for_matching else self.decoded(said)
                counts = counts & ~boxes.outside(seen)
            target = torch.where(counts, target, 0.0)
        offsets = said.offsets / said.variance if self.p.encode_variance_in_target else said.offsets
        difference = torch.where(counts, offsets, 0.0) - target
        if self.p.loc_loss_type == SMOOTH_L1:
            return F.smooth_l1_loss(difference, torch.zeros_like(difference), reduction="none").sum(3)
        return (difference * difference).sum(3) / 2

    def class_loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """For each prior the loss of its scores: (N, P)."""
        if self.p.conf_loss_type == SOFTMAX:
            each = F.cross_entropy(scores.movedim(2, 1), labels, reduction="none")
            return capped(each, HIGHEST_LOSS)
        target = labels.unsqueeze(2) == torch.arange(self.classes, device=labels.device)
        if self.p.mining_type == MINE_NONE:  # Caffe marks the background only among mined negatives
            target &= (labels != self.p.background_label_id).unsqueeze(2)
        return F.binary_cross_entropy_with_logits(scores, target.to(scores.dtype), reduction="none").sum(2)

    def mine(
        self, said: Predictions, box_loss: Tensor, class_loss: Tensor, matches: Tensor, best: Tensor, truth: Truth
    ) -> tuple[Tensor, Tensor]:
        """Whose boxes count, bool (N, places, P), and whose classes, bool (N, P)."""
        positive = matches > FREE
        if self.p.mining_type == MINE_NONE:
            return positive, torch.ones_like(class_loss, dtype=torch.bool)
        matched, free = positive[:, 0], matches[:, 0] == FREE
        thinning = None
        if self.p.HasField("nms_param") and self.p.nms_param.nms_threshold > 0:
            seen = said.prior if self.p.use_prior_for_nms else self.decoded(said)[:, 0]
            thinning = Thinning(seen, self.p.nms_param.nms_threshold, self.p.nms_param.top_k)
        if self.p.mining_type == MAX_NEGATIVE:
            eligible = free & (best < self.p.neg_overlap)
            wanted = (matched.sum(1).to(torch.float32) * self.p.neg_pos_ratio).long()
            return positive, matched | matching.hardest(class_loss, eligible, wanted, thinning)
        has_truth = torch.zeros(truth.pictures + 1, dtype=torch.bool, device=free.device)
        eligible = has_truth.index_fill_(0, truth.item, True)[:-1].unsqueeze(1).expand_as(free)
        wanted = torch.full_like(matches[:, 0, 0], self.p.sample_size)
        chosen = matching.hardest(class_loss + box_loss[:, 0], eligible, wanted, thinning)
        return (matched & chosen).unsqueeze(1), chosen & (matched | free)

    def normalizer(self, positive: Tensor) -> Tensor | float:
        """What both sums are divided by, at least 1."""
        if self.mode == VALID:
            return positive.sum().clamp(min=1)
        number, _, count = positive.shape
        return {FULL: number * count, BATCH_SIZE: number, NONE: 1}[self.mode]
