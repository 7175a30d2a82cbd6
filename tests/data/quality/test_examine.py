"""What is planted is found, and nothing else."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from gradus.core.flaw import Flaw, bits, flaws_of
from gradus.data.index import FOLDER, open_indexes
from gradus.data.quality.examine import examine, pair_of, read_pairs
from gradus.data.quality.samples import Samples

LABELS = ["cat", "dog", "emu"]


def png(pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(out, "PNG")
    return out.getvalue()


def look():
    """Nobody stops it."""


def run(folder, labels=LABELS, target=(128, 128)):
    counts = {
        split: np.bincount(index.records["label"], minlength=len(labels)).tolist()
        for split, index in open_indexes(folder).items()
    }
    quality = examine(folder, labels, counts, target, look)
    return quality, {finding.kind: finding for finding in quality.findings}


def flagged(folder, flaw, field="flaws"):
    mask = bits([flaw])
    return {
        index.name(i)
        for index in open_indexes(folder).values()
        for i in np.flatnonzero(index.records[field] & mask).tolist()
    }


def test_copies_that_were_made_again_are_found_and_strangers_are_not(indexed, draw, again):
    """90 scenes; of 30 of them four copies each, made anew. Recall and precision over all 120 planted pairs."""
    files, truth = [], set()
    for seed in range(90):
        picture = draw(seed)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=92)
        files.append((f"{seed}.jpg", out.getvalue(), 0))
        for kind, data in again(picture).items() if seed < 30 else ():
            files.append((f"{seed}-{kind}.jpg", data, 0))
            truth.add(frozenset((f"{seed}.jpg", f"{seed}-{kind}.jpg")))
    folder = indexed({"train": files})
    quality, found = run(folder, ["only"])
    samples = Samples(open_indexes(folder))
    told = (pair_of(samples, row) for row in read_pairs(folder))
    pairs = {frozenset((pair.first.file, pair.second.file)) for pair in told}
    recall = len(truth & pairs) / len(truth)
    wrong = [pair for pair in pairs if len({re.match("[0-9]+", name)[0] for name in pair}) > 1]
    assert recall >= 0.98, (recall, truth - pairs)
    assert wrong == []
    assert set(found) == {Flaw.NEAR_DUPLICATES}
    assert found[Flaw.NEAR_DUPLICATES].left_out == pytest.approx(120, abs=3)
    assert quality.nearness.complete and quality.samples == 210


def test_the_same_bytes_in_other_splits_leak_and_training_gives_way(indexed, draw, as_jpeg):
    a, b, c, d = (as_jpeg(draw(seed)) for seed in range(4))
    folder = indexed({
        "train": [("a1", a, 0), ("a2", a, 0), ("b1", b, 1), ("c1", c, 1), ("d1", d, 2)],
        "val": [("b2", b, 1), ("c2", c, 1)],
        "test": [("c3", c, 1)],
    })  # fmt: skip
    quality, found = run(folder)
    assert set(found) == {Flaw.EXACT_DUPLICATES, Flaw.LEAKS, Flaw.EMPTY_CLASSES}
    assert flagged(folder, Flaw.EXACT_DUPLICATES) == {"a1", "a2", "b1", "b2", "c1", "c2", "c3"}
    assert flagged(folder, Flaw.LEAKS) == {"b1", "b2", "c1", "c2", "c3"} and quality.leaks == 5
    assert flagged(folder, Flaw.LEAKS, "leave") == {"b1", "c1", "c2"}
    assert flagged(folder, Flaw.EXACT_DUPLICATES, "leave") == {"a2", "b1", "c1", "c2"}
    assert found[Flaw.LEAKS].severity == "serious" and found[Flaw.LEAKS].left_out == 3
    assert {(p.first.file, p.second.file) for p in found[Flaw.LEAKS].pairs} == {
        ("b2", "b1"),
        ("c3", "c1"),
        ("c3", "c2"),
    }
    assert all(p.exact and p.distance == 0 for p in found[Flaw.EXACT_DUPLICATES].pairs)


def test_a_near_copy_leaks_too_and_of_a_split_the_largest_stays(indexed, draw, again, as_jpeg):
    small, large = again(draw(1))["resized"], as_jpeg(draw(1))
    other = [(str(seed), as_jpeg(draw(seed)), 0) for seed in range(50, 60)]
    folder = indexed({"train": [("small", small, 0), ("large", large, 0), *other]})
    _, found = run(folder)
    assert flagged(folder, Flaw.NEAR_DUPLICATES) == {"small", "large"}
    assert flagged(folder, Flaw.NEAR_DUPLICATES, "leave") == {"small"}
    folder = indexed({"train": [("large", large, 0), *other], "val": [("small", small, 0)]})
    quality, found = run(folder)
    assert flagged(folder, Flaw.LEAKS) == {"small", "large"} and quality.leaks == 2
    assert flagged(folder, Flaw.LEAKS, "leave") == {"large"}
    assert not found[Flaw.LEAKS].pairs[0].exact


def test_a_picture_with_two_labels_is_a_conflict_and_none_of_it_stays(indexed, draw, again, as_jpeg):
    one, two = as_jpeg(draw(1)), again(draw(1))["recompressed"]
    files = [("a", one, 0), ("b", one, 0), ("c", two, 1), *((str(s), as_jpeg(draw(s)), 2) for s in range(50, 60))]
    folder = indexed({"train": files})
    _, found = run(folder)
    assert flagged(folder, Flaw.CONFLICTS) == flagged(folder, Flaw.CONFLICTS, "leave") == {"a", "b", "c"}
    assert [(p.first.label, p.second.label) for p in found[Flaw.CONFLICTS].pairs] in ([(0, 1)], [(1, 0)])


def test_pictures_of_one_colour_are_no_duplicates_of_each_other(indexed):
    blank = [(f"{level}", png(np.full((60, 60, 3), level)), 0) for level in range(100, 140)]
    faint = [(f"f{seed}", png(np.random.default_rng(seed).integers(120, 123, (60, 60, 3))), 0) for seed in range(40)]
    folder = indexed({"train": blank + faint})
    _, found = run(folder)
    assert set(found) - {Flaw.EMPTY_CLASSES} == {Flaw.UNIFORM, Flaw.SUSPICIOUS}
    assert len(flagged(folder, Flaw.UNIFORM)) == 80


def test_frames_of_a_group_may_be_alike_but_not_in_another_split(indexed, draw, again):
    files = [(f"{seed}/{kind}", data, 0) for seed in range(12) for kind, data in again(draw(seed)).items()]
    group = lambda name: name.split("/")[0]  # noqa: E731
    folder = indexed({"train": files}, group)
    assert set(run(folder)[1]) == {Flaw.EMPTY_CLASSES}
    folder = indexed({"train": files[:-1], "val": files[-1:]}, group)
    run(folder)
    assert flagged(folder, Flaw.TORN_GROUPS) == {name for name, _, _ in files[-4:]}
    assert flagged(folder, Flaw.TORN_GROUPS, "leave") == {name for name, _, _ in files[-4:-1]}
    assert flagged(folder, Flaw.LEAKS, "leave") == {name for name, _, _ in files[-4:-1]}


def test_what_is_odd_beside_the_others(indexed, draw):
    usual = [(str(seed), png(draw(seed)), seed % 3) for seed in range(40)]
    odd = {
        "dark": np.asarray(draw(102)) // 9,
        "bright": 255 - np.asarray(draw(103)) // 9,
        "strip": np.asarray(draw(100, (1200, 100))),
        "tiny": np.asarray(draw(101, (40, 30))),
        "blank": np.full((240, 320, 3), 128),
    }
    folder = indexed({"train": usual + [(name, png(pixels), 0) for name, pixels in odd.items()]})
    _, found = run(folder)
    expected = {
        Flaw.DARK: "dark",
        Flaw.BRIGHT: "bright",
        Flaw.ASPECT: "strip",
        Flaw.ENLARGED: "tiny",
        Flaw.UNIFORM: "blank",
    }
    assert {flaw: flagged(folder, flaw) for flaw in expected} == {flaw: {name} for flaw, name in expected.items()}
    assert found[Flaw.SUSPICIOUS].count == 5
    assert [e.file for e in found[Flaw.DARK].examples] == ["dark"]


def test_where_all_are_small_long_or_dark_none_is_odd(indexed, draw):
    dark = [np.asarray(draw(s, (300, 40))) // 12 for s in range(20)]
    folder = indexed({"train": [(str(i), png(pixels), i % 3) for i, pixels in enumerate(dark)]}, size=(900, 200))
    assert not run(folder, target=(900, 200))[1].keys() & {Flaw.DARK, Flaw.ASPECT, Flaw.ENLARGED}


def test_classes_and_spreads(indexed, draw):
    files = [(str(s), png(draw(s, (64 + s, 64))), 0) for s in range(20)] + [("d", png(draw(99, (64, 64))), 1)]
    folder = indexed({"train": files, "val": [("e", png(draw(77, (128, 64))), 2)]})
    quality, found = run(folder)
    train, val = quality.balance
    assert (train.largest.name, train.largest.count, train.smallest.name, train.smallest.count) == ("cat", 20, "emu", 0)
    assert train.ratio == 20 and train.empty == ["emu"] and val.empty == ["cat", "dog"]
    assert found[Flaw.IMBALANCE].message.startswith("In train class “cat” has 20 times")
    widths = next(h for h in quality.histograms if h.name == "width")
    assert widths.edges[0] == 64 and widths.edges[-1] == 128
    assert sum(widths.counts["train"]) == 21 and widths.counts["val"][-1] == 1
    shapes = next(h for h in quality.histograms if h.name == "aspect")
    expected = np.histogram([(64 + s) / 64 for s in range(20)] + [1.0], shapes.edges)[0]
    assert shapes.counts["train"] == expected.tolist()


def test_the_same_samples_give_the_same_findings_byte_for_byte(indexed, draw, again, tmp_path):
    files = [(f"{s}-{k}", data, s % 3) for s in range(8) for k, data in again(draw(s)).items()]
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        folder = indexed({"train": files[8:], "val": files[:8]}, folder=tmp_path / name)
        text = run(folder)[0].model_dump_json()
        made.append((text, {p.name: p.read_bytes() for p in (folder / FOLDER).iterdir()}))
    assert made[0] == made[1]


def test_bits_and_flaws_stand_for_each_other():
    assert flaws_of(bits(["leaks", "dark"])) == [Flaw.LEAKS, Flaw.DARK]
    assert flaws_of(bits(["suspicious"])) == [Flaw.UNIFORM, Flaw.ASPECT, Flaw.ENLARGED, Flaw.DARK, Flaw.BRIGHT]
    assert bits([]) == 0 and flaws_of(0) == []
