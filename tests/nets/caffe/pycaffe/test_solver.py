"""pycaffe's solvers against closed forms, and what one may do to them from outside."""

from __future__ import annotations

import numpy as np
import pytest

# loss = w^2 / 2 on a batch of one: the gradient of w is w.
NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 1 dim: 1 } shape { dim: 1 dim: 1 }
                           data_filler { value: 1 } data_filler { value: 0 } } }
layer { name: "w" type: "InnerProduct" bottom: "data" top: "w"
        inner_product_param { num_output: 1 bias_term: false weight_filler { type: "constant" value: 8 } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "w" bottom: "label" top: "loss" }
"""


@pytest.fixture
def solver(caffe, write, tmp_path):
    def make(more: str = 'base_lr: 0.1 momentum: 0.9 lr_policy: "step" stepsize: 3 gamma: 0.5', kind: str = "SGD"):
        net = write(NET)
        text = f'net: "{net}" {more} max_iter: 6 snapshot_prefix: "{tmp_path / "kept"}" snapshot_after_train: false'
        return getattr(caffe, f"{kind}Solver")(write(text, "solver.prototxt"))

    return make


def by_hand(steps: int, rate: float = 0.1, momentum: float = 0.9, start: float = 8.0) -> list[float]:
    """Caffe's SGD with the rate inside the history, halved every three steps."""
    w, history, seen = start, 0.0, []
    for step in range(steps):
        history = momentum * history + rate * 0.5 ** (step // 3) * w
        w -= history
        seen.append(w)
    return seen


def test_steps_are_caffes(solver) -> None:
    made = solver()
    seen = []
    for _ in range(6):
        made.step(1)
        seen.append(float(made.net.params["w"][0].data[0, 0]))
    np.testing.assert_allclose(seen, by_hand(6), rtol=1e-5)
    assert (made.iter, made.param.max_iter) == (6, 6)
    assert made.lr == pytest.approx(0.025)


def test_solve_goes_to_the_last_iteration(solver) -> None:
    made = solver()
    made.step(2)
    made.solve()
    assert made.iter == 6
    np.testing.assert_allclose(made.net.params["w"][0].data, [[by_hand(6)[-1]]], rtol=1e-5)


def test_what_a_step_did_can_be_looked_at(solver) -> None:
    made = solver()
    seen = []
    made.add_callback(lambda: seen.append("start"), lambda: seen.append(made.net.params["w"][0].diff.item()))
    made.step(2)
    np.testing.assert_allclose(made.net.blobs["loss"].data, by_hand(1)[0] ** 2 / 2, rtol=1e-5)
    assert seen[0] == seen[2] == "start"
    np.testing.assert_allclose([seen[1], seen[3]], [8, by_hand(1)[0]], rtol=1e-5)


def test_callbacks_may_change_the_gradients(solver) -> None:
    made = solver('base_lr: 0.1 lr_policy: "fixed"')
    made.add_callback(None, lambda: made.net.params["w"][0].diff.fill(10))
    made.step(1)
    np.testing.assert_allclose(made.net.params["w"][0].data, [[7]], rtol=1e-6)


def test_gradients_are_added_over_iter_size(solver) -> None:
    made = solver('base_lr: 0.1 lr_policy: "fixed" iter_size: 4')
    seen = []
    made.add_callback(None, lambda: seen.append(made.net.params["w"][0].diff.item()))
    made.step(1)
    assert seen == [32]
    np.testing.assert_allclose(made.net.params["w"][0].data, [[8 - 0.1 * 8]], rtol=1e-6)


def test_apply_update_takes_the_diffs_as_they_are(solver) -> None:
    made = solver('base_lr: 0.01 lr_policy: "fixed"')
    made.net.params["w"][0].diff[...] = 3
    made.apply_update()
    np.testing.assert_allclose(made.net.params["w"][0].data, [[8 - 0.03]], rtol=1e-6)
    assert made.iter == 1


def test_weights_that_are_written_count(solver) -> None:
    made = solver()
    made.step(1)
    made.net.params["w"][0].data[...] = 0
    made.step(1)
    np.testing.assert_allclose(made.net.params["w"][0].data, [[-0.9 * 0.8]], rtol=1e-5)  # momentum goes on


def test_a_snapshot_is_restored(solver, tmp_path) -> None:
    made = solver()
    made.step(2)
    made.snapshot()
    assert (tmp_path / "kept_iter_2.caffemodel").exists()
    again = solver()
    again.restore(str(tmp_path / "kept_iter_2.solverstate"))
    assert again.iter == 2
    again.step(4)
    np.testing.assert_allclose(again.net.params["w"][0].data, [[by_hand(6)[-1]]], rtol=1e-5)


def test_test_nets_share_the_weights(solver) -> None:
    made = solver('base_lr: 0.1 lr_policy: "fixed" test_iter: 2 test_interval: 100')
    (tested,) = made.test_nets
    made.net.params["w"][0].data[...] = 3
    assert tested.params["w"][0].data == 3
    np.testing.assert_allclose(tested.forward()["loss"], 4.5)
    made.step(1)
    np.testing.assert_allclose(tested.params["w"][0].data, [[2.7]], rtol=1e-6)


def test_another_net_may_share_them_too(solver, caffe, write) -> None:
    made = solver()
    net = caffe.Net(write(NET), caffe.TEST)
    made.share_weights(net)
    made.net.params["w"][0].data[...] = 5
    assert net.params["w"][0].data == 5


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("SGD", 8 - 0.1 * 8),
        ("Nesterov", 8 - 0.1 * 8),  # without momentum the same
        ("AdaGrad", 8 - 0.1 * 8 / (8 + 1e-8)),
        ("RMSProp", 8 - 0.1 * 8 / (8 * np.sqrt(1 - 0.99) + 1e-8)),
        ("AdaDelta", 8 - 0.1 * 8 * np.sqrt(1e-8 / (64 + 1e-8))),
        ("Adam", 8 - 0.1 * 8 / (8 + 1e-8 / np.sqrt(1 - 0.999))),
    ],
)
def test_the_first_step_of_each_kind(solver, caffe, kind, after) -> None:
    """Catalogue 3: momentum 0, so AdaDelta's averages are those of this step alone."""
    made = solver('base_lr: 0.1 lr_policy: "fixed"', kind=kind)
    assert made.param.type == kind
    made.step(1)
    np.testing.assert_allclose(made.net.params["w"][0].data, [[after]], rtol=1e-5)


def test_the_file_names_the_kind(solver, caffe, write, tmp_path) -> None:
    text = f'net: "{write(NET)}" base_lr: 1 lr_policy: "fixed" type: "TYPE" snapshot_prefix: "{tmp_path}/x"'
    assert type(caffe.get_solver(write(text.replace("TYPE", "Adam"), "s"))) is caffe.AdamSolver
    with pytest.raises(RuntimeError, match="no solver of type 'Nothing'"):
        caffe.get_solver(write(text.replace("TYPE", "Nothing"), "s"))
    with pytest.raises(RuntimeError, match=r"lost\.prototxt"):
        caffe.SGDSolver("lost.prototxt")
