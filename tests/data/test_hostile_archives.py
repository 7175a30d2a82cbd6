"""Archives made to fill a disk or the memory, or to write elsewhere (A10 to A12): nothing is found outside after."""

import hashlib
import io
import json
import lzma
import os
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from itertools import repeat
from pathlib import Path

import pytest

from gradus.core.errors import InputError
from gradus.data import archives
from gradus.data.archives import unpack


def nobody(_found):
    return None


@pytest.fixture
def outside(tmp_path):
    """Files around the target, and what they were: nothing of them may change."""
    for name in ("up.png", "etc/passwd", "home/deep/x.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    def state():
        found = hashlib.sha256()
        for path in sorted(p for p in tmp_path.rglob("*") if p.is_file() and "target" not in p.parts):
            found.update(os.fsencode(path) + path.read_bytes())
        return found.hexdigest()

    before = None

    def refused(path, match):
        nonlocal before
        before = state()
        with pytest.raises(InputError, match=match) as caught:
            unpack(path, tmp_path / "target" / "out", "train", nobody)
        assert state() == before
        assert not [p for p in (tmp_path / "target").rglob("*") if p.is_symlink()]
        return caught.value.problem

    return refused


def head(name, size=0, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info.tobuf(tarfile.GNU_FORMAT)


def gzipped(*parts):
    """A gzip of parts of which each is written as it comes, so that ten gigabytes need no memory."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(map(packer.compress, parts)) + packer.flush()


def negative(data):
    """The header with a size of -512 (base 256, as GNU tar writes what eleven octal digits cannot)."""
    data = bytearray(data)
    data[124:136] = (-512).to_bytes(12, "big", signed=True)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def pax(records, name="a/x.png", kind=b"x"):
    text = b"".join(b"%d %s" % (len(r) + len(str(len(r) + 3)) + 1, r) for r in records)
    return head("pax", len(text), kind) + text.ljust(-(-len(text) // 512) * 512, b"\0") + head(name)


TARS = {
    "up": (head("../up.png"), "leads elsewhere"),
    "absolute": (head("/etc/x.png"), "starts elsewhere"),
    "link-and-through": (head("cat", 0, tarfile.SYMTYPE, "../../etc") + head("cat/passwd.png"), "is a link"),
    "hard-link": (head("a/x.png", 0, tarfile.LNKTYPE, "/etc/passwd"), "is a link"),
    "pipe": (head("a/x.png", 0, tarfile.FIFOTYPE), "is a link, a device"),
    "device": (head("a/x.png", 0, tarfile.CHRTYPE), "is a link, a device"),
    "no-name": (head(""), "leads elsewhere"),
    "links-without-names": (head("", 0, tarfile.SYMTYPE, "..") + head("", 0, tarfile.SYMTYPE, ".."), "is a link"),
    "sparse": (head("a/x.png", 0, tarfile.GNUTYPE_SPARSE), "sparse"),
    "pax-sparse": (pax([b"GNU.sparse.major=1\n", b"GNU.sparse.minor=0\n", b"GNU.sparse.name=x\n"]), "damaged|sparse"),
    "negative": (negative(head("a/x.png")), "a size below 0"),
    "negative-header": (negative(head("a", 0, b"x")), "a header of -512"),
    "pax-negative": (pax([b"size=-1024\n"]) + head("b/y.png"), "damaged|sparse"),
    "pax-leads-up": (pax([b"path=../../up.png\n"]), "leads elsewhere"),
    "pax-100-MB": (head("pax", 100 << 20, b"x") + b"9 path=a\n", "a header of 104,857,600"),
    "name-100-MB": (head("name", 100 << 20, b"L"), "a header of 104,857,600"),
    "headers-without-end": (head("x", 9, b"x") + b"9 path=a\n".ljust(512, b"\0"), "neither a zip nor a tar"),
    "header-on-header": (head("x", 0, b"x") * 3000, "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", TARS)
def test_a10_a_tar_that_is_made_to_harm_is_refused(tmp_path, outside, name):
    content, told = TARS[name]
    (tmp_path / "a.tar").write_bytes(content + bytes(1024))
    outside(tmp_path / "a.tar", told)


@pytest.mark.parametrize("suffix", ["png", "bin"])
def test_a10_ten_gigabytes_of_zeros_are_not_written(tmp_path, outside, suffix):
    """In a member that is a picture by its name, and in one that is passed over."""
    size = 3 << 30
    (tmp_path / "a.tgz").write_bytes(gzipped(head(f"a/x.{suffix}", size), *repeat(bytes(1 << 20), 600)))
    assert (tmp_path / "a.tgz").stat().st_size < 4 << 20
    problem = outside(tmp_path / "a.tgz", "more than")
    assert f"x.{suffix}" in problem.message
    assert sum(p.stat().st_size for p in (tmp_path / "target").rglob("*") if p.is_file()) <= archives.MAX_PICTURE


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE])
def test_a10_many_empty_members_are_refused(tmp_path, outside, monkeypatch, kind):
    """Files or folders; 100,000 of them take 2.4 seconds."""
    monkeypatch.setattr(archives, "MAX_EMPTY", 1000)
    (tmp_path / "a.tgz").write_bytes(gzipped(*(head(f"a/{i}", 0, kind) for i in range(1001)), bytes(1024)))
    assert "a/1000" in outside(tmp_path / "a.tgz", "more than 1,000 folders and empty files").message
    (tmp_path / "b.tgz").write_bytes(gzipped(*(head(f"a/{i}", 0, kind) for i in range(1000)), bytes(1024)))
    unpack(tmp_path / "b.tgz", tmp_path / "target" / "fits", "train", nobody)


def test_a10_zeros_that_are_no_tar_hold_nothing(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(gzipped(*repeat(bytes(1 << 20), 200)))
    folder, passed = unpack(tmp_path / "a.tar.gz", tmp_path / "out", "train", nobody)
    assert (list(folder.iterdir()), passed) == ([], 0)


def test_a10_a_dictionary_of_a_gigabyte_is_refused(tmp_path, outside):
    packer = lzma.LZMACompressor(filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}])
    data = bytearray(packer.compress(head("a/x.png")) + packer.flush())
    at = data.index(b"\x21\x01") + 2  # LZMA2 and the length of its properties: the size of the dictionary follows
    data[at] = 38  # 2**30 * 2 (xz's file format, 5.3.1)
    size = (data[12] + 1) * 4
    data[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(data[12 : 12 + size - 4]))
    (tmp_path / "a.txz").write_bytes(data)
    outside(tmp_path / "a.txz", "Memory usage limit")


def test_several_streams_of_xz_are_one(tmp_path):
    whole = b"".join(head(f"a/{i}.png") for i in range(40)) + bytes(1024)
    (tmp_path / "a.txz").write_bytes(b"".join(lzma.compress(whole[i : i + 700]) for i in range(0, len(whole), 700)))
    folder, _ = unpack(tmp_path / "a.txz", tmp_path / "out", "train", nobody)
    assert len(list(folder.rglob("*.png"))) == 40


CHILD = """
import re, sys
from pathlib import Path
from gradus.core.errors import InputError
from gradus.data.archives import unpack
try:
    unpack(Path(sys.argv[1]), Path(sys.argv[2]), "train", lambda found: None)
except InputError as error:
    sys.stderr.write(str(error))
sys.stdout.write(re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_many_members_take_little_memory(tmp_path, kind):
    """30,000 empty ones; a million were measured at 32 and 77 MB."""
    content = gzipped(*(head(f"a/{i}") for i in range(30_000)), bytes(1024)) if kind == "tar" else plain_zip(30_000)
    (tmp_path / "many").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "many"), str(tmp_path / "out")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert int(done.stdout) < 60_000  # kB


def local(name, data=b"", method=0, size=None):
    packed = _deflated(data) if method else data
    return struct.pack(
        "<4sHHHHHIIIHH", b"PK\3\4", 20, 0, method, 0, 33, zlib.crc32(data), len(packed), len(data), len(name), 0
    ) + name + packed  # fmt: skip


def line(name, at, data=b"", method=0, size=None, extra=b""):
    packed = len(_deflated(data) if method else data)
    size = len(data) if size is None else size
    return struct.pack(
        "<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, method, 0, 33, zlib.crc32(data), packed, size, len(name),
        len(extra), 0, 0, 0, 0, at,
    ) + name + extra  # fmt: skip


def end(count, lines, at):
    return struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(lines), at, 0)


def _deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def plain_zip(count):
    names = [b"a/%d" % i for i in range(count)]
    body = b"".join(map(local, names))
    places, at = [], 0
    for name in names:
        places.append(at)
        at += 30 + len(name)
    lines = b"".join(map(line, names, places))
    return body + lines + end(count, lines, len(body))


def test_a11_members_that_share_bytes_are_refused(tmp_path, outside):
    """David Fifield's construction: one kernel, quoted by every member."""
    kernel = bytes(100_000)
    body = local(b"a/0.png", kernel, 8)
    for overlapping in (True, False):
        names = [b"a/%d.png" % i for i in range(1, 50)] if overlapping else [b"a/0.png", b"a/0.png"]
        heads = b"".join(
            struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 33, zlib.crc32(kernel), 10**6, len(kernel), len(n), 0)
            + n
            for n in names
        )
        at = [37 * i for i in range(len(names))] if overlapping else [0, 0]
        lines = b"".join(line(name, place, kernel, 8) for name, place in zip(names, at, strict=True))
        whole = (heads if overlapping else b"") + body
        (tmp_path / "a.zip").write_bytes(whole + lines + end(len(names), lines, len(whole)))
        outside(tmp_path / "a.zip", "overlaps another member")
        (tmp_path / "target" / "out" / "a").rename(tmp_path / "target" / f"seen{overlapping}")
        (tmp_path / "target" / "out").rmdir()


