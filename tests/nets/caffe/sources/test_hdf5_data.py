from itertools import pairwise

import h5py
import numpy as np
import pytest

from gradus.core.errors import NetworkError
from gradus.nets.caffe.sources import hdf5_data


def rows(more="", tops='top: "data" top: "label"'):
    return f'type: "HDF5Data" {tops} hdf5_data_param {{ source: "list.txt" {more} }}'


@pytest.fixture
def files(tmp_path, rng):
    """Three files of 3, 1 and 4 rows; row i of all has data (2, 3) and label i."""
    data = rng.normal(size=(8, 2, 3)).astype(np.float32)
    for name, part in (("a", slice(0, 3)), ("b", slice(3, 4)), ("c", slice(4, 8))):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["data"] = data[part]
            file["label"] = np.arange(part.start, part.stop, dtype=np.int32)
    (tmp_path / "list.txt").write_text("a.h5\nb.h5\n\nc.h5\n")
    return data


@pytest.fixture(params=["in memory", "row by row"])
def held(request, monkeypatch):
    """Whether files fit in memory."""
    if request.param == "row by row":
        monkeypatch.setattr(hdf5_data, "available_memory", lambda: 0)


def test_batches_run_on_over_files_and_around(opened, files, held):
    source = opened(rows("batch_size: 5"))
    assert source.shapes() == [(5, 2, 3), (5,)]
    for start in (0, 5, 10, 15, 20):
        data, labels = source.read()
        order = np.arange(start, start + 5) % 8
        np.testing.assert_array_equal(data.numpy(), files[order])
        np.testing.assert_array_equal(labels.numpy(), order.astype(np.float32))


def test_a_batch_may_be_longer_than_all_files(opened, files, held):
    np.testing.assert_array_equal(opened(rows("batch_size: 20")).read()[1].numpy(), np.arange(20) % 8)


def test_shuffling_permutes_files_and_the_rows_in_them(opened, files, held):
    groups = [{0, 1, 2}, {3}, {4, 5, 6, 7}]
    source, orders, inside = opened(rows("batch_size: 8 shuffle: true"), training=True), set(), set()
    for _ in range(40):
        data, labels = source.read()
        order = labels.numpy().astype(int)
        np.testing.assert_array_equal(data.numpy(), files[order])
        assert sorted(order) == list(range(8))
        runs = [next(i for i, group in enumerate(groups) if row in group) for row in order]
        assert sum(a != b for a, b in pairwise(runs)) == 2  # files stay together
        orders.add(tuple(dict.fromkeys(runs)))
        inside.add(tuple(row for row in order if row < 3))
    assert len(orders) == 6
    assert len(inside) == 6
    again = (
        opened(rows("batch_size: 8 shuffle: true"), training=True),
        opened(rows("batch_size: 8 shuffle: true"), training=True),
    )
    np.testing.assert_array_equal(again[0].read()[1].numpy(), again[1].read()[1].numpy())


@pytest.mark.parametrize("shuffle", ["", "shuffle: true"])
def test_processes_share_the_rows_in_training(opened, files, held, shuffle):
    shares = [opened(rows(f"batch_size: 4 {shuffle}"), training=True, rank=rank, world=2) for rank in range(2)]
    for _ in range(3):
        dealt = np.stack([share.read()[1].numpy() for share in shares], axis=1).ravel()
        np.testing.assert_array_equal(np.sort(dealt), np.arange(8))
        if not shuffle:
            np.testing.assert_array_equal(dealt, np.arange(8))
    np.testing.assert_array_equal(opened(rows("batch_size: 3"), rank=1, world=2).read()[1].numpy(), [0, 1, 2])


def test_any_number_of_tops_of_any_shape(opened, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"], file["y"] = np.float64([[[[0.1]]], [[[0.2]]]]), np.uint8([200, 201])
        file["group/z"] = np.float32([[1, 2], [3, 4]])
    (tmp_path / "list.txt").write_text("a.h5")
    source = opened(rows("batch_size: 1", 'top: "x" top: "y" top: "group/z"'))
    x, y, z = source.read()
    np.testing.assert_array_equal(x.numpy(), np.float32([[[[0.1]]]]))
    assert y.tolist() == [200]
    assert z.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rows("batch_size: 0"), "batch_size"),
        (rows("batch_size: 1") + "transform_param { scale: 1 }", "does not transform"),
        (rows("batch_size: 1", 'top: "other"'), 'a.h5 has no dataset "other"'),
        (rows("batch_size: 1", 'top: "words"'), 'dataset "words" is of object'),
        (rows("batch_size: 1", 'top: "one"'), 'dataset "one" is of float64, without axes'),
        (rows("batch_size: 1", 'top: "none"'), 'dataset "none" is of float32, 0x2'),
        (rows("batch_size: 1", 'top: "data" top: "longer"'), "different numbers of rows: data 3, longer 4"),
        (rows("batch_size: 8", 'top: "wider"'), r'b.h5, dataset "wider" has rows of 3, the first file of 2'),
        (rows("batch_size: 4", 'top: "first"'), 'b.h5 has no dataset "first"'),
        (rows("batch_size: 1").replace("list.txt", "lost.txt"), "gone.h5 does not exist"),
        (rows("batch_size: 1").replace("list.txt", "text.txt"), "list.txt cannot be read as HDF5"),
        (rows("batch_size: 1").replace("list.txt", "empty.txt"), "empty list"),
        (rows("batch_size: 1").replace("list.txt", "none.txt"), "none.txt"),
    ],
)
def test_what_cannot_be_read_names_the_layer_and_the_file(opened, files, tmp_path, text, said):
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["words"], file["one"], file["none"] = ["a", "b", "c"], 3.5, np.zeros((0, 2), np.float32)
        file["longer"], file["wider"], file["first"] = np.zeros(4), np.zeros((3, 2)), np.zeros(3)
    with h5py.File(tmp_path / "b.h5", "a") as file:
        file["wider"] = np.zeros((1, 3))
    (tmp_path / "lost.txt").write_text("gone.h5\n")
    (tmp_path / "text.txt").write_text("list.txt\n")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(NetworkError, match=f'layer "it" .*{said}'):
        opened(text).read()
