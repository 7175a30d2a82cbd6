"""A second opinion on layers: OpenCV's own reader of Caffe networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text import parse_network


@pytest.fixture
def opencv() -> Callable[..., np.ndarray]:
    """The top of one layer of one bottom, with the given blobs, as OpenCV's dnn (float32) answers."""

    def answer(text: str, x: np.ndarray, blobs: Sequence[np.ndarray] = ()) -> np.ndarray:
        shape = " ".join(f"dim: {d}" for d in x.shape)
        network = (
            f'layer {{ name: "in" type: "Input" top: "a" input_param {{ shape {{ {shape} }} }} }}\n'
            f'layer {{ name: "it" bottom: "a" top: "y" {text} }}'
        )
        model = message_class("NetParameter")()
        layer = model.layer.add()
        layer.CopyFrom(parse_network(network)[1][1].message)
        for values in blobs:
            proto = layer.blobs.add()
            proto.shape.dim.extend(values.shape)
            proto.data.extend(values.ravel().tolist())
        buffers = [np.frombuffer(data, np.uint8) for data in (network.encode(), model.SerializeToString())]
        net = cv2.dnn.readNetFromCaffe(*buffers)
        net.setInput(x.astype(np.float32))
        return np.asarray(net.forward())

    return answer
