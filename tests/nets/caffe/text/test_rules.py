import pytest
from google.protobuf import text_format

from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.rules import TEST, TRAIN, State, included


def layer(text):
    return text_format.Parse(text, message_class("LayerParameter")())


# rules, then the states (phase, level, stages) in which the layer is there, by Caffe's definition
CASES = [
    ("", ["train", "val", "deep", "ab"]),
    ("include { phase: TRAIN }", ["train"]),
    ("exclude { phase: TRAIN }", ["val", "deep", "ab"]),
    ("include { phase: TRAIN } include { min_level: 2 }", ["train", "deep"]),
    ("include { min_level: 1 max_level: 2 }", []),
    ("include { min_level: 1 max_level: 3 }", ["deep"]),
    ("include { max_level: 0 }", ["train", "val", "ab"]),
    ('include { stage: "a" }', ["ab"]),
    ('include { stage: "a" stage: "b" }', ["ab"]),
    ('include { stage: "a" stage: "c" }', []),
    ('include { stage: "a" not_stage: "b" }', []),
    ('include { not_stage: "b" }', ["train", "val", "deep"]),
    ('include { phase: TEST stage: "val" }', ["val"]),
    ('exclude { stage: "a" } exclude { phase: TRAIN }', ["val", "deep"]),
    ('include { phase: TEST } exclude { stage: "a" }', ["val", "deep"]),
]
STATES = {
    "train": State.of(TRAIN),
    "val": State.of(TEST, "val"),
    "deep": State.of(TEST, level=3),
    "ab": State.of(TEST, "a", "b"),
}


@pytest.mark.parametrize(("rules", "where"), CASES)
def test_a_layer_is_where_its_rules_say(rules, where):
    message = layer(rules)
    assert [name for name, state in STATES.items() if included(state, message.include, message.exclude)] == where
