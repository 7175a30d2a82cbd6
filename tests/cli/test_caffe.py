"""`gradus caffe` as a shell runs it: arguments that nobody touches, signals that arrive, exit codes that come back."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]

NET = """
name: "linear"
layer {{ name: "data" type: "HDF5Data" top: "data" top: "label"
        hdf5_data_param {{ source: "{folder}/list.txt" batch_size: 4 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param {{ num_output: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""
SOLVER = """
net: "{folder}/net.prototxt" base_lr: 0.001 lr_policy: "fixed" max_iter: 100000000 display: 100
snapshot_prefix: "{folder}/s" solver_mode: CPU
"""
PATIENCE = 60.0  # seconds


@pytest.fixture
def work(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"] = random.normal(size=(8, 5)).astype(np.float32)
        file["label"] = random.integers(0, 3, 8).astype(np.float32)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/rows.h5\n")
    (tmp_path / "net.prototxt").write_text(NET.format(folder=tmp_path))
    (tmp_path / "solver.prototxt").write_text(SOLVER.format(folder=tmp_path))
    return tmp_path


def wait_for(process: subprocess.Popen[str], words: str) -> str:
    """The first line of the log that contains these words."""
    assert process.stderr is not None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        assert line, "the process has ended"
        if words in line:
            return line
    raise AssertionError(f"{words!r} was not said in {PATIENCE:.0f} s")


def test_the_help_lists_caffe_s_commands_without_torch(gradus: Run) -> None:
    shown = gradus("caffe", "--help")
    assert shown.returncode == 0
    for command in ("train", "test", "time", "upgrade", "deploy", "draw", "python", "device_query"):
        assert f" {command} " in shown.stdout
    code = "import sys, gradus.cli.caffe; print({'torch', 'numpy', 'sqlalchemy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_flags_are_the_command_s_own(gradus: Run, flag: str) -> None:
    shown = gradus("caffe", "train", flag)
    assert shown.returncode == 0
    assert shown.stdout.startswith("usage: gradus caffe COMMAND [FLAG...]")


def test_arguments_arrive_in_order_and_untouched(gradus: Run) -> None:
    ran = gradus("caffe", "train", "-solver", "lost file.prototxt", "--iterations=-3", "-phase", "-x", "--stage=a b")
    assert ran.returncode == 2
    assert ran.stderr.startswith("F")
    assert "lost file.prototxt" in ran.stderr


def test_usage_is_code_2(gradus: Run) -> None:
    assert gradus("caffe", "train").returncode == 2
    assert gradus("caffe", "brew").returncode == 2


def test_signals_snapshot_and_stop(start: Start, work: Path) -> None:
    process = start("caffe", "train", f"--solver={work}/solver.prototxt")
    wait_for(process, "Iteration 100 ")
    process.send_signal(signal.SIGHUP)
    first = wait_for(process, "Snapshotting to binary proto file").split("_iter_")[1].partition(".")[0]
    wait_for(process, "iters), loss = ")  # it goes on
    process.send_signal(signal.SIGINT)
    last = wait_for(process, "Snapshotting to binary proto file").split("_iter_")[1].partition(".")[0]
    wait_for(process, "Optimization stopped early.")
    assert process.wait(PATIENCE) == 0
    assert 100 < int(first) < int(last)
    assert {path.name for path in work.glob("s_iter_*")} == {
        f"s_iter_{number}.{ending}" for number in (first, last) for ending in ("caffemodel", "solverstate")
    }


def test_other_effects_can_be_chosen(start: Start, work: Path) -> None:
    process = start(
        "caffe", "train", f"--solver={work}/solver.prototxt", "--sighup_effect=stop", "-sigint_effect", "none"
    )
    wait_for(process, "Iteration 100 ")
    process.send_signal(signal.SIGINT)
    wait_for(process, "iters), loss = ")
    process.send_signal(signal.SIGHUP)
    wait_for(process, "Optimization stopped early.")
    assert process.wait(PATIENCE) == 0
    assert len(list(work.glob("s_iter_*.caffemodel"))) == 1


def test_a_killed_training_leaves_whole_files_only(start: Start, gradus: Run, work: Path) -> None:
    path = work / "solver.prototxt"
    path.write_text(path.read_text() + "snapshot: 1")
    process = start("caffe", "train", f"--solver={path}")
    wait_for(process, "_iter_30.solverstate")
    process.kill()
    process.wait(PATIENCE)
    from gradus.nets.caffe.files.states import read_state
    from gradus.nets.caffe.files.weights import read_weights

    states = list(work.glob("s_iter_*.solverstate"))
    assert len(states) >= 29
    for state in states:  # a state is written after the weights that it names
        kept = read_state(state)
        assert [blob.read().size for blob in kept.history] == [15, 3]
        weights = read_weights(Path(kept.learned_net))
        assert [array.shape for array in weights.arrays()["ip"]] == [(3, 5), (3,)]


def test_a_script_that_imports_caffe_runs_unchanged(gradus: Run, work: Path) -> None:
    (work / "helper.py").write_text("WORD = 'beside'\n")
    script = work / "script.py"
    script.write_text(
        "import sys, caffe, helper\n"
        "solver = caffe.get_solver(sys.argv[1])\n"
        "solver.step(2)\n"
        "print(__name__, solver.iter, solver.net.params['ip'][0].data.shape, sys.argv[2:], helper.WORD)\n"
        "sys.exit(7)\n"
    )
    ran = gradus("caffe", "python", script, work / "solver.prototxt", "-h", "--solver")
    assert ran.stdout == "__main__ 2 (3, 5) ['-h', '--solver'] beside\n", ran.stderr
    assert ran.returncode == 7
