"""The index: written in chunks, read at any place; the same samples give the same bytes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.index import FOLDER, RECORD, SIDE, Index, IndexWriter, SampleFacts, open_indexes

FILE_NAMES = st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b).map(os.fsdecode)


def made(name: str, label=0, **given) -> tuple[str, dict[str, object]]:
    digest = np.frombuffer(hashlib.sha256(os.fsencode(name)).digest(), "<u8")
    facts = dict(width=640, height=480, bytes=5, sha256=digest, hash=2**64 - 5, brightness=100.5, contrast=20.25)
    return name, {**facts, "label": label, **given}


def columns(samples) -> SampleFacts:
    records = np.zeros(len(samples), RECORD)
    for record, (_, facts) in zip(records, samples, strict=True):
        for field, value in facts.items():
            record[field] = value
    small = np.tile(np.arange(256, dtype=np.uint8), len(samples)).reshape(-1, SIDE, SIDE)
    return SampleFacts([name for name, _ in samples], records, small)


def write(folder: Path, chunks, split=Split.TRAIN, prefix="") -> Index:
    with IndexWriter(folder, split, prefix) as writer:
        for chunk in chunks:
            writer.append(columns(chunk))
        writer.close()
    return Index(folder, split)


@settings(max_examples=50, deadline=None)
@given(names=st.lists(FILE_NAMES, min_size=1, max_size=20), size=st.integers(1, 7))
def test_names_of_any_bytes_are_found_at_their_places(names, size, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    samples = [made(name) for name in names]
    index = write(folder, [samples[i : i + size] for i in range(0, len(samples), size)], prefix=names[0])
    assert index.prefix == names[0]
    assert [index.name(place) for place in range(len(index))] == names
    digests = [hashlib.sha256(os.fsencode(name)).digest() for name in names]
    assert [index.sha256(place) for place in range(len(index))] == digests


def test_a_record_has_what_was_given(tmp_path):
    index = write(tmp_path, [[made("a", 3, group=7, hash=5, width=2**26, bytes=2**29)]])
    record = index.records[0]
    assert (record["width"], record["height"], record["bytes"]) == (2**26, 480, 2**29)
    assert (record["hash"], record["group"], record["label"]) == (5, 7, 3)
    assert (record["brightness"], record["contrast"]) == (100.5, 20.25)
    assert index.small[0].tobytes() == bytes(range(256))


def test_samples_are_found_by_class_flaw_and_group(tmp_path):
    index = write(tmp_path, [[made(str(i), label, group=i % 2) for i, label in enumerate((0, 1, -1, 0, 2, 2))]])
    assert index.where(label=0).tolist() == [0, 3]
    assert index.where(label=9).tolist() == []
    changed = Index(tmp_path, Split.TRAIN, change=True)
    changed.records["flaws"][[1, 3]] = (0b100, 0b110)
    index = Index(tmp_path, Split.TRAIN)
    assert index.where(flaws=0b100).tolist() == [1, 3]
    assert index.where(flaws=0b010).tolist() == [3]
    assert index.where(flaws=0b110, label=0).tolist() == [3]
    assert index.where(group=1).tolist() == [1, 3, 5]


def test_samples_are_put_in_order_and_equal_ones_stay_as_they_were(tmp_path):
    sizes = [(30, 20), (10, 20), (20, 10), (30, 40), (10, 10)]
    index = write(tmp_path, [[made(str(i), width=w, height=h) for i, (w, h) in enumerate(sizes)]])
    every = index.where()
    assert index.ordered(every, "width").tolist() == [1, 4, 2, 0, 3]
    assert index.ordered(every, "-width").tolist() == [0, 3, 2, 1, 4]
    assert index.ordered(every, "aspect").tolist() == [1, 3, 4, 0, 2]
    assert index.ordered(every[3:], "-height").tolist() == [3, 4]


def test_chunks_do_not_matter_and_the_same_samples_give_the_same_bytes(tmp_path):
    samples = [made(f"{i}.png", i % 3) for i in range(10)]
    (tmp_path / "a").mkdir()
    write(tmp_path / "one", [samples])
    write(tmp_path / "two", [samples[:3], [], samples[3:]])
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two and set(one) == {"train.facts", "train.small", "train.names", "train.prefix"}


def test_a_dataset_without_an_index_has_none_and_a_damaged_one_says_so(tmp_path):
    assert open_indexes(tmp_path) == {}
    write(tmp_path / FOLDER, [[made("a"), made("b")]], Split.VAL)
    assert list(open_indexes(tmp_path)) == [Split.VAL]
    facts = tmp_path / FOLDER / "val.facts"
    whole = facts.read_bytes()
    for broken in (whole[:-1], whole[: len(whole) // 2]):
        facts.write_bytes(broken)
        with pytest.raises(InputError, match="damaged"):
            open_indexes(tmp_path)
    (tmp_path / FOLDER / "val.small").unlink()
    facts.write_bytes(whole)
    with pytest.raises(InputError, match="damaged"):
        open_indexes(tmp_path)


def test_numbers_are_little_endian_and_packed(tmp_path):
    """The layout as its description says, read without numpy's record type."""
    write(tmp_path, [[made("ab", 1), made("c", 2)]])
    raw = (tmp_path / "train.facts").read_bytes()
    assert len(raw) == 2 * 88
    assert raw[:32] == hashlib.sha256(b"ab").digest()
    assert int.from_bytes(raw[40:48], "little") == 2 and int.from_bytes(raw[88 + 40 : 88 + 48], "little") == 3
    assert np.frombuffer(raw, "<i4")[[19, 22 + 19]].tolist() == [1, 2]
