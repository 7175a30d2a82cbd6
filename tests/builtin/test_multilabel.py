"""Multi-label: which classes each picture has, in every form in which tables say it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.builtin.multilabel import MultiLabel
from gradus.builtin.multilabel_options import MultiLabelOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.generic import build_generic

CLASSES = ["bird", "cat", "dog"]
MARKED = [["cat", "dog"], ["bird"], [], ["dog"], ["bird", "cat", "dog"], ["cat"]]


def options(file, **given):
    return MultiLabelOptions(name="x", table_file=file, **{"validation_percent": 0, **given})


def marked(file, **given):
    """The classes of each picture by name, and the scan."""
    asked = options(file, **given)
    scan = MultiLabel().scan(asked, lambda _: None)
    decode = MultiLabel().prepare(asked, scan)
    found = {}
    for entry in scan.entries[Split.TRAIN]:
        sample = decode(entry)
        assert sample.label.dtype == "float32" and sample.label.shape == (len(scan.labels),)
        assert sample.counts == {i: 1 for i, value in enumerate(sample.label) if value == 1}
        found[entry.name] = [name for name, value in zip(scan.labels, sample.label.tolist(), strict=True) if value]
    return found, scan


WANTED = {f"{i}.png": labels for i, labels in enumerate(MARKED)}
FLAGS = [[int(name in labels) for name in CLASSES] for labels in MARKED]


def joined(mark, quote=""):
    return "path,labels\n" + "".join(f"{i}.png,{quote}{mark.join(ls)}{quote}\n" for i, ls in enumerate(MARKED))


def flags(one="1", zero="0"):
    rows = (",".join([f"{i}.png", *(one if flag else zero for flag in row)]) for i, row in enumerate(FLAGS))
    return "image," + ",".join(CLASSES) + "\n" + "\n".join(rows)


@pytest.mark.parametrize(
    ("content", "file"),
    [
        (joined(";"), "t.csv"),
        (joined("|"), "t.csv"),
        (joined(" ; "), "t.csv"),
        (joined(",", '"'), "t.csv"),
        (flags(), "t.csv"),
        (flags("1", "-1"), "t.csv"),
        (flags("True", "False"), "t.csv"),
        (flags("1.0", "0.0"), "t.csv"),
        ("".join(json.dumps({"file_name": f"{i}.png", "tags": ls}) + "\n" for i, ls in enumerate(MARKED)), "t.jsonl"),
        ("path;labels\n" + "".join(f"{i}.png;{json.dumps(ls)}\n" for i, ls in enumerate(MARKED)), "t.csv"),
        ({"path": [f"{i}.png" for i in range(6)], "labels": MARKED}, "t.parquet"),
        ({"path": [f"{i}.png" for i in range(6)],
          **{name: [bool(row[at]) for row in FLAGS] for at, name in enumerate(CLASSES)}}, "t.parquet"),
    ],
    ids=["semicolon", "bar", "blanks", "comma", "0 1", "-1 1", "true", "1.0", "lists", "lists in CSV", "parquet",
         "parquet bool"],
)  # fmt: skip
def test_tables_of_every_kind(table, content, file):
    found, scan = marked(table(content, file))
    assert found == WANTED and scan.labels == CLASSES and scan.bad == []
    assert scan.warnings == ["1 of 6 images belong to no class"]


def test_names_of_classes_decide_the_order_and_what_is_one(table, tmp_path):
    (tmp_path / "names.txt").write_text("dog\nfish\ncat\n")
    file = table(joined("|"))
    found, scan = marked(file, class_labels_file=str(tmp_path / "names.txt"))
    assert scan.labels == ["dog", "fish", "cat"] and found["4.png"] == ["dog", "cat"] and found["1.png"] == []
    decode = MultiLabel().prepare(options(file), scan)
    remarks = [list(decode(entry).remarks) for entry in scan.entries[Split.TRAIN]]
    assert remarks[1] == remarks[4] == ["labels that are no class, and are left out: bird"] and remarks[0] == []


def test_a_list_of_flags_with_names_from_a_file(table, tmp_path):
    (tmp_path / "names.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    lines = "".join(f"{i}.png {' '.join(map(str, row))}\n" for i, row in enumerate(FLAGS))
    assert marked(table(lines, "l.txt"), class_labels_file=str(tmp_path / "names.txt"))[0] == WANTED
    assert marked(table(lines, "l.txt"))[1].labels == ["2", "3", "4"]
    (tmp_path / "names.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match="2 names and 3 columns"):
        marked(table(lines, "l.txt"), class_labels_file=str(tmp_path / "names.txt"))


def test_columns_are_chosen(table):
    file = table(flags())
    assert marked(file, class_columns="dog,Bird")[1].labels == ["dog", "bird"]
    other = table("path,what\n0.png,cat|a;b\n1.png,a;b\n", "o.csv")
    assert marked(other, label_column="What")[1].labels == ["a;b", "cat"]
    assert marked(other, label_column="What", separator=";")[1].labels == ["a", "b", "cat|a"]
    with pytest.raises(InputError, match="no column “x”") as error:
        marked(file, label_column="x")
    assert error.value.problem.field == "label_column"


def test_a_row_that_cannot_be_used_is_listed_with_its_line(table):
    found, scan = marked(table("path,a,b\n0.png,0,1\n1.png,2,1\n2.png,,1\nnone.png,0,0\n3.png,1,1\n"))
    assert found == {"0.png": ["b"], "3.png": ["a", "b"]}
    assert [(bad.file, bad.reason) for bad in scan.bad] == [
        ("table.csv, line 3", "column “a” is neither 0 nor 1: 2"),
        ("table.csv, line 4", "column “a” is neither 0 nor 1: "),
        ("table.csv, line 5", "there is no such file in the image folder, which is the list's own unless one is given"),
    ]


def test_a_label_of_any_length_is_none(table):
    _, scan = marked(table("path,labels\n0.png,cat\n1.png," + "x" * 501 + ";dog\n"))
    assert scan.labels == ["cat"] and "more than 500 characters" in scan.bad[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [("path,a\n0.png,7\n", "No column holds labels"), ("path,labels\n0.png,\n1.png,\n", "There are 0 classes")],
)
def test_a_table_without_classes(table, content, reason):
    with pytest.raises(InputError, match=reason) as error:
        marked(table(content))
    assert error.value.problem.field == "table_file"


def test_a_database_of_vectors(table, tmp_path, memory, read_lmdb):
    asked = options(table(joined("|")), width=4, height=4, channels=1, feature_encoding="raw", validation_percent=34)
    facts = build_generic(MultiLabel(), asked, tmp_path / "out", memory())
    assert facts.presentation == "classes" and [s.count for s in facts.splits] == [4, 2]
    total = [a + b for a, b in zip(*(s.class_counts for s in facts.splits), strict=True)]
    assert total == [2, 3, 3] and facts.labels == CLASSES
    features, labels = (read_lmdb(tmp_path / "out" / "train_db" / part) for part in ("features", "labels"))
    for (_, feature), (_, label) in zip(features, labels, strict=True):
        assert list(label.float_data) == FLAGS[feature.data[0] // 10]


names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=5)


@given(st.lists(st.lists(names, min_size=1, max_size=4, unique=True), min_size=1, max_size=6), st.sampled_from("|;"))
def test_what_is_joined_is_parted(tmp_path_factory, rows, mark):
    folder = tmp_path_factory.mktemp("table")
    lines = ["path,labels"]
    for i, labels in enumerate(rows):
        (folder / f"{i}.png").touch()
        lines.append(f"{i}.png,{mark.join(labels)}")
    (folder / "t.csv").write_text("\n".join(lines), "utf-8")
    scan = MultiLabel().scan(options(str(folder / "t.csv")), lambda _: None)
    assert scan.labels == sorted({label for labels in rows for label in labels})
    found = [sorted(scan.labels[number] for number in entry.source.numbers) for entry in scan.entries[Split.TRAIN]]
    assert found == [sorted(labels) for labels in rows]
