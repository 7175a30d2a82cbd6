"""Detection datasets built through the door: arrays read back through the protobuf runtime, against boxes as drawn."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from gradus.builtin.detection import ObjectDetection
from gradus.builtin.detection_options import DetectionOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError, PathError
from gradus.data.generic import build_generic

KIND = ObjectDetection()


def line(name, left, top, right, bottom, z=1.0, rest="0.5 1 -0.25"):
    return f"{name} {rest} {left} {top} {right} {bottom} 1.5 1.6 3.7 2 -3 {z} 0.125\n"


@pytest.fixture
def made(tmp_path):
    """Pictures of one brightness each and KITTI's files beside them: {name: (width, height, text)}."""

    def make(files, root="kitti"):
        for folder in ("image_2", "label_2"):
            (tmp_path / root / folder).mkdir(parents=True, exist_ok=True)
        for number, (name, (width, height, text)) in enumerate(files.items()):
            pixels = np.full((height, width, 3), (number + 1, 100 + number, 200 + number), np.uint8)
            assert cv2.imwrite(str(tmp_path / root / "image_2" / f"{name}.png"), pixels)
            if text is not None:
                (tmp_path / root / "label_2" / f"{name}.txt").write_text(text)
        return str(tmp_path / root)

    return make


@pytest.fixture
def build(tmp_path, memory):
    def run(folder, **given):
        given = {"name": "test", "folder_pct_val": 0, "feature_encoding": "raw", "padding": "none", **given}
        report = memory()
        facts = build_generic(KIND, DetectionOptions(train_image_folder=folder, **given), tmp_path / "out", report)
        listed = [json.loads(line) for line in (tmp_path / "out" / "unreadable.jsonl").read_text().splitlines()]
        return facts, listed, report

    return run


@pytest.fixture
def records(tmp_path, read_lmdb):
    """The feature (C, H, W) and the rows of each sample of a split, in the order of the pictures' first channel."""

    def read(split="train"):
        features, labels = (read_lmdb(tmp_path / "out" / f"{split}_db" / part) for part in ("features", "labels"))
        found = []
        for (_, feature), (_, label) in zip(features, labels, strict=True):
            pixels = np.frombuffer(feature.data, np.uint8).reshape(feature.channels, feature.height, feature.width)
            rows = np.array(label.float_data, np.float32).reshape(label.channels, label.height, label.width)
            assert rows.shape[0] == 1
            found.append((pixels, rows[0]))
        return sorted(found, key=lambda pair: pair[0][0, 0, 0])

    return read


