"""Training from end to end on a tiny dataset: what it writes, says, keeps and repeats."""

import errno
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from gradus.core.errors import ConflictError, DivergedError, InputError, MemoryLimitError, StorageFullError
from gradus.core.model import Preprocessing
from gradus.core.solvers import SolverType
from gradus.engine import loop
from gradus.engine import snapshot_files as files
from gradus.engine.train import Stopped, train


def weights(folder: Path) -> dict[str, np.ndarray]:
    newest = files.list_snapshots(folder)[-1]
    return load_file(files.snapshot_folder(folder, newest.name) / files.WEIGHTS)


def equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def test_it_learns_and_says_so(trained: Path, dataset: Path, tmp_path: Path, options, report) -> None:
    said = report()
    train(options(epochs=12, validation_interval=0.5), dataset, tmp_path, said, device="cpu")
    loss = said.series("train/loss")
    assert loss[0][0] == 1
    assert loss[0][1] == pytest.approx(math.log(3), abs=0.6)  # knows nothing yet
    assert loss[-1][0] == 12 * 13
    assert loss[-1][1] < 0.2
    accuracy = said.series("val/accuracy")
    assert [step for step, _ in accuracy] == [math.ceil(6.5 * i) for i in range(1, 25)]
    assert accuracy[-1][1] > 0.9
    assert [value for step, value in said.series("learning_rate") if step in (1, 156)] == [
        0.05,
        pytest.approx(5e-4),  # after two of the three steps of 33 %
    ]
    assert [round(epoch, 6) for step, epoch, _ in said.points if step == 13] == [1.0, 1.0]
    assert [s.name for s in said.snapshots] == [f"epoch-{i:05d}.00" for i in range(1, 13)]
    assert said.snapshots[-1].metrics["val/accuracy"] == accuracy[-1][1]
    fractions = [fraction for fraction, _ in said.told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    # validation at other moments changes nothing: `trained` validated half as often
    assert equal(weights(tmp_path), weights(trained))


def test_hdf5_teaches_what_an_lmdb_teaches_with_crop_and_mean(
    dataset: Path, hdf5_dataset: Path, tmp_path: Path, options, report
) -> None:
    for name, source in (("lmdb", dataset), ("hdf5", hdf5_dataset)):
        train(options(epochs=2, crop_size=10, mean="image"), source, tmp_path / name, report(), device="cpu")
    assert equal(weights(tmp_path / "lmdb"), weights(tmp_path / "hdf5"))
    assert "HDF5Data" in (tmp_path / "hdf5" / "train_val.prototxt").read_text()


def test_what_it_writes(trained: Path, dataset: Path) -> None:
    assert (trained / "labels.txt").read_text() == "across\ndown\nplain\n"
    recorded = Preprocessing.model_validate_json((trained / "preprocessing.json").read_bytes())
    assert (recorded.width, recorded.channels, recorded.crop_size) == (12, 1, None)
    assert recorded.scale == pytest.approx(0.0125)
    for name in ("mean.binaryproto", "dataset.json"):
        assert (trained / name).read_bytes() == (dataset / name).read_bytes()
    assert "max_iter: 156" in (trained / "solver.prototxt").read_text()
    assert {"original.prototxt", "train_val.prototxt", "deploy.prototxt"} <= {p.name for p in trained.iterdir()}
    assert not [p for p in trained.rglob(".*")]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_same_seed_gives_the_same_weights(dataset: Path, tmp_path: Path, options, report, text, precision) -> None:
    given = {"epochs": 2, "network_text": text(mirror=True), "crop_size": 10, "precision": precision}
    for name, seed in [("a", 5), ("b", 5), ("c", 6)]:
        train(options(**given, seed=seed), dataset, tmp_path / name, report(), device="cpu")
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_without_a_seed_a_new_one_is_recorded(dataset: Path, tmp_path: Path, options, report) -> None:
    states = []
    for name in "ab":
        train(options(epochs=1, seed=None), dataset, tmp_path / name, report(), device="cpu")
        state = files.snapshot_folder(tmp_path / name, "epoch-00001.00") / files.STATE
        states.append(loop.TrainingState.model_validate_json(state.read_bytes()).seed)
        assert f"random_seed: {states[-1]}" in (tmp_path / name / "solver.prototxt").read_text()
    assert states[0] != states[1]


@pytest.mark.parametrize("stop_after", [1, 20, 39])
def test_stopped_and_resumed_equals_uninterrupted(
    dataset: Path, tmp_path: Path, options, report, text, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    """Bit for bit, with dropout, crops, flips and two drops of the learning rate on the way."""
    monkeypatch.setattr(loop, "SHORTEST", 0.0)
    monkeypatch.setattr("gradus.engine.stopping.PATIENCE", 0.0)
    given = options(network_text=text(mirror=True), crop_size=10, snapshot_interval=0)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    train(given, dataset, straight, report(), device="cpu")
    stopped = report(until=lambda said: bool(said.points) and said.points[-1][0] >= stop_after)
    with pytest.raises(Stopped):
        train(given, dataset, broken, stopped, device="cpu")
    assert [s.step for s in stopped.snapshots] == [stopped.points[-1][0]]
    assert stop_after <= stopped.snapshots[0].step < 52
    resumed = report()
    train(given, dataset, broken, resumed, device="cpu", resume=True)
    assert resumed.points[0][0] > stop_after
    assert equal(weights(straight), weights(broken))
    optimiser = [
        load_file(files.snapshot_folder(f, files.list_snapshots(f)[-1].name) / files.OPTIMISER)
        for f in (straight, broken)
    ]
    assert equal(*optimiser)


def test_a_stop_during_validation_is_made_good_on_resuming(
    dataset: Path, tmp_path: Path, options, report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradus.engine.stopping.PATIENCE", 0.0)
    monkeypatch.setattr("gradus.engine.memory.EVALUATION_BATCH", 5)
    stopped = report(until=lambda said: any("validating" in activity for _, activity in said.told))
    with pytest.raises(Stopped):
        train(options(), dataset, tmp_path, stopped, device="cpu")
    assert stopped.series("val/accuracy") == []
    assert [s.step for s in stopped.snapshots] == [13]
    resumed = report()
    train(options(), dataset, tmp_path, resumed, device="cpu", resume=True)
    assert [step for step, _ in resumed.series("val/accuracy")] == [13, 26, 39, 52]


def test_a_broken_snapshot_is_passed_over_and_named(dataset: Path, tmp_path: Path, options, report) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    train(options(), dataset, straight, report(), device="cpu")
    train(options(), dataset, broken, report(), device="cpu")
    newest = files.snapshot_folder(broken, "epoch-00004.00") / files.WEIGHTS
    newest.write_bytes(newest.read_bytes()[:-1])
    said = report()
    train(options(), dataset, broken, said, device="cpu", resume=True)
    assert len(said.warnings) == 1
    assert "epoch-00004.00" in said.warnings[0]
    assert files.WEIGHTS in said.warnings[0]
    assert [s.name for s in said.snapshots] == ["epoch-00004.00"]
    assert equal(weights(straight), weights(broken))


def test_resuming_what_is_finished_or_never_began(dataset: Path, tmp_path: Path, options, report) -> None:
    first = report()
    train(options(epochs=1), dataset, tmp_path, first, device="cpu", resume=True)
    assert [s.step for s in first.snapshots] == [13]
    again = report()
    train(options(epochs=1), dataset, tmp_path, again, device="cpu", resume=True)
    assert (again.snapshots, again.points) == ([], [])


def test_resuming_with_another_batch_size_is_refused(dataset: Path, tmp_path: Path, options, report) -> None:
    train(options(epochs=1), dataset, tmp_path, report(), device="cpu")
    with pytest.raises(ConflictError, match="batches of 7, now it would be 90 in batches of 8"):
        train(options(epochs=1, batch_size=8), dataset, tmp_path, report(), device="cpu", resume=True)


def test_resuming_with_another_accumulation_is_refused(dataset: Path, tmp_path: Path, options, report) -> None:
    train(options(epochs=1), dataset, tmp_path, report(), device="cpu")
    with pytest.raises(ConflictError, match="now it would be 90 in batches of 7, 3 to an update"):
        train(options(epochs=1, batch_accumulation=3), dataset, tmp_path, report(), device="cpu", resume=True)


def test_batches_added_up_are_one_large_batch(dataset: Path, tmp_path: Path, options, report, text) -> None:
    """Six batches of 5 to an update learn what batches of 30 do: clipped, and with decay, as after a plain batch."""
    given = {"network_text": text().replace("dropout_ratio: 0.2", "dropout_ratio: 0"), "weight_decay": 0.01}
    clip = {"clip_gradients": 0.5, "learning_rate": 0.5}
    said = {}
    for name, size in {"large": {"batch_size": 30}, "small": {"batch_size": 5, "batch_accumulation": 6}}.items():
        # Caffe clips the sum of an update's gradients, before it divides by their number
        clip["clip_gradients"] = 0.5 * size.get("batch_accumulation", 1)
        said[name] = report()
        train(options(**given, **clip, **size), dataset, tmp_path / name, said[name], device="cpu")
    assert [s.step for s in said["small"].snapshots] == [3, 6, 9, 12]
    large, small = weights(tmp_path / "large"), weights(tmp_path / "small")
    for name in large:
        np.testing.assert_allclose(small[name], large[name], rtol=1e-4, atol=1e-5)
    losses = [dict(said[name].series("train/loss"))[12] for name in ("large", "small")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("solver", list(SolverType))
def test_every_solver_learns(dataset: Path, tmp_path: Path, options, report, solver: SolverType) -> None:
    said = report()
    given = options(epochs=12, solver=solver, learning_rate=None, policy="poly", power=1.0)
    train(given, dataset, tmp_path, said, device="cpu")
    assert said.series("val/accuracy")[-1][1] > 0.9
    assert f'type: "{solver.value}"' in (tmp_path / "solver.prototxt").read_text().lower()


@pytest.mark.parametrize("solver", ["nesterov", "rmsprop", "adadelta", "adam"])
def test_every_solver_resumes_bit_for_bit(dataset: Path, tmp_path: Path, options, report, monkeypatch, solver) -> None:
    monkeypatch.setattr("gradus.engine.stopping.PATIENCE", 0.0)
    given = options(solver=solver, learning_rate=0.01, policy="inv", batch_accumulation=2, batch_size=4)
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    train(given, dataset, straight, report(), device="cpu")
    with pytest.raises(Stopped):
        train(given, dataset, broken, report(until=lambda said: bool(said.points)), device="cpu")
    train(given, dataset, broken, report(), device="cpu", resume=True)
    assert equal(weights(straight), weights(broken))


def test_nothing_to_learn(dataset: Path, tmp_path: Path, options, report, text) -> None:
    frozen = re.sub(r"lr_mult: \d", "lr_mult: 0", text()).replace(
        'top: "ip1"\n', 'top: "ip1" param { lr_mult: 0 } param { lr_mult: 0 }\n', 1
    )
    with pytest.raises(InputError, match="nothing to learn"):
        train(options(network_text=frozen), dataset, tmp_path, report(), device="cpu")


def test_a_lost_loss_stops_with_advice(dataset: Path, tmp_path: Path, options, report) -> None:
    said = report()
    with pytest.raises(DivergedError, match="Try decreasing your learning rate") as error:
        train(options(learning_rate=1e30, policy="fixed"), dataset, tmp_path, said, device="cpu")
    assert "iteration 2 " in str(error.value)
    assert "No snapshot had been taken before" in str(error.value)
    assert error.value.problem.field == "learning_rate"
    assert said.points[-1][2]["train/loss"] is None
    assert files.list_snapshots(tmp_path) == []


def test_a_lost_validation_stops_with_advice(dataset: Path, tmp_path: Path, options, report) -> None:
    """The update of the last iteration is the bad one: no training loss comes after it."""
    said = report()
    given = options(epochs=1, batch_size=90, learning_rate=1e20, policy="fixed", snapshot_interval=0)
    with pytest.raises(DivergedError, match="val/loss became NaN or infinite at iteration 1 "):
        train(given, dataset, tmp_path, said, device="cpu")
    assert said.points[-1][2]["val/loss"] is None
    assert files.list_snapshots(tmp_path) == []


def test_the_last_good_snapshot_is_named(dataset: Path, tmp_path: Path, options, report) -> None:
    """The rate is multiplied by 1e30 in the middle of the training."""
    with pytest.raises(DivergedError, match=r"The last good snapshot is epoch-00002\.00") as error:
        train(options(gamma=1e30, step_percent=50), dataset, tmp_path, report(), device="cpu")
    assert "iteration 28 " in str(error.value)  # the update of the 27th is the first at the new rate
    assert all(np.isfinite(tensor).all() for tensor in weights(tmp_path).values())


def test_ruined_weights_are_not_saved(dataset: Path, tmp_path: Path, options, report, text) -> None:
    """The very update before the snapshot is the bad one, so that no loss has shown it yet."""
    given = options(
        network_text=text().replace("lr_mult: 1 ", "lr_mult: 1e12 "),
        learning_rate=1e30,
        policy="fixed",
        snapshot_interval=0.001,
    )
    with pytest.raises(DivergedError, match="A weight became NaN or infinite at iteration 1 "):
        train(given, dataset, tmp_path, report(), device="cpu")
    assert files.list_snapshots(tmp_path) == []


def test_too_little_memory(dataset: Path, tmp_path: Path, options, report, monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(loop.Loop, "_iterate", allocate)
    with pytest.raises(MemoryLimitError, match="too small for this network at a batch size of 7") as error:
        train(options(), dataset, tmp_path, report(), device="cpu")
    assert error.value.problem.hint == "Try a batch size of 3."


def test_a_full_disk_keeps_the_snapshots_before(
    dataset: Path, tmp_path: Path, options, report, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = report()
    sync = os.fsync

    def full(descriptor: int) -> None:
        if said.snapshots:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFullError):
        train(options(), dataset, tmp_path, said, device="cpu")
    monkeypatch.undo()
    assert [s.name for s in files.list_snapshots(tmp_path)] == ["epoch-00001.00"]
    assert files.newest_valid(tmp_path).skipped == []


def test_a_long_interval_is_guarded_by_passing_snapshots(
    dataset: Path, tmp_path: Path, options, report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "GUARD", 0.0)
    said = report()
    train(options(epochs=1, snapshot_interval=0), dataset, tmp_path, said, device="cpu")
    assert [s.name for s in said.snapshots] == ["epoch-00001.00"]
    # only those that are still useful in case the newest turns out broken
    assert [s.step for s in files.list_snapshots(tmp_path)] == [12, 13]


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"network_text": ""}, "network_text"), ({"crop_size": 13}, "crop_size")],
)
def test_options_that_do_not_fit(dataset: Path, tmp_path: Path, options, report, changes, field) -> None:
    with pytest.raises(InputError) as error:
        train(options(**changes), dataset, tmp_path, report(), device="cpu")
    assert error.value.problem.field == field


def test_no_validation(dataset: Path, tmp_path: Path, options, report) -> None:
    said = report()
    train(options(epochs=1, validation_interval=0), dataset, tmp_path, said, device="cpu")
    assert said.series("val/loss") == []
    assert said.series("train/loss")
