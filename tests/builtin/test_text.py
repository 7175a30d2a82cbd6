"""Text classification: DIGITS' numbers of characters, files of every writer, classes by number or name."""

import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gradus.builtin.text import ALPHABET, TextClassification, TextInput, TextOptions
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.datum import decode_datum
from gradus.data.generic import build_generic
from gradus.data.text import UNKNOWN, Alphabet

KIND = TextClassification()


def by_the_book(text, length):
    """Zhang's numbers as DIGITS makes them, written down once more: one character after the other."""
    numbers = {}
    for at, character in enumerate(ALPHABET):
        numbers[character] = at + 1
    found = [numbers.get(character, 71) for character in text.lower()]
    return (found + [71] * length)[:length]


@pytest.fixture
def asked(tmp_path):
    """Options for a training file with this content."""

    def make(content, **more):
        path = tmp_path / "train.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        files = {name: tmp_path / name for name in more if name.endswith("_file")}
        for name, file in files.items():
            file.write_text(more[name])
        values = more | {name: str(file) for name, file in files.items()}
        return TextOptions(name="t", train_data_file=str(path), **{"validation_percent": 0, **values})

    return make


def scanned(options):
    return KIND.scan(options, lambda _found: None)


def sources(scan, split=Split.TRAIN):
    return [entry.source for entry in scan.entries[split]]


def test_the_alphabet_is_that_of_digits():
    assert len(ALPHABET) == 70
    assert ALPHABET[:37] == "abcdefghijklmnopqrstuvwxyz0123456789-"
    assert (ALPHABET.count("\\"), ALPHABET.count(" "), len(set(ALPHABET))) == (2, 1, 69)


@pytest.mark.parametrize("text", ["Hello, World\\n", "\u00fcber \u4f60 { } ~", "x" * 30, ""])
def test_numbers_of_characters(text):
    numbers = Alphabet(ALPHABET).encode(text, 20)
    assert (numbers.shape, numbers.dtype, numbers[0, 0].tolist()) == ((1, 1, 20), np.uint8, by_the_book(text, 20))


@given(st.text(max_size=300), st.integers(1, 200))
def test_numbers_of_any_characters(text, length):
    numbers = Alphabet(ALPHABET).encode(text, length)
    assert numbers[0, 0].tolist() == by_the_book(text, length)
    shown = Alphabet(ALPHABET).decode(numbers)
    assert shown == "".join(c if c in ALPHABET else UNKNOWN for c in text.lower()[:length]).rstrip(UNKNOWN)


def test_an_alphabet_as_long_as_a_byte_allows():
    longest = "".join(chr(0x4E00 + at) for at in range(254))
    assert Alphabet(longest).encode(longest[-1] + "a", None)[0, 0].tolist() == [254, 255]
    for characters in ("", longest + "a"):
        with pytest.raises(ValueError, match="1 to 254"):
            Alphabet(characters)


def test_rows_as_in_ag_news_with_numbers_from_one(asked):
    scan = scanned(asked('"3","Title; one","Text, one"\n"1","Two",""\n', class_labels_file="World\nSports\nBusiness\n"))
    assert sources(scan) == [("Title; oneText, one", 2), ("Two", 0)]
    assert scan.labels == ["World", "Sports", "Business"]
    assert [entry.name for entry in scan.entries[Split.TRAIN]] == ["train.csv, line 1", "train.csv, line 2"]
    sample = KIND.prepare(asked('"3","a"\n"1","b"\n'), scan)(scan.entries[Split.TRAIN][1])
    datum = decode_datum(sample.feature)
    assert (datum.channels, datum.height, datum.width, datum.label, datum.encoded) == (1, 1, 1024, 0, False)
    assert list(datum.data) == by_the_book("Two", 1024)
    assert (sample.label, sample.counts) == (0, {0: 1})


@pytest.mark.parametrize(
    ("content", "labels", "found"),
    [
        ("0,a\n2,b\n", ["0", "2"], [("a", 0), ("b", 1)]),
        ("2,a\n10,b\n", ["2", "10"], [("a", 0), ("b", 1)]),
        ("spam,a\nham,b\n", ["ham", "spam"], [("a", 1), ("b", 0)]),
        ("text;class\nx, y;dog\nz;cat\n", ["cat", "dog"], [("x, y", 1), ("z", 0)]),
        ("id,Class Index,Title,Description\n7,2,t,d\n8,1,u,e\n", ["1", "2"], [("td", 1), ("ue", 0)]),
        ("label,said,also\n1,a,b\n2,c,d\n", ["1", "2"], [("ab", 0), ("cd", 1)]),
        ('{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n', ["0", "1"], [("a", 1), ("b", 0)]),
    ],
)
def test_files_of_every_form(asked, content, labels, found):
    scan = scanned(asked(content))
    assert (scan.labels, sources(scan)) == (labels, found)


def test_the_parquet_files_of_hugging_face_name_their_classes(asked, tmp_path):
    told = {"info": {"features": {"label": {"names": ["World", "Sports"], "_type": "ClassLabel"}}}}
    table = pyarrow.table({"text": ["a", "b"], "label": [1, 0]}).replace_schema_metadata(
        {"huggingface": json.dumps(told)}
    )
    pyarrow.parquet.write_table(table, tmp_path / "t")
    scan = scanned(asked((tmp_path / "t").read_bytes()))
    assert (scan.labels, sources(scan)) == (["Sports", "World"], [("a", 0), ("b", 1)])
    assert scan.entries[Split.TRAIN][1].name == "train.csv, row 2"


