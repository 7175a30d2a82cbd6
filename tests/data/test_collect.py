"""Folders of their own for validation and testing: matched by name, with limits of their own, counted apart."""

import json
import tracemalloc
from pathlib import Path

import lmdb
import pytest

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.build import build_classification
from gradus.data.collect import collect
from gradus.data.lists import read_entries
from gradus.data.seeded import shuffled

NOWHERE = Path("/nowhere")  # nothing is unpacked


def records(folder):
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        return [(bytes(key), bytes(value)) for key, value in transaction.cursor()]


def nobody(_found):
    return None


def test_a_split_with_a_folder_of_its_own_takes_nothing_from_training(pictures, options, memory, tmp_path):
    root = pictures(("a_cat", "dog", "emu"), count=8)
    val = pictures(("emu", "a cat", "dog"), count=3, root="val")  # “a cat” is “a_cat”
    out, report = tmp_path / "job", memory()
    facts = build_classification(
        options(root, validation=str(val), validation_percent=25, test_percent=25), out, report
    )
    assert {s.split: s.class_counts for s in facts.splits} == {
        "train": [6, 6, 6], "val": [3, 3, 3], "test": [2, 2, 2],
    }  # fmt: skip
    lines = list(read_entries((out / "val.txt").read_text()))
    assert {(path.split("/")[-2], label) for path, label in lines} == {("a cat", 0), ("dog", 1), ("emu", 2)}
    assert all(path.startswith(str(val)) for path, _ in lines)
    assert report.counted["val"] == [3, 3, 3]


def test_unknown_and_small_classes_are_told_and_do_not_shift_the_numbers(pictures, options, memory, tmp_path):
    root = pictures(("ant", "bee", "cow"), count=6)
    val = pictures(("aaa", "cow", "zzz"), count=4, root="val")
    pictures(("bee",), count=1, root="val")
    report = memory()
    facts = build_classification(options(root, validation=str(val)), tmp_path / "job", report)
    part = facts.split(Split.VAL)
    assert (part.class_counts, part.unknown, part.left_out) == ([0, 0, 4], ["aaa", "zzz"], ["bee"])
    assert sum("training has no such class" in warning for warning in report.warnings) == 2
    assert any("“bee” of validation is left out: 1 picture, fewer than 2" in warning for warning in report.warnings)
    assert facts.left_out == []


def test_each_split_has_limits_of_its_own(pictures, options):
    root, val = pictures(("a", "b"), count=9), pictures(("a", "b"), count=5, root="val")
    test = pictures(("a", "b"), count=7, root="test")
    asked = options(
        root, maximum_per_class=6, validation=str(val), validation_maximum_per_class=3,
        test=str(test), test_minimum_per_class=7,
    )  # fmt: skip
    plan = collect(asked, nobody, NOWHERE)
    assert {split: len(part.entries) for split, part in plan.parts.items()} == {"train": 12, "val": 6, "test": 14}
    assert collect(asked, nobody, NOWHERE).parts == plan.parts
    other = collect(asked.model_copy(update={"seed": 2}), nobody, NOWHERE)
    assert other.parts[Split.VAL].entries != plan.parts[Split.VAL].entries


def test_one_class_of_training_is_enough_to_validate_with(pictures, options):
    plan = collect(options(pictures(("a", "b")), validation=str(pictures(("b",), root="val"))), nobody, NOWHERE)
    assert {label for _, label in plan.parts[Split.VAL].entries} == {1}


@pytest.mark.parametrize(
    ("classes", "count", "told"),
    [(("c", "d"), 4, "None of the 2 sub-folders"), (("a",), 1, "1 sub-folders, none"), ((), 0, "no sub-folders")],
)
def test_a_folder_that_matches_nothing_names_its_field(pictures, options, tmp_path, classes, count, told):
    (tmp_path / "val").mkdir()
    pictures(classes, count=count, root="val")
    with pytest.raises(InputError, match=told) as caught:
        collect(options(pictures(("a", "b")), test=str(tmp_path / "val")), nobody, NOWHERE)
    assert caught.value.problem.field == "test"


