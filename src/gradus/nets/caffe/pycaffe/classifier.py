"""A net that classifies pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradus.nets.caffe.pycaffe import io
from gradus.nets.caffe.pycaffe.net import Net
from gradus.nets.caffe.text.rules import TEST


def transformer_for(net: Net, mean: Any, input_scale: Any, raw_scale: Any, channel_swap: Any) -> io.Transformer:
    """The Transformer of a net's first input for (H, W, K) pictures."""
    name = net.inputs[0]
    transformer = io.Transformer({name: net.blobs[name].shape})
    transformer.set_transpose(name, (2, 0, 1))
    for setter, value in (
        (transformer.set_mean, mean),
        (transformer.set_input_scale, input_scale),
        (transformer.set_raw_scale, raw_scale),
        (transformer.set_channel_swap, channel_swap),
    ):
        if value is not None:
            setter(name, value)
    return transformer


class Classifier(Net):
    """Resizes pictures to `image_dims`, cuts them to the net's input (ten crops, or the centre) and classifies them."""

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        image_dims: Sequence[int] | None = None,
        mean: Any = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_for(self, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        self.image_dims = tuple(image_dims) if image_dims is not None and len(image_dims) else tuple(self.crop_dims)

    def predict(self, inputs: Sequence[np.ndarray], oversample: bool = True) -> np.ndarray:
        """Probabilities (pictures, classes) of (H, W, K) pictures; with `oversample` the mean over ten crops."""
        name = self.inputs[0]
        pictures = [io.resize_image(picture, self.image_dims) for picture in inputs]
        if oversample:
            crops = io.oversample(pictures, self.crop_dims)
        else:
            top, left = ((have - want) // 2 for have, want in zip(self.image_dims, self.crop_dims, strict=True))
            height, width = self.crop_dims
            crops = np.array([picture[top : top + height, left : left + width] for picture in pictures])
        given: dict[str, Any] = {name: np.array([self.transformer.preprocess(name, crop) for crop in crops])}
        scores = self.forward_all(**given)[self.outputs[0]]
        return scores.reshape(len(pictures), 10, -1).mean(1) if oversample else scores
