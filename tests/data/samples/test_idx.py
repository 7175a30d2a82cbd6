"""Headers of idx files are not believed."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradus.core.errors import InputError
from gradus.data.samples.idx import read_idx


def idx(shape, content):
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + content


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.booleans())
def test_whole_files_are_read(shape, packed):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    data = idx(shape, pixels.tobytes())
    found = read_idx(gzip.compress(data) if packed else data, "x")
    assert found.shape == tuple(shape) and (found == pixels).all()


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data):
    for given_ in (data, b"\0\0\x08" + data, gzip.compress(data), b"\x1f\x8b\x08" + data):
        try:
            assert read_idx(given_, "x").dtype == np.uint8
        except InputError as error:
            assert error.problem.file == "x"


@pytest.mark.parametrize(
    "data",
    [
        idx((2**31, 2**31, 2**31), b""),
        idx((4, 4), b"x" * 15),
        idx((4, 4), b"x" * 17),
        b"\0\0\x0d\x01\0\0\0\0",
        b"\0\0\x08\xff" + b"\0" * 100,
        b"\0\0\x08\0",
        gzip.compress(idx((100,), b"x" * 100))[:-12],
    ],
)
def test_lies_are_refused(data):
    with pytest.raises(InputError):
        read_idx(data, "x")
