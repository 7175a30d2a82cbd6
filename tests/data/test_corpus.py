"""A dataset of the whole corpus of odd pictures and names, held against the corpus' own manifest (F20 to F28, F32)."""

from __future__ import annotations

import json
import os
import runpy
from collections import Counter
from pathlib import Path
from urllib.parse import unquote_to_bytes

import lmdb
import numpy as np
import pytest
from PIL import Image

from gradus.core.dataset import Encoding, Split
from gradus.data.build import build_classification
from gradus.data.collect import collect
from gradus.data.lists import read_entries, unescape
from gradus.data.readers.folder import scan

SIDE = 24
CORPUS = runpy.run_path(str(Path(__file__).with_name("corpus")))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    CORPUS["write"](folder / "made")
    rows = json.loads((folder / "made" / "manifest.json").read_text())
    (folder / "train").mkdir()
    for name in ("accepted", "refused", "names"):
        (folder / "made" / name).rename(folder / "train" / name)
    return folder, {os.fsdecode(unquote_to_bytes(row["file"])): row for row in rows}


@pytest.fixture(scope="module")
def built(corpus):
    """The facts, the warnings, and the pixels of each file's record."""
    from gradus.core.classification import ClassificationOptions

    folder, _ = corpus
    options = ClassificationOptions(
        name="odd", train=str(folder / "train"), width=SIDE, height=SIDE, resize_mode="squash", encoding=Encoding.RAW,
        validation_percent=0, unreadable_percent=100, shuffle=False, minimum_per_class=1,
    )  # fmt: skip
    report = Told()
    facts = build_classification(options, folder / "job", report)
    order = [path for path, _ in read_entries((folder / "job" / "train.txt").read_text())]
    return folder / "job", facts, report.warnings, order


class Told:
    """A report that remembers the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def progress(self, *_: object) -> None: ...
    def counts(self, *_: object) -> None: ...
    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def stopping(self) -> bool:
        return False


def test_the_facts_count_what_the_manifest_counts(corpus, built):
    _, rows = corpus
    folder, facts, warnings, _ = built
    verdicts = Counter(row["verdict"] for row in rows.values())
    assert verdicts["refused"] > 90 and verdicts["accepted"] > 110
    noted = [row for row in rows.values() if row.get("frames", 1) > 1]
    assert facts.unreadable == verdicts["refused"] + len(noted)
    assert sum(split.count for split in facts.splits) == verdicts["accepted"]
    with lmdb.open(str(folder / "train_db"), readonly=True, lock=False) as database:
        assert database.stat()["entries"] == verdicts["accepted"]
    counts = Counter(name.split("/")[0] for name, row in rows.items() if row["verdict"] == "accepted")
    found = dict(zip(facts.labels, facts.split(Split.TRAIN).class_counts, strict=True))
    assert {label: count for label, count in found.items() if count} == dict(counts)
    assert any(f"{verdicts['refused']:,} of {len(rows):,} files could not be read" in warning for warning in warnings)
    assert any(f"{len(noted):,} of {len(rows):,} files hold several pictures" in warning for warning in warnings)


def test_the_unreadable_list_has_the_reasons_of_the_manifest(corpus, built):
    _, rows = corpus
    folder, *_ = built
    listed = [json.loads(line) for line in (folder / "unreadable.jsonl").read_text().splitlines()]
    reasons = {unescape(row["file"]): row["reason"] for row in listed if not row["kept"]}
    assert reasons.keys() == {name for name, row in rows.items() if row["verdict"] == "refused"}
    for name, reason in reasons.items():
        assert rows[name]["reason"] in reason, name
        assert reason and len(reason) < 300 and "Traceback" not in reason and "0x7" not in reason, name


def test_f27_files_of_several_pictures_are_listed_and_kept(corpus, built):
    _, rows = corpus
    folder, facts, *_ = built
    listed = [json.loads(line) for line in (folder / "unreadable.jsonl").read_text().splitlines()]
    assert len(listed) == facts.unreadable
    told = {unescape(row["file"]): row["reason"] for row in listed if row["kept"]}
    assert told == {
        name: f"the first of {row['frames']:,} pictures is used" for name, row in rows.items() if "frames" in row
    }
    assert len(told) >= 7


def test_every_record_has_the_pixels_of_its_golden_picture(corpus, built, caffe):
    """Brought to size by Pillow; within its tolerance and a step of each of the two filters."""
    folder, rows = corpus
    job, _, _, listed = built
    order = [name for name in listed if rows[os.path.relpath(name, folder / "train")]["verdict"] == "accepted"]
    with lmdb.open(str(job / "train_db"), readonly=True, lock=False) as database, database.begin() as transaction:
        values = [bytes(value) for _, value in transaction.cursor()]
    assert len(values) == len(order)
    # the order of records is that of the shuffled list: found by content, each golden picture exactly as often
    left = [np.frombuffer(caffe.Datum.FromString(v).data, np.uint8).reshape(3, SIDE, SIDE) for v in values]
    for name in order:
        row = rows[os.path.relpath(name, folder / "train")]
        golden = Image.open(folder / "made" / row["golden"]).convert("RGB")
        expected = np.asarray(golden.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).astype(int)
        off = [np.abs(pixels[::-1].transpose(1, 2, 0) - expected).max() for pixels in left]
        nearest = int(np.argmin(off))
        assert off[nearest] <= row["tolerance"] + 2, (name, off[nearest])
        del left[nearest]
    assert left == []


def test_every_name_goes_through_lists_and_comes_back(corpus, built):
    folder, rows = corpus
    *_, listed = built
    assert sorted(os.path.relpath(name, folder / "train") for name in listed) == sorted(rows)
    assert {os.fsencode(name).rsplit(b"/", 1)[1] for name in listed if "/names/" in name} == set(CORPUS["NAMES"])


def test_a_list_of_all_the_names_gives_the_same_files(corpus, built, options):
    """DIGITS' text list, as we write it."""
    folder, _ = corpus
    job, facts, _, listed = built
    asked = options(job / "train.txt", method="textfile", labels=str(job / "labels.txt"), validation_percent=0)
    plan = collect(asked, lambda _found: None, folder / "space")
    assert plan.bad == []
    assert sorted(f"/{file}" for file, _ in plan.parts[Split.TRAIN].entries) == sorted(map(os.path.realpath, listed))
    assert plan.labels == facts.labels == ["accepted", "names", "refused"]


def test_json_and_tables_hold_the_names(corpus, options):
    """What is told of them goes into UTF-8."""
    folder, _ = corpus
    listing = scan(folder / "train", options(folder / "train"))
    assert len(next(c for c in listing.classes if c.label == "names").files) == len(CORPUS["NAMES"])
    json.dumps(listing.labels + listing.warnings).encode()
