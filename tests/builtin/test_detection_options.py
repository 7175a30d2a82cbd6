"""The form of detection datasets: DIGITS' names, defaults and rules."""

import pytest
from pydantic import ValidationError

from gradus.builtin.detection_options import DetectionOptions, Padding
from gradus.core.dataset import Split
from gradus.data.annotations.layout import Given


def options(**given):
    return DetectionOptions(**{"name": "test", "train_image_folder": "/data", **given})


def test_defaults_are_those_of_digits():
    made = options()
    assert (made.padding_image_width, made.padding_image_height) == (1248, 384)
    assert (made.resize_image_width, made.resize_image_height) == (None, None)
    assert (made.channel_conversion, made.val_min_box_size, made.custom_classes) == ("RGB", 25, "")
    assert (made.feature_encoding, made.label_encoding, made.batch_size, made.num_threads) == ("png", "raw", 32, 4)


@pytest.mark.parametrize(
    "given",
    [
        {"resize_image_width": 64}, {"resize_image_height": 64}, {"padding_image_width": None},
        {"padding_image_height": None}, {"resize_image_width": 0, "resize_image_height": 0},
        {"val_label_folder": "/labels"}, {"test_annotations": "/a.json"}, {"val_min_box_size": -1},
        {"folder_pct_val": 60, "folder_pct_test": 50}, {"custom_classes": "a,,b"}, {"custom_classes": "a,A"},
        {"train_image_folder": ""}, {"format": "tfrecord"}, {"unknown": 1},
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(given):
    with pytest.raises(ValidationError):
        options(**given)


def test_a_size_that_is_given_is_what_is_meant():
    """DIGITS' callers give a size, or leave it empty on purpose, and know no other field."""
    assert options().padding is Padding.AUTO
    assert options(padding_image_width=640, padding_image_height=480).padding is Padding.SIZE
    assert options(padding_image_width=None, padding_image_height=None).padding is Padding.SIZE
    assert options(padding="auto", padding_image_width=640, padding_image_height=480).padding is Padding.AUTO


def test_what_is_written_is_read_back():
    made = options(padding_image_width=640, padding_image_height=480, custom_classes="dontcare,car")
    assert DetectionOptions.model_validate_json(made.model_dump_json()) == made


def test_each_split_names_its_fields():
    made = options(train_label_folder="/l", annotations="/a.json", test_image_folder="/t", test_annotations="/t.json")
    test = ("test_image_folder", "test_label_folder", "test_annotations")
    assert made.given == {
        Split.TRAIN: Given("/data", "/l", "/a.json"),
        Split.TEST: Given("/t", "", "/t.json", test),
    }
    assert made.paths() == {
        "train_image_folder": ("/data", True), "train_label_folder": ("/l", True), "annotations": ("/a.json", False),
        "test_image_folder": ("/t", True), "test_annotations": ("/t.json", False),
    }  # fmt: skip
