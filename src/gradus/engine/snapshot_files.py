"""Snapshots as files: the folder, its manifest, and which one is whole. No torch here.

    <model>/snapshots/epoch-00003.00/
        weights.safetensors    what a prediction needs
        optimiser.safetensors  momentum, for resuming; only the newest few keep it
        state.json             step, random states, learning rate: how to go on
        MANIFEST.json          sizes and SHA-256 of the others, written last

A snapshot is written in a folder with a leading dot, synced and then renamed, so a name without the dot
is complete as far as the writer is concerned. Bytes can still rot or be cut off; the manifest shows it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from gradus.core.errors import ConflictError, NotFoundError
from gradus.core.model import Snapshot
from gradus.data.files import FULL, storage_full, sync_folder, write_json

SNAPSHOTS = "snapshots"
MANIFEST = "MANIFEST.json"
WEIGHTS = "weights.safetensors"
OPTIMISER = "optimiser.safetensors"
STATE = "state.json"

KEEP_OPTIMISER = 2  # the newest, and the one before it in case the newest turns out broken
_WRITING = ".writing-"
_REPLACED = ".replaced-"
_BLOCK = 2**20


class FileSum(BaseModel):
    """Size in bytes and SHA-256 in hexadecimal."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """The content of MANIFEST.json."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    epoch: float
    step: int
    metrics: dict[str, float | None] = {}
    passing: bool = False  # taken only against a crash: removed when a later one is complete
    files: dict[str, FileSum]


@dataclass(frozen=True)
class Broken:
    """A snapshot that cannot be used, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Found:
    """The newest whole snapshot, if any, and the newer ones that had to be passed over."""

    snapshot: Snapshot | None
    skipped: list[Broken]


@dataclass
class Draft:
    """A snapshot being written; files added to it are synced and summed."""

    folder: Path
    files: dict[str, FileSum] = field(default_factory=dict)

    def add(self, name: str, content: bytes) -> None:
        """Write one file and remember its sum."""
        with (self.folder / name).open("xb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        self.files[name] = FileSum(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def snapshot_name(epoch: float) -> str:
    """`epoch-00003.00`: sorts as text, and tells people what they look for."""
    return f"epoch-{epoch:08.2f}"


def snapshot_folder(model: Path, name: str) -> Path:
    """Where the snapshot of that name lies."""
    return model / SNAPSHOTS / name


@contextmanager
def writing(
    model: Path, *, epoch: float, step: int, metrics: Mapping[str, float | None], passing: bool = False
) -> Iterator[Draft]:
    """A draft that becomes a snapshot when the block ends well and leaves nothing when it does not.

    Raises StorageFullError where the disk is full; older snapshots are not touched then.
    """
    root = model / SNAPSHOTS
    name = _free_name(model, epoch, step)
    draft = Draft(root / f"{_WRITING}{name}")
    try:
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        draft.folder.mkdir()
        yield draft
        manifest = Manifest(epoch=epoch, step=step, metrics=dict(metrics), passing=passing, files=dict(draft.files))
        draft.add(MANIFEST, manifest.model_dump_json(indent=1).encode())
        sync_folder(draft.folder)
        _put_in_place(draft.folder, root / name)
    except OSError as error:
        shutil.rmtree(draft.folder, ignore_errors=True)
        if error.errno in FULL:
            raise storage_full(f"the snapshot of epoch {epoch:.2f}", root) from error
        raise
    except BaseException:
        shutil.rmtree(draft.folder, ignore_errors=True)
        raise


def list_snapshots(model: Path) -> list[Snapshot]:
    """Every snapshot with a readable manifest, the newest last. Sums are not checked here."""
    return _scan(model)[0]


def verify(model: Path, name: str, files: tuple[str, ...] | None = None) -> str | None:
    """Why a snapshot cannot be used, or None. `files` limits the check to what the caller will read."""
    folder = snapshot_folder(model, name)
    manifest = _read_manifest(folder)
    if isinstance(manifest, str):
        return manifest
    for file, known in manifest.files.items():
        if files is not None and file not in files:
            continue
        reason = _compare(folder / file, known)
        if reason:
            return f"{file} {reason}"
    missing = [file for file in files or (WEIGHTS, STATE) if file not in manifest.files]
    return f"{missing[0]} is not listed in {MANIFEST}" if missing else None


def newest_valid(model: Path, files: tuple[str, ...] | None = None) -> Found:
    """The newest snapshot whose sums are right, and the broken ones found on the way there."""
    snapshots, skipped = _scan(model)
    for snapshot in reversed(snapshots):
        reason = verify(model, snapshot.name, files)
        if reason is None:
            return Found(snapshot, skipped)
        skipped.append(Broken(snapshot.name, reason))
    return Found(None, skipped)


def choose(model: Path, name: str | None) -> Snapshot:
    """The snapshot to predict with: the named one, or the newest that is whole.

    Raises NotFoundError where there is none (naming those that are), ConflictError where it is broken.
    """
    if name is None:
        found = newest_valid(model, (WEIGHTS,))
        if found.snapshot is not None:
            return found.snapshot
        if found.skipped:
            raise ConflictError(_cannot_be_used(found.skipped[-1].name, found.skipped[-1].reason))
        raise NotFoundError("The model has no snapshot yet.", hint="Wait until the first one has been taken.")
    snapshots, broken = _scan(model)
    for damaged in broken:
        if damaged.name == name:
            raise ConflictError(_cannot_be_used(name, damaged.reason), hint="Choose another snapshot.")
    chosen = next((snapshot for snapshot in snapshots if snapshot.name == name), None)
    if chosen is None:
        known = ", ".join(snapshot.name for snapshot in snapshots) or "none"
        raise NotFoundError(f"There is no snapshot {name!r}.", field="snapshot", hint=f"Those there are: {known}.")
    reason = verify(model, name, (WEIGHTS,))
    if reason:
        raise ConflictError(_cannot_be_used(name, reason), hint="Choose another snapshot.")
    return chosen


def thin(model: Path, keep: int = KEEP_OPTIMISER) -> None:
    """Drop passing snapshots, and the optimiser's state (half of a snapshot) of the others, but for the newest.

    The manifest goes first, so that a crash between the two leaves a whole snapshot with a spare file.
    """
    for snapshot in list_snapshots(model)[:-keep]:
        folder = snapshot_folder(model, snapshot.name)
        manifest = _read_manifest(folder)
        if isinstance(manifest, str):
            continue
        if manifest.passing:
            _remove(folder)
            continue
        if OPTIMISER not in manifest.files:
            continue
        files = {name: known for name, known in manifest.files.items() if name != OPTIMISER}
        write_json(folder / MANIFEST, manifest.model_copy(update={"files": files}))
        (folder / OPTIMISER).unlink(missing_ok=True)


def _scan(model: Path) -> tuple[list[Snapshot], list[Broken]]:
    """Snapshots by step, and the folders whose manifest says nothing."""
    snapshots: list[Snapshot] = []
    broken: list[Broken] = []
    root = model / SNAPSHOTS
    folders = sorted(p for p in root.iterdir() if not p.name.startswith(".")) if root.is_dir() else []
    for folder in folders:
        manifest = _read_manifest(folder)
        if isinstance(manifest, str):
            broken.append(Broken(folder.name, manifest))
            continue
        size = sum(known.bytes for known in manifest.files.values())
        snapshots.append(
            Snapshot(
                name=folder.name,
                epoch=manifest.epoch,
                step=manifest.step,
                bytes=size,
                metrics=manifest.metrics,
            )
        )
    snapshots.sort(key=lambda snapshot: snapshot.step)
    return snapshots, broken


def _read_manifest(folder: Path) -> Manifest | str:
    """The manifest, or why there is none."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except OSError as error:
        return f"{MANIFEST} cannot be read ({error.strerror})"
    except ValidationError:
        return f"{MANIFEST} is damaged"


