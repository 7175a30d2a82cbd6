from __future__ import annotations

import numpy as np
import pytest
import torch

from gradus.nets.caffe.layers.coverage import Grid, grids
from gradus.nets.caffe.schema import message_class


def grid(text: str = "", **more) -> Grid:
    p = message_class("DetectNetGroundTruthParameter")(image_size_x=96, image_size_y=64, stride=16, **more)
    for pair in text.split():
        source, channel = pair.split(">")
        p.object_class.add(src=int(source), dst=int(channel))
    return Grid.of(p)


def labels(rows: list[list[float]]) -> np.ndarray:
    """x, y, w, h, class of each box as DIGITS' row of 16."""
    out = np.zeros((len(rows), 16))
    for row, (x, y, w, h, kind) in zip(out, rows, strict=True):
        row[:4], row[5] = (x, y, w, h), kind
    return out


def expected(rows: np.ndarray, g: Grid) -> np.ndarray:
    """Cell by cell, as the catalogue says (1.10)."""
    channels, high, wide = g.shape
    out = np.zeros((channels, high, wide))
    for x, y, w, h, _, kind in rows[:, :6]:
        left, top, right, bottom = x, y, x + w, y + h
        if g.crop:
            left, top, right, bottom = max(left, 0), max(top, 0), min(right, g.width), min(bottom, g.height)
        w, h = right - left, bottom - top
        if w <= 0 or h <= 0 or int(kind) not in g.classes:
            continue
        if g.gridbox == 0:
            shrunk = [min(g.longest, s * g.scale) for s in (w, h)]
        else:
            shrunk = [min(s, max(g.shortest, s * g.scale)) for s in (w, h)]
        cx, cy = (left + right) / 2, (top + bottom) / 2
        for row in range(high):
            for column in range(wide):
                px, py = column * g.stride, row * g.stride
                across = min(px + g.stride, cx + shrunk[0] / 2) - max(px, cx - shrunk[0] / 2)
                down = min(py + g.stride, cy + shrunk[1] / 2) - max(py, cy - shrunk[1] / 2)
                if across <= 0 or down <= 0 or across * down / g.stride**2 <= 1e-6:
                    continue
                ratio = g.stride**2 / (shrunk[0] * shrunk[1])
                out[:, row, column] = 0
                out[:8, row, column] = [
                    1, left - px, top - py, right - px, bottom - py, 1 / w, 1 / h,
                    ratio if g.by_size else max(1, ratio),
                ]  # fmt: skip
                out[8 + g.classes[int(kind)], row, column] = 1
    return out


@pytest.mark.parametrize(
    "g",
    [
        grid(),
        grid("1>0 2>3", scale_cvg=0.8, max_cvg_len=20),
        grid("1>1 2>0", gridbox_type=1, min_cvg_len=18, scale_cvg=0.4),
        grid("1>0", obj_norm=True, scale_cvg=1.0, max_cvg_len=500),
        grid("1>0 2>0", crop_bboxes=False, scale_cvg=1.0, max_cvg_len=500),
    ],
)
def test_grids_are_those_of_the_rule(g, rng):
    batch = []
    for _ in range(4):
        corner, size = rng.uniform(-20, 80, (7, 2)), rng.uniform(1, 60, (7, 2))
        batch.append(labels([[*c, *s, k] for c, s, k in zip(corner, size, rng.integers(0, 4, 7), strict=True)]))
    ours = grids(torch.tensor(np.stack(batch)), g).numpy()
    want = np.stack([expected(rows, g) for rows in batch])
    assert want[:, 0].any()
    np.testing.assert_allclose(ours, want, rtol=1e-6, atol=1e-9)


def test_one_box_by_hand():
    # 40 x 24 at (20, 12): the middle half is x 30 to 50, y 18 to 30: row 1, columns 1 to 3.
    g = grid("1>0", scale_cvg=0.5, obj_norm=True)
    out = grids(torch.tensor(labels([[20, 12, 40, 24, 1]]))[None], g)[0].numpy()
    assert out.shape == (9, 4, 6)
    np.testing.assert_array_equal(np.argwhere(out[0]), [[1, 1], [1, 2], [1, 3]])
    np.testing.assert_allclose(out[:, 1, 2], [1, -12, -4, 28, 20, 1 / 40, 1 / 24, 256 / 240, 1], rtol=1e-6)


def test_the_later_box_has_the_cell():
    g = grid("1>0 2>1")
    box = [20, 12, 40, 24]
    out = grids(torch.tensor(labels([[*box, 1], [*box, 2]]))[None], g)[0]
    assert not out[8].any() and out[9].sum() == out[0].sum() > 0


def test_class_one_counts_where_the_text_names_none():
    out = grids(torch.tensor(labels([[20, 12, 40, 24, 1], [60, 40, 20, 20, 2]]))[None], grid())
    assert out.shape[1] == 9 and out[0, 0, 3, 4] == 0 and out[0, 0, 1, 2] == 1
