"""A network with a layer that the user wrote in Python trains, keeps its weights and predicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from gradus.core.errors import NetworkError
from gradus.core.model import Prediction
from gradus.core.network import NetworkInput
from gradus.data.mean import read_mean
from gradus.engine import snapshot_files as files
from gradus.engine.draw import draw_network
from gradus.engine.predict import Predictor
from gradus.engine.train import train
from gradus.nets.caffe import user_code

CODE = """
import caffe

class BlankSquare(caffe.Layer):
    '''A square of the picture is blanked, as in DIGITS' example; the rest is weighed by a learned number.'''

    def setup(self, bottom, top):
        self.side = int(self.param_str)
        self.blobs.add_blob(1)
        self.blobs[0].data[...] = 1

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.blobs[0].data[0] * bottom[0].data
        top[0].data[:, :, : self.side, : self.side] = 0

    def backward(self, top, propagate_down, bottom):
        top[0].diff[:, :, : self.side, : self.side] = 0
        self.blobs[0].diff[...] += (top[0].diff * bottom[0].data).sum()
        if propagate_down[0]:
            bottom[0].diff[...] = self.blobs[0].data[0] * top[0].diff
"""
LAYER = """
layer { name: "blank" type: "Python" bottom: "data" top: "blanked"
        python_param { module: "digits_python_layers" layer: "BlankSquare" param_str: "5" } }
layer { name: "conv1\""""


def with_layer(text: str) -> str:
    """The tiny network that takes pictures through the user's layer."""
    before, after = text.split('layer { name: "conv1"')
    return before + LAYER + after.replace('bottom: "data"', 'bottom: "blanked"', 1)


@pytest.fixture(autouse=True)
def _permit_nothing_afterwards() -> Iterator[None]:
    yield
    user_code.permit()


@pytest.fixture
def model(dataset, options, text, report, tmp_path) -> Path:
    asked = options(epochs=6, network_text=with_layer(text()), python_layers=CODE)
    train(asked, dataset, tmp_path, report(), device="cpu")
    return tmp_path


def test_it_trains_and_its_own_weight_learns(model) -> None:
    assert (model / "digits_python_layers.py").read_text() == CODE
    first, last = (load_file(files.snapshot_folder(model, s.name) / files.WEIGHTS) for s in
                   (files.list_snapshots(model)[0], files.list_snapshots(model)[-1]))  # fmt: skip
    assert first["blank.blob0"] != last["blank.blob0"] != 1
    assert files.list_snapshots(model)[-1].metrics["val/accuracy"] > 0.6


def test_it_predicts_what_the_network_written_out_does(model, pictures) -> None:
    user_code.permit()  # as a fresh process would find it
    path = pictures / "down" / "07.png"
    (answer,) = Predictor(model).predict([path], top=3)
    assert isinstance(answer, Prediction)
    w = {k: v.astype(np.float64) for k, v in load_file(
        files.snapshot_folder(model, answer.snapshot) / files.WEIGHTS).items()}  # fmt: skip
    pixels = np.asarray(Image.open(path)).astype(np.float64)
    x = (pixels - read_mean(model / "mean.binaryproto")[0]) * np.float64(np.float32(0.0125)) * w["blank.blob0"]
    x[:5, :5] = 0
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3))
    maps = np.einsum("yxij,oij->oyx", windows, w["conv1.weight"][:, 0]) + w["conv1.bias"][:, None, None]
    pooled = np.maximum(maps.reshape(6, 5, 2, 5, 2).max(axis=(2, 4)), 0)
    powers = np.exp(w["ip1.weight"] @ pooled.ravel() + w["ip1.bias"])
    assert {c.index: c.probability for c in answer.classes} == pytest.approx(
        dict(enumerate(powers / powers.sum())), abs=1e-5
    )


def test_without_its_file_it_is_refused(dataset, options, text, report, tmp_path) -> None:
    with pytest.raises(NetworkError, match=r'layer "blank" \(Python\) cannot be made: .* no file with Python layers'):
        train(options(network_text=with_layer(text())), dataset, tmp_path, report(), device="cpu")


def test_it_is_drawn_with_its_code_and_refused_without(text) -> None:
    given = NetworkInput(width=12, height=12, channels=1, classes=3)
    graph = draw_network(with_layer(text()), given, "train", python_layers=CODE)
    node = next(n for n in graph.nodes if n.name == "blank")
    assert (node.type, node.shapes, node.parameters) == ("Python", [[7, 1, 12, 12]], 1)
    user_code.permit()
    with pytest.raises(NetworkError, match="no file with Python layers was given"):
        draw_network(with_layer(text()), given, "train")
    hostile = with_layer(text()).replace("digits_python_layers", "os")
    with pytest.raises(NetworkError, match='the module "os" is not in the file'):
        draw_network(hostile, given, "train", python_layers=CODE)


LAID_OUT = """
import caffe

class BlankSquare(caffe.Layer):
    def setup(self, bottom, top):
        self.blobs.add_blob(1, 2, 1, 2)
        self.blobs[0].data[...] = 1
        self.seen = None

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        if self.phase == 0 and self.seen is not None and (self.blobs[0].data == self.seen).any():
            raise ValueError('a weight has not moved since the last step')
        self.seen = self.blobs[0].data.copy()
        top[0].data[...] = self.blobs[0].data.mean() * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += (top[0].diff * bottom[0].data).sum() / 4
"""


def test_weights_of_four_axes_learn_in_the_memory_format_of_training(dataset, options, text, report, tmp_path) -> None:
    """Training lays weights out with channels last; the user's layer sees them as they are after each step."""
    asked = options(epochs=1, network_text=with_layer(text()), python_layers=LAID_OUT)
    train(asked, dataset, tmp_path, report(), device="cpu")
    weights = load_file(files.snapshot_folder(tmp_path, files.list_snapshots(tmp_path)[-1].name) / files.WEIGHTS)
    assert weights["blank.blob0"].shape == (1, 2, 1, 2)
    assert abs(weights["blank.blob0"] - 1).min() > 1e-4
