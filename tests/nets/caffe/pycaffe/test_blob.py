"""Blobs: arrays that write through, memory that stays, shapes old and new."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gradus.core.errors import InputError
from gradus.nets.caffe.pycaffe.blob import Blob, BlobVec
from gradus.nets.caffe.pycaffe.memory import Memory


def test_data_and_diff_write_through() -> None:
    blob = Blob(2, 3)
    assert (blob.shape, blob.count, blob.data.dtype, blob.diff.dtype) == ((2, 3), 6, np.float32, np.float32)
    held = blob.data
    blob.data[...] = 4
    blob.diff[1, 2] = 5
    assert held.sum() == 24
    assert blob.diff.sum() == 5


def test_sizes_of_the_time_of_four_axes() -> None:
    blob = Blob(2, 3)
    assert (blob.num, blob.channels, blob.height, blob.width) == (2, 3, 1, 1)
    with pytest.raises(InputError, match="more than the four axes"):
        _ = Blob(1, 2, 3, 4, 5).num


def test_reshaping_keeps_memory_while_there_is_enough() -> None:
    blob = Blob(2, 3)
    blob.data[...] = np.arange(6).reshape(2, 3)
    blob.reshape(4)
    np.testing.assert_array_equal(blob.data, [0, 1, 2, 3])
    blob.reshape(3, 2)
    np.testing.assert_array_equal(blob.data, [[0, 1], [2, 3], [4, 5]])
    blob.reshape()
    assert (blob.shape, blob.count, blob.data.shape) == ((), 1, ())
    blob.reshape(100)
    assert blob.data.shape == (100,)


@pytest.mark.parametrize("shape", [(-1,), (2**31,), (2**16, 2**16)])
def test_a_shape_that_cannot_be_is_refused_before_memory_is_taken(shape) -> None:
    with pytest.raises(InputError, match="cannot be"):
        Blob(2).reshape(*shape)


def test_blobs_are_added_by_their_sizes() -> None:
    blobs = BlobVec()
    blobs.add_blob(2, 2)
    blobs.add_blob(1)
    assert [blob.shape for blob in blobs] == [(2, 2), (1,)]
    assert blobs[0].data.sum() == 0


def test_a_tensor_that_is_adopted_shares_its_memory() -> None:
    weights = torch.nn.Parameter(torch.ones(2, 2))
    memory = Memory()
    memory.adopt(weights)
    memory.array((2, 2))[0, 0] = 7
    assert weights[0, 0] == 7
    weights.data[1, 1] = 9
    assert memory.array((2, 2))[1, 1] == 9
    memory.take(torch.zeros(2, 2))
    assert weights.sum() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_tensor_of_another_layout_or_type_is_kept_in_step(dtype) -> None:
    """As one on a device is: there are two memories, and whoever wrote last counts."""
    weights = torch.ones(2, 3, 2, 2, dtype=dtype).to(memory_format=torch.channels_last)
    memory = Memory()
    memory.adopt(weights)
    held = memory.array(weights.shape)
    assert held.dtype == np.float32
    held[0, 1, 0, 1] = 8
    assert memory.tensor(weights.shape, weights.device).data_ptr() == weights.data_ptr()
    assert weights[0, 1, 0, 1] == 8  # brought there when it was asked for
    weights.mul_(2)
    memory.adopt(weights)  # again: it is known
    np.testing.assert_array_equal(memory.array(weights.shape), weights)
    assert memory.array(weights.shape)[0, 1, 0, 1] == 16
    memory.take(torch.full((2, 3, 2, 2), 5.0))
    assert weights.sum() == 120
    memory.clear(weights.shape)
    assert weights.sum() == 0
    assert not memory.array(weights.shape).any()
