"""A Caffe net in Python: numpy in, numpy out."""

from __future__ import annotations

from collections import OrderedDict
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gradus.core.errors import InputError, NetworkError
from gradus.nets.caffe import fillers
from gradus.nets.caffe.build import Builder
from gradus.nets.caffe.layers.base import Layer, times
from gradus.nets.caffe.layers.data import Input
from gradus.nets.caffe.rules import TEST, TRAIN, State, included
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text import Definition, parse_network, read_text
from gradus.nets.caffe.weights import caffemodel_bytes, copy_blobs, read_caffemodel, read_safetensors


class Net:
    """A deploy network and its weights.

    `net.forward(data=array)` gives every output by name; afterwards `net.blobs` holds every top.
    Weights are a `.caffemodel`, or the `.safetensors` of a snapshot; without them they are filled anew.
    """

    def __init__(
        self,
        prototxt: str | PathLike[str],
        weights: str | PathLike[str] | None = None,
        phase: str = "test",
        *,
        level: int = 0,
        stages: tuple[str, ...] = (),
        seed: int = 0,
    ) -> None:
        path = Path(prototxt)
        if phase not in ("train", "test"):
            raise InputError(f'phase is "train" or "test", not "{phase}"', field="phase")
        training = phase == "train"
        state = State.of(TRAIN if training else TEST, *stages, level=level)
        message, definitions = parse_network(read_text(path), str(path))
        chosen = [d for d in definitions if included(state, d.message.include, d.message.exclude)]
        chosen = [*_old_inputs(message, str(path)), *chosen]
        self.name: str = message.name
        self._builder = Builder()
        self._shapes = {d.message.name: Input(d, ()).shapes for d in chosen if d.message.type == "Input"}
        self._refuse_readers(chosen)
        self._built = self._builder.build("deploy", chosen, self._shapes, training=training, keep=True)
        self._builder.place("cpu")
        self.inputs: list[str] = [self._built.names[slot] for slot in self._built.plan.feeds]
        self.outputs: list[str] = sorted(name for name, _ in self._built.plan.outputs)
        self.blobs: OrderedDict[str, np.ndarray] = OrderedDict()
        loaded = [] if weights is None else self.copy_from(weights)
        self._fill(seed, frozenset(loaded))

    @staticmethod
    def _refuse_readers(chosen: list[Definition]) -> None:
        for definition in chosen:
            if definition.message.type == "Data":
                raise definition.error(
                    "reads a database, which a net in Python cannot yet", hint="Use an Input layer: a deploy.prototxt."
                )

    @property
    def layers(self) -> OrderedDict[str, Layer]:
        """The layers by name, in the order in which they run."""
        return OrderedDict((placed.definition.message.name, placed.layer) for placed in self._built.placed)

    @property
    def params(self) -> OrderedDict[str, list[np.ndarray]]:
        """The blobs of each layer that has some; writing into them changes the net."""
        return OrderedDict(
            (name, [getattr(layer, blob.name).detach().numpy() for blob in layer.blobs])
            for name, layer in self.layers.items()
            if layer.blobs
        )

    def _fill(self, seed: int, loaded: frozenset[str]) -> None:
        """Fill what no file has given."""
        generator = torch.Generator().manual_seed(seed)
        for _, layer, name in self._builder.owners:
            if layer.definition.message.name in loaded:
                continue
            blob = next(b for b in layer.blobs if b.name == name)
            fillers.fill(getattr(layer, name), blob.filler, generator, transposed=blob.transposed)

    def copy_from(self, weights: str | PathLike[str]) -> list[str]:
        """Copy weights by layer name; gives the names of the layers that the file has."""
        path = Path(weights)
        if path.suffix != ".safetensors":
            return copy_blobs(self.layers, read_caffemodel(path), str(path))
        tensors, given = read_safetensors(path), {}
        for name, layer in self.layers.items():
            keys = [f"{name}.{blob.name}" for blob in layer.blobs]
            if keys and all(key in tensors for key in keys):
                given[name] = [tensors[key].float().numpy() for key in keys]
        return copy_blobs(self.layers, given, str(path))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the weights as a caffemodel."""
        Path(path).write_bytes(caffemodel_bytes(self.name, list(self.layers.values())))

    @torch.no_grad()
    def forward(self, **given: Any) -> dict[str, np.ndarray]:
        """Run the net. Every input is given by name, in the size that the text says but for the batch."""
        if set(given) != set(self.inputs):
            raise InputError(f"the net takes {', '.join(self.inputs)}, not {', '.join(given) or 'nothing'}")
        shapes = [shape for shapes in self._shapes.values() for shape in shapes]
        feeds = []
        for name, shape in zip(self.inputs, shapes, strict=True):
            array = np.ascontiguousarray(given[name], np.float32)
            if array.shape[1:] != tuple(shape[1:]):
                raise InputError(f"{name} is {times(array.shape)}, the net takes {times(shape)}", field=name)
            feeds.append(torch.from_numpy(array))
        try:
            values = self._built.plan.fill(feeds, keep=True)
        except RuntimeError as problem:
            raise NetworkError(f"the net cannot run on these inputs: {problem}") from problem
        self.blobs = OrderedDict(
            (name, value.numpy()) for name, value in zip(self._built.names, values, strict=True) if value is not None
        )
        return {name: self.blobs[name] for name in self.outputs}


def _old_inputs(message: Any, source: str) -> list[Definition]:
    """`input` and `input_dim` (or `input_shape`) at the head of a text, as the Input layer that replaced them."""
    if not message.input:
        return []
    layer = message_class("LayerParameter")(name="input", type="Input", top=message.input)
    sizes, shapes = list(message.input_dim), list(message.input_shape)
    if sizes:
        shapes = [message_class("BlobShape")(dim=sizes[i : i + 4]) for i in range(0, len(sizes), 4)]
    if len(shapes) != len(message.input) or (sizes and len(sizes) % 4):
        raise NetworkError(
            f"the text has {len(message.input)} inputs and {len(shapes)} shapes for them", file=source,
            hint="Each input needs four input_dim, or one input_shape.",
        )  # fmt: skip
    layer.input_param.shape.extend(shapes)
    return [Definition(layer, None, source)]
