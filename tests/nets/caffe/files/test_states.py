"""Solver states against protobuf and h5py."""

import h5py
import numpy as np
import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.files.states import read_state, write_state
from gradus.nets.caffe.schema import message_class

H = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0.5, -1], np.float32)]


def same(state):
    assert (state.iteration, state.learned_net, state.current_step) == (4000, "nets/a_iter_4000.caffemodel", 2)
    assert [blob.shape for blob in state.history] == [(2, 3), (2,)]
    for found, expected in zip(state.history, H, strict=True):
        np.testing.assert_array_equal(found.read(), expected)


def test_protobufs_state_is_read(tmp_path):
    state = message_class("SolverState")(iter=4000, learned_net="nets/a_iter_4000.caffemodel", current_step=2)
    state.history.add(shape={"dim": [2, 3]}, data=H[0].ravel())
    state.history.add(num=1, channels=1, height=1, width=2, double_data=H[1])
    (tmp_path / "s").write_bytes(state.SerializeToString())
    read = read_state(tmp_path / "s")
    assert [blob.shape for blob in read.history] == [(2, 3), (1, 1, 1, 2)]
    np.testing.assert_array_equal(read.history[1].read().ravel(), H[1])
    assert (read.iteration, read.current_step) == (4000, 2)


def test_protobuf_reads_ours(tmp_path):
    write_state(tmp_path / "a.solverstate", 4000, "nets/a_iter_4000.caffemodel", H, 2)
    state = message_class("SolverState").FromString((tmp_path / "a.solverstate").read_bytes())
    assert (state.iter, state.learned_net, state.current_step) == (4000, "nets/a_iter_4000.caffemodel", 2)
    for found, expected in zip(state.history, H, strict=True):
        assert list(found.shape.dim) == list(expected.shape)
        np.testing.assert_array_equal(list(found.data), expected.ravel())
    same(read_state(tmp_path / "a.solverstate"))


def test_h5py_reads_ours_and_we_its(tmp_path):
    write_state(tmp_path / "a.solverstate.h5", 4000, "nets/a_iter_4000.caffemodel", H, 2)
    with h5py.File(tmp_path / "a.solverstate.h5") as file:
        assert (file["iter"][()], file["current_step"][()]) == (4000, 2)
        assert file["learned_net"][()] == b"nets/a_iter_4000.caffemodel"
        assert sorted(file["history"]) == ["0", "1"]
        np.testing.assert_array_equal(file["history/0"], H[0])
    same(read_state(tmp_path / "a.solverstate.h5"))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["iter"], file["current_step"] = np.array([4000], np.int32), 2  # H5LTmake_dataset_int: a row of one
        file["learned_net"] = "nets/a_iter_4000.caffemodel"  # of variable length
        for i, blob in enumerate(H):
            file[f"history/{i}"] = blob
    same(read_state(tmp_path / "b.h5"))


def test_a_state_before_the_first_step(tmp_path):
    for name in ("a.solverstate", "a.solverstate.h5"):
        write_state(tmp_path / name, 0, "", [])
        state = read_state(tmp_path / name)
        assert (state.iteration, state.learned_net, state.history, state.current_step) == (0, "", [], 0)


def gap(path):
    with h5py.File(path, "w") as file:
        file["history/1"] = H[0]


def odd_iter(path):
    with h5py.File(path, "w") as file:
        file["iter"] = [1.5, 2.5]


def odd_net(path):
    with h5py.File(path, "w") as file:
        file["learned_net"] = [1, 2]


def protobuf(**fields):
    return lambda path: path.write_bytes(message_class("SolverState")(**fields).SerializeToString())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (gap, "lacks blob 0"),
        (odd_iter, "not an integer"),
        (odd_net, "not a text"),
        (protobuf(iter=-1), "-1 iterations"),
        (protobuf(history=[{"data": [1, 2], "shape": {"dim": [3]}}]), "2 values"),
        (lambda path: path.write_bytes(b""), "no state"),
        (lambda path: path.write_bytes(b"\x08"), "cut short"),
        (lambda path: path.write_bytes(b"\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), "iterations"),
    ],
)
def test_states_that_are_none_are_said_to_be(make, said, tmp_path):
    make(tmp_path / "s.solverstate")
    with pytest.raises(NetworkError, match=said):
        read_state(tmp_path / "s.solverstate")
