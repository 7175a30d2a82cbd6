"""HDF5 caffemodels as h5py writes them in Caffe's layout, and ours read by h5py."""

import h5py
import numpy as np
import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.files.hdf5 import read_hdf5, write_hdf5
from gradus.nets.caffe.schema import message_class

W = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.array([7, 8], np.float32)


def test_caffes_layout_is_read(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["data/ip/0"], file["data/ip/1"] = W, B.astype(np.float64)
        file["data/inception/3a/1x1/0"] = B  # slashes in a name nest
        file["data/inception/1"] = B  # and a layer's group may hold another layer
        file["data/shared/1"] = B  # 0 is another layer's
        file.create_group("data/relu")
        file["diff/ip/0"] = W
    weights = read_hdf5(tmp_path / "w.h5")
    assert {name: list(blobs) for name, blobs in weights.layers.items()} == {
        "ip": ["0", "1"], "inception/3a/1x1": ["0"], "inception": ["1"], "shared": ["1"], "relu": [],
    }  # fmt: skip
    assert weights.layers["ip"]["0"].shape == (2, 3)
    np.testing.assert_array_equal(weights.arrays()["ip"][0], W)
    np.testing.assert_array_equal(weights.arrays()["ip"][1], B)


def test_h5py_reads_what_we_write(tmp_path):
    layers = [message_class("LayerParameter")(name=name) for name in ("ip", "a/b", "relu", "follower")]
    write_hdf5(tmp_path / "w.h5", layers, {"ip": [W, B], "a/b": [B], "follower": [None, B]})
    with h5py.File(tmp_path / "w.h5") as file:
        found = {}
        file["data"].visititems(lambda name, item: found.update({name: getattr(item, "shape", None)}))
        assert found == {
            "ip": None, "ip/0": (2, 3), "ip/1": (2,), "a": None, "a/b": None, "a/b/0": (2,), "relu": None,
            "follower": None, "follower/1": (2,),
        }  # fmt: skip
        assert file["data/ip/0"].dtype == np.float32
        np.testing.assert_array_equal(file["data/ip/0"], W)


def circle(file):
    inner = file.create_group("data/a")
    inner["b"] = file["data"]


def outside(file):
    file["data/a/0"] = h5py.ExternalLink("/etc/passwd", "/")


def virtual(file):
    layout = h5py.VirtualLayout((6,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (6,))
    file.create_group("data/a").create_virtual_dataset("0", layout)


def text(file):
    file["data/a/0"] = "six"


def bomb(file):
    file.create_dataset("data/a/0", (2**20, 2**20), "f4", chunks=(1024, 1024), compression="gzip", fillvalue=1)


def deep(file):
    file["data/" + "x/" * 100 + "0"] = B


@pytest.mark.parametrize(
    ("make", "said"),
    [(circle, "circle"), (virtual, "of its own"), (text, "of its own"), (bomb, "far fewer"), (deep, "deeper")],
)
def test_files_that_lead_astray_are_refused(make, said, tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        make(file)
    with pytest.raises(NetworkError, match=said):
        read_hdf5(tmp_path / "w.h5").arrays()


def test_links_to_other_files_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        outside(file)
    assert read_hdf5(tmp_path / "w.h5").layers == {"a": {}}


def test_what_is_no_model_is_said_to_be_none(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["iter"] = 3
    with pytest.raises(NetworkError, match="no layers"):
        read_hdf5(tmp_path / "w.h5")
    (tmp_path / "w.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 90)
    with pytest.raises(NetworkError, match="cut short"):
        read_hdf5(tmp_path / "w.h5")
    with pytest.raises(NetworkError, match="cannot be read"):
        read_hdf5(tmp_path / "absent.h5")
