"""A second opinion on layers: OpenCV's own reader of Caffe networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest

from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.prototxt import parse_network


@pytest.fixture
def opencv() -> Callable[..., np.ndarray]:
    """The top of one layer, with the given blobs and further bottoms, as OpenCV's dnn (float32) answers."""

    def answer(
        text: str, x: np.ndarray, blobs: Sequence[np.ndarray] = (), others: Sequence[np.ndarray] = ()
    ) -> np.ndarray:
        bottoms = dict(zip("abcdef", (x, *others), strict=False))
        network = "".join(
            f'layer {{ name: "in_{name}" type: "Input" top: "{name}" input_param {{ shape {{'
            + " ".join(f"dim: {d}" for d in array.shape)
            + " } } }\n"
            for name, array in bottoms.items()
        )
        network += f'layer {{ name: "it" {" ".join(f"bottom: {name!r}" for name in bottoms)} top: "y" {text} }}'
        model = message_class("NetParameter")()
        layer = model.layer.add()
        layer.CopyFrom(parse_network(network)[1][-1].message)
        for values in blobs:
            proto = layer.blobs.add()
            if values.shape:  # Caffe writes no shape for a single number
                proto.shape.dim.extend(values.shape)
            proto.data.extend(values.ravel().tolist())
        buffers = [np.frombuffer(data, np.uint8) for data in (network.encode(), model.SerializeToString())]
        net = cv2.dnn.readNetFromCaffe(*buffers)
        for name, array in bottoms.items():
            net.setInput(array.astype(np.float32), name)
        return np.asarray(net.forward())

    return answer
