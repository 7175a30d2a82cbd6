"""Versions: the same dataset without what was found, whatever has become of the one it was made from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import lmdb
import numpy as np
import pytest

from gradus.core.classification import Method
from gradus.core.dataset import Split, Version
from gradus.core.errors import ConflictError, InputError
from gradus.data.build import build_classification
from gradus.data.index import FOLDER, open_indexes
from gradus.data.quality.examine import read_quality
from gradus.data.versions import FILE, check_parent, prepare_version

PARENT = "20260101-000000-0123456789"


@pytest.fixture
def planted(pictures, options, memory, tmp_path):
    """A dataset with exact copies within training and across splits, and what builds it."""
    root = pictures(count=20)
    for name in ("000", "001", "002", "003", "004", "005"):
        shutil.copy(root / "cat" / f"{name}.png", root / "cat" / f"{name}-copy.png")
    shutil.copy(root / "cat" / "007.png", root / "dog" / "other.png")
    asked = options(root, validation_percent=40)
    build_classification(asked, tmp_path / "parent", memory())
    return root, asked


def names(folder: Path) -> dict[Split, list[str]]:
    return {split: [index.name(i) for i in range(len(index))] for split, index in open_indexes(folder).items()}


def version(asked, *without, parent=PARENT):
    return asked.model_copy(update={"version": Version(parent=parent, without=list(without))})


def build(asked, parent, folder, report):
    folder.mkdir()
    prepare_version(parent, folder, asked.version)
    facts = build_classification(asked, folder, report)
    return facts, read_quality(folder)


def test_a_version_lacks_what_was_found_and_nothing_else(planted, memory, tmp_path):
    root, asked = planted
    before = names(tmp_path / "parent")
    leaks = read_quality(tmp_path / "parent").leaks
    assert leaks > 0
    report = memory()
    facts, quality = build(version(asked, "leaks"), tmp_path / "parent", tmp_path / "child", report)
    after = names(tmp_path / "child")
    assert after[Split.VAL] == before[Split.VAL]
    gone = [name for name in before[Split.TRAIN] if name not in after[Split.TRAIN]]
    assert after[Split.TRAIN] == [name for name in before[Split.TRAIN] if name not in gone]
    content = {name: (root / name).read_bytes() for part in before.values() for name in part}
    held = {content[name] for name in before[Split.VAL]}
    assert gone == [name for name in before[Split.TRAIN] if content[name] in held]
    assert quality.leaks == 0 and quality.left_out == len(gone) == leaks - sum(
        any(content[name] == content[other] for other in before[Split.TRAIN]) for name in before[Split.VAL]
    )
    assert sum(s.count for s in facts.splits) == 47 - len(gone)
    assert not any("not in their place" in warning for warning in report.warnings)
    with lmdb.open(str(tmp_path / "child" / "train_db"), readonly=True, lock=False) as environment:
        assert environment.stat()["entries"] == len(after[Split.TRAIN]) == facts.split(Split.TRAIN).count


def test_of_duplicates_one_stays_and_of_conflicts_none(planted, memory, tmp_path):
    root, asked = planted
    asked = version(asked, "exact-duplicates", "conflicts")
    build(asked, tmp_path / "parent", tmp_path / "child", memory())
    after = [name for part in names(tmp_path / "child").values() for name in part]
    content = [(root / name).read_bytes() for name in after]
    assert len(set(content)) == len(content) == 39
    assert not {"cat/007.png", "dog/other.png"} & set(after)


def test_the_mean_is_of_what_is_in_it(planted, memory, tmp_path):
    _, asked = planted
    build(version(asked, "leaks"), tmp_path / "parent", tmp_path / "child", memory())
    fresh = tmp_path / "fresh"
    child = open_indexes(tmp_path / "child")[Split.TRAIN]
    lists = tmp_path / "list.txt"
    lists.write_text("".join(f"{child.whole_name(i)} {child.records['label'][i]}\n" for i in range(len(child))))
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    listed = asked.model_copy(
        update={
            "method": Method.TEXTFILE,
            "train": str(lists),
            "labels": str(tmp_path / "labels.txt"),
            "validation_percent": 0,
        }
    )
    build_classification(listed, fresh, memory())
    assert (fresh / "mean.binaryproto").read_bytes() == (tmp_path / "child" / "mean.binaryproto").read_bytes()


def test_a_version_is_the_same_again_without_its_parent(planted, memory, tmp_path):
    _, asked = planted
    asked = version(asked, "exact-duplicates")
    build(asked, tmp_path / "parent", tmp_path / "one", memory())
    build(asked, tmp_path / "parent", tmp_path / "two", memory())
    shutil.rmtree(tmp_path / "parent")
    prepare_version(tmp_path / "parent", tmp_path / "two", asked.version)
    build_classification(asked, tmp_path / "two", memory())

    def content(folder):
        files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in ("dataset.json", "lock.mdb")]
        return {str(p.relative_to(folder)): p.read_bytes() for p in files}

    assert content(tmp_path / "one") == content(tmp_path / "two")
    with pytest.raises(InputError, match="gone"):
        prepare_version(tmp_path / "parent", tmp_path / "three", asked.version)


def test_a_version_of_a_version_lacks_what_that_lacks(planted, memory, tmp_path):
    _, asked = planted
    build(version(asked, "conflicts"), tmp_path / "parent", tmp_path / "child", memory())
    build(version(asked, "exact-duplicates", parent="child"), tmp_path / "child", tmp_path / "third", memory())
    after = {name for part in names(tmp_path / "third").values() for name in part}
    assert not {"cat/007.png", "dog/other.png"} & after and len(after) == 39
    rows = [json.loads(line) for line in (tmp_path / "third" / FILE).read_text().splitlines()]
    assert [row["flaws"] for row in rows].count(["conflicts"]) == 2


def test_what_has_changed_since_stays_and_that_is_said(planted, memory, tmp_path):
    root, asked = planted
    asked = version(asked, "conflicts")
    shutil.copy(root / "cat" / "009.png", root / "dog" / "other.png")
    report = memory()
    build(asked, tmp_path / "parent", tmp_path / "child", report)
    after = {name for part in names(tmp_path / "child").values() for name in part}
    assert "dog/other.png" in after and "cat/007.png" not in after
    assert any(warning.startswith("1 of 2 samples") for warning in report.warnings)


def test_an_older_dataset_has_no_versions(planted, tmp_path):
    check_parent(tmp_path / "parent")
    shutil.rmtree(tmp_path / "parent" / FOLDER)
    with pytest.raises(ConflictError, match="before its samples were looked at"):
        check_parent(tmp_path / "parent")


def test_nothing_left_to_train_on_is_said(planted, memory, tmp_path):
    _, asked = planted
    index = open_indexes(tmp_path / "parent", change=True)[Split.TRAIN]
    index.records["leave"] = np.uint32(1 << 9)  # too bright, all of them
    index.flush()
    with pytest.raises(InputError, match="All samples for training are left out"):
        build(version(asked, "bright"), tmp_path / "parent", tmp_path / "child", memory())