def test_a_label_is_digits_array_row_by_row(made, build, records):
    text = (
        line("Car", 10, 4, 30, 20, z=5.5)
        + "DontCare -1 -1 -10 50 5 60 15 -1 -1 -1 -1000 -1000 -1000 -10\n"
        + line("Pedestrian", 2, 3, 6, 19, z=40, rest="0 0 1.75")
    )
    folder = made({"000001": (64, 24, text), "000002": (64, 24, ""), "000003": (64, 24, line("Van", 0, 0, 64, 24))})
    facts, listed, _ = build(folder)
    assert listed == []
    (_, first), (_, second), (_, third) = records()
    person = [2, 3, 4, 16, 1.75, 8, 0, 0.125, 0, 0, 3.7, 1.6, 1.5, 2, -3, 40]
    car = [10, 4, 20, 16, -0.25, 1, 0, 0.125, 0.5, 1, 3.7, 1.6, 1.5, 2, -3, 5.5]
    not_counted = [50, 5, 10, 10, -10, 0, 0, -10, -1, -1, -1, -1, -1, -1000, -1000, -1000]
    assert np.array_equal(first, np.array([[3, 16] + [0] * 14, person, car, not_counted], np.float32))
    assert np.array_equal(second, np.array([[0, 16] + [0] * 14, *[[0] * 16] * 3], np.float32))
    assert third[0, 0] == 1 and third[1, :6].tolist() == [0, 0, 64, 24, -0.25, 2] and not third[2:].any()
    assert facts.labels[:4] == ["dontcare", "car", "van", "truck"]
    assert facts.labels[8] == "person" and facts.labels[15] == "misc"
    assert facts.splits[0].class_counts == [1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert (facts.presentation, facts.ignored) == ("boxes", 0)
    assert facts.splits[0].label.shape == (1, 4, 16) and facts.splits[0].label.number == "float32"


def test_of_equally_far_boxes_the_last_comes_first(made, build, records):
    folder = made({"a": (64, 24, "".join(line("Car", left, 0, 60, 9, z=7) for left in (1, 2, 3)))})
    build(folder)
    assert records()[0][1][1:, 0].tolist() == [3, 2, 1]


def test_pictures_are_padded_and_then_resized_with_their_boxes(made, build, records):
    """100 x 50 on a canvas of 200 x 100 that becomes 100 x 100: half across, all down."""
    folder = made({"a": (100, 50, line("Car", 10, 20, 50, 40))})
    build(folder, padding="size", padding_image_width=200, padding_image_height=100)
    pixels, rows = records()[0]
    assert pixels.shape == (3, 100, 200)
    assert (pixels[:, :50, :100] == np.array([1, 100, 200])[:, None, None]).all()
    assert not pixels[:, 50:].any() and not pixels[:, :, 100:].any()
    assert rows[1, :4].tolist() == [10, 20, 40, 20]
    build(
        folder, padding="size", padding_image_width=200, padding_image_height=100,
        resize_image_width=100, resize_image_height=100,
    )  # fmt: skip
    pixels, rows = records()[0]
    assert pixels.shape == (3, 100, 100)
    assert (pixels[:, :49, :49] == np.array([1, 100, 200])[:, None, None]).all() and not pixels[:, 51:].any()
    assert rows[1, :4].tolist() == [5, 20, 20, 20]
    build(folder, resize_image_width=50, resize_image_height=100)
    assert records()[0][1][1, :4].tolist() == [5, 40, 20, 40]


def test_kitti_is_padded_as_digits_does_unless_told_otherwise(made, build, records):
    folder = made({"a": (100, 50, line("Car", 10, 20, 50, 40))})
    facts, _, report = build(folder, padding="auto")
    assert facts.splits[0].feature.shape == (3, 384, 1248)
    assert "Pictures are padded to 1248 x 384 pixels, as DIGITS does with KITTI" in report.warnings


def test_pictures_of_other_formats_are_padded_to_the_largest_if_they_have_to_be_alike(tmp_path, made, build, memory):
    folder = made({"a": (100, 50, None), "b": (60, 80, None)})
    for name in ("a", "b"):
        (tmp_path / "kitti" / "label_2" / f"{name}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    facts, _, report = build(folder, padding="auto")
    assert facts.splits[0].feature.shape == (3, 80, 100)
    assert facts.labels == ["dontcare", "class 0"]
    assert any("padded to 100 x 80 pixels, the largest" in text for text in report.warnings)
    assert build(folder, padding="auto", force_same_shape=False)[0].splits[0].feature.shape is None
    resized = build(folder, padding="auto", resize_image_width=32, resize_image_height=16)[0]
    assert resized.splits[0].feature.shape == (3, 16, 32)


def test_boxes_are_those_of_the_upright_picture(tmp_path, build, records):
    """40 x 20 as stored, 20 x 40 as it is seen."""
    for folder in ("images", "labels"):
        (tmp_path / "y" / folder).mkdir(parents=True)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "y" / "images" / "a.jpg", exif=turned)
    Image.new("RGB", (16, 16)).save(tmp_path / "y" / "images" / "b.jpg")
    (tmp_path / "y" / "labels" / "a.txt").write_text("0 0.5 0.25 0.5 0.5\n")
    facts, listed, _ = build(str(tmp_path / "y"), padding="auto")
    assert listed == [] and facts.splits[0].feature.shape == (3, 40, 20)
    assert [rows[1, :4].tolist() for _, rows in records() if rows[0, 0]] == [[5, 0, 10, 20]]


def test_a_picture_larger_than_the_canvas_is_listed(made, build):
    files = {f"{i:02d}": (40, 30, line("Car", 1, 1, 9, 9)) for i in range(20)}
    folder = made(files | {"20": (41, 30, line("Car", 1, 1, 9, 9))})
    facts, listed, _ = build(folder, padding="size", padding_image_width=40, padding_image_height=30)
    assert facts.splits[0].count == 20
    assert listed == [
        {"file": "image_2/20.png", "reason": "41 x 30 pixels, larger than the canvas of 40 x 30", "kept": False}
    ]


@pytest.mark.parametrize(("conversion", "channels"), [("RGB", (3, 3)), ("L", (1, 1)), ("none", (1, 3))])
def test_channels_are_converted(tmp_path, made, build, records, conversion, channels):
    folder = made({"a": (20, 20, line("Car", 1, 1, 9, 9)), "b": (20, 20, "")})
    cv2.imwrite(str(tmp_path / "kitti" / "image_2" / "a.png"), np.full((20, 20), 7, np.uint8))
    build(folder, channel_conversion=conversion, force_same_shape=False)
    assert sorted(pixels.shape[0] for pixels, _ in records()) == sorted(channels)


def test_small_boxes_do_not_count_where_a_model_is_measured(made, build, records):
    text = line("Car", 0, 0, 25, 25, z=3) + line("Car", 0, 0, 24.9, 50, z=2) + line("Car", 0, 0, 50, 24.9, z=1)
    folder = made({"a": (64, 64, text)})
    own = made({"a": (64, 64, text)}, root="own")
    build(folder, val_image_folder=own, test_image_folder=own)
    assert [row[5] for row in records("train")[0][1][1:]] == [1, 1, 1]
    assert [row[5] for row in records("val")[0][1][1:]] == [1, 0, 0]
    assert [row[5] for row in records("test")[0][1][1:]] == [1, 0, 0]
    build(folder, val_image_folder=own, val_min_box_size=0)
    assert [row[5] for row in records("val")[0][1][1:]] == [1, 1, 1]


def test_arrays_are_as_long_as_the_fullest_picture_of_their_split_needs(made, build, records):
    folder = made({"a": (64, 64, line("Car", 0, 0, 30, 30) * 3), "b": (64, 64, line("Car", 0, 0, 30, 30))})
    own = made({"a": (64, 64, line("Car", 0, 0, 30, 30) * 5)}, root="own")
    facts, _, _ = build(folder, val_image_folder=own)
    assert [split.label.shape for split in facts.splits] == [(1, 4, 16), (1, 6, 16)]


def test_custom_classes_are_compared_in_lower_case_and_others_do_not_count(made, build, records):
    text = "".join(line(name, 0, 0, 9, 9, z=9 - i) for i, name in enumerate(("CAR", "Bike", "Tram", "tram")))
    folder = made({"a": (64, 64, text)})
    facts, _, report = build(folder, custom_classes=" dontcare, Tram ,bike")
    assert facts.labels == ["dontcare", "tram", "bike"]
    assert records()[0][1][1:, 5].tolist() == [0, 2, 1, 1]
    assert facts.splits[0].class_counts == [1, 2, 1]
    assert "Classes of training that are not among those learned: CAR (1)" in report.warnings
    facts, _, report = build(folder, custom_classes="tram,bike")
    assert records()[0][1][1:, 5].tolist() == [0, 1, 0, 0] and facts.ignored is None
    assert "Class 0 is “tram”: all other classes are taken for it too" in report.warnings


def test_nothing_to_learn_is_an_error(made, build):
    folder = made({"a": (64, 64, line("Unicorn", 0, 0, 9, 9))})
    with pytest.raises(InputError, match="No box for training is of a class that is to be learned: the boxes are of U"):
        build(folder)
    with pytest.raises(InputError) as caught:
        build(folder, custom_classes="dontcare,car")
    assert caught.value.problem.field == "custom_classes"
    with pytest.raises(InputError, match="there are no boxes"):
        build(made({"a": (64, 64, "")}))
    with pytest.raises(InputError, match=r"no boxes. label_2/a.txt, line 1: the class is “Unicorn”, which is no num"):
        build(made({"a": (64, 64, "Unicorn 1 2 3 4")}), format="yolo")


def coco(tmp_path, annotations, categories=("cow", "ant", "unused")):
    """One picture of 100 x 50 with these annotations."""
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(categories)],
        "annotations": [{"id": i, "image_id": 1, **each} for i, each in enumerate(annotations)],
    }
    (tmp_path / "c" / "images").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "c" / "images" / "a.png"), np.full((50, 100, 3), 9, np.uint8))
    (tmp_path / "c" / "all.json").write_text(json.dumps(content))
    return str(tmp_path / "c")


