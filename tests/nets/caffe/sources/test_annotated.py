from __future__ import annotations

from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import GradusError, NetworkError
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.sources.annotated import parse_record

ONE, TWO = (1, 0, 0.2, 0.25, 0.6, 0.75, False), (3, 0, 0.5, 0.0, 1.0, 0.5, True)
BOXES = [[ONE], [ONE, TWO], [], [TWO]]


def annotated(pixels: np.ndarray, boxes, *, typed: bool = True, encoded: bool = False) -> bytes:
    """An AnnotatedDatum as protobuf's own code writes it."""
    record = message_class("AnnotatedDatum")()
    height, width, channels = pixels.shape
    data = cv2.imencode(".png", pixels)[1].tobytes() if encoded else pixels.transpose(2, 0, 1).tobytes()
    record.datum.channels, record.datum.height, record.datum.width = channels, height, width
    record.datum.data, record.datum.label, record.datum.encoded = data, 7, encoded
    if typed:
        record.type = 0
    for label, instance, *corners, difficult in boxes:
        group = record.annotation_group.add(group_label=label)
        b = group.annotation.add(instance_id=instance).bbox
        b.xmin, b.ymin, b.xmax, b.ymax, b.difficult = *corners, difficult
    return bytes(record.SerializeToString())


@pytest.fixture
def scenes(rng) -> np.ndarray:
    return rng.integers(0, 256, (4, 8, 10, 3), dtype=np.uint8)


@pytest.fixture
def written(tmp_path, scenes, datums):
    def write(**how) -> None:
        datums.write_lmdb(
            tmp_path / "db",
            {b"%08d" % i: annotated(s, b, **how) for i, (s, b) in enumerate(zip(scenes, BOXES, strict=True))},
        )

    return write


def text(more: str = "", transform: str = "", batch: int = 4) -> str:
    return (
        f'type: "AnnotatedData" data_param {{ source: "db" batch_size: {batch} backend: LMDB }} '
        f"transform_param {{ {transform} }} annotated_data_param {{ {more} }}"
    )


ROWS = [
    [0, 1, 0, 0.2, 0.25, 0.6, 0.75, 0],
    [1, 1, 0, 0.2, 0.25, 0.6, 0.75, 0],
    [1, 3, 0, 0.5, 0.0, 1.0, 0.5, 1],
    [3, 3, 0, 0.5, 0.0, 1.0, 0.5, 1],
]


@pytest.mark.parametrize("encoded", [True, False])
def test_pictures_and_boxes_of_a_batch(opened, written, scenes, encoded):
    written(encoded=encoded)
    source = opened(text())
    assert source.shapes() == [(4, 3, 8, 10), (1, 1, 4, 8)]
    for _ in range(2):
        pictures, labels = source.read()
        np.testing.assert_array_equal(pictures, scenes.transpose(0, 3, 1, 2).astype(np.float32))
        np.testing.assert_allclose(labels, [[ROWS]])


def test_a_batch_without_boxes_has_a_row_of_minus_one(opened, written):
    written()
    source = opened(text(batch=1))
    shapes = [source.read()[1].numpy() for _ in range(3)]
    assert [s.shape for s in shapes] == [(1, 1, 1, 8), (1, 1, 2, 8), (1, 1, 1, 8)]
    assert (shapes[2] == -1).all()


def test_without_a_type_the_label_is_the_datums(opened, written):
    written(typed=False)
    np.testing.assert_array_equal(opened(text()).read()[1], [7, 7, 7, 7])
    np.testing.assert_allclose(opened(text("anno_type: BBOX")).read()[1], [[ROWS]])


def test_testing_resizes_and_crops_in_the_middle(opened, written, scenes):
    written()
    source = opened(text(transform="resize_param { height: 16 width: 20 } crop_size: 10 mean_value: 5 scale: 2"))
    assert source.shapes() == [(4, 3, 10, 10), (1, 1, 4, 8)]
    pictures, labels = source.read()
    large = np.stack([cv2.resize(s, (20, 16), interpolation=cv2.INTER_LINEAR) for s in scenes])
    np.testing.assert_allclose(pictures, (large[:, 3:13, 5:15].transpose(0, 3, 1, 2) - 5.0) * 2)
    # The window is x 0.25 to 0.75, y 3/16 to 13/16.
    first = [0, (0.25 - 3 / 16) * 1.6, (0.6 - 0.25) * 2, (0.75 - 3 / 16) * 1.6]
    np.testing.assert_allclose(labels[0, 0, 0, 3:7], first, rtol=1e-5)


