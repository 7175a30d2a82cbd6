"""COCO's outlines as masks, against rectangles drawn by slicing."""

import json

import numpy as np
import pytest
from PIL import Image

from gradus.builtin.segmentation import Segmentation
from gradus.builtin.segmentation_options import SegmentationOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError

WIDTH, HEIGHT = 30, 20
CATEGORIES = [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}]


def rectangle(left, top, right, bottom, category=7, image=1, **more):
    outline = [left, top, right, top, right, bottom, left, bottom]
    return {
        "id": hash((left, top, right, bottom, category, image)), "image_id": image, "category_id": category,
        "bbox": [left, top, right - left, bottom - top], "segmentation": [outline], **more,
    }  # fmt: skip


def runs(mask):
    """Run lengths down the columns, from outside on."""
    flat = mask.T.ravel().astype(int).tolist()
    counts, now = [], 0
    for value in flat:
        if not counts or value != now:
            counts += [0] if counts or not value else [0, 0]
            now = value
        counts[-1] += 1
    return {"size": list(mask.shape), "counts": counts}


@pytest.fixture
def decode(tmp_path):
    """The (mask, remarks, counts) of the first picture, and what was found besides."""

    def make(annotations, images=None, categories=CATEGORIES, **given):
        (tmp_path / "images").mkdir(exist_ok=True)
        images = images or [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
        for image in images:
            Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images" / image["file_name"])
        found = {"images": images, "annotations": annotations, "categories": categories}
        (tmp_path / "coco.json").write_text(json.dumps(found))
        options = SegmentationOptions(
            name="x", feature_folder=str(tmp_path / "images"), annotations_file=str(tmp_path / "coco.json"),
            **{"folder_pct_val": 0, **given},
        )  # fmt: skip
        scan = Segmentation().scan(options, lambda _: None)
        return Segmentation().prepare(options, scan)(scan.entries[Split.TRAIN][0]), scan

    return make


def test_classes_come_in_the_order_of_the_file_after_the_background(decode):
    sample, scan = decode([rectangle(2, 3, 12, 8), rectangle(20, 10, 25, 18, category=3)])
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[3:8, 2:12], expected[10:18, 20:25] = 1, 2
    assert (sample.label == expected).all() and sample.remarks == []
    assert scan.labels == ["background", "cat", "dog"] and len(scan.palette) == 3 and scan.ignored == 255
    assert sample.counts == {0: WIDTH * HEIGHT - 50 - 40, 1: 50, 2: 40}


def test_run_lengths(decode):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[4:9, 5:17] = mask[12:14, 0:2] = True
    sample, _ = decode([rectangle(0, 4, 17, 14, segmentation=runs(mask), iscrowd=1)])
    assert (sample.label == mask).all()


def test_the_smaller_lies_on_top_and_a_crowd_at_the_bottom(decode):
    small, large = rectangle(5, 5, 8, 8), rectangle(0, 0, 15, 15, category=3)
    crowd = rectangle(6, 6, 7, 7, category=3, iscrowd=1)
    for annotations in ([small, large, crowd], [crowd, large, small], [large, crowd, small]):
        sample, _ = decode(annotations)
        assert (sample.label[5:8, 5:8] == 1).all() and sample.counts[2] == 225 - 9


def test_a_background_of_its_own(decode):
    sample, scan = decode([rectangle(0, 0, 2, 2)], categories=[CATEGORIES[0], {"id": 0, "name": "Background"}])
    assert scan.labels == ["Background", "cat"] and sample.counts == {0: 596, 1: 4}


@pytest.mark.parametrize(
    ("outline", "reason"),
    [
        ([[1, 2, 3, 4]], "a polygon has 4 numbers"),
        ([], "its segmentation is empty"),
        ({"size": [3, 3], "counts": [9]}, "the size of its run lengths"),
        ([[-9, -9, -5, -9, -5, -5]], "holds no pixel of the picture"),
        (5, "neither a list of polygons nor run lengths"),
    ],
)
def test_an_outline_that_is_wrong_is_remarked_and_the_others_drawn(decode, outline, reason):
    wrong = rectangle(2, 3, 12, 8, segmentation=outline)
    sample, _ = decode([wrong, rectangle(0, 0, 2, 2)])
    assert sample.counts == {0: 596, 1: 4}
    assert len(sample.remarks) == 1 and reason in sample.remarks[0] and f"annotation {wrong['id']}" in sample.remarks[0]


def test_a_box_without_an_outline_and_ids_that_dangle(decode):
    bare = rectangle(2, 3, 12, 8)
    del bare["segmentation"]
    sample, scan = decode([bare, rectangle(0, 0, 2, 2, category=99), rectangle(0, 0, 3, 3, image=99)])
    assert sample.counts == {0: 600} and len(sample.remarks) == 2
    assert "it has no outline" in " ".join(sample.remarks) and "no category with the id 99" in " ".join(sample.remarks)
    assert "there is no picture with the id 99" in scan.bad[0].reason


def test_an_annotation_for_another_size_is_refused(decode):
    with pytest.raises(InputError, match="for 31 x 20 pixels, and it has 30 x 20"):
        decode([rectangle(0, 0, 2, 2)], images=[{"id": 1, "file_name": "a.png", "width": 31, "height": 20}])


def test_shares_and_size(decode):
    images = [{"id": i, "file_name": f"{i}.png", "width": WIDTH, "height": HEIGHT} for i in range(10)]
    annotations = [rectangle(2, 2, 10, 10, image=i) for i in range(10)]
    sample, scan = decode(annotations, images, folder_pct_val=20, folder_pct_test=10, width=60, height=40)
    assert {split: len(entries) for split, entries in scan.entries.items()} == {"train": 7, "val": 2, "test": 1}
    assert sample.label.shape == (40, 60) and sample.counts[1] == 16 * 16


def test_separate_validation_images_have_a_file_of_their_own(decode, tmp_path):
    annotations = [rectangle(2, 2, 10, 10)]
    with pytest.raises(InputError, match="must not be empty") as error:
        decode(annotations, has_val_folder=True, validation_feature_folder=str(tmp_path / "images"))
    assert error.value.problem.field == "validation_annotations_file"
    other = {"images": [{"id": 4, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}], "categories": CATEGORIES}
    own = {**other, "annotations": [rectangle(0, 0, 3, 3, category=3, image=4)]}
    (tmp_path / "val.json").write_text(json.dumps(own))
    given = {
        "validation_feature_folder": str(tmp_path / "images"),
        "validation_annotations_file": str(tmp_path / "val.json"),
    }
    sample, scan = decode(annotations, has_val_folder=True, **given)
    assert sample.counts == {0: 536, 1: 64} and [len(scan.entries[split]) for split in Split] == [1, 1, 0]
    mask, _ = scan.entries[Split.VAL][0].source.label((WIDTH, HEIGHT))
    assert (mask == 2).sum() == 9


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"label_folder": "/b"}, "cannot both be given"),
        ({"class_labels_file": "/b"}, "must be empty"),
        ({"colormap_method": "textfile", "colormap_text_file": "/b"}, "must be empty"),
    ],
)
def test_both_kinds_of_labels_are_too_many(given, reason):
    with pytest.raises(ValueError, match=reason):
        SegmentationOptions(name="x", feature_folder="/a", annotations_file="/c.json", **given)
