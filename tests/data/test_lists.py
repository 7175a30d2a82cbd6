"""Every name that a disk can hold goes through the lists and comes back."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.lists import PART, entry_lines, entry_parts, escape, read_entries, unescape

names = st.binary(min_size=1, max_size=60).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"%")))


@given(names)
def test_names_round_trip(name):
    line = escape(name)
    assert unescape(line) == name
    assert len(line.splitlines()) == 1
    line.encode()


@given(st.lists(st.tuples(names, st.integers(0, 10**9 - 1))))
def test_lists_round_trip(entries):
    assert list(read_entries(entry_lines(entries))) == entries


def test_a_long_list_comes_in_parts_and_ends_when_a_look_says_so():
    entries = [(f"{i}.png", i % 7) for i in range(3 * PART + 1)]
    assert "".join(entry_parts(entries)) == "".join(f"{name} {label}\n" for name, label in entries)
    looks = iter((None, None, InterruptedError()))

    def look():
        if error := next(looks):
            raise error

    read = iter(entries)
    parts = entry_parts(read, look)
    assert [next(parts).count("\n"), next(parts).count("\n")] == [PART, PART]
    with pytest.raises(InterruptedError):
        next(parts)


def test_ordinary_names_are_as_digits_wrote_them():
    assert entry_lines([("/data/cats/my cat 100%.jpg", 3)]) == "/data/cats/my cat 100%.jpg 3\n"


def test_escapes():
    assert escape("a\nb") == "a%0Ab"
    assert escape("a%0Ab") == "a%250Ab"
    assert escape(os.fsdecode(b"caf\xe9")) == "caf%E9"


@pytest.mark.parametrize("line", ["nolabel", "a.png x", "a.png -1", " 3", "a.png ²", "a.png 99999999999"])
def test_lines_of_another_form_are_refused_by_number(line):
    with pytest.raises(InputError) as caught:
        list(read_entries(f"a.png 1\n{line}\n"))
    assert caught.value.problem.line == 2
