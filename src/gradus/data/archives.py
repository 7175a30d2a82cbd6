"""A zip or tar of pictures, written out as a folder: member by member, each checked, none trusted.

What an archive says of itself is not believed: bytes are counted as they come. Only regular files that
are named as pictures are written, below the target, and none is overwritten. A link, a device or a name
that leads elsewhere refuses the whole archive and names the member: nobody packs pictures like that.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, Self

from gradus.core.errors import InputError, PathError
from gradus.data.files import writing
from gradus.data.lists import escape
from gradus.data.readers.folder import EVERY, EXTENSIONS, Watcher
from gradus.data.sniff import seen
from gradus.data.xz import open_xz
from gradus.data.zips import DEFLATED, STORED, DamagedZipError, Zip

MAX_MEMBERS = 5_000_000
MAX_EMPTY = 500_000  # folders and empty files of a tar: its headers compress so well that their bytes bound nothing
MAX_PICTURE = 512 * 2**20  # bytes of one file, as `pictures` reads them; that loads decoders, which a server lacks
MAX_RATIO = 200  # times the size of the archive; zeros give 1,000
RATIO_FROM = 64 * 2**20  # bytes, below which the ratio does not matter
MAX_HEADER = 2**20  # of a tar's extended headers
PIECE = 1 << 20
TOLD = 8 * 2**20  # bytes between two looks at the watcher
_COMPRESSED: dict[bytes, Callable[[Path, str], Any]] = {
    b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": open_xz,
}  # fmt: skip
_DAMAGED = (
    tarfile.TarError, DamagedZipError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file of an archive: its name as it stands there, and how to read it."""

    name: str
    size: int  # as the archive says
    read: Callable[[], Iterator[bytes]]


class Opened:
    """An archive that is being read; every `InputError` names its field, file and member."""

    def __init__(self, path: Path, named: str) -> None:
        self.path, self.named = path, named
        try:
            self.size = path.stat().st_size
            with path.open("rb") as file:
                self._begin = start = file.read(4096)
        except OSError as error:
            raise PathError(f"The file cannot be read: {error.strerror}", field=named, file=str(path)) from error
        self._decompress = next((use for mark, use in _COMPRESSED.items() if start.startswith(mark)), open)
        self._zip = start[:4] in (b"PK\3\4", b"PK\5\6")
        self.ratio_limit = max(RATIO_FROM, MAX_RATIO * self.size)

    def refuse(self, reason: str, member: str = "") -> InputError:
        """The error for this archive, or for one of its members."""
        what = f"“{escape(member)[:200]}” {reason}" if member else reason
        return InputError(
            f"The archive cannot be used: {what}", field=self.named, file=escape(str(self.path)),
            hint="Pack a folder with one sub-folder of pictures for each class, as zip or tar.",
        )  # fmt: skip

    def members(self) -> Generator[Member]:
        """Every regular file, in the order of the archive."""
        name = ""
        try:
            for member in self._zipped() if self._zip else self._tarred():
                name = member.name
                yield member
        except _DAMAGED as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise self.refuse(f"it is damaged: {_plain(error)}", name) from error

    def _zipped(self) -> Iterator[Member]:
        with self.path.open("rb") as file:
            archive = Zip(file)
            for entry in archive:
                if not entry.regular:
                    raise self.refuse("is a link or device", entry.name)
                if entry.encrypted:
                    raise self.refuse("is encrypted", entry.name)
                if entry.method not in (STORED, DEFLATED):
                    raise self.refuse("is not packed by the common method, deflate", entry.name)
                yield Member(entry.name, entry.size, partial(archive.read, entry))

    def _tarred(self) -> Iterator[Member]:
        with ExitStack() as closing_all:
            # not tarfile's own decompression, which takes data that break off for the end
            plain = closing_all.enter_context(self._decompress(self.path, "rb"))
            try:
                archive = closing_all.enter_context(tarfile.open(fileobj=plain, mode="r|", tarinfo=_Header))
            except OddHeaderError:
                raise
            except tarfile.ReadError as error:
                what = "something else that is compressed" if self._decompress is not open else seen(self._begin)
                raise self.refuse(f"it is neither a zip nor a tar, plain or compressed, but {what}") from error
            empty = 0
            for info in archive:
                archive.members.clear()  # type: ignore[attr-defined]  # it would remember them all
                empty += not info.size
                if empty > MAX_EMPTY:
                    raise self.refuse(f"is one of more than {MAX_EMPTY:,} folders and empty files", info.name)
                if info.isdir():
                    continue
                if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.issparse() or info.size < 0:
                    raise self.refuse("is a link, a device or a sparse file", info.name)
                yield Member(info.name, info.size, partial(_pieces, archive.extractfile(info)))


