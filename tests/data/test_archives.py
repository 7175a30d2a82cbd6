"""Archives that nobody should believe (A10, A11, A13), and the ordinary ones."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from gradus.core.errors import InputError
from gradus.data import archives
from gradus.data.archives import unpack
from gradus.data.build import build_classification

PICTURE = b"not really one: nothing is decoded here"


def nobody(_found):
    return None


def zipped(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tarred(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def special(name, kind, target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def below(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


GOOD = [("pets/cat/1.png", PICTURE), ("pets/cat/deep/2.JPG", b"2"), ("pets/dog/1.png", b"3")]
PASSED = [("pets/readme.txt", b"x"), ("__MACOSX/pets/cat/._1.png", b"x"), ("pets/dog/._1.png", b"x")]


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz", "w:bz2", "w:xz"])
def test_pictures_are_written_and_the_rest_is_passed_over(tmp_path, kind):
    make = zipped if kind == "zip" else lambda path, members: tarred(path, members, kind)
    folder, passed = unpack(make(tmp_path / "a.any", GOOD + PASSED), tmp_path / "out", "train", nobody)
    assert folder == tmp_path / "out" / "pets"
    assert below(folder) == {"cat/1.png", "cat/deep/2.JPG", "dog/1.png"}
    assert (folder / "cat" / "1.png").read_bytes() == PICTURE
    assert passed == 3


def test_a_name_with_a_dot_in_front_is_ordinary(tmp_path):
    members = [(f"./{name.removeprefix('pets/')}", content) for name, content in GOOD]
    folder, _ = unpack(tarred(tmp_path / "a.tar", members), tmp_path / "out", "train", nobody)
    assert folder == tmp_path / "out"


def test_one_class_alone_stays_a_class(tmp_path):
    folder, _ = unpack(zipped(tmp_path / "a.zip", [("cat/1.png", b"1")]), tmp_path / "out", "validation", nobody)
    assert [p.name for p in folder.iterdir()] == ["cat"]


@pytest.mark.parametrize(
    "name",
    ["../up.png", "a/../../up.png", "/etc/x.png", "C:\\x.png", "C:x.png", "a\\..\\b.png", "..", "cat/../../../x.txt"],
)
@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_name_that_leads_elsewhere_refuses_the_archive(tmp_path, name, make):
    path = make(tmp_path / "archive", [*GOOD, (name, b"evil")])
    with pytest.raises(InputError, match="has a name that") as caught:
        unpack(path, tmp_path / "deep" / "out", "test", nobody)
    assert caught.value.problem.field == "test"
    assert not (tmp_path / "deep" / "up.png").exists() and not (tmp_path / "up.png").exists()


@pytest.mark.parametrize(
    "member",
    [special("cat/l.png", tarfile.SYMTYPE), special("cat", tarfile.SYMTYPE, "/tmp"), special("h.png", tarfile.LNKTYPE),
     special("f.png", tarfile.FIFOTYPE), special("d.png", tarfile.CHRTYPE), special("b.png", tarfile.BLKTYPE),
     special("s.png", tarfile.GNUTYPE_SPARSE), special("c.png", tarfile.CONTTYPE)],
    ids=lambda member: f"{member.name}-{member.type!r}",
)  # fmt: skip
def test_links_and_devices_in_a_tar_refuse_it(tmp_path, member):
    path = tarred(tmp_path / "a.tar", [(member, b""), ("cat/1.png", b"through it")], "w")
    with pytest.raises(InputError, match=member.name):
        unpack(path, tmp_path / "out", "train", nobody)
    assert below(tmp_path / "out") <= {"cat/1.png"}
    assert not any(p.is_symlink() for p in (tmp_path / "out").rglob("*"))


def test_rights_of_members_are_not_taken_over(tmp_path):
    info = tarfile.TarInfo("cat/1.png")
    info.mode = 0o6777
    folder, _ = unpack(tarred(tmp_path / "a.tar", [(info, b"1")]), tmp_path / "out", "train", nobody)
    assert stat.S_IMODE((folder / "cat" / "1.png").stat().st_mode) == 0o600


def test_a_link_in_a_zip_refuses_it(tmp_path):
    info = zipfile.ZipInfo("cat/1.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(InputError, match="is a link or device"):
        unpack(zipped(tmp_path / "a.zip", [(info, "/etc/passwd")]), tmp_path / "out", "train", nobody)


def test_an_encrypted_member_refuses_it(tmp_path):
    path = zipped(tmp_path / "a.zip", GOOD)
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\1\2")
    content[at + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="is encrypted"):
        unpack(path, tmp_path / "out", "train", nobody)


def test_a_wrong_sum_refuses_it(tmp_path):
    path = zipped(tmp_path / "a.zip", GOOD, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(PICTURE, PICTURE.upper()))
    with pytest.raises(InputError, match=r"pets/cat/1\.png.*is damaged: its length or sum"):
        unpack(path, tmp_path / "out", "train", nobody)


@pytest.mark.parametrize(("make", "suffix"), [(zipped, "x.png"), (tarred, "x.png"), (tarred, "x.bin")])
def test_zeros_that_grow_a_thousandfold_are_refused(tmp_path, make, suffix):
    """200 MB in under 200 kB."""
    path = make(tmp_path / "bomb", [(f"cat/{suffix}", bytes(200_000_000))])
    assert path.stat().st_size < 200_000
    with pytest.raises(InputError, match="more than 200 times"):
        unpack(path, tmp_path / "out", "train", nobody)
    assert sum(p.stat().st_size for p in (tmp_path / "out").rglob("*") if p.is_file()) <= archives.RATIO_FROM


def test_a_size_that_is_a_lie_changes_nothing(tmp_path):
    """Declared 10 bytes, really 100,000."""
    path = zipped(tmp_path / "a.zip", [("cat/1.png", os.urandom(100_000)), *GOOD])
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = content.find(mark)
        content[at + place : at + place + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        unpack(path, tmp_path / "out", "train", nobody)
    assert (tmp_path / "out" / "cat" / "1.png").stat().st_size <= 10


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_refuses_it(tmp_path):
    for name, members in (("twice", ["a/1.png", "a/1.png"]), ("both", ["a.png", "a.png/1.png"])):
        path = zipped(tmp_path / f"{name}.zip", [(member, b"1") for member in members])
        with pytest.raises(InputError, match="is there twice"):
            unpack(path, tmp_path / name, "train", nobody)


def test_names_that_differ_by_case_are_two_files(tmp_path):
    names = ["a/x.png", "a/X.png", "a/\N{LATIN SMALL LETTER E WITH ACUTE}.png", "a/e\N{COMBINING ACUTE ACCENT}.png"]
    unpack(
        zipped(tmp_path / "a.zip", [(name, b"1") for name in [*names, "b/new\nline.png"]]),
        tmp_path / "out",
        "train",
        nobody,
    )
    assert below(tmp_path / "out") == {*names, "b/new\nline.png"}


def test_a_large_header_of_names_is_refused(tmp_path):
    info = tarfile.TarInfo("x" * (2 << 20) + ".png")
    with pytest.raises(InputError, match="a header of 2,097"):
        unpack(tarred(tmp_path / "a.tar", [(info, b"")]), tmp_path / "out", "train", nobody)


def test_too_many_members_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 10)
    with pytest.raises(InputError, match="more than 10 files"):
        unpack(tarred(tmp_path / "a", [(f"{i}.txt", b"") for i in range(11)]), tmp_path / "out", "train", nobody)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(2000), b"text", b"PK\3\4" + bytes(50), b"\x1f\x8b" + bytes(9)]
)
def test_what_is_no_archive_says_so(tmp_path, content):
    """By content: the name says what it likes."""
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match="The archive cannot be used") as caught:
        unpack(tmp_path / "a.tar.gz", tmp_path / "out", "train", nobody)
    assert caught.value.problem.hint


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\x89PNG\r\n\x1a\n", "but a PNG picture"), (b"", "but empty"), (b"hello\n" * 99, "but text"),
     (b"%PDF-1.7", "but PDF"), (os.urandom(600), "but something unknown"),
     (b"7z\xbc\xaf\x27\x1c", "but 7-Zip"), (b"Rar!\x1a\7", "but RAR"), (b"<html>", "but HTML"),
     (gzip.compress(b"\x89PNG\r\n\x1a\n" * 99), "but something else that is compressed")],
)  # fmt: skip
def test_a13_what_is_no_archive_says_what_it_is(tmp_path, content, told):
    (tmp_path / "a.tar.gz").write_bytes(content.ljust(600, content[-1:] or b" ") if content else b"")
    with pytest.raises(InputError, match=told):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out", "train", nobody)


def test_a13_a_tar_that_is_called_zip_is_a_tar(tmp_path):
    folder, _ = unpack(tarred(tmp_path / "a.zip", GOOD), tmp_path / "out", "train", nobody)
    assert len(below(folder)) == 3


@pytest.mark.parametrize("make", [zipped, tarred])
def test_one_that_breaks_off_is_refused(tmp_path, make):
    path = make(tmp_path / "whole", [(f"cat/{i}.png", os.urandom(5000)) for i in range(30)])
    whole = path.read_bytes()
    for left in range(3, 98, 2):  # also where a member ends
        (tmp_path / "part").write_bytes(whole[: len(whole) * left // 100])
        with pytest.raises(InputError, match="cannot be used"):
            unpack(tmp_path / "part", tmp_path / f"out{left}", "train", nobody)


def test_the_watcher_can_stop_it(tmp_path):
    path = tarred(tmp_path / "a", [(f"a/{i}.png", b"") for i in range(1500)])

    def stop(found):
        raise InterruptedError(found)

    with pytest.raises(InterruptedError, match="1000"):
        unpack(path, tmp_path / "out", "train", stop)


def test_an_archive_gives_the_database_of_its_folder(pictures, options, memory, tmp_path):
    root, val = pictures(("a", "b")), pictures(("b", "c"), count=3, root="val")
    files = [(str(p.relative_to(tmp_path)), p.read_bytes()) for p in sorted(root.rglob("*.png"), reverse=True)]
    path = zipped(tmp_path / "pets.zip", [*files, ("pictures/notes.txt", b"x")])
    own = tarred(tmp_path / "val.tar", [(str(p.relative_to(val)), p.read_bytes()) for p in val.rglob("*.png")])
    report = memory()
    facts = build_classification(options(path, method="archive", validation=str(own)), tmp_path / "job", report)
    build_classification(options(root, validation=str(val)), tmp_path / "plain", memory())
    for split in ("train", "val"):
        databases = [(tmp_path / job / f"{split}_db" / "data.mdb").read_bytes() for job in ("job", "plain")]
        assert databases[0] == databases[1]
    assert facts.split("val").unknown == ["c"]
    assert (tmp_path / "job" / "train.txt").read_text().startswith(f"{path}/a/")
    assert not list((tmp_path / "job").glob(".building-*"))
    assert "1 files of pets.zip are not named as pictures: passed over" in report.warnings


def test_a_refused_archive_leaves_nothing(options, memory, tmp_path):
    path = zipped(tmp_path / "a.zip", [*GOOD, ("../x.png", b"")])
    with pytest.raises(InputError):
        build_classification(options(path, method="archive"), tmp_path / "job", memory())
    assert list((tmp_path / "job").iterdir()) == []
    assert Path(tmp_path / "x.png").exists() is False
