"""Regression: numbers of a table beside their pictures, read back by another reader; means by hand."""

import json
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.builtin.regression import Regression
from gradus.builtin.regression_options import RegressionOptions
from gradus.builtin.tables import is_header
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.generic import build_generic

COUNT = 10
ROWS = [(f"{i}.png", i * 1.5, -float(i)) for i in range(COUNT)]


def scanned(file, **given):
    options = RegressionOptions(name="x", table_file=file, **{"validation_percent": 0, **given})
    return Regression().scan(options, lambda _: None)


def numbers(scan, split=Split.TRAIN):
    return {entry.name: entry.source.values.tolist() for entry in scan.entries[split]}


def named(scan):
    return [target["name"] for target in scan.user["targets"]]


WANTED = {name: [one, other] for name, one, other in ROWS}
PATHS, ANGLES, SPEEDS = (list(column) for column in zip(*ROWS, strict=True))
CSV = "path,angle,speed\n" + "".join(f"{n},{a},{b}\n" for n, a, b in ROWS)


@pytest.mark.parametrize(
    ("content", "file", "names"),
    [
        (CSV, "t.csv", ["angle", "speed"]),
        (CSV.replace(",", "\t").replace("path", "Image"), "t.tsv", ["angle", "speed"]),
        ("".join(f"{n},{a},{b}\n" for n, a, b in ROWS), "t.csv", ["2", "3"]),
        ("".join(f"{n} {a} {b}\n" for n, a, b in ROWS), "list.txt", ["2", "3"]),
        ("".join(json.dumps({"file_name": n, "to": [a, b]}) + "\n" for n, a, b in ROWS), "t.jsonl", ["to 1", "to 2"]),
        ({"image": PATHS, "a": ANGLES, "b": SPEEDS}, "t.parquet", ["a", "b"]),
        ({"what": PATHS, "both": [list(r[1:]) for r in ROWS]}, "t.parquet", ["both 1", "both 2"]),
        ("name,id,split,note,angle,speed\n" + "".join(f"{n},7,train,x,{a},{b}\n" for n, a, b in ROWS), "t.csv",
         ["angle", "speed"]),
    ],
    ids=["csv", "tsv", "no header", "list", "jsonl", "parquet", "lists of parquet", "other columns"],
)  # fmt: skip
def test_tables_of_every_kind(table, content, file, names):
    scan = scanned(table(content, file))
    assert numbers(scan) == WANTED and named(scan) == names and scan.bad == []


def test_paths_with_blanks_in_a_list(table, tmp_path):
    (tmp_path / "0.png").rename(tmp_path / "a b.png")
    assert numbers(scanned(table("a b.png 1 2\n1.png 3 4\n", "l.txt"))) == {"a b.png": [1, 2], "1.png": [3, 4]}


def test_columns_are_chosen_in_an_order(table):
    scan = scanned(table(CSV), target_columns="Speed, angle")
    assert named(scan) == ["speed", "angle"] and numbers(scan)["2.png"] == [-2, 3]


def test_what_is_told_of_the_numbers(table):
    scan = scanned(table(CSV))
    angles = [row[1] for row in ROWS]
    target = scan.user["targets"][0]
    assert (target["min"], target["max"]) == (0, 13.5)
    assert target["mean"] == pytest.approx(statistics.fmean(angles))
    assert target["std"] == pytest.approx(statistics.pstdev(angles))


def test_a_row_that_cannot_be_used_is_listed_with_its_line(table):
    lines = ["path,y", "0.png,1", "1.png,", "2.png,x", "3.png,nan", "none.png,1", ",1", "4.png,1,5", "5.png,2e400"]
    scan = scanned(table("\n".join(lines)))
    assert numbers(scan) == {"0.png": [1]}
    found = {bad.file.rpartition(" ")[2]: bad.reason for bad in scan.bad}
    assert list(found) == ["3", "4", "5", "6", "7", "8", "9"]
    assert found["4"] == "column “y” has not a finite number: x"
    assert found["6"] == "there is no such file in the image folder, which is the list's own unless one is given"


def test_the_first_row_without_gaps_tells_what_columns_hold(table):
    scan = scanned(table("path,y,z\n0.png,,5\n1.png,2,3\n"))
    assert named(scan) == ["y", "z"] and numbers(scan) == {"1.png": [2, 3]} and len(scan.bad) == 1