def test_classes_that_are_found_come_after_dontcare_in_the_order_of_the_file(tmp_path, build, records):
    folder = coco(tmp_path, [{"category_id": 1, "bbox": [1, 1, 5, 5]}, {"category_id": 0, "bbox": [2, 2, 5, 5]}])
    facts, _, _ = build(folder)
    assert facts.labels == ["dontcare", "cow", "ant"]
    assert {(row[0], row[5]) for row in records()[0][1][1:]} == {(1, 2), (2, 1)}


def test_a_crowd_does_not_count(tmp_path, build, records):
    folder = coco(
        tmp_path, [{"category_id": 0, "bbox": [1, 1, 5, 5], "iscrowd": 1}, {"category_id": 0, "bbox": [2, 2, 5, 5]}]
    )
    build(folder)
    assert {(row[0], row[5]) for row in records()[0][1][1:]} == {(1, 0), (2, 1)}


def test_boxes_of_no_use_are_listed_with_their_picture(tmp_path, build, records):
    folder = coco(
        tmp_path,
        [
            {"category_id": 0, "bbox": [90, 40, 30, 30]}, {"category_id": 0, "bbox": [200, 1, 5, 5]},
            {"category_id": 0, "bbox": [1, 1, 0, 5]}, {"category_id": 9, "bbox": [1, 1, 5, 5]},
        ],
    )  # fmt: skip
    _, listed, _ = build(folder, unreadable_percent=100)
    assert listed == [
        {
            "file": "images/a.png",
            "reason": "annotation 2: the box has no area; it is left out; "
            "annotation 3: there is no category with the id 9; it is left out; "
            "annotation 0: the box reaches over the edge of the picture; it is cut; "
            "annotation 1: the box lies outside the picture; it is left out",
            "kept": True,
        }
    ]
    rows = records()[0][1]
    assert rows[0, 0] == 1 and rows[1, :4].tolist() == [90, 40, 10, 10]


