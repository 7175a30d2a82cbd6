"""A new version of a dataset: the same files, read and divided as before, without the samples of some findings.

`without.jsonl` in the new dataset's folder names the samples that are left out: by their split, the name of their file
and the SHA-256 of its bytes. It is written once, from what was found in the parent, so that the version can be built
again when the parent is gone. What has changed since is another sample, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gradus.core.dataset import Split, Version
from gradus.core.errors import ConflictError, InputError
from gradus.core.flaw import Flaw, bits, flaws_of
from gradus.data.files import write_text
from gradus.data.lists import escape, unescape

FILE = "without.jsonl"

Named = tuple[str, bytes]  # a file's name, and the SHA-256 of its bytes


class LeftOut(BaseModel):
    """A sample that a version lacks. `file` is escaped as in lists, `flaws` are why."""

    model_config = ConfigDict(frozen=True)

    split: Split
    file: str
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    flaws: list[Flaw]


def prepare_version(parent: Path, folder: Path, version: Version) -> None:
    """Write which samples the version in `folder` is to lack, if that has not been done yet."""
    if (folder / FILE).is_file():
        return
    if not parent.is_dir():
        raise InputError(
            f"The dataset {version.parent}, of which this is to be a version, is gone",
            field="version",
            hint="Make a version of another one, or build the dataset from its files.",
        )
    rows = [*_inherited(parent), *_found(parent, version.without)]
    write_text(folder / FILE, "".join(row.model_dump_json() + "\n" for row in rows))


def without_of(folder: Path, version: Version | None) -> dict[Split, set[Named]]:
    """The samples that the dataset in `folder` is to lack; none where it is no version."""
    found: dict[Split, set[Named]] = {split: set() for split in Split}
    for row in _inherited(folder) if version else ():
        found[row.split].add((unescape(row.file), bytes.fromhex(row.sha256)))
    return found


def check_parent(parent: Path) -> None:
    """Refuse a dataset whose samples have not been looked at."""
    from gradus.data.index import open_indexes  # needs numpy: not when the server starts

    if not open_indexes(parent):
        raise ConflictError(
            "this dataset was built before its samples were looked at: nothing is known to be left out",
            hint="Build it again, then make a version of that.",
        )


def _inherited(folder: Path) -> Iterator[LeftOut]:
    path = folder / FILE
    if path.is_file():
        with path.open("rb") as lines:
            for line in lines:
                yield LeftOut.model_validate_json(line)


def _found(parent: Path, without: Iterable[str]) -> Iterator[LeftOut]:
    import numpy as np  # not when the server starts

    from gradus.data.index import open_indexes

    asked = bits(without)
    for split, index in open_indexes(parent).items():
        leave = index.records["leave"] & np.uint32(asked)
        for place in np.flatnonzero(leave).tolist():
            yield LeftOut(
                split=split,
                file=escape(index.name(place)),
                sha256=index.sha256(place).hex(),
                flaws=flaws_of(int(leave[place])),
            )
