"""Groups are never torn apart, their division is seeded and near what was asked for, and no expression takes long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.build import build_classification
from gradus.data.grouping import divide_groups, grouping
from gradus.data.lists import read_entries


def asked(**given):
    return ClassificationOptions(name="n", train="/t", **given)


def video(file):
    return file.partition("-")[0]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), min_size=1, max_size=80),
    st.integers(0, 60), st.integers(0, 40), st.integers(0, 3),
)  # fmt: skip
def test_no_group_is_torn_apart_and_nothing_is_lost(files, val, test, seed):
    entries = [(f"{group}-{place}.png", label) for place, (group, label) in enumerate(files)]
    taken = divide_groups(entries, video, {Split.VAL: val, Split.TEST: test}, seed)
    assert sorted(place for places in taken.values() for place in places) == list(range(len(entries)))
    groups = {split: {video(entries[place][0]) for place in places} for split, places in taken.items()}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values()))
    assert (val or not taken[Split.VAL]) and (test or not taken[Split.TEST])
    assert taken == divide_groups(entries, video, {Split.VAL: val, Split.TEST: test}, seed)
    reordered = divide_groups(entries[::-1], video, {Split.VAL: val, Split.TEST: test}, seed)
    again = {split: {video(entries[::-1][place][0]) for place in places} for split, places in reordered.items()}
    assert again == groups  # whatever order the files come in


def test_shares_are_near_in_every_class():
    """Forty groups of 1 to 10 files each, of four classes."""
    entries = [(f"{group}-{i}.png", group % 4) for group in range(160) for i in range(group % 10 + 1)]
    taken = divide_groups(entries, video, {Split.VAL: 25, Split.TEST: 10}, 1)
    for label in range(4):
        own = sum(entry[1] == label for entry in entries)
        for split, share in ((Split.TRAIN, 65), (Split.VAL, 25), (Split.TEST, 10)):
            count = sum(entries[place][1] == label for place in taken[split])
            assert abs(count - own * share / 100) <= 2


def test_the_seed_decides_among_equal_groups():
    entries = [(f"{group}-{i}.png", 0) for group in range(20) for i in range(5)]
    first, second = (divide_groups(entries, video, {Split.VAL: 50}, seed)[Split.VAL] for seed in (1, 2))
    assert len(first) == len(second) == 50
    assert first != second


@pytest.mark.parametrize(
    ("given", "file", "group"),
    [
        ({"group_by": "folder"}, "cat/clip1/003.png", "cat/clip1"),
        ({"group_by": "folder", "group_level": 2}, "cat/clip1/003.png", "cat"),
        ({"group_by": "folder", "group_level": 9}, "cat/clip1/003.png", "cat"),
        ({"group_by": "expression", "group_expression": "patient([0-9]+)"}, "a/patient12_3.png", "12"),
        ({"group_by": "expression", "group_expression": "p[0-9]+"}, "a/p12_3.png", "p12"),
        ({"group_by": "expression", "group_expression": "p([0-9]+)"}, "a/q.png", None),
        ({"group_by": "expression", "group_expression": "(x)?y"}, "y.png", None),
        ({"group_by": "expression", "group_expression": "ö(.)"}, "aöb.png", "b"),
        ({"group_by": "expression", "group_expression": "/(.*)[.]"}, "a/\udcff.png", "\udcff"),
    ],
)
def test_the_group_of_a_file(given, file, group):
    assert grouping(asked(**given), {})(file) == group


def test_an_expression_that_would_take_for_ever_elsewhere():
    find = grouping(asked(group_by="expression", group_expression="(a+)+$"), {})
    began = time.process_time()
    assert find("a" * 5000 + "!") is None
    assert time.process_time() - began < 5  # other engines: longer than the universe is old


@pytest.mark.parametrize("expression", ["(", "[", "(?=a)", "(a)\\1", "a{9999}"])
def test_an_expression_that_is_none_names_its_field(expression):
    with pytest.raises(InputError, match="is no regular expression") as caught:
        grouping(asked(group_by="expression", group_expression=expression), {})
    assert caught.value.problem.field == "group_expression"


@pytest.mark.parametrize(
    ("given", "told"),
    [({"group_by": "expression"}, "Expression must not be empty"), ({"group_by": "column"}, "is for tables")],
)
def test_what_does_not_go_together(given, told):
    with pytest.raises(ValueError, match=told):
        asked(**given)


def clips(lines):
    return {path.rsplit("/", 1)[0] for path, _ in lines}


def test_folders_are_kept_whole_in_a_dataset(pictures, options, memory, tmp_path):
    for number in range(8):
        pictures((f"a/clip{number}", f"b/clip{number}"), count=2 + number % 3)
    root = tmp_path / "pictures"
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        facts = build_classification(options(root, group_by="folder", seed=seed), tmp_path / name, memory())
    content = [(tmp_path / name / "train_db" / "data.mdb").read_bytes() for name in ("one", "two", "three")]
    assert content[0] == content[1] != content[2]
    train, val = (list(read_entries((tmp_path / "one" / f"{split}.txt").read_text())) for split in ("train", "val"))
    assert not clips(train) & clips(val)
    assert [s.groups for s in facts.splits] == [12, 4]
    assert len(train) + len(val) == 2 * sum(2 + number % 3 for number in range(8))


def test_what_could_not_be_reached_is_told(pictures, options, memory, tmp_path):
    root, val = pictures(("a", "b"), count=4), pictures(("a", "b"), count=4, root="val")
    report = memory()
    facts = build_classification(options(root, group_by="folder", validation_percent=10), tmp_path / "job", report)
    assert [s.split for s in facts.splits] == ["train"]
    assert "Nothing is left for validation: too few groups are kept together" in report.warnings
    report = memory()
    given = {"group_by": "expression", "group_expression": "(00[0-1])"}
    build_classification(options(root, validation=str(val), **given), tmp_path / "own", report)
    assert "2 groups are in training and in validation too, which its source has" in report.warnings
    assert "8 pictures belong to no group; each stands for itself" in report.warnings


def test_a_column_of_a_table(pictures, options, memory, tmp_path):
    root = pictures(("a", "b"), count=12)
    rows = [f"{name}/{i:03d}.png,{name},p{i // 3}" for i in range(12) for name in ("a", "b")]
    (root / "t.csv").write_text("path,label,patient_id\n" + "\n".join(rows))
    asked = options(root / "t.csv", method="manifest", group_by="column", test_percent=25)
    facts = build_classification(asked, tmp_path / "job", memory())
    assert {s.split: (s.groups, s.class_counts) for s in facts.splits} == {
        "train": (2, [6, 6]), "val": (1, [3, 3]), "test": (1, [3, 3]),
    }  # fmt: skip
