"""Whole or not at all, also on a full disk."""

import errno
import os
import resource
import subprocess
import sys

import pytest

from gradus.core.dataset import BadFile
from gradus.core.errors import StorageFullError
from gradus.data.files import atomic, remove_leftovers, replace_folder, write_json, write_parts, write_text, writing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_there_with_nothing_beside_it(tmp_path):
    write_text(tmp_path / "a.txt", "één\r\n")
    assert (tmp_path / "a.txt").read_bytes() == "één\r\n".encode()
    write_json(tmp_path / "b.json", BadFile(file="x", reason="y"))
    assert BadFile.model_validate_json((tmp_path / "b.json").read_text()).reason == "y"
    assert names(tmp_path) == ["a.txt", "b.json"]


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_an_error_leaves_the_old_content(tmp_path):
    path = tmp_path / "a"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), atomic(path) as file:
        file.write(b"new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_text_that_comes_in_parts_is_there_whole_or_not_at_all(tmp_path):
    def parts(last):
        yield "één\n"
        yield last()

    write_parts(tmp_path / "a", parts(lambda: "twee\n"))
    assert (tmp_path / "a").read_bytes() == "één\ntwee\n".encode()
    with pytest.raises(InterruptedError):
        write_parts(tmp_path / "a", parts(_interrupted))
    assert (tmp_path / "a").read_bytes() == "één\ntwee\n".encode() and names(tmp_path) == ["a"]


def _interrupted():
    raise InterruptedError


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_names_what_and_how_much_is_free(tmp_path, code):
    with pytest.raises(StorageFullError) as caught, writing("the thing", tmp_path / "not" / "there"):
        raise OSError(code, os.strerror(code))
    assert "the thing" in str(caught.value) and "free at" in str(caught.value)
    assert caught.value.problem.hint


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), writing("x", tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_a_file_size_limit_is_no_room(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from gradus.data.files import write_bytes\n"
        "from gradus.core.errors import StorageFullError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_bytes(Path(sys.argv[1]) / 'big', b'x' * 100000)\n"
        "except StorageFullError: sys.exit(7)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 7
    assert names(tmp_path) == []


def test_folders_are_replaced_and_leftovers_removed(tmp_path):
    for name in ("new", "old", ".writing-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    (tmp_path / ".writing-2").touch()
    replace_folder(tmp_path / "new", tmp_path / "old")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["old"]
    assert names(tmp_path / "old") == ["new"]


def test_what_another_process_is_writing_is_no_leftover(tmp_path):
    """The server writes job.json into the folder in which a worker begins to build."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = tmp_path / f".writing-{ended.pid}-0123456789abcdef"
    left.touch()
    with atomic(tmp_path / "job.json") as file:
        file.write(b"{}")
        remove_leftovers(tmp_path)
    assert names(tmp_path) == ["job.json"]