def test_a_dataset_goes_on_below_the_stated_share_and_fails_above_it(made, build):
    files = {f"{i:02d}": (40, 30, line("Car", 1, 1, 9, 9)) for i in range(20)}
    facts, listed, _ = build(made(files | {"07": (40, 30, "Car 1 2\n")}))
    assert facts.splits[0].count == 19 and facts.unreadable == 1
    assert listed == [
        {"file": "label_2/07.txt, line 1", "reason": "3 columns; KITTI has 15, or 16 with a score", "kept": False}
    ]
    with pytest.raises(InputError, match=r"at most 5 % may .*label_2/07.txt, line 1: 3 columns.*label_2/08.txt"):
        build(made(files | {"07": (40, 30, "Car 1 2\n"), "08": (40, 30, "\0")}))


def shares(scan):
    return {split: sorted(entry.name for entry in entries) for split, entries in scan.entries.items()}


def scan(folder, **given):
    return KIND.scan(DetectionOptions(name="test", train_image_folder=folder, **given), lambda _: None)


def test_shares_are_chosen_with_the_seed(made):
    folder = made({f"{i:02d}": (20, 20, line("Car", 1, 1, 9, 9)) for i in range(40)})
    first = shares(scan(folder, folder_pct_val=20, folder_pct_test=10))
    assert {split: len(names) for split, names in first.items()} == {Split.TRAIN: 28, Split.VAL: 8, Split.TEST: 4}
    assert len({name for names in first.values() for name in names}) == 40
    assert shares(scan(folder, folder_pct_val=20, folder_pct_test=10)) == first
    assert shares(scan(folder, folder_pct_val=20, folder_pct_test=10, seed=2)) != first


def test_pictures_of_a_group_stay_together(made):
    folder = made({f"v{i // 5}_{i:02d}": (20, 20, line("Car", 1, 1, 9, 9)) for i in range(40)})
    found = shares(scan(folder, folder_pct_val=25, group_expression=r"v(\d)_"))
    groups = {split: {name.rpartition("/")[2][:2] for name in names} for split, names in found.items()}
    assert len(groups[Split.VAL]) == 2 and not groups[Split.VAL] & groups[Split.TRAIN]
    with pytest.raises(InputError) as caught:
        scan(folder, group_expression="(")
    assert caught.value.problem.field == "group_expression"


def test_difficult_objects_are_learned_from_but_not_measured_with(tmp_path, build, records):
    body = (
        "<annotation><object><name>ant</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin>"
        "<xmax>40</xmax><ymax>40</ymax></bndbox></object></annotation>"
    )
    for split in ("train", "val"):
        folder = tmp_path / "voc" / split
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "a.png"), np.zeros((50, 50, 3), np.uint8))
        (folder / "a.xml").write_text(body)
    facts, _, _ = build(str(tmp_path / "voc"))
    assert facts.user["recognised"] == "Recognised as Pascal VOC: 2 pictures (training 1, validation 1) with 2 boxes"
    assert (records("train")[0][1][1, 5], records("val")[0][1][1, 5]) == (1, 0)


def test_a_prediction_can_be_prepared_from_what_is_kept(made, build, tmp_path):
    """Labels, classes and canvas come back from the stored facts alone."""
    folder = made({"a": (100, 50, line("Pedestrian", 10, 20, 50, 40))})
    options = DetectionOptions(name="test", train_image_folder=folder, folder_pct_val=0)
    found = KIND.scan(options, lambda _: None)
    kept = json.loads(json.dumps(found.user))
    sample = KIND.prepare(options, type(found)({}, found.labels, user=kept))(found.entries[Split.TRAIN][0])
    assert sample.feature.shape == (384, 1248, 3) and sample.label[1, 5] == 8 and sample.size == (100, 50)


@pytest.mark.parametrize("name", ["none", "n\0ne", "n" * 300])
def test_a_folder_that_is_missing_is_named(tmp_path, name):
    with pytest.raises(PathError) as caught:
        scan(str(tmp_path / name))
    assert caught.value.problem.field == "train_image_folder"
