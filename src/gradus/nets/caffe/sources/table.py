"""Every type of layer that reads batches, and the module with the class of that name."""

from __future__ import annotations

import importlib
from functools import cache
from typing import cast

from gradus.nets.caffe.sources.prefetch import Prefetched
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.text.prototxt import Definition

SOURCES: dict[str, str] = {
    "AnnotatedData": "annotated",
    "Data": "data",
    "DummyData": "dummy_data",
    "HDF5Data": "hdf5_data",
    "ImageData": "image_data",
    "MemoryData": "memory_data",
    "WindowData": "window_data",
}


@cache
def source_class(type_name: str) -> type[Source]:
    """The class that reads for a layer type; KeyError where there is none (an Input is filled by its caller)."""
    module = importlib.import_module(f"gradus.nets.caffe.sources.{SOURCES[type_name]}")
    return cast("type[Source]", getattr(module, type_name))


def open_source(definition: Definition, reading: Reading) -> Source:
    """The batches of a data layer, made ahead of time where that pays. Close it when done."""
    source = source_class(definition.message.type)(definition, reading)
    return Prefetched(source, source.ahead) if source.ahead else source
