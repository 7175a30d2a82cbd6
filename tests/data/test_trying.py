"""A few samples of a kind before anything is built."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import BadFile, Split
from gradus.core.errors import ImageError
from gradus.core.generic import GenericOptions, Presentation
from gradus.data.trying import try_out
from gradus.plugins.data import DataKind, Entry, Sample, Scan


class Spots(DataKind[GenericOptions]):
    """A picture of the gray value that its name says, and its mask; every seventh cannot be made."""

    id, title, presentation, options = "spots", "Spots", Presentation.MASK, GenericOptions

    def scan(self, options, watch):
        entries = [Entry(f"{number}", number) for number in range(30)]
        for entry in entries:
            watch(entry.source)
        scan = Scan({Split.TRAIN: entries, Split.VAL: entries[:4], Split.TEST: []}, ["ground", "spot"])
        scan.palette, scan.bad, scan.warnings = ["#000000", "#ff0000"], [BadFile(file="odd", reason="is odd")], ["Hm"]
        return scan

    def prepare(self, options, scan):
        def decode(entry):
            if entry.source % 7 == 0:
                raise ImageError("is no picture")
            mask = np.zeros((500, 1000), np.uint8)
            mask[:, :250] = 1
            return Sample(
                np.full((500, 1000, 3), entry.source, np.uint8), mask, remarks=["is pale"], counts={1: 2}, size=(7, 5)
            )

        return decode


OPTIONS = GenericOptions(type="spots", name="n")


def picture(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGBA"))


def test_samples_are_spread_over_all_and_what_cannot_be_made_is_told() -> None:
    shown = try_out(Spots(), OPTIONS, lambda _: None, lambda: False, 10)
    assert shown.counts == {Split.TRAIN: 30, Split.VAL: 4}
    assert [sample.name for sample in shown.samples] == ["3", "6", "9", "12", "15", "18", "24", "27"]
    assert [(bad.file, bad.reason) for bad in shown.bad] == [
        ("odd", "is odd"), ("0", "is no picture"), ("21", "is no picture"),
    ]  # fmt: skip
    assert shown.bad_count == 3
    assert shown.warnings == ["Hm"]
    assert [(each.name, each.count, each.colour) for each in shown.marked] == [("spot", 16, "#ff0000")]


def test_a_sample_is_shown_small_with_its_label() -> None:
    (first, *_) = try_out(Spots(), OPTIONS, lambda _: None, lambda: False, 10).samples
    assert (first.width, first.height, first.size, first.remarks) == (1000, 500, (7, 5), ["is pale"])
    feature, mask = picture(first.picture), picture(first.label.source)
    assert feature.shape == mask.shape == (192, 384, 4)
    assert feature[0, 0].tolist() == [3, 3, 3, 255]
    assert mask[0, 0].tolist() == [255, 0, 0, 255]
    assert mask[0, 383, 3] == 0
    assert [(each.name, each.share) for each in first.label.classes] == [("ground", 0.75), ("spot", 0.25)]


def test_what_there_is_no_time_for_is_left_out() -> None:
    answers = iter([False, False, False, True])
    shown = try_out(Spots(), OPTIONS, lambda _: None, lambda: next(answers), 10)
    assert [sample.name for sample in shown.samples] == ["3", "6"]
    assert shown.counts[Split.TRAIN] == 30

    class LateError(Exception):
        pass

    def late(found: int) -> None:
        if found > 5:
            raise LateError

    with pytest.raises(LateError):
        try_out(Spots(), OPTIONS, late, lambda: False, 10)
