"""SSD's rules in plain float64 loops, written from the catalogue (1.7 and 1.11): the fixture `reference`."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def reference() -> ModuleType:
    return sys.modules[__name__]


def overlap(a, b) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = lambda box: max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])  # noqa: E731
    return width * height / (area(a) + area(b) - width * height)


def decode(offset, prior, variance, code) -> list[float]:
    x1, y1, x2, y2 = prior
    w, h = x2 - x1, y2 - y1
    a, b, c, d = (o * v for o, v in zip(offset, variance, strict=True))
    if code == "CORNER":
        return [x1 + a, y1 + b, x2 + c, y2 + d]
    if code == "CORNER_SIZE":
        return [x1 + a * w, y1 + b * h, x2 + c * w, y2 + d * h]
    cx, cy = a * w + (x1 + x2) / 2, b * h + (y1 + y2) / 2
    w, h = w * np.exp(c), h * np.exp(d)
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]


def encode(box, prior, variance, code) -> list[float]:
    x1, y1, x2, y2 = prior
    w, h = x2 - x1, y2 - y1
    if code == "CENTER_SIZE":
        raw = [
            ((box[0] + box[2]) / 2 - (x1 + x2) / 2) / w,
            ((box[1] + box[3]) / 2 - (y1 + y2) / 2) / h,
            np.log((box[2] - box[0]) / w),
            np.log((box[3] - box[1]) / h),
        ]
    else:
        scale = [w, h, w, h] if code == "CORNER_SIZE" else [1] * 4
        raw = [(g - p) / s for g, p, s in zip(box, prior, scale, strict=True)]
    return [r / v for r, v in zip(raw, variance, strict=True)]


def survivors(boxes, order, threshold, eta) -> list[int]:
    kept: list[int] = []
    for i in order:
        if all(overlap(boxes[i], boxes[k]) <= threshold for k in kept):
            kept.append(i)
            if eta < 1 and threshold > 0.5:
                threshold *= eta
    return kept


def detections(
    offsets, scores, priors, *, classes, places, background, code, threshold, eta, top_k, keep, confidence
) -> np.ndarray:
    prior, variance = priors[0, 0].reshape(-1, 4), priors[0, 1].reshape(-1, 4)
    rows = []
    for n in range(len(offsets)):
        at = offsets[n].reshape(len(prior), places, 4)
        score = scores[n].reshape(len(prior), classes)
        found = []
        for c in range(classes):
            if c == background:
                continue
            boxes = [decode(at[p, c if places > 1 else 0], prior[p], variance[p], code) for p in range(len(prior))]
            order = [p for p in np.argsort(-score[:, c], kind="stable") if score[p, c] > confidence]
            order = order[:top_k] if top_k > -1 else order
            found += [(c, p, boxes[p]) for p in survivors(boxes, order, threshold, eta)]
        if -1 < keep < len(found):
            found = sorted(found, key=lambda f: -score[f[1], f[0]])[:keep]
            found = sorted(found, key=lambda f: f[0])
        rows += [[n, c, score[p, c], *box] for c, p, box in found]
    return np.array(rows)


def match(boxes, true, *, bipartite, threshold, inside=False) -> tuple[np.ndarray, np.ndarray]:
    """Row of `true` for each box (-1: none, -2: left out), and its best overlap."""
    result, best = np.full(len(boxes), -1), np.zeros(len(boxes))
    table = np.zeros((len(boxes), len(true)))
    for i, box in enumerate(boxes):
        if inside and (min(box) < 0 or max(box) > 1):
            result[i] = -2
            continue
        table[i] = [overlap(box, t) for t in true]
        table[i][table[i] <= 1e-6] = 0
        best[i] = table[i].max(initial=0)
    left = set(range(len(true)))
    while left:
        value, i, j = max(
            ((table[i, j], -i, -j) for i in range(len(boxes)) if result[i] == -1 for j in left), default=(0, 0, 0)
        )
        if value <= 0:
            break
        result[-i] = -j
        left.remove(-j)
    if not bipartite:
        for i in range(len(boxes)):
            if result[i] == -1 and len(true) and table[i].max() >= threshold and table[i].max() > 0:
                result[i] = int(table[i].argmax())
    return result, best


def smooth(d: float) -> float:
    return 0.5 * d * d if abs(d) < 1 else abs(d) - 0.5


def class_cost(score, label, logistic, mark_background=True, background=0) -> float:
    if not logistic:
        top = score.max()
        return float(-np.log(max(np.exp(score[label] - top) / np.exp(score - top).sum(), np.finfo(np.float32).tiny)))
    target = np.arange(len(score)) == label
    if label == background and not mark_background:
        target[:] = False
    return float(sum(np.log1p(np.exp(-s)) if t else np.log1p(np.exp(s)) for s, t in zip(score, target, strict=True)))
