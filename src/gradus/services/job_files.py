"""The files of a job that can be downloaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath

from gradus.core.errors import NotFoundError
from gradus.core.job import JobKind
from gradus.core.view.job import FileEntry
from gradus.services import jobs
from gradus.services.house import House

COMMON = ("*.txt", "*.json", "*.jsonl", "*.binaryproto", "worker.log")
PATTERNS = {
    JobKind.MODEL: (*COMMON, "*.prototxt", "*.py", "snapshots/*/*"),
    JobKind.DATASET: (*COMMON, "*.jpg", "*_db/*", "*_db/features/*", "*_db/labels/*", "index/*"),
}
PRIVATE = frozenset({"task.json"})  # how the server knows its worker


def files(house: House, job_id: str) -> list[FileEntry]:
    """The files of a job, by name."""
    job = jobs.get(house, job_id)
    folder = house.home.job_folder(job.id)
    found = sorted(_shown(folder, PATTERNS[job.kind]))
    return [FileEntry(name=path.relative_to(folder).as_posix(), bytes=size) for path, size in found]


def file(house: House, job_id: str, name: str) -> Path:
    """One of these files. Only names that the list has are accepted, so that no name leads elsewhere."""
    if name not in {entry.name for entry in files(house, job_id)}:
        raise NotFoundError(f"this job has no file {name!r}")
    return house.home.job_folder(job_id) / name


def _shown(folder: Path, patterns: tuple[str, ...]) -> Iterator[tuple[Path, int]]:
    """Files and their sizes. A worker writes here meanwhile: what is on its way in or out is passed over."""
    for parent, below, names in os.walk(folder):  # tells nothing of a folder that has just gone
        below[:] = [name for name in below if not name.startswith(".")]
        for path in (Path(parent, name) for name in names if not name.startswith(".") and name not in PRIVATE):
            inside = path.relative_to(folder)
            wanted = any(len(PurePath(p).parts) == len(inside.parts) and inside.match(p) for p in patterns)
            with suppress(FileNotFoundError):
                if wanted and path.is_file() and not path.is_symlink():
                    yield path, path.stat().st_size
