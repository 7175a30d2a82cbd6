import h5py
import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe import Net
from gradus.nets.caffe.layers.base import Use
from gradus.nets.caffe.layers.table import layer_class
from gradus.nets.caffe.text.prototxt import parse_network


@pytest.fixture
def layer(tmp_path):
    """The layer and its function, on bottoms of the given shapes."""

    def make(path, *shapes):
        text = f'type: "HDF5Output" bottom: "a" bottom: "b"\nhdf5_output_param {{ file_name: "{path}" }}'
        _, (definition,) = parse_network(f'layer {{ name: "out" {text} }}')
        return layer_class("HDF5Output")(definition, shapes).step(Use())

    return make


def test_batches_are_appended_with_four_axes(layer, tmp_path, rng):
    path = tmp_path / "out.h5"
    path.write_bytes(b"something older")
    data, label = rng.normal(size=(5, 3, 2, 2)).astype(np.float32), np.arange(5, dtype=np.float32)
    write = layer(path, (3, 3, 2, 2), (3,))
    for rows in (slice(0, 3), slice(3, 5)):
        assert write(torch.tensor(data[rows], requires_grad=True), torch.tensor(label[rows])) == ()
        with h5py.File(path) as file:  # complete after each batch
            assert sorted(file) == ["data", "label"]
            np.testing.assert_array_equal(file["data"][:], data[: rows.stop])
            np.testing.assert_array_equal(file["label"][:], label[: rows.stop].reshape(-1, 1, 1, 1))
            assert file["data"].dtype == file["label"].dtype == np.float32


def test_a_run_for_shapes_writes_nothing(layer, tmp_path):
    path = tmp_path / "out.h5"
    assert layer(path, (2, 3), (2,))(torch.empty(2, 3, device="meta"), torch.empty(2, device="meta")) == ()
    assert not path.exists()


def test_half_precision_is_written_as_float(layer, tmp_path):
    path = tmp_path / "out.h5"
    layer(path, (1, 2), (1,))(torch.tensor([[1.5, -2]], dtype=torch.bfloat16), torch.ones(1, dtype=torch.float64))
    with h5py.File(path) as file:
        assert file["data"][:].ravel().tolist() == [1.5, -2]


@pytest.mark.parametrize(
    ("path", "shapes", "said"),
    [
        ("", ((1, 2), (1,)), "names no file"),
        ("out.h5", ((2, 2), (3,)), "not as many rows"),
        ("out.h5", ((), (3,)), "not as many rows"),
    ],
)
def test_settings_that_cannot_work(layer, path, shapes, said):
    with pytest.raises(NetworkError, match=f'layer "out" .*{said}'):
        layer(path, *shapes)


def test_a_place_that_cannot_be_written(layer, tmp_path):
    write = layer(tmp_path / "no" / "out.h5", (1, 2), (1,))
    with pytest.raises(NetworkError, match="cannot write"):
        write(torch.zeros(1, 2), torch.zeros(1))


def test_a_net_reads_rows_transforms_nothing_and_writes_them(tmp_path, rng):
    rows = rng.normal(size=(6, 2)).astype(np.float32)
    with h5py.File(tmp_path / "in.h5", "w") as file:
        file["x"], file["y"] = rows, np.arange(6)
    (tmp_path / "list.txt").write_text(f"{tmp_path / 'in.h5'}\n")
    (tmp_path / "net.prototxt").write_text(
        f"""
        layer {{ name: "in" type: "HDF5Data" top: "x" top: "y"
          hdf5_data_param {{ source: "{tmp_path / "list.txt"}" batch_size: 4 }} }}
        layer {{ name: "out" type: "HDF5Output" bottom: "x" bottom: "y"
          hdf5_output_param {{ file_name: "{tmp_path / "out.h5"}" }} }}
        """
    )
    net = Net(tmp_path / "net.prototxt")
    assert not (tmp_path / "out.h5").exists()
    for _ in range(3):
        net.forward()
    net.close()
    with h5py.File(tmp_path / "out.h5") as file:
        np.testing.assert_array_equal(file["data"][:].reshape(12, 2), np.tile(rows, (2, 1)))
        np.testing.assert_array_equal(file["label"][:].ravel(), np.arange(12) % 6)