def test_what_cannot_be_read_of_another_folder_is_named_whole(pictures, options, memory, tmp_path):
    root, val = pictures(count=20), pictures(count=4, root="val")
    (val / "cat" / "000.png").write_bytes(b"")
    build_classification(options(root, validation=str(val)), tmp_path / "job", memory())
    assert str(val / "cat" / "000.png") in (tmp_path / "job" / "unreadable.jsonl").read_text()


def test_the_watcher_counts_over_all_folders(tmp_path, options):
    for root in ("train", "val"):
        for name in ("a", "b"):
            (tmp_path / root / name).mkdir(parents=True)
            for i in range(600):
                (tmp_path / root / name / f"{i}.png").touch()
    seen = []
    collect(options(tmp_path / "train", validation=str(tmp_path / "val")), seen.append, NOWHERE)
    assert seen == [1000, 1200, 2200]


@pytest.fixture
def many(tmp_path):
    """A folder of two classes, `count` files in all, which are one."""

    def make(count):
        root = tmp_path / f"many-{count}"
        for name in ("a", "b"):
            (root / name).mkdir(parents=True)
        first = root / "a" / "picture_000000.jpg"
        first.touch()
        for i in range(1, count):
            (root / "ab"[i % 2] / f"picture_{i:06d}.jpg").hardlink_to(first)
        return root

    return make


def test_half_a_gigabyte_is_enough_for_a_million_files(many, options):
    def most(root):
        tracemalloc.start()
        plan = collect(options(root), nobody, NOWHERE)
        list(shuffled(plan.parts[Split.TRAIN].entries, 1, "order"))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    few, more = many(2000), many(12_000)
    most(few)  # what is made once
    assert (most(more) - most(few)) / 10_000 < 400  # bytes a file, of the 524 that there are


def test_a_stop_is_heeded_whenever_it_comes(many, options):
    root = many(5000)

    def stopping(looks):
        def watch(_found):
            nonlocal looks
            looks -= 1
            if looks < 0:
                raise InterruptedError

        return watch

    for looks in range(8):  # five while they are found, one once each class is sorted, one before they are divided
        with pytest.raises(InterruptedError):
            collect(options(root), stopping(looks), NOWHERE)
    assert collect(options(root), stopping(8), NOWHERE).count == 5000


@pytest.fixture
def lists(pictures, tmp_path, options):
    """Options for a list of all pictures, in an order of its own."""

    def make(**given):
        root = pictures(("a", "b"), count=10)
        names = [f"{name}/{i:03d}.png {'ab'.index(name)}" for i in range(10) for name in ("b", "a")]
        (root / "train.txt").write_text("\n".join(names))
        (root / "labels.txt").write_text("ant\nbee\n")
        return options(root / "train.txt", method="textfile", labels=str(root / "labels.txt"), **given)

    return make


def test_a_list_is_built_as_it_stands(lists, memory, tmp_path):
    asked, out = lists(validation_percent=0, shuffle=False), tmp_path / "job"
    facts = build_classification(asked, out, memory())
    root = tmp_path / "pictures"
    expected = [f"{root}/{line}" for line in (root / "train.txt").read_text().split("\n")]
    assert (out / "train.txt").read_text().splitlines() == expected
    assert facts.labels == ["ant", "bee"]
    assert [int(key[9:]) for key, _ in records(out / "train_db")] == [1, 0] * 10
    assert records(out / "train_db")[0][1].find((root / "b" / "000.png").read_bytes()) > 0


