from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradus.core.errors import InputError, OutsideDataRootsError, PathError
from gradus.services.paths import complete, read_user_file, resolve_folder, resolve_user_path

LIMIT = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with a neighbour whose name begins alike, and links out of it."""
    root = tmp_path / "data"
    (root / "pets" / "cat").mkdir(parents=True)
    (root / "pets" / "1.png").write_bytes(b"picture")
    (tmp_path / "data2").mkdir()
    (tmp_path / "data2" / "secret").write_bytes(b"secret")
    (root / "out").symlink_to(tmp_path / "data2")
    (root / "leak.png").symlink_to(tmp_path / "data2" / "secret")
    (root / "within").symlink_to(root / "pets")
    return root


def test_what_is_inside_is_resolved(root: Path) -> None:
    assert resolve_user_path([root], f"{root}/pets") == root / "pets"
    assert resolve_user_path([root], f"{root}/./pets/../pets/cat/") == root / "pets" / "cat"
    assert resolve_user_path([root], f"{root}/within/1.png") == root / "pets" / "1.png"
    assert read_user_file([root], f"{root}/within/1.png", limit=LIMIT) == b"picture"


@pytest.mark.parametrize(
    "text", ["{root}2", "{root}2/secret", "{root}/../data2", "{root}/../data2/none", "{root}/out", "{root}/out/secret",
             "{root}/leak.png", "/etc/shadow", "/proc/self/environ", "/", "/dev/zero", "/dev/stdin", "{root}/.."]
)  # fmt: skip
def test_a02_a05_what_is_outside_is_refused_whether_it_exists_or_not(root: Path, text: str) -> None:
    with pytest.raises(OutsideDataRootsError) as caught:
        resolve_user_path([root], text.format(root=root), field="train")
    assert caught.value.status == 403
    assert caught.value.problem.code == "outside_data_roots"
    with pytest.raises(OutsideDataRootsError):
        read_user_file([root], text.format(root=root), limit=LIMIT)


@pytest.mark.parametrize(
    "text", ["", "  ", "pets", "~root/x", "{root}/a\0b", "{root}/a\nb", "{root}/\udcff", "/x" * 4000]
)
def test_what_is_no_path_names_the_field(root: Path, text: str) -> None:
    with pytest.raises(PathError) as caught:
        resolve_user_path([root], text.format(root=root), field="train")
    assert caught.value.problem.field == "train"


def test_missing_and_wrong_kinds_are_told_apart_inside(root: Path) -> None:
    with pytest.raises(PathError, match="does not exist") as caught:
        resolve_user_path([root], f"{root}/none")
    assert "typing mistake" in str(caught.value.problem.hint)
    with pytest.raises(PathError, match="is a file"):
        resolve_folder([root], f"{root}/pets/1.png")
    with pytest.raises(PathError, match="is a folder"):
        read_user_file([root], f"{root}", limit=LIMIT)
    with pytest.raises(PathError, match="larger"):
        read_user_file([root], f"{root}/pets/1.png", limit=3)


def test_a05_devices_fifos_and_sockets_are_refused_at_once(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        for name in ("fifo", "socket"):
            with pytest.raises(PathError):
                read_user_file([root], f"{root}/{name}", limit=LIMIT)
            with pytest.raises(PathError):
                resolve_user_path([root], f"{root}/{name}")
    with pytest.raises(PathError, match="not a regular file"):
        read_user_file([root], "/dev/zero", limit=LIMIT, unrestricted=True)


def test_the_owner_names_any_path(root: Path, tmp_path: Path) -> None:
    assert resolve_user_path([root], f"{tmp_path}/data2", unrestricted=True) == tmp_path / "data2"
    assert read_user_file([], f"{root}/leak.png", limit=LIMIT, unrestricted=True) == b"secret"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_told(root: Path) -> None:
    (root / "pets").chmod(0)
    try:
        with pytest.raises(PathError, match="permission"):
            resolve_folder([root], f"{root}/pets")
    finally:
        (root / "pets").chmod(0o755)


def test_a07_a_folder_exchanged_for_a_link_never_leads_out(root: Path, tmp_path: Path) -> None:
    """While `swap/secret` is read, `swap` is a folder at one moment and a link to the outside at the next."""
    swap, real = root / "swap", root / "real"
    real.mkdir()
    (real / "secret").write_bytes(b"picture")
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            real.rename(swap)
            swap.rename(real)
            swap.symlink_to(tmp_path / "data2")
            swap.unlink()

    thread = threading.Thread(target=exchange)
    thread.start()
    outcomes = set()
    try:
        for _ in range(10_000):
            try:
                outcomes.add(read_user_file([root], f"{root}/swap/secret", limit=LIMIT))
            except InputError:
                outcomes.add(b"refused")
    finally:
        stop.set()
        thread.join()
    assert b"secret" not in outcomes
    assert b"refused" in outcomes


_PARTS = st.lists(
    st.sampled_from(["..", ".", "", "pets", "cat", "out", "within", "secret", "data", "data2", "1.png", "*", "é"]),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(_PARTS)
def test_nothing_outside_is_ever_returned(root: Path, parts: list[str]) -> None:
    text = "/".join([str(root), *parts])
    try:
        found = resolve_user_path([root], text)
    except PathError:
        return
    assert found.resolve(strict=True) == found
    assert os.path.commonpath([found, root]) == str(root)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_is_resolved_or_refused(root: Path, text: str) -> None:
    try:
        resolve_user_path([root], text)
    except InputError:
        return
    assert root == Path(os.path.realpath(text)) or root in Path(os.path.realpath(text)).parents


def test_completion_offers_what_is_below_and_hides_the_rest(root: Path) -> None:
    (root / ".hidden").mkdir()
    assert [entry.path for entry in complete([root], "")] == [str(root)]
    assert [entry.path for entry in complete([root], str(root)[:-2])] == [str(root)]
    assert {Path(entry.path).name for entry in complete([root], f"{root}/")} == {"pets", "within"}
    assert [entry.path for entry in complete([root], f"{root}/pe")] == [f"{root}/pets"]
    assert [entry.path for entry in complete([root], f"{root}/.h")] == [f"{root}/.hidden"]
    assert ".hidden" in {Path(entry.path).name for entry in complete([root], f"{root}/", hidden=True)}
    found = complete([root], f"{root}/pets/")
    assert [(Path(entry.path).name, entry.folder) for entry in found] == [("cat", True), ("1.png", False)]


@pytest.mark.parametrize(
    "text", ["/*/*/*/*", "~root/", "[", "/etc/", "/etc/pass", "../", "a" * 10_000, "/\0", "{root}2/", "{root}/out/",
             "{root}/*", "{root}/[a-z]*"]
)  # fmt: skip
def test_a03_completion_tells_nothing_of_what_is_outside(root: Path, text: str) -> None:
    assert complete([root], text.format(root=root)) == []


def test_a03_completion_is_bounded(root: Path) -> None:
    (root / "many").mkdir()
    for number in range(300):
        (root / "many" / f"{number:03}").touch()
    found = complete([root], f"{root}/many/")
    assert [Path(entry.path).name for entry in found] == [f"{number:03}" for number in range(50)]
