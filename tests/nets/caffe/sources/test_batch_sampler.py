from __future__ import annotations

import numpy as np
import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources.batch_sampler import check, sample, satisfies
from gradus.nets.caffe.text.prototxt import parse_network

BOXES = np.array([[0.2, 0.2, 0.6, 0.6], [0.7, 0.7, 0.9, 0.9]])


def constraint(**given: float):
    return message_class("SampleConstraint")(**given)


def samplers(text: str):
    layer = f'layer {{ name: "it" type: "AnnotatedData" top: "a" annotated_data_param {{ {text} }} }}'
    return check(parse_network(layer)[1][0])


@pytest.mark.parametrize(
    ("given", "good"),
    [
        ({}, True),
        # The window 0 to 0.6 has all of the first box: 0.16 of 0.36, the window's area and the union.
        ({"min_jaccard_overlap": 0.44}, True),
        ({"min_jaccard_overlap": 0.45}, False),
        ({"max_jaccard_overlap": 0.1}, True),  # the second box is not in it at all
        ({"min_jaccard_overlap": 0.1, "max_jaccard_overlap": 0.4}, False),
        ({"min_sample_coverage": 0.45}, False),
        ({"min_sample_coverage": 0.44}, True),
        ({"min_object_coverage": 1.0}, True),
        ({"min_object_coverage": 0.2, "max_object_coverage": 0.9}, False),
        ({"min_jaccard_overlap": 0.4, "min_sample_coverage": 0.9}, True),  # Caffe looks at the first kind only
    ],
)
def test_constraints(given, good):
    assert satisfies(np.array([0.0, 0.0, 0.6, 0.6]), BOXES, constraint(**given)) is good


def test_no_box_meets_no_constraint():
    none = np.zeros((0, 4))
    assert satisfies(np.array([0, 0, 1, 1.0]), none, constraint())
    assert not satisfies(np.array([0, 0, 1, 1.0]), none, constraint(max_jaccard_overlap=1))


def test_windows_are_of_the_asked_size_and_shape(rng):
    given = samplers(
        "batch_sampler { sampler { min_scale: 0.3 max_scale: 0.9 min_aspect_ratio: 0.5 max_aspect_ratio: 2 } }"
    )
    windows = np.array([sample(given, BOXES, rng) for _ in range(300)])
    assert (windows >= 0).all() and (windows <= 1 + 1e-12).all()
    width, height = (windows[:, 2:] - windows[:, :2]).T
    scale, aspect = np.sqrt(width * height), width / height
    assert 0.3 <= scale.min() < 0.35 and 0.85 < scale.max() <= 0.9
    assert aspect.min() >= 0.5 and aspect.max() <= 2 and np.ptp(aspect) > 1
    assert (aspect >= scale**2 - 1e-9).all() and (aspect <= 1 / scale**2 + 1e-9).all()


def test_the_whole_picture_is_a_sample_too():
    given = samplers("batch_sampler { max_sample: 1 max_trials: 1 }")
    np.testing.assert_array_equal(sample(given, BOXES, np.random.default_rng(0)), [0, 0, 1, 1])


def test_only_windows_that_meet_the_constraint_are_given(rng):
    given = samplers(
        "batch_sampler { sampler { min_scale: 0.3 } max_trials: 50 sample_constraint { min_jaccard_overlap: 0.5 } }"
    )
    windows = [w for w in (sample(given, BOXES, rng) for _ in range(60)) if w is not None]
    assert windows and all(satisfies(w, BOXES, constraint(min_jaccard_overlap=0.5)) for w in windows)


def test_none_is_none(rng):
    hard = "sample_constraint { min_jaccard_overlap: 0.99 }"
    assert sample(samplers(f"batch_sampler {{ {hard} }}"), BOXES, rng) is None
    assert sample(samplers("batch_sampler { use_original_image: false }"), BOXES, rng) is None
    assert sample([], BOXES, rng) is None


def test_all_that_are_found_are_drawn_from_alike():
    given = samplers(
        "batch_sampler { max_sample: 1 max_trials: 1 }"
        "batch_sampler { sampler { min_scale: 0.5 max_scale: 0.5 } max_sample: 3 max_trials: 9 }"
    )
    random = np.random.default_rng(2)
    whole = np.mean([sample(given, BOXES, random)[2] == 1.0 for _ in range(800)])
    assert whole == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    "text",
    [
        "min_scale: 0", "min_scale: 0.5 max_scale: 0.4", "max_scale: 2", "min_aspect_ratio: 0",
        "min_aspect_ratio: 3 max_aspect_ratio: 2", "max_aspect_ratio: inf",
    ],
)  # fmt: skip
def test_impossible_windows_are_refused(text):
    with pytest.raises(NetworkError, match="in each sampler"):
        samplers(f"batch_sampler {{ sampler {{ {text} }} }}")


def test_absurdly_many_trials_are_refused():
    with pytest.raises(NetworkError, match="tries"):
        samplers("batch_sampler { max_trials: 4000000000 }")
