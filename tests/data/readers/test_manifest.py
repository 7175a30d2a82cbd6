"""Tables of pictures: columns by their names, rows of no use told with their lines."""

import csv
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.readers.manifest import metadata_in, read_manifest, read_metadata
from gradus.data.readers.textfile import Places


def nobody(_found):
    return None


@pytest.fixture
def read(tmp_path):
    for name in ("1.png", "a, b.png"):
        (tmp_path / name).touch()

    def run(content, roots=None):
        path = tmp_path / "table.any"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        table = read_manifest(path, Places(tmp_path, roots), nobody)
        return [(f"/{file}".removeprefix(f"{tmp_path}/"), *rest) for file, *rest in table.rows], table.bad

    return run


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_with_any_of_the_usual_columns(read, delimiter):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows(
        [
            ["id", "File_Name", "class", "Set"],
            [7, "1.png", "cat", "train"],
            [8, "a, b.png", " dog ", "Validation"],
            [],
            [9, "1.png", "x", ""],
        ]
    )
    for content in (file.getvalue().encode(), b"\xef\xbb\xbf" + file.getvalue().encode()):
        rows, bad = read(content)
        assert rows == [("1.png", "cat", Split.TRAIN), ("a, b.png", "dog", Split.VAL), ("1.png", "x", None)]
        assert bad == []


def test_json_lines(read):
    objects = [
        {"image": "1.png", "label": 3, "split": "test", "box": [1, 2]},
        {"label": "a, b", "image": "a, b.png", "split": None},
    ]
    rows, bad = read("\n\n".join(map(json.dumps, objects)))
    assert rows == [("1.png", "3", Split.TEST), ("a, b.png", "a, b", None)]
    assert bad == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("", None), (",cat,", "has no path"), ("1.png", "has no label"), ("1.png,,train", "has no label"),
        ("no.png,cat,", "no such file"), ("/etc/passwd,cat,", "outside"), ("../../../etc/passwd,cat,", "outside"),
        ("1.png,cat,future", "it can be train, validation or test"), ("http://x/1.png,cat,", "an address"),
        (f"1.png,{'x' * 501},", "more than 500"), ("1\0.png,cat,", "no path has these"),
        (f"1.png,{'x' * 140_000},", "more than 500"),
    ],
)  # fmt: skip
def test_a_row_of_no_use_is_told_with_its_line(read, tmp_path, row, told):
    rows, bad = read(f"path,label,split\n1.png,a,\n{row}\n1.png,b,\n", roots=[str(tmp_path)])
    assert [label for _, label, _ in rows] == ["a", "b"]
    assert [entry.file for entry in bad] == (["table.any, line 3"] if told else [])
    assert told is None or told in bad[0].reason


def test_a_table_that_is_mostly_of_no_use_is_not_read_to_its_end(read, monkeypatch):
    monkeypatch.setattr("gradus.data.readers.textfile.MOST_BAD", 2000)
    with pytest.raises(InputError, match="only 5 of the first 2,005 rows can be used"):
        read("path,label\n" + "1.png,x\n" * 5 + "none.png,x\n" * 50_000)


@pytest.mark.parametrize(
    "line", ["[1]", "{", "{'path': 1}", "[" * 100_000, '{"path": ["1.png"], "label": "x"}', "1" * 5000]
)
def test_a_line_that_is_no_object_is_told(read, line):
    rows, bad = read('{"path": "1.png", "label": "x"}\n' + line)
    assert len(rows) == 1
    assert [entry.file for entry in bad] == ["table.any, line 2"]


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "no column path and no column label"), (b"a,b\n1,2\n", "there are: a, b"), (b"{}\n", "there are: none"),
     (b"path\n1.png\n", "column label"), (b"PAR1" + bytes(90), "is damaged"), (bytes(range(256)) * 9, "no column"),
     (b"\xff\xd8\xff\xe0\x00\x10JFIF", "it is no text but a JPEG picture"),
     (b"path,label\nno,x\n", "no row can be used"), (b'path,label\n"' + b"x\n" * 70_000, "field larger")],
)  # fmt: skip
def test_a_file_that_is_no_table_says_what_it_has(read, content, told):
    with pytest.raises(InputError, match=told) as caught:
        read(content)
    assert caught.value.problem.field == "train"


@given(st.binary(max_size=300))
def test_no_bytes_break_it(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "table"
    path.write_bytes(b"path,label\n" + content)
    try:
        read_manifest(path, Places(None, []), nobody)
    except InputError as error:
        assert error.problem.field == "train"
    else:
        pytest.fail("no file of it exists")


def test_a_parquet_table_and_numbers_that_pandas_made_floats(read, tmp_path):
    table = pyarrow.table({"file_name": ["1.png", "a, b.png", "1.png"], "label": [3.0, 4.0, None], "vector": [[1]] * 3})
    pyarrow.parquet.write_table(table, tmp_path / "t")
    rows, bad = read((tmp_path / "t").read_bytes())
    assert rows == [("1.png", "3", None), ("a, b.png", "4", None)]
    assert [(each.file, each.reason) for each in bad] == [("table.any, row 3", "has no label")]


@pytest.fixture
def hub(tmp_path):
    """A folder as Hugging Face's `imagefolder` takes it, with metadata inside the folders of the splits."""
    for split in ("train", "validation", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "1.png").touch()
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n1.png,cat\nno.png,dog\n")
    (tmp_path / "validation" / "metadata.jsonl").write_text('{"file_name": "1.png", "label": "dog"}\n')
    table = pyarrow.table({"file_name": ["1.png"], "label": ["cat"]})
    pyarrow.parquet.write_table(table, tmp_path / "test" / "metadata.parquet")
    return tmp_path


def test_metadata_inside_the_folders_of_the_splits(hub):
    files = metadata_in(hub)
    assert {split: path.name for split, path in files.items()} == {
        Split.TRAIN: "metadata.csv", Split.VAL: "metadata.jsonl", Split.TEST: "metadata.parquet",
    }  # fmt: skip
    table = read_metadata(files, [str(hub)], nobody)
    inside = str(hub)[1:]
    assert sorted(table.rows) == [
        (f"{inside}/test/1.png", "cat", Split.TEST), (f"{inside}/train/1.png", "cat", Split.TRAIN),
        (f"{inside}/validation/1.png", "dog", Split.VAL),
    ]  # fmt: skip
    assert [bad.file for bad in table.bad] == ["train/metadata.csv, line 3"]


def test_metadata_beside_the_folders_of_the_splits(hub):
    (hub / "metadata.csv").write_text("file_name,label\ntrain/1.png,a\nvalidation/1.png,b\ntest/1.png,a\n")
    files = metadata_in(hub)
    assert list(files) == [None]
    assert [row[1:] for row in read_metadata(files, None, nobody).rows] == [
        ("a", Split.TRAIN), ("b", Split.VAL), ("a", Split.TEST),
    ]  # fmt: skip


def test_folders_without_metadata_for_training_are_not_of_that_form(hub):
    (hub / "train" / "metadata.csv").unlink()
    assert metadata_in(hub) == {}
    assert metadata_in(hub / "nowhere") == {}
