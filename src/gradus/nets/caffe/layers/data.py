"""Where data comes in (catalogue 1.8). These classes only declare their tops: `sources` reads for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gradus.nets.caffe.layers.base import Layer, Shape, times


class SourceLayer(Layer):
    """A layer without bottoms, whose tops come from outside."""

    bottoms = (0, 0)
    tops: ClassVar[tuple[int, int | None]] = (1, 2)  # pictures, and labels
    is_source = True
    overwritable = False


class Data(SourceLayer):
    """Pictures and labels of an LMDB or LevelDB, a batch at a time."""

    settings = "data_param"


class AnnotatedData(SourceLayer):
    """Pictures and the boxes in them, of an LMDB of AnnotatedDatums."""

    settings = "annotated_data_param"


class ImageData(SourceLayer):
    """Picture files and labels from a list."""

    settings = "image_data_param"


class WindowData(SourceLayer):
    """Boxes cut out of pictures, and their classes."""

    settings = "window_data_param"
    tops = (2, 2)


class MemoryData(SourceLayer):
    """Arrays that a program sets, and labels."""

    settings = "memory_data_param"


class HDF5Data(SourceLayer):
    """Rows of the datasets named like the tops."""

    settings = "hdf5_data_param"
    tops = (1, None)


class DummyData(SourceLayer):
    """What fillers make."""

    settings = "dummy_data_param"
    tops = (1, None)


class Input(SourceLayer):
    """Blobs that the caller fills; their shapes are in the text."""

    settings = "input_param"
    tops = (1, None)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """One shape for all tops, or one for each."""
        given, count = [tuple(s.dim) for s in p.shape], len(self.definition.message.top)
        if len(given) not in (1, count):
            raise self.error(f"gives {len(given)} shapes for {count} tops", at="input_param.shape")
        for shape in given:
            if any(d < 1 for d in shape):
                raise self.error(f"has the shape {times(shape)}; sizes are at least 1", at="input_param.shape")
        self.shapes = given * count if len(given) == 1 else given