def test_lines_are_shuffled_with_the_seed_and_parted_class_by_class(lists, memory, tmp_path):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        facts = build_classification(lists(seed=seed, validation_percent=30), tmp_path / name, memory())
        assert {s.split: s.class_counts for s in facts.splits} == {"train": [7, 7], "val": [3, 3]}
    content = [(tmp_path / name / "train_db" / "data.mdb").read_bytes() for name in ("one", "two", "three")]
    assert content[0] == content[1] != content[2]


def test_lists_of_their_own_and_their_folders(lists, tmp_path):
    asked = lists()
    (tmp_path / "elsewhere.txt").write_text("000.png 1\n001.png 1\n")
    own = {"validation": str(tmp_path / "elsewhere.txt"), "validation_image_folder": str(tmp_path / "pictures" / "b")}
    plan = collect(asked.model_copy(update=own), nobody, NOWHERE)
    assert {split: len(part.entries) for split, part in plan.parts.items()} == {"train": 20, "val": 2, "test": 0}
    assert [path for path, _ in plan.parts[Split.VAL].whole()][1] == str(tmp_path / "pictures" / "b" / "001.png")


def test_lines_of_no_use_count_as_unreadable_files_do(lists, memory, tmp_path):
    asked, report = lists(), memory()
    with (tmp_path / "pictures" / "train.txt").open("a") as file:
        file.write("\nnothing here\n")
    facts = build_classification(asked, tmp_path / "job", report)
    assert facts.unreadable == 1
    (line,) = (tmp_path / "job" / "unreadable.jsonl").read_text().splitlines()
    assert json.loads(line) == {"file": "train.txt, line 21", "reason": "not of the form `path label`", "kept": False}
    assert any("1 lines of the lists" in warning for warning in report.warnings)
    with (tmp_path / "pictures" / "train.txt").open("a") as file:
        file.write("none 1\nnone 2\n")
    with pytest.raises(InputError, match="line 22: there is no such file"):
        build_classification(asked, tmp_path / "again", memory())


def test_lists_need_labels():
    with pytest.raises(ValueError, match="Labels must be given"):
        ClassificationOptions(name="n", train="/t", method="textfile")


@pytest.fixture
def table(pictures, tmp_path, options):
    """Options for a table of thirty pictures of three classes, `more` rows after them."""

    def make(splits=("",), more="", **given):
        root = pictures(("a", "b", "c"), count=10)
        rows = [
            f"{label}/{i:03d}.png,{number},{splits[i % len(splits)]}"
            for i in range(10)
            for number, label in ((10, "a"), (9, "b"), (2, "c"))
        ]
        (root / "t.csv").write_text("path,label,split\n" + "\n".join(rows) + f"\n{more}")
        return options(root / "t.csv", method="manifest", **given)

    return make


def test_a_table_without_splits_is_parted_class_by_class(table, memory, tmp_path):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        facts = build_classification(table(seed=seed, validation_percent=30), tmp_path / name, memory())
        assert {s.split: s.class_counts for s in facts.splits} == {"train": [7] * 3, "val": [3] * 3}
    assert facts.labels == ["2", "9", "10"]
    content = [(tmp_path / name / "train_db" / "data.mdb").read_bytes() for name in ("one", "two", "three")]
    assert content[0] == content[1] != content[2]
    assert all(
        path.split("/")[-2] == "cba"[label] for path, label in read_entries((tmp_path / "one" / "val.txt").read_text())
    )


def test_a_table_that_names_its_splits_is_obeyed(table):
    plan = collect(
        table(("train", "train", "val", "", "test"), more="a/000.png,77,val\nb/000.png,new,\n"), nobody, NOWHERE
    )
    assert {split: len(part.entries) for split, part in plan.parts.items()} == {"train": 18, "val": 6, "test": 6}
    assert plan.parts[Split.VAL].unknown == ["77"]
    assert plan.parts[Split.TRAIN].left_out == ["new"]


