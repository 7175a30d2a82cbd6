"""Layer types that are known and do not run here: they say why, and what to do instead (catalogue 1.11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gradus.nets.caffe.layers.base import Layer, Shape


class Unsupported(Layer):
    """A layer that refuses to be built."""

    bottoms = (0, None)
    tops = (0, None)
    reason: ClassVar[str]
    instead: ClassVar[str]

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Always a NetworkError."""
        raise self.error(f"is not supported, because {self.reason}", at="type", hint=self.instead)


class TRT(Unsupported):
    """NVIDIA 0.17's door to a TensorRT engine."""

    reason = "it hands the network to NVIDIA's TensorRT library, which only NVIDIA's own devices have"
    instead = "Name the layers of the network that its `deploy` and `model` point to: they run here on any device."


class VideoData(Unsupported):
    """NVIDIA 0.17's reader of cameras and films."""

    reason = "it reads a camera or a film while the network runs"
    instead = "Cut the film into pictures and read them with ImageData, or use an Input layer and give it each frame."
