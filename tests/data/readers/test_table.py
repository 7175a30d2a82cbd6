"""Tables of every form: the same rows whoever wrote them; what is no row is told with its line."""

import csv
import io
import json
import math

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.readers.table import open_table, read_rows, text_of
from gradus.data.readers.textfile import BadLineError

ROWS = [{"name": "a", "value": "1,5"}, {"name": 'b "2"\nb', "value": "x; y"}, {"name": "", "value": "\tü"}]


@pytest.fixture
def rows(tmp_path):
    def run(content, wanted=None, **options):
        path = tmp_path / "table.any"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with open_table(path, "train", **options) as table:
            return [(number, row if isinstance(row, dict) else str(row)) for number, row in table.rows(wanted)]

    return run


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_of_any_writer(rows, delimiter, end, mark):
    file = io.StringIO()
    writer = csv.DictWriter(file, ["name", "value"], delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(ROWS)
    assert rows(mark + file.getvalue().encode()) == list(zip([2, 3, 5], ROWS, strict=True))


def test_json_lines_keep_their_types(rows):
    objects = [{"a": 1, "b": [1.5, None]}, {"a": "x", "c": {"d": True}}]
    assert rows("\n\n".join(map(json.dumps, objects))) == [(1, objects[0]), (3, objects[1])]


def test_parquet_comes_in_batches_and_only_the_columns_that_are_wanted(rows, tmp_path):
    count = 2500  # more than two batches and row groups
    table = pyarrow.table(
        {"a": range(count), "b": [f"n{i}" for i in range(count)], "c": [[i, 0.5] for i in range(count)]}
    )
    pyarrow.parquet.write_table(table, tmp_path / "t", row_group_size=700)
    content = (tmp_path / "t").read_bytes()
    assert rows(content) == list(enumerate(table.to_pylist(), 1))
    assert rows(content, {"b"})[-1] == (2500, {"b": "n2499"})


def test_a_class_label_of_hugging_face_comes_as_its_name(rows, tmp_path):
    told = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "x": {"_type": "Value"}}}}
    table = pyarrow.table({"label": [1, 0, -1, None], "x": [1, 0, 5, 7]})
    table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    pyarrow.parquet.write_table(table, tmp_path / "t")
    found = rows((tmp_path / "t").read_bytes())
    assert [tuple(row.values()) for _, row in found] == [("dog", 1), ("cat", 0), (None, 5), (None, 7)]


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        ('"3","A; b; c","x;y"\n"1","d\ne","f"\n', [["3", "A; b; c", "x;y"], ["1", "d\ne", "f"]]),
        ("1;2,5;3,5\n2;3;4,5\n", [["1", "2,5", "3,5"], ["2", "3", "4,5"]]),
        ('3\t5" nail, or so\n1\tb\n', [["3", '5" nail, or so'], ["1", "b"]]),
        ("alone\nand, one\n", [["alone"]]),
    ],
)
def test_without_a_header_columns_have_numbers(rows, content, cells):
    found = [list(row.values()) for _, row in rows(content, has_header=lambda _: False) if isinstance(row, dict)]
    assert found == cells
    assert list(rows(content, has_header=lambda _: False)[0][1]) == [str(i + 1) for i in range(len(cells[0]))]


@pytest.mark.parametrize(
    ("row", "told"),
    [("1,2,3", "3 cells, more than the 2 columns"), ("1,2,,", None), ("1", None), ("", None)],
)  # fmt: skip
def test_a_row_with_cells_that_no_column_names_is_told(rows, row, told):
    found = dict(rows(f"a,b\n{row}\n8,9\n"))
    assert found[3] == {"a": "8", "b": "9"}
    assert told is None or told in found[2]


@pytest.mark.parametrize("cut", [100, 300, 700])
def test_a_parquet_file_that_is_cut_or_overwritten_is_told(rows, tmp_path, cut):
    pyarrow.parquet.write_table(pyarrow.table({"a": [f"{i * 7919 % 10007}" for i in range(5000)]}), tmp_path / "t")
    content = (tmp_path / "t").read_bytes()
    with pytest.raises(InputError, match="Parquet file is damaged"):
        rows(content[:-cut])
    broken = bytearray(content)
    broken[4 : 4 + cut] = bytes(cut)
    with pytest.raises(InputError, match="Parquet file is damaged"):
        rows(bytes(broken))


def test_rows_of_no_use_are_listed_and_a_table_without_any_of_use_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n1\nx\n3\n")

    def use(row, number):
        if not row["a"].isdigit():
            raise BadLineError("no number")
        return number, int(row["a"])

    with open_table(path, "train") as table:
        used, bad = read_rows(table, use, lambda _: None, "train")
    assert (used, [(each.file, each.reason) for each in bad]) == ([(2, 1), (4, 3)], [("t.csv, line 3", "no number")])
    path.write_text("a\nx\n")
    with open_table(path, "train") as table, pytest.raises(InputError, match=r"t\.csv, line 2: no number") as caught:
        read_rows(table, use, lambda _: None, "train")
    assert caught.value.problem.field == "train"


def test_columns_are_found_by_name_in_the_order_asked_for(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Label, text ,label\n")
    with open_table(path, "train") as table:
        assert (table.find(("class", "label")), table.find(("TEXT", "text")), table.find(("x",))) == (
            "Label",
            "text",
            None,
        )


@pytest.mark.parametrize(
    ("cell", "text"),
    [(" a ", "a"), (3, "3"), (3.0, "3"), (0.1, "0.1"), (1e300, "1e+300"), (math.nan, ""), (None, ""), ([1], "")],
)  # fmt: skip
def test_cells_as_text(cell, text):
    assert text_of(cell) == text


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=9),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
    )
)
def test_what_a_csv_writer_wrote_is_read(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("any") / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["first", "second"], *cells])
    with open_table(path, "train") as table:
        assert [list(row.values()) for _, row in table.rows()] == cells