def _compare(path: Path, known: FileSum) -> str | None:
    """Why the file is not the one that was written, or None."""
    try:
        size = path.stat().st_size
        if size != known.bytes:
            return f"has {size} bytes instead of {known.bytes}"
        digest = hashlib.sha256()
        with path.open("rb") as source:
            while block := source.read(_BLOCK):
                digest.update(block)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if digest.hexdigest() == known.sha256 else "is damaged: its SHA-256 is not the recorded one"


def _cannot_be_used(name: str, reason: str) -> str:
    return f"The snapshot {name} cannot be used: {reason}."


def _free_name(model: Path, epoch: float, step: int) -> str:
    """The name for the epoch; with the step where snapshots lie closer than a hundredth of an epoch."""
    name = snapshot_name(epoch)
    manifest = _read_manifest(snapshot_folder(model, name))
    taken = isinstance(manifest, Manifest) and manifest.step != step
    return f"{name}-{step}" if taken else name


def _sweep(root: Path) -> None:
    """Remove what a killed writer left. A model has one writer at a time."""
    for left in root.iterdir():
        if left.name.startswith((_WRITING, _REPLACED)):
            shutil.rmtree(left, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Out of the list in one step, then off the disk."""
    gone = folder.with_name(f"{_REPLACED}{folder.name}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _put_in_place(written: Path, target: Path) -> None:
    """Rename into place; a snapshot of the same step from before a resume makes way."""
    old = target.with_name(f"{_REPLACED}{target.name}")
    if target.exists():
        target.rename(old)
    written.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)
