"""Layouts that tools make, the four formats against one table of truth, and what of them cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gradus.core.dataset import Split
from gradus.core.errors import InputError, PathError
from gradus.data.annotations.layout import Given, split_of
from gradus.data.annotations.read import read
from gradus.data.annotations.reading import Reading
from gradus.data.annotations.recognise import Format

Writers = SimpleNamespace
Corners = list[tuple[str, float, float, float, float]]


def found(
    pictures: Path, labels: Path | str = "", file: Path | str = "", wanted: Format | None = None, **others: Given
) -> Reading:
    given = {Split.TRAIN: Given(str(pictures), str(labels), str(file))}
    return read(given | {Split(name): each for name, each in others.items()}, wanted, lambda _: None)


def boxes(reading: Reading, split: Split = Split.TRAIN) -> dict[str, Corners]:
    return {
        Path(each.path).stem: [
            (box.name, box.left, box.top, box.right, box.bottom) for box in each.boxes.within(160, 100).boxes
        ]
        for each in reading.splits[split]
    }


def lists(reading: Reading) -> list[tuple[str, str]]:
    return [(bad.file, bad.reason) for bad in reading.bad]


def counts(reading: Reading) -> dict[Split, int]:
    return {split: len(pictures) for split, pictures in reading.splits.items()}


def kitti(writers: Writers, root: Path) -> None:
    writers.pictures(root / "image_2")
    writers.kitti(root / "label_2")


def voc(writers: Writers, root: Path) -> None:
    writers.pictures(root / "JPEGImages")
    writers.voc(root / "Annotations")


def coco(writers: Writers, root: Path) -> None:
    writers.pictures(root / "images")
    writers.coco(root / "trainval.json")


def yolo(writers: Writers, root: Path) -> None:
    writers.pictures(root / "images" / "train")
    writers.yolo(root / "labels" / "train")
    (root / "data.yaml").write_text("path: ../somewhere\ntrain: images/train\nnames: [cat, dog, bird]\n")


@pytest.mark.parametrize(
    ("write", "kind", "title"),
    [
        (kitti, Format.KITTI, "KITTI"), (voc, Format.VOC, "Pascal VOC"),
        (coco, Format.COCO, "COCO"), (yolo, Format.YOLO, "YOLO"),
    ],
)  # fmt: skip
def test_every_format_gives_the_same_boxes(
    writers: Writers, tmp_path: Path, write: Callable[[Writers, Path], None], kind: Format, title: str
) -> None:
    write(writers, tmp_path)
    reading = found(tmp_path)
    assert reading.format is kind
    assert boxes(reading) == {name: [pytest.approx(box) for box in own] for name, own in writers.TRUTH.items()}
    assert reading.bad == []
    assert reading.warnings == [f"Recognised as {title}: 3 pictures (training 3) with 3 boxes"]


def test_folders_that_are_named_are_taken(writers: Writers, tmp_path: Path) -> None:
    writers.pictures(tmp_path / "a")
    writers.voc(tmp_path / "b")
    writers.kitti(tmp_path / "c")
    assert found(tmp_path / "a", tmp_path / "b").format is Format.VOC
    assert found(tmp_path / "a", tmp_path / "c").format is Format.KITTI
    writers.coco(tmp_path / "elsewhere.json")
    assert boxes(found(tmp_path / "a", "", tmp_path / "elsewhere.json"))["a"] == writers.TRUTH["a"]


def test_pictures_and_labels_may_lie_side_by_side(writers: Writers, tmp_path: Path) -> None:
    writers.pictures(tmp_path)
    writers.voc(tmp_path)
    assert boxes(found(tmp_path))["b"] == writers.TRUTH["b"]


def test_a_format_that_is_asked_for_is_not_guessed(writers: Writers, tmp_path: Path) -> None:
    writers.pictures(tmp_path)
    writers.voc(tmp_path)
    writers.kitti(tmp_path)
    assert found(tmp_path).format is Format.VOC
    reading = found(tmp_path, wanted=Format.KITTI)
    assert reading.format is Format.KITTI
    assert reading.warnings[0].startswith("Read as KITTI: 3 pictures")


@pytest.mark.parametrize(("first", "second"), [("train", "valid"), ("train", "val"), ("Training", "test")])
def test_roboflows_folders_are_splits(writers: Writers, tmp_path: Path, first: str, second: str) -> None:
    for name in (first, second):
        writers.pictures(tmp_path / name)
        writers.coco(tmp_path / name / "_annotations.coco.json")
    (tmp_path / "README.dataset.txt").write_text("Exported")
    reading = found(tmp_path)
    other = Split.TEST if second == "test" else Split.VAL
    assert counts(reading) == {Split.TRAIN: 3, other: 3}
    assert boxes(reading, other) == writers.TRUTH
    assert reading.warnings == [
        f"Recognised as COCO: 6 pictures (training 3, {'test' if second == 'test' else 'validation'} 3) with 6 boxes"
    ]


def test_cocos_own_layout(writers: Writers, tmp_path: Path) -> None:
    for name in ("train2017", "val2017"):
        writers.pictures(tmp_path / name)
        writers.coco(tmp_path / "annotations" / f"instances_{name}.json")
        (tmp_path / "annotations" / f"captions_{name}.json").write_text("{}")
    reading = found(tmp_path)
    assert counts(reading) == {Split.TRAIN: 3, Split.VAL: 3}
    assert boxes(reading, Split.VAL) == writers.TRUTH


def test_yolos_layout_with_the_splits_inside(writers: Writers, tmp_path: Path) -> None:
    yolo(writers, tmp_path)
    writers.pictures(tmp_path / "images" / "val")
    writers.yolo(tmp_path / "labels" / "val")
    assert counts(found(tmp_path)) == {Split.TRAIN: 3, Split.VAL: 3}
    named = found(tmp_path / "images", tmp_path / "labels", tmp_path / "data.yaml")
    assert counts(named) == {Split.TRAIN: 3, Split.VAL: 3}
    assert named.names == writers.NAMES


def test_digits_kitti_layout(writers: Writers, tmp_path: Path) -> None:
    for name in ("train", "val"):
        writers.pictures(tmp_path / name / "images")
        writers.kitti(tmp_path / name / "labels")
    assert counts(found(tmp_path)) == {Split.TRAIN: 3, Split.VAL: 3}


def test_pascals_lists_are_the_splits(writers: Writers, tmp_path: Path) -> None:
    voc(writers, tmp_path)
    folder = tmp_path / "ImageSets" / "Main"
    folder.mkdir(parents=True)
    (folder / "train.txt").write_text("a \n")
    (folder / "val.txt").write_text("b\na\nz\n")
    (folder / "cat_train.txt").write_text("a 1\nb -1\n")
    reading = found(tmp_path)
    assert {split: [Path(each.path).stem for each in own] for split, own in reading.splits.items()} == {
        Split.TRAIN: ["a"],
        Split.VAL: ["b"],
    }
    assert reading.warnings[1:] == [
        "1 pictures listed for validation are not there, such as z",
        "1 pictures are in none of the lists of ImageSets/Main and are left out",
    ]
    assert reading.counts == {Split.TRAIN: {"cat": 1, "dog": 1}, Split.VAL: {"bird": 1}}


def test_boxes_are_read_again_from_their_file(writers: Writers, tmp_path: Path) -> None:
    kitti(writers, tmp_path)
    picture = found(tmp_path).splits[Split.TRAIN][0]
    assert (picture.count, len(picture.boxes.boxes)) == (2, 2)
    (tmp_path / "label_2" / "a.txt").write_text("Car\n")
    with pytest.raises(InputError, match=r"label_2/a.txt: 1 columns") as caught:
        assert picture.boxes
    assert caught.value.problem.line == 1


def test_a_source_of_its_own_takes_the_place_of_what_lies_beside(writers: Writers, tmp_path: Path) -> None:
    for name in ("train", "val", "other"):
        writers.pictures(tmp_path / name / "images")
        writers.kitti(tmp_path / name / "labels")
    (tmp_path / "other" / "images" / "c.png").unlink()
    (tmp_path / "other" / "labels" / "c.txt").unlink()
    fields = ("val_image_folder", "val_label_folder", "val_annotations")
    reading = found(tmp_path, val=Given(str(tmp_path / "other"), fields=fields))
    assert counts(reading) == {Split.TRAIN: 3, Split.VAL: 2}
    assert "The pictures for validation that lie beside those for training are not used" in reading.warnings
    with pytest.raises(PathError) as caught:
        found(tmp_path, val=Given(str(tmp_path / "none"), fields=fields))
    assert caught.value.problem.field == "val_image_folder"


def test_kitti_wants_a_file_for_each_picture_and_lists_lines(writers: Writers, tmp_path: Path) -> None:
    kitti(writers, tmp_path)
    (tmp_path / "label_2" / "a.txt").unlink()
    (tmp_path / "label_2" / "b.txt").write_text("Car 0 0 0 1 1 2 2 1 1 1 1 1 1 1\nCar 0 0\n")
    (tmp_path / "label_2" / "z.txt").write_text("")
    reading = found(tmp_path)
    assert boxes(reading) == {"c": []}
    assert lists(reading) == [
        ("image_2/a.png", f"it has no label file in {tmp_path}/label_2"),
        ("label_2/b.txt, line 2", "3 columns; KITTI has 15, or 16 with a score"),
        ("label_2/z.txt", "there is no picture of this name"),
    ]


def test_parts_may_share_a_folder_of_labels(writers: Writers, tmp_path: Path) -> None:
    writers.pictures(tmp_path / "train", ["a"])
    writers.pictures(tmp_path / "val", ["b"])
    writers.kitti(tmp_path / "labels")
    labels = str(tmp_path / "labels")
    reading = found(tmp_path / "train", labels, val=Given(str(tmp_path / "val"), labels))
    assert lists(reading) == [("labels/c.txt", "there is no picture of this name")]
    assert reading.warnings == ["Recognised as KITTI: 2 pictures (training 1, validation 1) with 3 boxes"]
    assert lists(found(tmp_path)) == [("labels/c.txt", "there is no picture of this name")]


def test_yolo_takes_a_picture_without_a_file_for_one_without_objects(writers: Writers, tmp_path: Path) -> None:
    yolo(writers, tmp_path)
    (tmp_path / "labels" / "train" / "b.txt").unlink()
    reading = found(tmp_path)
    assert boxes(reading)["b"] == []
    assert reading.bad == []
    assert "1 pictures have no label file: they are taken to show no objects" in reading.warnings


def test_yolo_without_names_says_so(writers: Writers, tmp_path: Path) -> None:
    yolo(writers, tmp_path)
    (tmp_path / "data.yaml").unlink()
    reading = found(tmp_path)
    assert [name for name, *_ in boxes(reading)["a"]] == ["class 0", "class 1"]
    assert reading.warnings[1] == "There is no data.yaml or classes.txt: classes are called by their numbers"
    (tmp_path / "classes.txt").write_text("cat\ndog\nbird\n")
    assert [name for name, *_ in boxes(found(tmp_path))["a"]] == ["cat", "dog"]


def test_names_that_cannot_be_read_are_an_error_of_their_file(writers: Writers, tmp_path: Path) -> None:
    yolo(writers, tmp_path)
    (tmp_path / "data.yaml").write_text("names: [cat\n")
    with pytest.raises(InputError, match=r"data.yaml: no YAML") as caught:
        found(tmp_path)
    assert caught.value.problem.file == str(tmp_path / "data.yaml")


def test_coco_lists_pictures_that_are_not_there_or_named_twice(writers: Writers, tmp_path: Path) -> None:
    coco(writers, tmp_path)
    file = tmp_path / "trainval.json"
    content = json.loads(file.read_text())
    content["images"] += [
        {"id": 50, "file_name": "gone.png"}, {"id": 51, "file_name": "images/a.png"},
        {"id": 52, "file_name": "../../../etc/passwd"},
    ]  # fmt: skip
    content["annotations"].append({"id": 999, "image_id": 77, "category_id": 7, "bbox": [0, 0, 1, 1]})
    file.write_text(json.dumps(content))
    writers.pictures(tmp_path / "images", ["extra"])
    reading = found(tmp_path)
    assert boxes(reading) == writers.TRUTH
    assert lists(reading) == [
        ("trainval.json, annotation 999", "there is no picture with the id 77"),
        ("gone.png", "trainval.json names it, and there is no such picture"),
        ("images/a.png", "trainval.json names it twice; the first is taken"),
        ("../../../etc/passwd", "trainval.json names it, and there is no such picture"),
    ]
    assert reading.warnings[-1] == "1 pictures are not named by COCO's file and are left out"


def test_several_coco_files_have_to_be_told_apart(writers: Writers, tmp_path: Path) -> None:
    coco(writers, tmp_path)
    writers.coco(tmp_path / "more.json")
    (tmp_path / "trainval.json").rename(tmp_path / "some.json")
    with pytest.raises(InputError, match=r"Several files may be meant for training: more.json, some.json") as caught:
        found(tmp_path)
    assert caught.value.problem.field == "annotations"
    assert boxes(found(tmp_path, "", tmp_path / "some.json"))["b"] == writers.TRUTH["b"]


def test_one_folder_of_pictures_with_a_coco_file_for_each_split(writers: Writers, tmp_path: Path) -> None:
    coco(writers, tmp_path)
    writers.coco(tmp_path / "val.json")
    assert counts(found(tmp_path)) == {Split.TRAIN: 3, Split.VAL: 3}


def test_two_annotations_of_one_picture_are_listed(writers: Writers, tmp_path: Path) -> None:
    writers.pictures(tmp_path / "p")
    for folder in ("one", "two"):
        writers.voc(tmp_path / "l" / folder)
    (tmp_path / "l" / "two" / "a.xml").unlink()
    (tmp_path / "l" / "two" / "c.xml").rename(tmp_path / "l" / "one" / "c.XML")
    reading = found(tmp_path / "p", tmp_path / "l")
    assert boxes(reading) == {name: writers.TRUTH[name] for name in ("a", "c")}
    assert lists(reading) == [
        ("l/one/c.xml", "another file annotates the same picture: l/one/c.XML"),
        ("p/b.png", "it cannot be told whose annotation is whose: one/b, two/b"),
    ]


def test_two_pictures_of_one_name_are_listed(writers: Writers, tmp_path: Path) -> None:
    kitti(writers, tmp_path)
    (tmp_path / "image_2" / "a.jpg").write_bytes((tmp_path / "image_2" / "a.png").read_bytes())
    reading = found(tmp_path)
    assert lists(reading) == [("image_2/a.png", "another picture has the same name but for its ending: image_2/a.jpg")]
    assert counts(reading) == {Split.TRAIN: 3}


@pytest.mark.parametrize(("make", "field"), [(False, "train_image_folder"), (True, "train_label_folder")])
def test_a_folder_of_no_use_is_named_by_its_field(writers: Writers, tmp_path: Path, make: bool, field: str) -> None:
    if make:
        writers.pictures(tmp_path / "p")
    with pytest.raises(InputError) as caught:
        found(tmp_path / "p" if make else tmp_path)
    assert caught.value.problem.field == field
    assert caught.value.problem.hint


def test_links_out_of_the_folder_are_not_followed(writers: Writers, tmp_path: Path) -> None:
    kitti(writers, tmp_path / "inside")
    writers.pictures(tmp_path / "outside")
    writers.kitti(tmp_path / "outside")
    (tmp_path / "inside" / "image_2" / "d.png").symlink_to(tmp_path / "outside" / "a.png")
    (tmp_path / "inside" / "val").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "train").mkdir()
    reading = found(tmp_path / "inside" / "image_2", tmp_path / "inside" / "label_2")
    assert counts(reading) == {Split.TRAIN: 3}
    assert reading.warnings[1].startswith("1 links lead out of the folder")


def test_names_and_lists_behind_links_are_not_read(writers: Writers, tmp_path: Path) -> None:
    yolo(writers, tmp_path / "y")
    (tmp_path / "y" / "data.yaml").rename(tmp_path / "secret.yaml")
    (tmp_path / "y" / "data.yaml").symlink_to(tmp_path / "secret.yaml")
    assert found(tmp_path / "y").names == []
    voc(writers, tmp_path / "v")
    (tmp_path / "lists" / "Main").mkdir(parents=True)
    (tmp_path / "lists" / "Main" / "train.txt").write_text("a\nroot:x:0\n")
    (tmp_path / "v" / "ImageSets").symlink_to(tmp_path / "lists")
    assert counts(found(tmp_path / "v")) == {Split.TRAIN: 3}


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_val2017", Split.VAL), ("trainval", Split.TRAIN), ("train", Split.TRAIN), ("TEST-1", Split.TEST),
        ("strain", None), ("contest", None),
    ],
)  # fmt: skip
def test_splits_by_name(name: str, split: Split | None) -> None:
    assert split_of(name) is split


@pytest.mark.parametrize(
    ("write", "title", "wanted"),
    [
        (kitti, "KITTI", Format.VOC), (kitti, "KITTI", Format.COCO), (kitti, "KITTI", Format.YOLO),
        (voc, "Pascal VOC", Format.KITTI), (voc, "Pascal VOC", Format.YOLO), (coco, "COCO", Format.KITTI),
        (yolo, "YOLO", Format.VOC),
    ],
)  # fmt: skip
def test_labels_of_another_format_than_is_said_are_named(
    writers: Writers, tmp_path: Path, write: Callable[[Writers, Path], None], title: str, wanted: Format
) -> None:
    write(writers, tmp_path)
    with pytest.raises(InputError, match=rf"are {title}, not") as caught:
        found(tmp_path, wanted=wanted)
    assert caught.value.problem.field == "format" and title in str(caught.value.problem.hint)