@pytest.mark.parametrize(
    "name", [b"../../evil.png", b"C:\\x.png", b"/abs.png", b"a/../../x.png", b"..\\..\\x.png", b"\0.png"]
)
def test_a11_a_name_that_leads_elsewhere_refuses_the_zip(tmp_path, outside, name):
    body, lines = local(name), line(name, 0)
    (tmp_path / "a.zip").write_bytes(body + lines + end(1, lines, len(body)))
    outside(tmp_path / "a.zip", "has a name that")


def test_a11_sizes_of_64_bits_that_lie(tmp_path, outside):
    """Announced are 10 bytes, in the field for large files; there are 100,000."""
    data = os.urandom(100_000)
    extra = struct.pack("<HHQ", 1, 8, 10)
    body, lines = local(b"a/1.png", data), line(b"a/1.png", 0, data, size=0xFFFFFFFF, extra=extra)
    (tmp_path / "a.zip").write_bytes(body + lines + end(1, lines, len(body)))
    outside(tmp_path / "a.zip", "longer than the archive says")


def test_sizes_of_64_bits_are_read(tmp_path):
    data = os.urandom(5000)
    extra = struct.pack("<HHQ", 1, 8, len(data))
    body, lines = local(b"a/1.png", data), line(b"a/1.png", 0, data, size=0xFFFFFFFF, extra=extra)
    large = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(lines), len(body))
    large += struct.pack("<4sIQI", b"PK\6\7", 0, len(body) + len(lines), 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    (tmp_path / "a.zip").write_bytes(body + lines + large + last)
    folder, _ = unpack(tmp_path / "a.zip", tmp_path / "out", "train", nobody)
    assert (folder / "a" / "1.png").read_bytes() == data


def test_bytes_in_front_of_a_zip_do_not_matter(tmp_path):
    """As self-extracting ones have."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("cat/1.png", b"1")
        archive.writestr("dog/1.png", b"2")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(b"PK\3\4 not this" + bytes(5000) + data)
    folder, _ = unpack(tmp_path / "b.zip", tmp_path / "out", "train", nobody)
    assert (folder / "dog" / "1.png").read_bytes() == b"2"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a11_uncommon_methods_are_refused(tmp_path, outside, method):
    """Their decoders may ask for gigabytes."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("cat/1.png", b"1" * 99)
    outside(tmp_path / "a.zip", "not packed by the common method")


def test_a11_archives_in_an_archive_are_not_opened(tmp_path):
    """Ten of them, each with ten (42.zip has five levels)."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(10):
            archive.writestr(f"{i}.zip", bytes(100_000))
    with zipfile.ZipFile(tmp_path / "42.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(10):
            archive.writestr(f"lib {i}.zip", inner.getvalue())
    folder, passed = unpack(tmp_path / "42.zip", tmp_path / "out", "train", nobody)
    assert (list(folder.iterdir()), passed) == ([], 10)


INFO = [
    '{"snapshot file": "/etc/shadow"}',
    '{"snapshot file": "../../x"}',
    "1",
    '{"a": NaN}',
    '{"a": 1, "a": 2}',
    "{" * 99,
]


@pytest.mark.parametrize("info", INFO)
def test_a12_what_an_archive_says_of_itself_is_never_read(tmp_path, info):
    """An `info.json` of a dataset's archive is a file like any other that is no picture."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("info.json", "cat/info.json", "cat/1.png", "dog/1.png"):
            archive.writestr(name, info)
    folder, passed = unpack(tmp_path / "a.zip", tmp_path / "out", "train", nobody)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*")) == ["cat/1.png", "dog/1.png"]
    assert passed == 2


def test_any_bytes_after_a_zips_mark_are_refused_or_read(tmp_path):
    """Every other byte of the file changed: an `InputError` or the same three files, nothing else."""
    names = [b"a/1.png", b"b/2.png", b"b/3.png"]
    data = b"".join(local(n, n * 50, 8) for n in names)
    lines, at = b"", 0
    for name in names:
        lines += line(name, at, name * 50, 8)
        at += len(local(name, name * 50, 8))
    whole = data + lines + end(3, lines, len(data))
    for place in range(0, len(whole), 2):
        for value in (0, 0xFF):
            changed = bytearray(whole)
            changed[place] = value
            (tmp_path / "a.zip").write_bytes(changed)
            out = tmp_path / f"out-{place}-{value}"
            try:
                unpack(tmp_path / "a.zip", out, "train", nobody)
            except InputError as error:
                json.dumps(error.problem.model_dump())
            assert not re.search(r"\.\.", " ".join(str(p.relative_to(tmp_path)) for p in out.rglob("*")))
            assert sum(p.stat().st_size for p in out.rglob("*") if p.is_file()) <= 3 * 350
            assert Path(tmp_path, "a.zip").exists()