class OddHeaderError(tarfile.ReadError):
    """Why a header of a tar is not read on."""


class _Header(tarfile.TarInfo):
    """A header of a tar. One that announces a large header of names is refused before that is read."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """A header from its 512 bytes."""
        made = super().frombuf(buf, encoding, errors)
        extended = made.type in (b"x", b"g", b"X", b"L", b"K")
        if made.size < 0 or (extended and made.size > MAX_HEADER):
            raise OddHeaderError(f"a header of {made.size:,} bytes" if extended else "a size below 0")
        return made


def _pieces(file: IO[bytes] | None) -> Iterator[bytes]:
    assert file is not None  # of a regular file there is one
    return iter(partial(file.read, PIECE), b"")


def unpack(path: Path, target: Path, named: str, watch: Watcher) -> tuple[Path, int]:
    """Write the pictures of an archive below `target`; the folder that holds the classes, and what was passed over.

    `named` is the field of the form that an `InputError` names. `watch` is told how many there are so far.
    """
    archive, found, passed, total, told = Opened(path, named), 0, 0, 0, 0
    target.mkdir(parents=True)
    root = str(target.resolve())
    with closing(archive.members()) as members, writing("what is in the archive", target):
        for number, member in enumerate(members, 1):
            if number > MAX_MEMBERS:
                raise archive.refuse(f"it holds more than {MAX_MEMBERS:,} files")
            parts = checked(archive, member.name)
            picture = os.path.splitext(parts[-1])[1].lower() in EXTENSIONS  # noqa: PTH122
            if not picture or parts[0] == "__MACOSX" or parts[-1].startswith("._"):
                passed += 1
                total += member.size  # of a tar, this is read through all the same
            else:
                total += _write(archive, member, root, parts, total)
                found += 1
            if total > archive.ratio_limit:
                raise archive.refuse(f"grows to more than {MAX_RATIO} times the size of the archive", member.name)
            if number % EVERY == 0 or total - told > TOLD:
                told = total
                watch(found)
    return _classes(target), passed


def checked(archive: Opened, name: str) -> list[str]:
    """The folders and the name of a member; refused where that leads out of the archive's own folder."""
    if name.startswith("/") or "\\" in name or name[1:2] == ":":
        raise archive.refuse("has a name that starts elsewhere, or has backslashes", name)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or "\0" in name:
        raise archive.refuse("has a name that leads elsewhere", name)
    return parts


def _write(archive: Opened, member: Member, root: str, parts: list[str], before: int) -> int:
    """Write one member; the bytes that it really had."""
    written = 0
    try:
        with _made(archive, member, root, parts) as file:
            for piece in member.read():
                written += len(piece)
                if written > MAX_PICTURE:
                    raise archive.refuse(f"has more than {MAX_PICTURE >> 20} MiB", member.name)
                if before + written > archive.ratio_limit:
                    raise archive.refuse(f"grows to more than {MAX_RATIO} times the size of the archive", member.name)
                file.write(piece)
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise archive.refuse(f"is damaged: {_plain(error)}", member.name) from error
    return written


def _made(archive: Opened, member: Member, root: str, parts: list[str]) -> AbstractContextManager[BinaryIO]:
    """A new file below the target, in folders that are made on the way. Nothing there is a link: none is written."""
    folder = "/".join((root, *parts[:-1]))
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        descriptor = os.open(
            f"{folder}/{parts[-1]}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except (FileExistsError, NotADirectoryError) as error:
        raise archive.refuse("is there twice, or is a file and a folder", member.name) from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise archive.refuse("has a name that is too long", member.name) from error
        raise
    return os.fdopen(descriptor, "wb")


def _classes(target: Path) -> Path:
    """The folder with the classes: archives often hold one folder that holds them."""
    folder = target
    while len(below := list(folder.iterdir())) == 1 and below[0].is_dir():
        folder = below[0]
    if folder != target and not any(entry.is_dir() for entry in folder.iterdir()):
        return folder.parent  # that was a class
    return folder


def _plain(error: BaseException) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
