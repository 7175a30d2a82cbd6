"""COCO's JSON, and what in it refers to nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import GradusError, InputError
from gradus.data.annotations.boxes import Box
from gradus.data.annotations.coco import MOST_LISTED, Coco, load, parse

IMAGE = {"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}
CATEGORY = {"id": 18, "name": "dog"}
ANNOTATION = {"id": 5, "image_id": 1, "category_id": 18, "bbox": [10.5, 20, 30, 40.25], "area": 700.5, "iscrowd": 1}


def read(
    images: list[Any] | None = None, annotations: list[Any] | None = None, categories: list[Any] | None = None
) -> Coco:
    lists = {
        "images": images or [IMAGE],
        "annotations": [ANNOTATION] if annotations is None else annotations,
        "categories": categories or [CATEGORY],
    }
    return parse(json.dumps(lists).encode())


def test_left_top_width_and_height_become_corners() -> None:
    found = read()
    assert [(picture.picture, picture.size) for picture in found.pictures] == [("a.jpg", (640, 480))]
    box = Box("dog", 10.5, 20, 40.5, 60.25, "annotation 5", crowd=True, area=700.5)
    assert found.pictures[0].boxes == [box]
    assert (found.names, found.lost) == (["dog"], [])


def test_a_picture_without_annotations_has_no_objects() -> None:
    found = read(annotations=[])
    assert (found.pictures[0].boxes, found.pictures[0].remarks, found.lost) == ([], [], [])


def test_masks_of_run_lengths_do_not_disturb() -> None:
    found = read(annotations=[{**ANNOTATION, "segmentation": {"counts": [272, 2, 4], "size": [640, 480]}}])
    assert len(found.pictures[0].boxes) == 1


def test_an_annotation_that_is_only_a_caption_is_no_box() -> None:
    found = read(annotations=[{"id": 1, "image_id": 1, "caption": "a dog"}])
    assert (found.pictures[0].boxes, found.pictures[0].remarks) == ([], [])


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        ({"category_id": 99}, "annotation 5: there is no category with the id 99; it is left out"),
        ({"category_id": None}, "annotation 5: there is no category with the id None; it is left out"),
        ({"bbox": [1, 2, 3]}, "annotation 5: its bbox is not four numbers; it is left out"),
        ({"bbox": "1234"}, "annotation 5: its bbox is not four numbers; it is left out"),
        ({"bbox": [1, 2, "3", 4]}, "annotation 5: a number is NaN or infinite; it is left out"),
        ({"bbox": [1, 2, float("nan"), 4]}, "annotation 5: a number is NaN or infinite; it is left out"),
        ({"bbox": [1, 2, 10**400, 4]}, "annotation 5: a number is NaN or infinite; it is left out"),
        ({"bbox": [1, 2, 0, 4]}, "annotation 5: the box has no area; it is left out"),
        ({"bbox": [1, 2, 4, -4]}, "annotation 5: the box has no area; it is left out"),
        ({"bbox": [1, 2, True, 4]}, "annotation 5: a number is NaN or infinite; it is left out"),
    ],
)
def test_an_annotation_of_no_use_is_told_with_its_picture(change: dict[str, Any], remark: str) -> None:
    found = read(annotations=[{**ANNOTATION, **change}])
    assert (found.pictures[0].boxes, found.pictures[0].remarks) == ([], [remark])


def test_a_category_without_a_name_names_nothing() -> None:
    found = read(categories=[{"id": 18, "name": " "}])
    assert found.pictures[0].remarks == ["annotation 5: the class has no name; it is left out"]
    assert found.names == []


def test_what_belongs_to_no_picture_is_listed() -> None:
    found = read(
        images=[IMAGE, IMAGE, {"id": 2}, {"file_name": "b.jpg"}, 7],
        annotations=[
            ANNOTATION,
            {**ANNOTATION, "id": 6, "image_id": 42},
            [],
            {**ANNOTATION, "id": 8, "image_id": True},
        ],
        categories=[CATEGORY, CATEGORY, {"name": "cat"}],
    )
    assert found.lost == [
        ("category 2", "its id 18 is taken already"),
        ("category 3", "it has no id"),
        ("image 1", "its id is taken already"),
        ("image 2", "it has no file_name"),
        ("image 4", "it has no id"),
        ("image 5", "it has no id"),
        ("annotation 6", "there is no picture with the id 42"),
        ("annotation 3", "no object"),
        ("annotation 8", "there is no picture with the id True"),
    ]
    assert len(found.pictures[0].boxes) == 1


def test_the_second_annotation_of_an_id_is_left_out() -> None:
    found = read(annotations=[ANNOTATION, {**ANNOTATION, "bbox": [0, 0, 1, 1]}])
    assert [box.left for box in found.pictures[0].boxes] == [10.5]
    assert found.pictures[0].remarks == ["annotation 5: its id is taken already; it is left out"]


def test_what_dangles_is_counted_when_it_is_too_much_to_list() -> None:
    found = read(annotations=[{**ANNOTATION, "id": i, "image_id": 2} for i in range(MOST_LISTED + 5)])
    assert (len(found.lost), found.unlisted) == (MOST_LISTED, 5)


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b'{"images": [\n{"id": 1,}]}', 2, "no JSON"),
        (b"[]", None, "no COCO file"),
        (b'{"annotations": []}', None, "no COCO file"),
        (b'{"images": {"a": 1}}', None, "no COCO file"),
        (b'{"images": [1], "annotations": 4}', None, "no COCO file"),
        (b"[" * 200_000, None, "no JSON: it is no text, nests too deeply"),
        (b'{"images": [' + b"9" * 5000 + b"]}", None, "no JSON: it is no text, nests too deeply or has a number"),
        (b"\xff\xfe\xfa", None, "no JSON"),
    ],
)
def test_what_is_no_coco_file_is_told(data: bytes, line: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse(data)
    assert caught.value.problem.line == line


def test_only_what_is_asked_for_is_kept() -> None:
    data = json.dumps({"images": [IMAGE], "annotations": [{**ANNOTATION, "segmentation": [[1, 2]]}]}).encode()
    assert load(data)["annotations"] == [ANNOTATION]
    assert load(data, outlines=True)["annotations"] == [{**ANNOTATION, "segmentation": "[[1, 2]]"}]


@pytest.mark.parametrize("outline", [[[1, 2.5, 3]], {"size": [4, 5], "counts": [20]}, {"size": [4, 5], "counts": "d0"}])
def test_an_outline_is_kept_as_its_text(outline: object) -> None:
    data = json.dumps({"images": [IMAGE], "annotations": [{**ANNOTATION, "segmentation": outline}],
                       "categories": [CATEGORY]}).encode()  # fmt: skip
    assert json.loads(parse(data, outlines=True).pictures[0].boxes[0].outline) == outline
    assert parse(data).pictures[0].boxes[0].outline == ""


def test_reading_can_be_stopped() -> None:
    """Pictures are counted as they are read, and what the watcher raises ends it."""

    class StoppedError(Exception):
        pass

    def stop(pictures: int) -> None:
        raise StoppedError(pictures)

    data = json.dumps({"images": [IMAGE] * 2500}).encode()
    with pytest.raises(StoppedError, match="1000"):
        parse(data, watch=stop)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["id", "image_id", "category_id", "file_name", "name", "bbox", "images", "annotations"]),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)


@given(st.lists(values, max_size=4), st.lists(values, max_size=4), st.lists(values, max_size=4))
def test_only_our_errors(images: list[Any], annotations: list[Any], categories: list[Any]) -> None:
    try:
        found = read(images, annotations, categories)
    except GradusError:
        return
    boxes = [box for picture in found.pictures for box in picture.boxes]
    assert all(box.left < box.right and box.top < box.bottom for box in boxes)


@given(st.binary(max_size=100))
def test_only_our_errors_of_bytes(data: bytes) -> None:
    with pytest.raises(GradusError):
        parse(data)
