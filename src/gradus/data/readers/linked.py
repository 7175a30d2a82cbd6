"""Databases that a dataset uses where they lie: a folder with a link to the file, and what the file was like.

Whoever opens such a folder learns at once that the file is gone or is another one, before anything is made of it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from gradus.core.errors import InputError
from gradus.data.files import write_json

SOURCE = "source.json"
DATA = "data.mdb"


class Source(BaseModel):
    """A database file as it was when a dataset was made of it. `modified` is in nanoseconds."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: int
    modified: int


def link(file: Path, folder: Path) -> int:
    """Make a new folder that stands for the LMDB whose file is given; the bytes of that file."""
    folder.mkdir(parents=True)
    status = file.stat()
    write_json(folder / SOURCE, Source(path=str(file), bytes=status.st_size, modified=status.st_mtime_ns))
    (folder / DATA).symlink_to(file)
    return status.st_size


def check(folder: Path) -> None:
    """`InputError` if the folder stands for a file that is not the one it was."""
    told = folder / SOURCE
    if not told.is_file():
        return
    try:
        known = Source.model_validate_json(told.read_bytes())
    except ValidationError as error:
        raise InputError(f"{SOURCE} of this dataset is damaged", file=str(told), hint="Make it anew.") from error
    try:
        status = Path(known.path).stat()
    except OSError as error:
        raise InputError(
            f"The database {known.path} cannot be read: {error.strerror}", file=known.path,
            hint="This dataset uses it where it lay. Put it back, or make the dataset again.",
        ) from error  # fmt: skip
    if (status.st_size, status.st_mtime_ns) != (known.bytes, known.modified):
        raise InputError(
            f"The database {known.path} was changed after this dataset was made of it", file=known.path,
            hint="Put back what it was, or make the dataset again.",
        )  # fmt: skip