def test_a_mirror_turns_picture_and_boxes(opened, written, scenes):
    written()
    source = opened(text(transform="mirror: true"), training=True)
    seen = set()
    for _ in range(6):
        pictures, labels = source.read()
        turned = np.array_equal(pictures[0].numpy(), scenes[0].transpose(2, 0, 1)[:, :, ::-1])
        assert turned or np.array_equal(pictures[0].numpy(), scenes[0].transpose(2, 0, 1))
        np.testing.assert_allclose(labels[0, 0, 0, [3, 5]], [0.4, 0.8] if turned else [0.2, 0.6], rtol=1e-6)
        seen.add(turned)
    assert seen == {True, False}


FULL = """resize_param { height: 24 width: 24 interp_mode: LINEAR interp_mode: AREA }
    distort_param { brightness_prob: 0.5 brightness_delta: 32 hue_prob: 0.5 hue_delta: 18 random_order_prob: 0.2 }
    expand_param { prob: 0.5 max_expand_ratio: 4 } emit_constraint { emit_type: CENTER }
    mirror: true mean_value: 104 mean_value: 117 mean_value: 123"""
SAMPLERS = "".join(
    f"batch_sampler {{ max_sample: 1 max_trials: 50 sampler {{ min_scale: 0.3 min_aspect_ratio: 0.5 "
    f"max_aspect_ratio: 2 }} sample_constraint {{ min_jaccard_overlap: {overlap} }} }}"
    for overlap in (0.1, 0.5, 0.9)
)


def test_training_as_ssd_does_it(opened, written):
    written(encoded=True)
    source, twin = (opened(text(SAMPLERS, FULL), training=True, seed=11) for _ in range(2))
    areas = []
    for _ in range(12):
        (pictures, labels), again = source.read(), twin.read()
        assert pictures.shape == (4, 3, 24, 24)
        np.testing.assert_array_equal(pictures, again[0])
        np.testing.assert_array_equal(labels, again[1])
        rows = labels[0, 0].numpy()
        rows = rows[rows[:, 0] >= 0]
        assert set(rows[:, 0]) <= {0, 1, 3} and set(rows[:, 1]) <= {1, 3}
        assert (rows[:, 3:7] >= 0).all() and (rows[:, 3:7] <= 1).all()
        areas += list((rows[:, 5] - rows[:, 3]) * (rows[:, 6] - rows[:, 4]))
    assert min(areas) > 0 and np.std(areas) > 0.1  # not the 0.2 and 0.25 of the database


def test_boxes_stay_on_what_they_mark(opened, tmp_path, datums):
    """A bright rectangle and its box, through all that moves things: the box bounds the brightness."""
    scene = np.zeros((60, 80, 3), np.uint8)
    scene[15:45, 16:48] = 255
    datums.write_lmdb(tmp_path / "db", {b"0": annotated(scene, [(1, 0, 0.2, 0.25, 0.6, 0.75, False)])})
    moving = """resize_param { height: 120 width: 120 } expand_param { max_expand_ratio: 2 } mirror: true
        emit_constraint { emit_type: CENTER } crop_h: 100 crop_w: 90"""
    sampler = "batch_sampler { sampler { min_scale: 0.6 } max_trials: 20 sample_constraint { min_object_coverage: 1 } }"
    source = opened(text(sampler, moving, batch=1), training=True)
    checked = 0
    for _ in range(30):
        picture, labels = source.read()
        if labels[0, 0, 0, 0] < 0:
            continue
        bright = picture[0, 0].numpy() > 127
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        bounds = [columns[0] / 90, rows[0] / 100, (columns[-1] + 1) / 90, (rows[-1] + 1) / 100]
        np.testing.assert_allclose(labels[0, 0, 0, 3:7], bounds, atol=0.06)  # crops are cut at whole pixels
        checked += 1
    assert checked > 15


def test_skipping_is_reading_past(opened, written):
    written()
    a, b = (opened(text(SAMPLERS, FULL, batch=3), training=True, seed=5) for _ in range(2))
    a.read()
    a.read()
    b.shapes()
    b.skip(2)
    for x, y in zip(a.read(), b.read(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_sizes_that_differ_need_a_batch_of_one(opened, written):
    written()
    fit = "resize_param { resize_mode: FIT_SMALL_SIZE height: 16 width: 16 }"
    assert opened(text(transform=fit, batch=1)).read()[0].shape == (1, 3, 16, 20)
    with pytest.raises(NetworkError, match="batch_size of 1"):
        opened(text(transform=fit))


def test_plain_datums_are_refused(opened, database):
    with pytest.raises(NetworkError, match="no AnnotatedDatum"):
        opened(text()).shapes()


@given(st.binary(max_size=200))
def test_damaged_records_are_errors_of_ours(data):
    with suppress(GradusError):
        parse_record(memoryview(data))


@given(st.integers(0, 400), st.integers(0, 255))
def test_changed_records_are_errors_of_ours(place, value):
    good = bytearray(annotated(np.zeros((4, 4, 3), np.uint8), [ONE, TWO]))
    good[place % len(good)] = value
    with suppress(GradusError):
        parse_record(memoryview(bytes(good)))
