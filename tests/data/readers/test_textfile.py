"""Lists of pictures: what a line may be, and what becomes of one that is none (A06)."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.lists import entry_lines
from gradus.data.readers.textfile import Places, read_labels, read_list


def nobody(_found):
    return None


@pytest.fixture
def read(tmp_path):
    """What a list of these bytes names, for three classes; its pictures lie beside it."""
    (tmp_path / "a b").mkdir()
    for name in ("1.png", "2.png", "a b/3.png", "100%41.png"):
        (tmp_path / name).touch()

    def run(content, roots=None, start=tmp_path):
        (tmp_path / "list.txt").write_bytes(content)
        return read_list(tmp_path / "list.txt", Places(start, roots), 3, "train", nobody)

    return run


def test_a_line_is_split_at_its_last_blank(read, tmp_path):
    found = read(b"1.png 0\na b/3.png\t2\n\n   \n%s/2.png   1\r\n" % os.fsencode(tmp_path))
    root = str(tmp_path)[1:]
    assert found.entries == [(f"{root}/1.png", 0), (f"{root}/a b/3.png", 2), (f"{root}/2.png", 1)]
    assert found.bad == []


def test_a_mark_of_utf_8_and_a_last_line_without_end(read):
    assert [label for _, label in read(b"\xef\xbb\xbf1.png 0\n2.png 2").entries] == [0, 2]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"1.png", "not of the form"),
        (b"0", "not of the form"),
        (b"1.png one", "not of the form"),
        (b"1.png 1.0", "not of the form"),
        ("1.png ١".encode(), "not of the form"),
        (b"1.png -1", "label -1: there are 3, counted from 0"),
        (b"1.png 3", "label 3: there are 3"),
        (b"1.png 99999999999", "label 99999999999"),
        (b"no.png 1", "there is no such file"),
        (b"1.png/x 1", "there is no such file"),
        (b"a b 1", "not a file but a folder"),
        (b"/dev/null 1", "not a file but a folder, link or device"),
        (b"http://169.254.169.254/ 0", "an address"),
        (b"file:///etc/passwd 0", "an address"),
        (b"1\0.png 0", "NUL"),
        (b"x" * 1_000_000 + b" 0", "longer than 8,192"),
        (b"y" * 4000 + b" 0", "File name too long"),
    ],
)
def test_a_line_of_no_use_is_told_with_its_number_and_the_next_is_read(read, line, told):
    found = read(b"1.png 0\n" + line + b"\n2.png 1\n")
    assert [label for _, label in found.entries] == [0, 1]
    (bad,) = found.bad
    assert bad.file == "list.txt, line 2"
    assert told in bad.reason


@pytest.mark.parametrize("line", ["/etc/passwd 0", "../../../../../../etc/passwd 0", "out/passwd 0", "out.png 0"])
def test_no_line_leads_out_of_the_roots(read, tmp_path, line):
    (tmp_path / "out").symlink_to("/etc")
    (tmp_path / "out.png").symlink_to("/etc/passwd")
    found = read(f"1.png 1\n{line}\n/etc/none 0\n".encode(), roots=[str(tmp_path)])
    assert [bad.reason for bad in found.bad] == ["outside the folders that are allowed"] * 2
    assert len(found.entries) == 1


def test_a_root_is_not_a_beginning_of_letters(read, tmp_path):
    other = tmp_path.with_name(tmp_path.name + "2")
    other.mkdir()
    (other / "1.png").touch()
    found = read(f"1.png 0\n{other}/1.png 0\n".encode(), roots=[str(tmp_path)])
    assert len(found.bad) == 1


def test_a_link_inside_the_roots_is_followed(read, tmp_path):
    (tmp_path / "link.png").symlink_to(tmp_path / "2.png")
    assert read(b"link.png 0\n", roots=[str(tmp_path)]).entries == [(str(tmp_path / "2.png")[1:], 0)]


def test_what_was_sent_has_nothing_beside_it(read):
    with pytest.raises(InputError, match="not a whole path, and no image folder is given"):
        read(b"1.png 0\n", start=None)


@pytest.mark.parametrize("content", [b"", b"\n\n", os.urandom(100_000), b"\xff\xfe1\0.\0", b"no\n" * 5000])
def test_a_file_that_is_no_list_names_the_field(read, content):
    with pytest.raises(InputError) as caught:
        read(content)
    assert caught.value.problem.field == "train"
    assert caught.value.problem.hint


def test_a_list_that_is_mostly_of_no_use_is_not_read_to_its_end(read, monkeypatch):
    """Each such line is kept to be shown: a file of gigabytes must not fill the memory."""
    monkeypatch.setattr("gradus.data.readers.textfile.MOST_BAD", 2000)
    good, bad = b"1.png 0\n", b"x\n"
    assert len(read(good * 2001 + bad * 2000).bad) == 2000
    with pytest.raises(InputError, match=r"Only 5 of the first 2,005 lines of the list can be used; list\.txt, line 6"):
        read(good * 5 + bad * 50_000)


@given(st.binary(max_size=400))
def test_no_bytes_break_a_list(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    (folder / "list.txt").write_bytes(content)
    try:
        found = read_list(folder / "list.txt", Places(folder, [str(folder)]), 3, "train", nobody)
    except InputError as error:
        assert error.problem.field == "train"
    else:
        assert all(name == str(folder / "list.txt")[1:] for name, _ in found.entries)


@given(st.lists(st.binary(min_size=1, max_size=30).filter(lambda b: not {*b"/\0"} & {*b} and b not in (b".", b".."))))
def test_our_own_lists_are_read_whatever_the_names(tmp_path_factory, names):
    """As `entry_lines` writes them."""
    folder = tmp_path_factory.mktemp("names")
    files = [folder / os.fsdecode(b"n" + name + b"n") for name in names]
    for file in files:
        file.touch()
    text = entry_lines((str(file), i % 3) for i, file in enumerate(files))
    (folder.parent / "all.txt").write_text("\n" + text + f"{folder.parent}/all.txt 0\n")
    found = read_list(folder.parent / "all.txt", Places(None, None), 3, "train", nobody)
    assert found.bad == []
    assert [Path("/", name) for name, _ in found.entries[:-1]] == files


def test_a_percent_sign_is_one_where_there_is_such_a_file(read, tmp_path):
    assert read(b"100%41.png 0\n").entries == [(str(tmp_path / "100%41.png")[1:], 0)]


def test_labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffgroße Katze\r\n dog \ne\x07u\n\n\n".encode())
    assert read_labels(path) == ["große Katze", "dog", "e%07u"]


@pytest.mark.parametrize(("content", "told"), [(b"", "names 0"), (b"one\n", "names 1"), (b"a\n\nb\n", "is empty")])
def test_labels_that_are_none(tmp_path, content, told):
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_labels(tmp_path / "labels.txt")
    assert caught.value.problem.field == "labels"


def test_a_device_is_not_read(tmp_path):
    with pytest.raises(InputError, match="not a file"):
        read_labels(Path("/dev/zero"))