def test_columns_that_the_user_names(asked):
    content = "topic,said,note\na,x,1\nb,y,2\n"
    scan = scanned(asked(content, label_column="Note", text_columns=" said , TOPIC"))
    assert (scan.labels, sources(scan)) == (["1", "2"], [("xa", 0), ("yb", 1)])
    for field in ("label_column", "text_columns"):
        with pytest.raises(InputError, match="There is no column “gone”; there are: topic, said, note") as caught:
            scanned(asked(content, **{field: "gone"}))
        assert caught.value.problem.field == field


def test_rows_of_no_use_are_listed_with_their_lines(asked):
    scan = scanned(asked("1,a\n,b\n2, \n9,c\n2,d\n", class_labels_file="x\ny\n"))
    assert sources(scan) == [("a", 0), ("d", 1)]
    assert {(bad.file, bad.reason) for bad in scan.bad} == {
        ("train.csv, line 2", "has no class"), ("train.csv, line 3", "has no text"),
        ("train.csv, line 4", "no class is called “9”"),
    }  # fmt: skip


def test_a_share_of_each_class_is_held_back_with_the_seed(asked):
    content = "".join(f"{1 + at % 2},text {at}\n" for at in range(40))
    scan = scanned(asked(content, validation_percent=25))
    held = sources(scan, Split.VAL)
    assert (len(sources(scan)), len(held)) == (30, 10)
    assert sum(label for _, label in held) == 5
    assert sources(scanned(asked(content, validation_percent=25)), Split.VAL) == held
    assert sources(scanned(asked(content, validation_percent=25, seed=2)), Split.VAL) != held


def test_validation_data_of_its_own_is_matched_by_class(asked):
    scan = scanned(asked("a,x\nb,y\n", val_data_file="b,z\nc,w\n", validation_percent=50))
    assert (sources(scan), sources(scan, Split.VAL)) == ([("x", 0), ("y", 1)], [("z", 1)])
    assert [bad.file for bad in scan.bad] == ["val_data_file, line 2"]


@pytest.mark.parametrize(
    ("content", "more", "field", "told"),
    [
        ("x,y\nlabel,b\n", {}, None, None),
        ("1,a\n1,b\n", {}, "train_data_file", "all rows have the class “1”"),
        ("said,id\na,1\n", {"label_column": "said"}, "train_data_file", "no column of text"),
        ("text,id\na,1\n", {}, "train_data_file", "no column of classes is known; there are: text, id"),
        ("1,a\n2,b\n", {"class_labels_file": "one\n"}, "class_labels_file", "at least two classes"),
        ("1\n2\n", {}, "train_data_file", "no column of text"),
        ("", {}, "train_data_file", "no column"),
    ],
)  # fmt: skip
def test_a_file_of_no_use_names_its_field(asked, content, more, field, told):
    if told is None:
        assert scanned(asked(content, **more)).labels == ["label", "x"]
        return
    with pytest.raises(InputError, match=told) as caught:
        scanned(asked(content, **more))
    assert caught.value.problem.field == field


def test_samples_of_their_own_length_need_shapes_to_be_free(asked):
    with pytest.raises(ValidationError, match="Enforce same shape"):
        asked("1,a\n2,b\n", max_chars_per_sample=None)
    options = asked("1,abc\n2,b\n", max_chars_per_sample=None, force_same_shape=False)
    scan = scanned(options)
    decoder = KIND.prepare(options, scan)
    assert [list(decode_datum(decoder(entry).feature).data) for entry in scan.entries[Split.TRAIN]] == [[1, 2, 3], [2]]


def test_a_prediction_is_of_a_snippet_or_of_a_file(asked, tmp_path):
    options = asked("1,a\n2,b\n")
    scan = scanned(options)
    (tmp_path / "new.csv").write_text("only text\nand more\n")
    file = TextInput(test_data_file=str(tmp_path / "new.csv"))
    assert [e.source[0] for e in KIND.entries_for(TextInput(snippet="Hi\nthere"), options, scan)] == ["Hi\nthere"]
    assert [e.source[0] for e in KIND.entries_for(file, options, scan)] == ["only text", "and more"]
    (tmp_path / "new.csv").write_text("1,first,x\n0,second,y\n")
    assert [e.source[0] for e in KIND.entries_for(file, options, scan)] == ["firstx", "secondy"]
    for wrong in ({}, {"snippet": "a", "test_data_file": "b"}):
        with pytest.raises(ValidationError, match="not both"):
            TextInput(**wrong)


def test_it_is_built_into_databases_that_caffe_reads(asked, tmp_path, memory, read_lmdb):
    rows = [(1 + at % 3, f"Text {at}!") for at in range(12)]
    options = asked("".join(f"{label},{text}\n" for label, text in rows), max_chars_per_sample=9, validation_percent=25)
    report = memory()
    facts = build_generic(KIND, options, tmp_path / "job", report)
    assert ({s.split: s.class_counts for s in facts.splits}, facts.labels) == (
        {"train": [3, 3, 3], "val": [1, 1, 1]}, ["1", "2", "3"],
    )  # fmt: skip
    assert (facts.presentation, facts.user) == ("text", {"alphabet": ALPHABET})
    found = []
    for split in ("train", "val"):
        features = read_lmdb(tmp_path / "job" / f"{split}_db" / "features")
        labels = read_lmdb(tmp_path / "job" / f"{split}_db" / "labels")
        for (key, feature), (other, label) in zip(features, labels, strict=True):
            assert (key, feature.channels, feature.height, feature.width) == (other, 1, 1, 9)
            assert feature.label == label.label == label.float_data[0]
            found.append((label.label + 1, list(feature.data)))
    assert sorted(found) == sorted((label, by_the_book(text, 9)) for label, text in rows)