@pytest.mark.parametrize(
    ("content", "given", "field", "reason"),
    [
        ("path,y\n0.png,a\n", {}, "table_file", "No column holds numbers"),
        ("a,b\nx,1\n", {}, "table_file", "no column looks like paths"),
        (CSV, {"target_columns": "angle,height"}, "target_columns", "no column “height”"),
        (CSV, {"target_columns": "path"}, "target_columns", "does not hold numbers"),
        (CSV, {"path_column": "where"}, "path_column", "no column “where”"),
        ("path,y\nnone.png,1\n", {}, "table_file", "no row can be used"),
    ],
)
def test_a_table_of_no_use_names_the_field(table, content, given, field, reason):
    with pytest.raises(InputError, match=reason) as error:
        scanned(table(content), **given)
    assert error.value.problem.field == field


def test_splits_by_column_table_or_share(table):
    rows = [f"{i}.png,{'val' if i < 3 else 'train' if i < 8 else ''},{i}" for i in range(COUNT)]
    scan = scanned(table("path,split,y\n" + "\n".join(rows)), validation_percent=50, test_percent=20)
    assert [len(scan.entries[split]) for split in Split] == [6, 3, 1]  # the share for testing is of 7 rows
    own = table("path,y\n8.png,1\n9.png,2\n", "val.csv")
    scan = scanned(table("path,y\n0.png,1\n1.png,2\n"), val_table_file=own, validation_percent=50)
    assert numbers(scan) == {"0.png": [1], "1.png": [2]} and set(numbers(scan, Split.VAL)) == {"8.png", "9.png"}
    with pytest.raises(InputError, match="2 numbers in a row") as error:
        scanned(table("path,y\n0.png,1\n"), val_table_file=table("path,y,z\n8.png,1,2\n", "val.csv"))
    assert error.value.problem.field == "val_table_file"
    scan = scanned(table(CSV), validation_percent=20)
    assert len(numbers(scan, Split.VAL)) == 2 and not set(numbers(scan)) & set(numbers(scan, Split.VAL))


def test_paths_start_at_a_folder_and_stay_below_the_allowed(table, tmp_path):
    other = tmp_path / "else"
    other.mkdir()
    (other / "t.csv").write_text("path,y\n0.png,1\n../0.png,2\n")
    scan = scanned(str(other / "t.csv"), image_folder=str(tmp_path))
    assert set(numbers(scan)) == {"0.png"} and "no such file" in scan.bad[0].reason
    with pytest.raises(InputError, match="outside the folders that are allowed"):
        scanned(str(other / "t.csv"), image_folder=str(tmp_path), roots=[str(other)])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_database_of_vectors(table, tmp_path, memory, read_lmdb, channels):
    options = RegressionOptions(
        name="x", table_file=table(CSV), width=8, height=5, channels=channels, feature_encoding="raw"
    )
    facts = build_generic(Regression(), options, tmp_path / "out", memory())
    assert facts.presentation == "vector" and [s.count for s in facts.splits] == [9, 1]
    assert facts.splits[0].label.shape == (2, 1, 1) and facts.splits[0].feature.shape == (channels, 5, 8)
    features, labels = (read_lmdb(tmp_path / "out" / "train_db" / part) for part in ("features", "labels"))
    for (_, feature), (_, label) in zip(features, labels, strict=True):
        i = feature.data[0] // 10
        assert list(label.float_data) == [i * 1.5, -i]


@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_a_row_with_a_number_or_a_picture_is_no_header(cells):
    assert not is_header([*cells, "0.5"]) and not is_header([*cells, "a/b.JPG"])


@given(st.binary(max_size=300))
def test_no_file_does_anything_but_an_input_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError):  # there is no picture that it could name
        scanned(str(path))


def test_numbers_are_kept_as_floats_have_them(table):
    scan = scanned(table("path,y\n0.png,0.1\n1.png,16777217\n"))
    assert scan.entries[Split.TRAIN][0].source.values.dtype == np.float32
    assert numbers(scan) == {"0.png": [np.float32(0.1).item()], "1.png": [16777216]}
