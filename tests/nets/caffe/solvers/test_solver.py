"""The training loop against a training in numpy, and what it does and says in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from gradus.core.errors import GradusError
from gradus.nets.caffe.files.states import read_state
from gradus.nets.caffe.files.weights import read_weights
from gradus.nets.caffe.solvers.scaffold import read_solver
from gradus.nets.caffe.solvers.solver import Action, Callback, Solver

ROWS, FEATURES, CLASSES, BATCH = 12, 3, 4, 4

NET = """
name: "linear"
layer {{ name: "data" type: "HDF5Data" top: "data" top: "label"
        hdf5_data_param {{ source: "{folder}/list.txt" batch_size: 4 }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        param {{ lr_mult: 1 }} param {{ lr_mult: 2 decay_mult: 0 }}
        inner_product_param {{ num_output: 4 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" loss_weight: 0.5 }}
layer {{ name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include {{ phase: TEST }} }}
"""
SOLVER = {
    "net": '"{folder}/net.prototxt"', "base_lr": "0.1", "lr_policy": '"step"', "gamma": "0.5", "stepsize": "2",
    "momentum": "0.9", "weight_decay": "0.05", "random_seed": "7", "snapshot_prefix": '"{folder}/s"',
    "solver_mode": "CPU",
}  # fmt: skip

Heard = list[tuple[str, str]]


@pytest.fixture
def data(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(ROWS, FEATURES)), random.integers(0, CLASSES, ROWS)
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"], file["label"] = x.astype(np.float32), y.astype(np.float32)
    (tmp_path / "list.txt").write_text(f"{tmp_path}/rows.h5\n")
    (tmp_path / "net.prototxt").write_text(NET.format(folder=tmp_path))
    return x.astype(np.float32).astype(np.float64), y


@pytest.fixture
def make(tmp_path: Path, data: Any) -> Iterator[Callable[..., Solver]]:
    """A solver of the text above with changes; `solver.heard` is what it has said."""
    made: list[Solver] = []

    def solver(changes: str = "", **options: Any) -> Solver:
        path = tmp_path / "solver.prototxt"
        kept = "".join(f"{name}: {value}\n" for name, value in SOLVER.items() if f"{name}:" not in changes.split())
        path.write_text((kept + changes).format(folder=tmp_path))
        heard: Heard = []
        made.append(Solver(read_solver(path), log=lambda place, words: heard.append((place, words)), **options))
        made[-1].heard = heard  # type: ignore[attr-defined]
        return made[-1]

    yield solver
    for each in made:
        each.close()


class Reference:
    """Softmax regression by Caffe's SGD in double precision."""

    def __init__(self, solver: Solver, data: tuple[np.ndarray, np.ndarray]) -> None:
        weight, bias = solver.net.params["ip"]
        self.x, self.y = data
        self.w, self.b = weight.astype(np.float64), bias.astype(np.float64)
        self.history = [np.zeros_like(self.w), np.zeros_like(self.b)]
        self.batch = 0

    def next(self) -> tuple[float, float, np.ndarray, np.ndarray]:
        """Loss, accuracy and gradients of the next batch."""
        rows = np.arange(self.batch * BATCH, (self.batch + 1) * BATCH) % ROWS
        self.batch += 1
        x, y = self.x[rows], self.y[rows]
        scores = x @ self.w.T + self.b
        p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        loss = -np.log(p[np.arange(BATCH), y]).mean()
        d = (p - np.eye(CLASSES)[y]) / BATCH * 0.5
        return loss, (scores.argmax(1) == y).mean(), d.T @ x, d.sum(0)

    def step(self, iteration: int, passes: int = 1) -> float:
        """One iteration; gives its loss, times its weight."""
        found = [self.next() for _ in range(passes)]
        rate = 0.1 * 0.5 ** (iteration // 2)
        gradients = [sum(f[2] for f in found) / passes + 0.05 * self.w, sum(f[3] for f in found) / passes]
        self.history = [
            0.9 * h + rate * many * g for h, many, g in zip(self.history, (1, 2), gradients, strict=True)
        ]  # fmt: skip
        self.w, self.b = self.w - self.history[0], self.b - self.history[1]
        return 0.5 * float(np.mean([f[0] for f in found]))

    def assert_equal(self, solver: Solver) -> None:
        weight, bias = solver.net.params["ip"]
        np.testing.assert_allclose(weight, self.w, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(bias, self.b, rtol=1e-5, atol=1e-6)


def said(solver: Solver, place: str) -> list[str]:
    return [words for where, words in solver.heard if where == place]  # type: ignore[attr-defined]


def shown(words: str) -> float:
    """The number behind the first equals sign."""
    return float(words.split(" = ")[1].split()[0])


@pytest.mark.parametrize("passes", [1, 3])
def test_weights_go_where_caffe_s_rule_takes_them(make: Callable[..., Solver], data: Any, passes: int) -> None:
    solver = make(f"max_iter: 7 iter_size: {passes}")
    reference = Reference(solver, data)
    for iteration in range(5):
        reference.step(iteration, passes)
    solver.step(5)
    assert solver.iteration == 5
    reference.assert_equal(solver)


def test_a_training_says_what_caffe_says(make: Callable[..., Solver], data: Any, tmp_path: Path) -> None:
    solver = make("max_iter: 4 display: 2 average_loss: 3 test_iter: 3 test_interval: 2 snapshot: 3")
    reference, tested = Reference(solver, data), Reference(solver, data)
    losses, averages, accuracies, rates = [], [], [], []

    def test() -> None:
        tested.w, tested.b = reference.w, reference.b
        accuracies.append(float(np.mean([tested.next()[1] for _ in range(3)])))

    test()
    for iteration in range(4):
        if iteration == 2:
            test()
        losses.append(reference.step(iteration))
        averages.append(np.mean(losses[-3:]))
        rates.append(0.1 * 0.5 ** (iteration // 2))
    losses.append(0.5 * reference.next()[0])
    averages.append(np.mean(losses[-3:]))
    test()
    solver.solve()
    heard: Heard = solver.heard  # type: ignore[attr-defined]
    places = [where for where, _ in heard[[w for _, w in heard].index("Solving linear") :]]
    tests = ["solver.cpp:330", "solver.cpp:397", "solver.cpp:397"]
    iteration = ["solver.cpp:218", "solver.cpp:237", "sgd_solver.cpp:105"]
    assert places == [
        "solver.cpp:272", "solver.cpp:273", *tests, *iteration, *tests, *iteration, "solver.cpp:447",
        "sgd_solver.cpp:273", "solver.cpp:447", "sgd_solver.cpp:273", "solver.cpp:310", *tests, "solver.cpp:315",
    ]  # fmt: skip
    assert said(solver, "solver.cpp:330") == [f"Iteration {i}, Testing net (#0)" for i in (0, 2, 4)]
    outputs = said(solver, "solver.cpp:397")
    assert [shown(words) for words in outputs[::2]] == pytest.approx(accuracies, abs=1e-5)
    assert all(words.startswith("    Test net output #0: accuracy = ") for words in outputs[::2])
    weighed = re.fullmatch(r"    Test net output #1: loss = ([\d.]+) \(\* 0\.5 = ([\d.]+) loss\)", outputs[1])
    assert weighed is not None
    assert float(weighed[2]) == pytest.approx(float(weighed[1]) / 2, rel=1e-5)
    displayed = said(solver, "solver.cpp:218")
    assert [words.split(" (")[0] for words in displayed] == ["Iteration 0", "Iteration 2"]
    assert all("s/2 iters), loss = " in words and " iter/s, " in words for words in displayed)
    assert [shown(words) for words in displayed] == pytest.approx([averages[0], averages[2]], rel=1e-4)
    assert [shown(words) for words in said(solver, "solver.cpp:237")] == pytest.approx(
        [losses[0] * 2, losses[2] * 2], rel=1e-4
    )
    assert said(solver, "sgd_solver.cpp:105") == [f"Iteration {i}, lr = {rates[i]:g}" for i in (0, 2)]
    assert said(solver, "solver.cpp:310")[0].startswith("Iteration 4, loss = ")
    assert shown(said(solver, "solver.cpp:310")[0]) == pytest.approx(averages[4], rel=1e-4)
    assert said(solver, "solver.cpp:447") == [
        f"Snapshotting to binary proto file {tmp_path}/s_iter_{i}.caffemodel" for i in (3, 4)
    ]
    reference.assert_equal(solver)


@pytest.mark.parametrize(("format_", "ending"), [("BINARYPROTO", ""), ("HDF5", ".h5")])
def test_a_snapshot_is_weights_and_a_state_that_names_them(
    make: Callable[..., Solver], data: Any, tmp_path: Path, format_: str, ending: str
) -> None:
    solver = make(f"max_iter: 3 snapshot_format: {format_}")
    reference = Reference(solver, data)
    for iteration in range(3):
        reference.step(iteration)
    solver.solve()
    model, state = tmp_path / f"s_iter_3.caffemodel{ending}", tmp_path / f"s_iter_3.solverstate{ending}"
    assert sorted(path.name for path in tmp_path.glob("s_iter_*")) == [model.name, state.name]
    kept = read_state(state)
    assert (kept.iteration, kept.learned_net, kept.current_step) == (3, str(model), 1)
    for blob, history in zip(kept.history, reference.history, strict=True):
        np.testing.assert_allclose(blob.read(), history, rtol=1e-4, atol=1e-6)
    for array, expected in zip(read_weights(model).arrays()["ip"], (reference.w, reference.b), strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)


def test_what_is_restored_goes_on_as_the_reference(make: Callable[..., Solver], data: Any, tmp_path: Path) -> None:
    first = make("max_iter: 3")
    reference = Reference(first, data)
    for iteration in range(3):
        reference.step(iteration)
    first.solve()
    (tmp_path / "moved").mkdir()
    for path in tmp_path.glob("s_iter_3.*"):  # the weights are no longer where the state says, but beside it
        path.rename(tmp_path / "moved" / path.name)
    second = make("max_iter: 6 snapshot_after_train: false random_seed: 8")
    second.restore(str(tmp_path / "moved" / "s_iter_3.solverstate"))
    reference.assert_equal(second)
    assert second.iteration == 3
    reference.batch = 0  # HDF5Data begins at its beginning
    for iteration in range(3, 6):
        reference.step(iteration)
    second.solve()
    reference.assert_equal(second)
    assert not list(tmp_path.glob("s_iter_6*"))


def test_nvidia_s_batch_norm_goes_on_as_it_was(make: Callable[..., Solver], tmp_path: Path) -> None:
    norm = 'layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn" batch_norm_param { scale_bias: true } }\n'
    text = NET.format(folder=tmp_path).replace('bottom: "data"', 'bottom: "bn"')
    (tmp_path / "net.prototxt").write_text(text.replace('layer { name: "ip"', norm + 'layer { name: "ip"'))
    first, second = make("max_iter: 3"), make("max_iter: 3")
    first.solve()
    second.restore(str(tmp_path / "s_iter_3.solverstate"))
    for name, blobs in first.net.params.items():
        for mine, theirs in zip(second.net.params[name], blobs, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert len(first.net.params["bn"]) == 5


def test_a_stop_keeps_what_was_learned(make: Callable[..., Solver], tmp_path: Path) -> None:
    asked = iter([Action.NONE, Action.SNAPSHOT, Action.NONE, Action.STOP])
    solver = make("max_iter: 100", asked=lambda: next(asked))
    solver.solve()
    assert solver.iteration == 4
    assert sorted(p.name for p in tmp_path.glob("*.caffemodel")) == ["s_iter_2.caffemodel", "s_iter_4.caffemodel"]
    assert said(solver, "solver.cpp:294") == ["Optimization stopped early."]
    assert said(solver, "solver.cpp:315") == []


def test_a_test_can_be_stopped_too(make: Callable[..., Solver], tmp_path: Path) -> None:
    asked = iter([Action.NONE, Action.SNAPSHOT, Action.NONE, Action.STOP, Action.NONE])
    solver = make("max_iter: 9 test_iter: 5 test_interval: 4", asked=lambda: next(asked))
    solver.solve()
    assert said(solver, "solver.cpp:379") == ["Test interrupted."]
    assert said(solver, "solver.cpp:397") == []
    assert solver.iteration == 0
    assert (tmp_path / "s_iter_0.caffemodel").exists()


def test_callbacks_stand_before_the_passes_and_before_the_update(make: Callable[..., Solver]) -> None:
    solver = make("max_iter: 2")
    seen: list[tuple[str, int, bool]] = []

    def note(name: str) -> Callable[[], None]:
        def call() -> None:
            gradient = solver.net.specs[0].tensor.grad
            seen.append((name, solver.iteration, gradient is not None and bool(gradient.any())))

        return call

    solver.callbacks.append(Callback(note("start"), note("gradients")))
    weight = solver.net.params["ip"][0].copy()
    solver.callbacks.append(
        Callback(lambda: None, lambda: np.testing.assert_array_equal(solver.net.params["ip"][0], weight))
    )
    solver.step(1)
    assert seen[1] == ("gradients", 0, True)
    assert [name for name, *_ in seen] == ["start", "gradients"]
    assert not np.array_equal(solver.net.params["ip"][0], weight)


def test_test_nets_come_in_caffe_s_order_and_learn_with_the_net(make: Callable[..., Solver], tmp_path: Path) -> None:
    text = NET.format(folder=tmp_path)
    for name in ("train", "one", "two"):
        (tmp_path / f"{name}.prototxt").write_text(text.replace("linear", name))
    solver = make(
        'test_net: "{folder}/one.prototxt" test_net: "{folder}/two.prototxt" test_iter: 1 test_iter: 2 test_iter: 3'
        " test_interval: 5 max_iter: 2 snapshot_after_train: false"
    )
    assert [net.name for net in solver.test_nets] == ["one", "two", "linear"]
    solver.solve()
    assert len(said(solver, "solver.cpp:330")) == 3
    for net in solver.test_nets:
        np.testing.assert_array_equal(net.params["ip"][0], solver.net.params["ip"][0])
        net.params["ip"][0][0, 0] = 5
        assert solver.net.params["ip"][0][0, 0] == 5


def test_states_merge_the_net_s_then_the_solver_s(make: Callable[..., Solver], tmp_path: Path) -> None:
    silence = 'layer {{ name: "{0}" type: "Silence" bottom: "label" include {{ {1} }} }}\n'
    extra = silence.format("staged", 'stage: "a" stage: "b"') + silence.format("levelled", "min_level: 2")
    head = 'state { stage: "a" level: 1 }\n'
    (tmp_path / "net.prototxt").write_text(head + NET.format(folder=tmp_path) + extra)
    solver = make('train_state {{ stage: "b" }} test_state {{ level: 2 }} test_iter: 1 test_interval: 9 max_iter: 1')
    assert ["staged" in net.layers for net in (solver.net, *solver.test_nets)] == [True, False]
    assert ["levelled" in net.layers for net in (solver.net, *solver.test_nets)] == [False, True]


def test_without_an_initial_test_the_first_is_at_the_interval(make: Callable[..., Solver]) -> None:
    solver = make("max_iter: 4 test_iter: 1 test_interval: 2 test_initialization: false test_compute_loss: true")
    solver.solve()
    assert [words.split(",")[0] for words in said(solver, "solver.cpp:330")] == ["Iteration 2", "Iteration 4"]
    outputs = said(solver, "solver.cpp:397")
    assert [shown(w.replace(":", " =")) for w in said(solver, "solver.cpp:384")] == pytest.approx(
        [shown(w) / 2 for w in outputs if " loss = " in w], rel=1e-4
    )


def test_several_weight_files_are_copied_in_their_order(make: Callable[..., Solver], tmp_path: Path) -> None:
    for seed in (1, 2):
        solver = make(f"max_iter: 1 snapshot_prefix: '{tmp_path}/w{seed}' random_seed: {seed}")
        solver.solve()
    tuned = make("weights: '{folder}/w1_iter_1.caffemodel, {folder}/w2_iter_1.caffemodel' max_iter: 1")
    np.testing.assert_array_equal(tuned.net.params["ip"][0], solver.net.params["ip"][0])
    assert len(said(tuned, "caffe.cpp:155")) == 2


def test_dropout_draws_by_iteration_so_that_a_seed_says_all(make: Callable[..., Solver], tmp_path: Path) -> None:
    text = NET.format(folder=tmp_path).replace(
        'layer { name: "loss"', 'layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }\nlayer { name: "loss"'
    )
    (tmp_path / "net.prototxt").write_text(text)
    results = []
    for disturbance in (1, 2):
        solver = make("max_iter: 4")
        torch.manual_seed(disturbance)
        solver.step(4)
        results.append(solver.net.params["ip"][0].copy())
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ('train_net: "{folder}/net.prototxt"', ["two nets", "net and train_net"]),
        ("test_iter: 1", ["test_interval"]),
        ('test_net: "{folder}/net.prototxt"', ["1 test nets and 0 test_iter"]),
        ("test_iter: 1 test_interval: 1 test_state {{ }} test_state {{ }}", ["2 test_state"]),
        ("average_loss: 0", ["average_loss", "at least 1"]),
        ("test_iter: -1 test_interval: 1", ["test_iter"]),
        ("snapshot: 1 snapshot_prefix: '{folder}/nowhere/s'", ["nowhere", "no folder"]),
        ("iter_size: 0", ["iter_size"]),
        ("weights: '{folder}/lost.caffemodel'", ["lost.caffemodel"]),
    ],
)
def test_what_cannot_be_is_refused_before_the_training(
    make: Callable[..., Solver], changes: str, words: list[str]
) -> None:
    with pytest.raises(GradusError) as caught:
        make(changes)
    assert all(word in f"{caught.value} {caught.value.problem.field}" for word in words)


def test_a_solver_without_a_net_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.prototxt").write_text('base_lr: 1 lr_policy: "fixed" solver_mode: CPU')
    with pytest.raises(GradusError, match="no net to train"):
        Solver(read_solver(tmp_path / "s.prototxt"))


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("", "{folder}/lenet_solver"), ("snapshot_prefix: '{folder}'", "{folder}/lenet_solver"),
     ("snapshot_prefix: '{folder}/x'", "{folder}/x")],
)  # fmt: skip
def test_snapshots_have_a_name_in_any_case(tmp_path: Path, prefix: str, expected: str) -> None:
    path = tmp_path / "lenet_solver.prototxt"
    path.write_text(f"solver_type: ADAM {prefix.format(folder=tmp_path)}")
    param = read_solver(path)
    assert param.snapshot_prefix == expected.format(folder=tmp_path)
    assert param.type == "Adam"
