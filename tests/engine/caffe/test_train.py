"""`caffe train` from a solver and a train_test text as Caffe's examples have them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradus.nets.caffe.files.states import read_state

Run = Callable[..., Any]


def change(path: Path, **fields: str) -> None:
    """Give fields of a text other values."""
    lines = [line for line in path.read_text().splitlines() if line.split(":")[0] not in fields]
    path.write_text("\n".join([*lines, *(f"{name}: {value}" for name, value in fields.items())]))


def test_a_pair_of_texts_trains_tests_and_keeps_what_it_learned(caffe: Run, work: Path) -> None:
    ran = caffe("train", "--solver=solver.prototxt")
    assert ran.code == 0, ran.err
    assert ran.messages[-2:] == ["Optimization Done.", "Optimization Done."]  # the solver's and the command's
    accuracies = ran.numbers(r"Test net output #0: accuracy = (\S+)")
    assert len(accuracies) == 4
    assert accuracies[-1] > 0.9 > accuracies[0] + 0.3
    assert ran.numbers(r"Iteration (\d+), Testing net \(#0\)") == [0, 20, 40, 60]
    assert ran.numbers(r"Iteration (\d+) \(\S+ iter/s, \S+s/10 iters\), loss = ") == [0, 10, 20, 30, 40, 50]
    rates = ran.numbers(r"Iteration \d+, lr = (\S+)")
    assert rates == pytest.approx([0.05 * (1 + 0.0001 * i) ** -0.75 for i in range(0, 60, 10)], rel=1e-5)
    assert "Snapshotting to binary proto file patterns_iter_30.caffemodel" in ran.messages
    assert "Solving Patterns" in ran.messages
    for iteration in (30, 60):
        state = read_state(work / f"patterns_iter_{iteration}.solverstate")
        assert (state.iteration, state.learned_net) == (iteration, f"patterns_iter_{iteration}.caffemodel")


def test_without_a_gpu_a_solver_that_wants_one_runs_on_the_processor(
    caffe: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    change(work / "solver.prototxt", max_iter="1", snapshot="0")
    ran = caffe("train", "-solver", "solver.prototxt")
    assert ran.code == 0
    assert any(line.startswith("W") and "There is no GPU 0" in line for line in ran.err.splitlines())
    assert "Use CPU." in ran.messages


def test_a_training_goes_on_from_a_snapshot_as_if_it_had_never_ended(caffe: Run, work: Path) -> None:
    """Weights, momentum, rate, and also where the data, the crops, the flips and the dropout stand: to the bit."""
    change(work / "solver.prototxt", max_iter="14", snapshot="7", test_interval="5")
    whole = caffe("train", "--solver=solver.prototxt")
    expected = (work / "patterns_iter_14.caffemodel").read_bytes()
    states = (work / "patterns_iter_14.solverstate").read_bytes()
    tests = whole.numbers(r"Test net output #1: loss = (\S+)")
    (work / "patterns_iter_14.caffemodel").unlink()
    ran = caffe("train", "--solver=solver.prototxt", "--snapshot=patterns_iter_7.solverstate")
    assert ran.code == 0, ran.err
    assert "Resuming from patterns_iter_7.solverstate" in ran.messages
    assert (work / "patterns_iter_14.caffemodel").read_bytes() == expected
    assert (work / "patterns_iter_14.solverstate").read_bytes() == states
    assert ran.numbers(r"Test net output #1: loss = (\S+)") == tests[2:]  # of iterations 10; 0 and 5 are behind


def test_finetuning_starts_from_the_weights(caffe: Run, work: Path) -> None:
    caffe("train", "--solver=solver.prototxt")
    change(work / "solver.prototxt", max_iter="1")
    ran = caffe("train", "--solver=solver.prototxt", "--weights=patterns_iter_60.caffemodel")
    assert "Finetuning from patterns_iter_60.caffemodel" in ran.messages
    assert ran.numbers(r"Test net output #0: accuracy = (\S+)")[0] > 0.9


@pytest.mark.parametrize(
    ("flags", "seen"),
    [([], False), (["--stage=more"], False), (["--stage=more,other", "--level=3"], True), (["--level=3"], False)],
)
def test_level_and_stage_reach_the_net(caffe: Run, work: Path, flags: list[str], seen: bool) -> None:
    path = work / "train_test.prototxt"
    extra = 'layer { name: "x" type: "Power" bottom: "label" top: "seen" include { stage: "more" min_level: 3 } }'
    path.write_text(path.read_text() + extra)
    change(work / "solver.prototxt", max_iter="1", snapshot="0", test_interval="100")
    ran = caffe("train", "--solver=solver.prototxt", *flags)
    assert ran.code == 0, ran.err
    assert ("This network produces output seen" in ran.messages) is seen


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Need a solver definition to train."),
        (["--solver=solver.prototxt", "--snapshot=a", "--weights=b"], "but not both"),
        (["--solver=solver.prototxt", "--sigint_effect=explode"], "--sigint_effect"),
        (["--solver=solver.prototxt", "--gpu=first"], "--gpu"),
        (["--solver=lost.prototxt"], "lost.prototxt"),
        (["--solver=solver.prototxt", "--snapshot=lost.solverstate"], "lost.solverstate"),
        (["--solver=solver.prototxt", "--weights=lost.caffemodel"], "lost.caffemodel"),
    ],
)
def test_what_cannot_be_used_ends_with_a_fatal_line_and_code_2(
    caffe: Run, work: Path, arguments: list[str], words: str
) -> None:
    ran = caffe("train", *arguments)
    assert ran.code == 2
    last = ran.err.splitlines()[-1]
    assert last.startswith("F")
    assert words in last
    assert "Traceback" not in ran.err


def test_a_net_that_is_wrong_is_explained_with_its_line(caffe: Run, work: Path) -> None:
    path = work / "train_test.prototxt"
    path.write_text(path.read_text().replace("kernel_size: 3", "kernel_size: 30"))
    ran = caffe("train", "--solver=solver.prototxt")
    assert ran.code == 2
    line = path.read_text().partition("kernel_size: 30")[0].count("\n") + 1
    assert f"line {line}:" in ran.err.splitlines()[-1]
    assert "conv1" in ran.err.splitlines()[-1]


def test_a_python_layer_is_found_in_the_working_folder(caffe: Run, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", list(sys.path))
    (work / "halving_of_a_test.py").write_text(
        "import caffe\n"
        "class Halve(caffe.Layer):\n"
        "    def setup(self, bottom, top): pass\n"
        "    def reshape(self, bottom, top): top[0].reshape(*bottom[0].data.shape)\n"
        "    def forward(self, bottom, top): top[0].data[...] = bottom[0].data / 2\n"
        "    def backward(self, top, down, bottom): bottom[0].diff[...] = top[0].diff / 2\n"
    )
    path = work / "train_test.prototxt"
    layer = 'layer { name: "half" type: "Python" bottom: "data" top: "half" %s }\nlayer {\n  name: "conv1"'
    text = path.read_text().replace('bottom: "data"', 'bottom: "half"')
    which = 'python_param { module: "halving_of_a_test" layer: "Halve" }'
    path.write_text(text.replace('layer {\n  name: "conv1"', layer % which))
    ran = caffe("train", "--solver=solver.prototxt")
    assert ran.code == 0, ran.err
    assert ran.numbers(r"Test net output #0: accuracy = (\S+)")[-1] > 0.8
