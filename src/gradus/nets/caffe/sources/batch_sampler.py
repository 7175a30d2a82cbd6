"""SSD's sampling of training crops: `batch_sampler` of AnnotatedData (catalogue 1.8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from gradus.nets.caffe.sources.annotations import Boxes, coverage, jaccard
from gradus.nets.caffe.text.prototxt import Definition

_CONSTRAINTS = ("jaccard_overlap", "sample_coverage", "object_coverage")
_TRIALS = 10_000


def check(definition: Definition) -> list[Any]:
    """The samplers of a layer; NetworkError where one can draw nothing."""
    samplers = list(definition.message.annotated_data_param.batch_sampler)
    for sampler in samplers:
        s = sampler.sampler
        if not 0 < s.min_scale <= s.max_scale <= 1:
            raise definition.error("needs 0 < min_scale <= max_scale <= 1 in each sampler",
                                   at="annotated_data_param.batch_sampler")  # fmt: skip
        if not 0 < s.min_aspect_ratio <= s.max_aspect_ratio < math.inf:
            raise definition.error("needs 0 < min_aspect_ratio <= max_aspect_ratio in each sampler",
                                   at="annotated_data_param.batch_sampler")  # fmt: skip
        if sampler.max_trials > _TRIALS:
            raise definition.error(f"tries more than {_TRIALS:,} times", at="annotated_data_param.batch_sampler")
    return samplers


def sample(samplers: Sequence[Any], boxes: Boxes, random: Generator) -> Boxes | None:
    """One of all windows (4,) that the samplers find for a picture with these boxes; None if they find none."""
    found = [
        window for sampler in samplers if sampler.use_original_image for window in _windows(sampler, boxes, random)
    ]
    return found[int(random.integers(len(found)))] if found else None


def _windows(sampler: Any, boxes: Boxes, random: Generator) -> list[Boxes]:
    """All tries that satisfy a sampler's constraint, up to `max_sample`."""
    most = sampler.max_sample if sampler.HasField("max_sample") else sampler.max_trials
    found: list[Boxes] = []
    for _ in range(sampler.max_trials):
        if len(found) >= most:
            break
        window = _window(sampler.sampler, random)
        if satisfies(window, boxes, sampler.sample_constraint):
            found.append(window)
    return found


def _window(s: Any, random: Generator) -> Boxes:
    """A window of a random size and shape at a random place."""
    scale = random.uniform(s.min_scale, s.max_scale)
    aspect = random.uniform(s.min_aspect_ratio, s.max_aspect_ratio)
    root = math.sqrt(min(max(aspect, scale**2), 1 / scale**2))
    size = np.minimum([scale * root, scale / root], 1)
    low = random.random(2) * (1 - size)
    return np.concatenate([low, low + size])


def satisfies(window: Boxes, boxes: Boxes, constraint: Any) -> bool:
    """Whether one of a picture's boxes meets a SampleConstraint; without one every window does.

    A constraint is to bound one kind: overlap, share of the window, or share of the object. Where it bounds
    several Caffe looks at the first of them only.
    """
    for kind in _CONSTRAINTS:
        least, most = (constraint.HasField(f"{end}_{kind}") for end in ("min", "max"))
        if not (least or most):
            continue
        measured = {
            "jaccard_overlap": lambda: jaccard(window, boxes),
            "sample_coverage": lambda: coverage(np.broadcast_to(window, boxes.shape), boxes),
            "object_coverage": lambda: coverage(boxes, window),
        }[kind]()
        good = np.ones(len(boxes), np.bool_)
        if least:
            good &= measured >= getattr(constraint, f"min_{kind}")
        if most:
            good &= measured <= getattr(constraint, f"max_{kind}")
        return bool(good.any())
    return True
