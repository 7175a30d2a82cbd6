"""Snapshots on disk: never half there, and never believed when they are damaged."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradus.core.errors import ConflictError, NotFoundError, StorageFullError
from gradus.engine import snapshot_files as files


def write(model: Path, step: int, epoch: float, content: bytes = b"weights") -> None:
    with files.writing(model, epoch=epoch, step=step, metrics={"val/accuracy": 0.5, "train/loss": None}) as draft:
        draft.add(files.WEIGHTS, content)
        draft.add(files.OPTIMISER, b"momentum" * 10)
        draft.add(files.STATE, b"{}")


def test_written_and_listed(tmp_path: Path) -> None:
    for step, epoch in [(300, 3.0), (100, 1.0), (1000, 10.0)]:
        write(tmp_path, step, epoch)
    assert [s.name for s in files.list_snapshots(tmp_path)] == ["epoch-00001.00", "epoch-00003.00", "epoch-00010.00"]
    newest = files.list_snapshots(tmp_path)[-1]
    assert newest.step == 1000
    assert newest.bytes == 7 + 80 + 2
    assert newest.metrics == {"val/accuracy": 0.5, "train/loss": None}
    manifest = files.Manifest.model_validate_json(
        (files.snapshot_folder(tmp_path, newest.name) / "MANIFEST.json").read_bytes()
    )
    assert manifest.files["weights.safetensors"].sha256 == hashlib.sha256(b"weights").hexdigest()


def test_a_model_without_snapshots(tmp_path: Path) -> None:
    assert files.list_snapshots(tmp_path) == []
    assert files.newest_valid(tmp_path) == files.Found(None, [])
    with pytest.raises(NotFoundError, match="no snapshot yet"):
        files.choose(tmp_path, None)


@pytest.mark.parametrize("victim", [files.WEIGHTS, files.OPTIMISER, files.STATE, files.MANIFEST])
@pytest.mark.parametrize("damage", ["truncated", "empty", "garbled", "gone"])
def test_a_damaged_snapshot_is_passed_over_by_name(tmp_path: Path, victim: str, damage: str) -> None:
    write(tmp_path, 100, 1.0)
    write(tmp_path, 200, 2.0)
    path = files.snapshot_folder(tmp_path, "epoch-00002.00") / victim
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"truncated": content[:-1], "empty": b"", "garbled": b"\xff" + content[1:]}[damage])
    found = files.newest_valid(tmp_path)
    assert found.snapshot is not None
    assert found.snapshot.name == "epoch-00001.00"
    assert [broken.name for broken in found.skipped] == ["epoch-00002.00"]
    assert victim in found.skipped[0].reason


def test_choosing(tmp_path: Path) -> None:
    write(tmp_path, 100, 1.0)
    write(tmp_path, 200, 2.0)
    assert files.choose(tmp_path, None).name == "epoch-00002.00"
    assert files.choose(tmp_path, "epoch-00001.00").step == 100
    with pytest.raises(NotFoundError, match=r"no snapshot '\.\./x'") as unknown:
        files.choose(tmp_path, "../x")
    assert "epoch-00001.00, epoch-00002.00" in (unknown.value.problem.hint or "")
    (files.snapshot_folder(tmp_path, "epoch-00002.00") / files.WEIGHTS).write_bytes(b"weightz")
    assert files.choose(tmp_path, None).name == "epoch-00001.00"
    with pytest.raises(ConflictError, match="SHA-256"):
        files.choose(tmp_path, "epoch-00002.00")
    (files.snapshot_folder(tmp_path, "epoch-00001.00") / files.MANIFEST).unlink()
    with pytest.raises(ConflictError, match=r"MANIFEST\.json is missing"):
        files.choose(tmp_path, "epoch-00001.00")
    with pytest.raises(ConflictError):
        files.choose(tmp_path, None)


def test_momentum_is_not_needed_to_predict(tmp_path: Path) -> None:
    write(tmp_path, 100, 1.0)
    (files.snapshot_folder(tmp_path, "epoch-00001.00") / files.OPTIMISER).write_bytes(b"")
    assert files.choose(tmp_path, None).step == 100
    assert files.newest_valid(tmp_path).snapshot is None


def test_only_the_newest_keep_their_momentum(tmp_path: Path) -> None:
    for step in range(1, 5):
        write(tmp_path, step, float(step))
        files.thin(tmp_path)
    kept = [
        (files.snapshot_folder(tmp_path, s.name) / files.OPTIMISER).exists() for s in files.list_snapshots(tmp_path)
    ]
    assert kept == [False, False, True, True]
    assert all(files.verify(tmp_path, s.name) is None for s in files.list_snapshots(tmp_path))


def test_passing_snapshots_go_when_later_ones_are_complete(tmp_path: Path) -> None:
    write(tmp_path, 1, 1.0)
    for step, passing in [(2, True), (3, True), (4, True), (5, False)]:
        with files.writing(tmp_path, epoch=float(step), step=step, metrics={}, passing=passing) as draft:
            draft.add(files.WEIGHTS, b"w")
            draft.add(files.STATE, b"{}")
        files.thin(tmp_path)
    assert [s.step for s in files.list_snapshots(tmp_path)] == [1, 4, 5]


def test_snapshots_closer_than_a_hundredth_of_an_epoch(tmp_path: Path) -> None:
    write(tmp_path, 1, 1 / 704)
    write(tmp_path, 2, 2 / 704)
    assert [(s.name, s.step) for s in files.list_snapshots(tmp_path)] == [
        ("epoch-00000.00", 1),
        ("epoch-00000.00-2", 2),
    ]


def test_the_same_step_again_replaces(tmp_path: Path) -> None:
    write(tmp_path, 100, 1.0, b"before")
    write(tmp_path, 100, 1.0, b"after")
    assert [s.step for s in files.list_snapshots(tmp_path)] == [100]
    assert (files.snapshot_folder(tmp_path, "epoch-00001.00") / files.WEIGHTS).read_bytes() == b"after"
    assert [p.name for p in (tmp_path / "snapshots").iterdir()] == ["epoch-00001.00"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path, 100, 1.0)
    with (
        pytest.raises(KeyboardInterrupt),
        files.writing(tmp_path, epoch=2.0, step=200, metrics={}) as draft,
    ):
        draft.add(files.WEIGHTS, b"half")
        raise KeyboardInterrupt
    assert [p.name for p in (tmp_path / "snapshots").iterdir()] == ["epoch-00001.00"]


def test_what_a_killed_writer_left_is_not_seen_and_swept(tmp_path: Path) -> None:
    left = tmp_path / "snapshots" / ".writing-epoch-00001.00"
    left.mkdir(parents=True)
    (left / files.WEIGHTS).write_bytes(b"half")
    assert files.list_snapshots(tmp_path) == []
    write(tmp_path, 100, 1.0)
    assert not left.exists()


@pytest.mark.parametrize("failing_call", range(1, 8))
def test_a_full_disk_at_any_sync_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    write(tmp_path, 100, 1.0)
    calls = 0
    sync = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    if failing_call <= 6:  # four files, their folder, the folder above
        with pytest.raises(StorageFullError, match=r"epoch 2\.00"):
            write(tmp_path, 200, 2.0)
    else:
        write(tmp_path, 200, 2.0)
    monkeypatch.undo()
    assert files.verify(tmp_path, "epoch-00001.00") is None
    assert all(files.verify(tmp_path, s.name) is None for s in files.list_snapshots(tmp_path))
    assert not [p for p in (tmp_path / "snapshots").iterdir() if p.name.startswith(".")]


def test_no_torch_is_imported() -> None:
    code = "import sys, gradus.engine.snapshot_files as f; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
