"""Damaged and hostile files of weights and states (A44): read, or refused in our own words, without much memory."""

import random
import tracemalloc

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradus.core.errors import InputError, NetworkError
from gradus.data.mean import read_mean, write_mean
from gradus.nets.caffe.files.caffemodel import read_definition, write_caffemodel
from gradus.nets.caffe.files.hdf5 import write_hdf5
from gradus.nets.caffe.files.states import read_state, write_state
from gradus.nets.caffe.files.weights import read_weights
from gradus.nets.caffe.schema import message_class

ROUNDS = 300
MEMORY = 64 * 2**20  # bytes; the files are all smaller than 10 MiB


BAD_BYTES = (b"\xff" * 9 + b"\x01", b"\xff\xff\xff\xff\x07", b"\x80" * 12, b"\x00", b"\xff", b"\x0b" * 40)


def damaged(data, count, seed=44):
    """Copies that are cut short, or have bytes changed, put in, taken out or repeated: the same ones in each run."""
    chance = random.Random(seed)
    for _ in range(count):
        found = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(found) + 1)
            kind = chance.randrange(6)
            if kind == 0:
                del found[at:]
            elif kind == 1 and at < len(found):
                found[at] ^= 1 << chance.randrange(8)
            elif kind == 2 and at < len(found):
                found[at] = chance.randrange(256)
            elif kind == 3:
                found[at:at] = chance.choice(BAD_BYTES)
            elif kind == 4:
                del found[at : at + chance.randint(1, 8)]
            else:
                found[at:at] = found[at : at + chance.randint(1, 64)]
        yield bytes(found)


def read_model(path):
    read_weights(path).arrays()


def read_history(path):
    for blob in read_state(path).history:
        blob.read()


def write_model(path):
    message = message_class("LayerParameter")
    layers = [message(name="ip", type="InnerProduct", forward_type=2, include=[{"phase": 1}]), message(name="a/b")]
    layers[0].inner_product_param.weight_filler.type = "xavier"
    blobs = {"ip": [np.ones((2, 3), np.float32), np.ones(2, np.float32)], "a/b": [np.ones(4, np.float32)]}
    if path.suffix == ".h5":
        write_hdf5(path, layers, blobs)
    else:
        write_caffemodel(path, "n", layers, blobs)


def write_old_model(path):
    model = message_class("NetParameter")(name="n")
    layer = model.layers.add().layer
    layer.name, layer.type = "ip", "innerproduct"
    layer.blobs.add(num=1, channels=1, height=2, width=2, double_data=[1, 2, 3, 4])
    model.layers.add(name="x", type="DATA", blobs=[{"raw_data": b"1234", "raw_data_type": 2, "shape": {"dim": [2]}}])
    path.write_bytes(model.SerializeToString())


def write_history(path):
    write_state(path, 30, "a.caffemodel", [np.ones((2, 3), np.float32), np.ones(2, np.float32)], 2)


def write_picture(path):
    write_mean(path, np.ones((3, 2, 2)))


CASES = {
    "caffemodel": ("w.caffemodel", write_model, read_model),
    "old caffemodel": ("w.caffemodel", write_old_model, read_model),
    "definition": ("w.caffemodel", write_model, read_definition),
    "old definition": ("w.caffemodel", write_old_model, read_definition),
    "HDF5": ("w.caffemodel.h5", write_model, read_model),
    "state": ("s.solverstate", write_history, read_history),
    "HDF5 state": ("s.solverstate.h5", write_history, read_history),
    "mean": ("mean.binaryproto", write_picture, read_mean),
}


@pytest.mark.parametrize(("name", "write", "read"), CASES.values(), ids=CASES)
def test_damaged_bytes_are_read_or_refused_in_our_own_words(name, write, read, tmp_path):
    path = tmp_path / name
    write(path)
    data = path.read_bytes()
    refused = 0
    for bad in damaged(data, ROUNDS):
        path.write_bytes(bad)
        try:
            read(path)
        except InputError as problem:
            refused += 1
            assert str(problem.problem.file).endswith(name)
            assert name == "mean.binaryproto" or isinstance(problem, NetworkError)
    assert refused > ROUNDS / 3


BYTES = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"\xa2\x06", b"\x12", b"\x0a\x01a", b"\x3a\x02", b"\x2a\x04"])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(BYTES, max_size=20).map(b"".join))
def test_any_bytes_too(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    for read in (read_model, read_definition, read_history):
        try:
            read(path)
        except NetworkError as problem:
            assert str(problem.problem.file).endswith("any")


def field(tag, content):
    size, length = len(content), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return tag + bytes([*length, size]) + content


def nested(tag, depth):
    """A message in a message in a message, as far as sizes can tell."""
    data = b""
    for _ in range(depth):
        data = field(tag, data)
    return data


TINY = b"\x50\x01" * 2**21  # 2 million fields of two bytes (field 10)
# What each is refused by: the reader of blobs, and that of definitions, which do not look at the same parts.
HOSTILE = {
    "tiny fields": (TINY, "both"),
    "tiny fields in a layer": (field(b"\xa2\x06", TINY), "both"),
    "tiny fields in a blob": (field(b"\xa2\x06", field(b"\x3a", TINY)), "blobs"),
    "tiny fields in a shape": (field(b"\xa2\x06", field(b"\x3a", field(b"\x3a", TINY))), "blobs"),
    "tiny fields in settings": (field(b"\xa2\x06", field(b"\xa2\x06", TINY)), "definitions"),
    "many layers": (b"\xa2\x06\x00" * 2**20, "both"),
    "many names": (b"".join(b"\xa2\x06\x09\x0a\x07%07d" % i for i in range(2**18)), "both"),
    "a long name": (field(b"\xa2\x06", field(b"\x0a", b"x" * 2**23)), "both"),
    "deep layers": (nested(b"\xa2\x06", 10_000), "none"),
    "deep old layers": (nested(b"\x0a", 10_000), "both"),
    "groups": (b"\xa3\x06" * 10_000, "both"),
    "a run without its end": (field(b"\xa2\x06", field(b"\x3a", b"\x2d\0\0\0\0" * 2**20 + b"\x2d")), "blobs"),
}


@pytest.mark.parametrize(("data", "refusing"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_take_little_memory(data, refusing, tmp_path):
    path = tmp_path / "w.caffemodel"
    path.write_bytes(data)
    for name, read in (("blobs", read_model), ("definitions", read_definition)):
        if refusing != "both":  # measuring makes walks over many fields slow
            tracemalloc.start()
        try:
            if refusing in (name, "both"):
                with pytest.raises(NetworkError, match=r"w\.caffemodel"):
                    read(path)
            else:
                read(path)
            assert tracemalloc.get_traced_memory()[1] < MEMORY
        finally:
            tracemalloc.stop()


def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
    """HDF5 stores what is alike once: 4 GiB of ones in two kilobytes."""
    path = tmp_path / "w.caffemodel.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data/ip/0", (2**15, 2**15), "f4", chunks=(2**10, 2**10), fillvalue=1)
        file.create_dataset("history/0", (2**15, 2**15), "f4", chunks=(2**10, 2**10), fillvalue=1)
    tracemalloc.start()
    try:
        assert read_weights(path).layers["ip"]["0"].shape == (2**15, 2**15)  # told, but not read
        with pytest.raises(NetworkError, match="far fewer"):
            read_model(path)
        with pytest.raises(NetworkError, match="far fewer"):
            read_history(path)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
