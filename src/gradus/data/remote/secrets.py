"""Keys of stores, kept apart from everything else: files that only their owner can read, named by a random id.

Options of a job, its record and its log hold the reference `secret:ID` alone. A job gets a copy in its own folder,
which goes with it; when the job is done, both are removed. What no job was made with is kept for an hour.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from gradus.core.credentials import Credentials
from gradus.core.dataset import DatasetOptions
from gradus.core.errors import InputError

PREFIX = "secret:"
FOLDER = "secrets"  # in the home, and in the folder of a job
FIELD = "s3_credentials"
O = TypeVar("O", bound=DatasetOptions)  # noqa: E741 - of any kind
KEPT_SECONDS = 3600.0
_REFERENCE = re.compile(PREFIX + "([0-9a-f]{32})")


def keep(folder: Path, keys: Credentials) -> str:
    """Write keys below `folder`; the reference by which they are named, the same for the same keys."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    remove_old(folder)
    content = keys.model_dump_json().encode()
    if same := next((each for each in folder.iterdir() if each.read_bytes() == content), None):
        same.touch()
        return PREFIX + same.name
    identity = secrets.token_hex(16)
    with os.fdopen(os.open(folder / identity, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return PREFIX + identity


def remove_old(folder: Path) -> None:
    """Remove keys that no job was made with."""
    for each in folder.iterdir() if folder.is_dir() else ():
        if each.stat().st_mtime < time.time() - KEPT_SECONDS:
            each.unlink(missing_ok=True)


def find(folders: Sequence[Path], reference: str) -> Path:
    """The file with the keys that a reference names, in the first of the folders that has it."""
    named = _REFERENCE.fullmatch(reference)
    for folder in folders if named else ():
        assert named
        if (path := folder / named[1]).is_file():
            return path
    raise InputError("The keys are not there any more", field=FIELD, hint="Enter access key and secret key again.")


def read(path: Path) -> Credentials:
    """The keys in a file of ours."""
    return Credentials.model_validate_json(path.read_bytes())


def located(options: O, folders: Sequence[Path]) -> O:
    """The options with the file of the keys in place of their reference."""
    reference = reference_of(options)
    return options.model_copy(update={FIELD: str(find(folders, reference))}) if reference else options


def reference_of(options: DatasetOptions) -> str:
    """The reference that options hold; empty where they hold none."""
    return str(getattr(options, FIELD, ""))


def lend(options: DatasetOptions, home: Path, job: Path) -> None:
    """Give a job its own copy of the keys that it was made with."""
    if reference := reference_of(options):
        source = find((home, job / FOLDER), reference)
        target = job / FOLDER / source.name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not target.exists():
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(source.read_bytes())


def forget(options: DatasetOptions, home: Path, job: Path) -> None:
    """Remove the keys of a job that needs them no more."""
    if reference := reference_of(options):
        (home / reference.removeprefix(PREFIX)).unlink(missing_ok=True)
        shutil.rmtree(job / FOLDER, ignore_errors=True)
