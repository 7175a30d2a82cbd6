"""A net that classifies windows of pictures, as R-CNN does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gradus.nets.caffe.pycaffe import io
from gradus.nets.caffe.pycaffe.classifier import transformer_for
from gradus.nets.caffe.pycaffe.errors import CaffeError, CaffeValueError
from gradus.nets.caffe.pycaffe.net import Net
from gradus.nets.caffe.text.rules import TEST


class Detector(Net):
    """Cuts windows (ymin, xmin, ymax, xmax) out, warps each to the net's input and classifies it.

    `context_pad` widens each window so that its border of that many pixels, once warped, shows what is around it.
    """

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        mean: Any = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ) -> None:
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_for(self, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def configure_crop(self, context_pad: int | None) -> None:
        """Set the context, and what is shown where a window passes the picture's border: the mean."""
        name = self.inputs[0]
        channels, height, width = self.blobs[name].shape[1:]
        self.crop_dims = np.array((height, width, channels))
        self.context_pad = context_pad
        mean = self.transformer.mean.get(name)
        self.crop_mean = np.zeros((height, width, channels), np.float32)
        if context_pad and mean is not None:
            scales = self.transformer.input_scale
            self.transformer.input_scale = {}
            full = np.broadcast_to(mean, (channels, height, width))
            self.crop_mean = self.transformer.deprocess(name, full - mean).reshape(height, width, channels)
            self.transformer.input_scale = scales

    def crop(self, im: np.ndarray, window: Sequence[float]) -> np.ndarray:
        """One window of a picture, with its context if that is configured."""
        y0, x0, y1, x1 = (float(side) for side in window)
        if not self.context_pad:
            return im[int(y0) : int(y1), int(x0) : int(x1)]
        size = int(self.crop_dims[1])
        grow = size / (size - 2.0 * self.context_pad)
        half_h, half_w = (y1 - y0 + 1) / 2, (x1 - x0 + 1) / 2
        middle = np.array((y0 + half_h, x0 + half_w))
        half = grow * np.array((half_h, half_w))
        box = np.round(np.concatenate([middle - half, middle + half]))
        per_pixel = size / (box[2:] - box[:2] + 1)
        pad = np.round(np.maximum(0, -box[:2]) * per_pixel).astype(int)
        limits = np.array(im.shape[:2])
        box = np.clip(box, 0, np.tile(limits, 2)).astype(int)
        if not np.all(box[2:] > box[:2]):
            raise CaffeValueError(f"the window {tuple(window)} lies outside the picture of {limits[0]} x {limits[1]}")
        sides = np.round((box[2:] - box[:2] + 1) * per_pixel).astype(int)
        sides = np.minimum(sides, size - pad)
        result = self.crop_mean.copy()
        inside = io.resize_image(im[box[0] : box[2], box[1] : box[3]], sides)
        result[pad[0] : pad[0] + sides[0], pad[1] : pad[1] + sides[1]] = inside
        return result

    def detect_windows(self, images_windows: Iterable[tuple[str, Sequence[Any]]]) -> list[dict[str, Any]]:
        """The prediction of every window of every picture file, as dicts of window, prediction and filename."""
        name = self.inputs[0]
        found: list[dict[str, Any]] = []
        warped = []
        for filename, windows in images_windows:
            image = io.load_image(filename)
            for window in windows:
                warped.append(self.transformer.preprocess(name, self.crop(image, window)))
                found.append({"window": window, "prediction": None, "filename": filename})
        if not found:
            return []
        given: dict[str, Any] = {name: np.array(warped)}
        scores = self.forward_all(**given)[self.outputs[0]]
        for entry, score in zip(found, scores, strict=True):
            entry["prediction"] = score
        return found

    def detect_selective_search(self, image_fnames: Sequence[str]) -> list[dict[str, Any]]:
        """Windows that a MATLAB program proposed; it is not part of Caffe, so this says what to do instead."""
        raise CaffeError(
            f"windows for {len(image_fnames)} pictures need the MATLAB program of selective search",
            hint="Propose windows with another program and give them to detect_windows.",
        )