def test_limits_of_a_table(table):
    plan = collect(table(maximum_per_class=4, validation_percent=0, shuffle=False), nobody, NOWHERE)
    labels = [label for _, label in plan.parts[Split.TRAIN].entries]
    assert sorted(labels) == [0] * 4 + [1] * 4 + [2] * 4
    files = [path for path, _ in plan.parts[Split.TRAIN].entries if "/a/" in path]
    assert files == sorted(files)  # as they stand there
    with pytest.raises(InputError, match="none has at least 11") as caught:
        collect(table(minimum_per_class=11), nobody, NOWHERE)
    assert caught.value.problem.field == "train"


def test_rows_of_no_use_are_listed(table, memory, tmp_path):
    facts = build_classification(table(more="none.png,9,\n"), tmp_path / "job", memory())
    assert facts.unreadable == 1
    assert "t.csv, line 32" in (tmp_path / "job" / "unreadable.jsonl").read_text()


@pytest.fixture
def hub(pictures, tmp_path):
    """Hugging Face's `imagefolder`: pictures beside the metadata of their split, no folders of classes."""
    for split, count in (("train", 6), ("validation", 2), ("test", 3)):
        root = pictures(("cat", "dog"), count=count, root=f"hub/{split}")
        rows = [f"{path.relative_to(root)},{path.parent.name}" for path in sorted(root.rglob("*.png"))]
        (root / "metadata.csv").write_text("file_name,label\n" + "\n".join(rows))
    return tmp_path / "hub"


def test_metadata_inside_the_folders_of_splits_is_found_by_itself(hub, options):
    plan = collect(options(hub, validation_percent=25, test_percent=25), nobody, NOWHERE)
    assert plan.labels == ["cat", "dog"]
    assert {split: len(part.entries) for split, part in plan.parts.items()} == {"train": 12, "val": 4, "test": 6}
    assert all("/hub/validation/" in file for file, _ in plan.parts["val"].entries)


def test_metadata_of_folders_that_are_named_one_by_one(hub, options):
    plan = collect(options(hub / "train", validation=str(hub / "validation"), test_percent=25), nobody, NOWHERE)
    assert {split: len(part.entries) for split, part in plan.parts.items()} == {"train": 10, "val": 4, "test": 2}


def test_metadata_of_other_things_leaves_the_folders_to_be_the_classes(pictures, options):
    root = pictures(("a", "b"), count=4)
    (root / "metadata.csv").write_text("file_name,caption\na/0.png,a picture\n")
    plan = collect(options(root), nobody, NOWHERE)
    assert (plan.labels, plan.count) == (["a", "b"], 8)


def test_a_table_names_its_own_validation_pictures():
    with pytest.raises(ValueError, match="named by the table itself"):
        ClassificationOptions(name="n", train="/t", method="manifest", test="/x")


def test_the_old_record_of_a_job_still_loads():
    """As jobs of the first version wrote it."""
    old = {
        "type": "classification", "name": "n", "group": "", "train": "/t", "validation_percent": 25.0,
        "test_percent": 0.0, "minimum_per_class": 2, "maximum_per_class": None, "channels": 3, "width": 256,
        "height": 256, "resize_mode": "squash", "encoding": "png", "seed": 1, "unreadable_percent": 5.0,
    }  # fmt: skip
    assert ClassificationOptions.model_validate(old) == ClassificationOptions(name="n", train="/t")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"validation_maximum_per_class": 1}, "maximum validation samples per class is smaller"),
        ({"test_minimum_per_class": 5, "test_maximum_per_class": 4}, "maximum test samples per class is smaller"),
    ],
)
def test_limits_that_contradict_each_other(given, told):
    with pytest.raises(ValueError, match=told):
        ClassificationOptions(name="n", train="/t", **given)


def test_shares_do_not_count_where_there_is_a_folder():
    ClassificationOptions(name="n", train="/t", validation="/v", validation_percent=60, test_percent=60)
    with pytest.raises(ValueError, match="more than 100"):
        ClassificationOptions(name="n", train="/t", validation_percent=60, test_percent=60)
