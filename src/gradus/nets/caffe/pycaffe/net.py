"""pycaffe's Net: blobs by name that one reads and writes between passes over any part of the layers (catalogue 5.2)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from gradus.nets.caffe import net as core
from gradus.nets.caffe import user_code
from gradus.nets.caffe.files.weights import write_weights
from gradus.nets.caffe.graph.placing import Placed
from gradus.nets.caffe.layers.base import times
from gradus.nets.caffe.layers.python import Python
from gradus.nets.caffe.pycaffe.blob import Blob, BlobVec
from gradus.nets.caffe.pycaffe.errors import CaffeError, CaffeTypeError, CaffeValueError, as_caffe
from gradus.nets.caffe.pycaffe.passes import Hook, Passes
from gradus.nets.caffe.pycaffe.process import SETTINGS
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.text.rules import TEST, TRAIN

_PHASES = {TRAIN: "train", TEST: "test"}


class LayerView:
    """A layer of a net: its type and the blobs that it learns."""

    def __init__(self, placed: Placed, blobs: Sequence[Blob]) -> None:
        self.name: str = placed.definition.message.name
        self.type: str = placed.definition.message.type
        self.blobs = BlobVec(blobs)

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Done when the net was made."""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Done by the net's own `reshape`."""


class Net:
    """A network for one phase: `Net(file, phase, level=0, stages=None, weights=None)`; of old (file, weights, phase).

    It runs where `set_mode_cpu` or `set_mode_gpu` says when it is made.
    """

    def __init__(
        self,
        network_file: str | PathLike[str],
        *given: Any,
        phase: int | None = None,
        level: int = 0,
        stages: Sequence[str] | None = None,
        weights: str | PathLike[str] | None = None,
    ) -> None:
        for value in given:
            if isinstance(value, int) and not isinstance(value, bool) and phase is None:
                phase = value
            elif isinstance(value, str | PathLike) and weights is None:
                weights = value
            else:
                raise CaffeTypeError(f"a net takes a file, a phase and weights, not {value!r}")
        if phase not in _PHASES:
            raise CaffeTypeError("a net needs a phase", hint="Write caffe.Net(file, caffe.TEST).")
        with as_caffe(), user_code.permitted(user_code.Policy(everywhere=True)):
            seed = SETTINGS.next_seed()
            made = core.Net(
                fspath(network_file), weights, _PHASES[phase], level=level, stages=tuple(stages or ()), seed=seed,
                device=str(SETTINGS.device()), reading=SETTINGS.share(Reading(training=phase == TRAIN, seed=seed)),
            )  # fmt: skip
            self._net, self._passes = made, Passes(made)

    @classmethod
    def of(cls, passes: Passes) -> Net:
        """The same surface over a net that is there already."""
        wrapped = cls.__new__(cls)
        wrapped._net, wrapped._passes = passes.net, passes
        return wrapped

    # What it is made of

    @property
    def name(self) -> str:
        """The network's name."""
        return self._net.name

    @property
    def blobs(self) -> OrderedDict[str, Blob]:
        """Every blob by name, those of Caffe's own Split layers too."""
        return self._passes.blobs

    @property
    def params(self) -> OrderedDict[str, list[Blob]]:
        """The learned blobs of each layer that has some."""
        return self._passes.learned

    @property
    def layers(self) -> list[Any]:
        """All layers in order; a layer written in Python is the user's own object."""
        return [self._layer(placed) for placed, _ in self._passes.calls]

    def _layer(self, placed: Placed) -> Any:
        message = placed.definition.message
        if isinstance(placed.layer, Python):
            return placed.layer.instance(placed.layer.trains)
        return LayerView(placed, self.params.get(message.name, ()))

    @property
    def layer_dict(self) -> OrderedDict[str, Any]:
        """All layers by name."""
        return OrderedDict(zip(self._layer_names, self.layers, strict=True))

    @property
    def inputs(self) -> list[str]:
        """The blobs that the caller fills."""
        return self._net.inputs

    @property
    def outputs(self) -> list[str]:
        """The blobs that no layer takes, by the alphabet."""
        return self._net.outputs

    @property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """What each layer gives."""
        return OrderedDict((m.name, list(m.top)) for m in self._messages)

    @property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """What each layer takes."""
        return OrderedDict((m.name, list(m.bottom)) for m in self._messages)

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """The weight of each blob in the loss, 0 for most."""
        weights = self._net.loss_weights
        return OrderedDict((name, weights[name]) for name in self.blobs)

    @property
    def _messages(self) -> list[Any]:
        return [placed.definition.message for placed, _ in self._passes.calls]

    @property
    def _layer_names(self) -> list[str]:
        return [m.name for m in self._messages]

    @property
    def _blob_names(self) -> list[str]:
        return list(self.blobs)

    def _bottom_ids(self, layer: int) -> list[int]:
        return [self._blob_names.index(name) for name in self._messages[layer].bottom]

    def _top_ids(self, layer: int) -> list[int]:
        return [self._blob_names.index(name) for name in self._messages[layer].top]

    @property
    def _inputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.inputs]

    @property
    def _outputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.outputs]

    @property
    def _blobs(self) -> list[Blob]:
        return list(self.blobs.values())

    def _number(self, name: str) -> int:
        names = self._layer_names
        if name not in names:
            raise CaffeValueError(f"the net has no layer {name!r}", hint=f"It has: {', '.join(names[:30])}.")
        return names.index(name)

    def _known(self, names: Iterable[str]) -> list[str]:
        found = list(dict.fromkeys(names))
        for name in found:
            if name not in self.blobs:
                raise CaffeValueError(f"the net has no blob {name!r}", hint=f"It has: {', '.join(self.blobs)}"[:300])
        return found

    # Passes

    def _forward(self, start: int, end: int) -> float:
        """Layers by number, the last included; gives the loss."""
        with as_caffe():
            return float(self._passes.forward(start, end))

    def _backward(self, start: int, end: int) -> None:
        with as_caffe():
            self._passes.backward(start, end)

    def forward(
        self, blobs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Run the layers from `start` to `end` (all), on what the inputs' blobs hold or the arrays given for them.

        Gives the arrays of the outputs (or of what the layer `end` gives) and of `blobs`: views that later
        passes change.
        """
        first = self._number(start) if start is not None else 0
        last = self._number(end) if end is not None else len(self._layer_names) - 1
        outputs = list(self.top_names[end]) if end is not None else self.outputs
        if kwargs:
            self._fill(kwargs)
        with as_caffe():
            self._passes.forward(first, last)
        return {name: self.blobs[name].data for name in self._known([*outputs, *(blobs or ())])}

    def _fill(self, given: Mapping[str, Any]) -> None:
        if set(given) != set(self.inputs):
            raise CaffeValueError(
                "Input blob arguments do not match net inputs.", hint=f"Give {', '.join(self.inputs) or 'none'}."
            )
        for name, values in given.items():
            blob, array = self.blobs[name], np.asarray(values)
            if array.shape[:1] != blob.shape[:1]:
                raise CaffeValueError(
                    f"Input is not batch sized: {name} holds {times(blob.shape)} and gets {times(array.shape)}.",
                    hint="Reshape the blob first, or use forward_all.",
                )
            self._write(name, blob, array, blob.data)

    @staticmethod
    def _write(name: str, blob: Blob, array: np.ndarray, into: np.ndarray) -> None:
        try:
            into[...] = array
        except ValueError as problem:
            raise CaffeValueError(
                f"{name} holds {times(blob.shape)} and gets {times(array.shape)}", hint="Reshape the blob first."
            ) from problem

    def backward(
        self, diffs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Go back from layer `start` (the last) to `end` (the first), from the diffs that the tops hold or are given.

        Gives the diffs of the inputs (or of what the layer `end` takes) and of `diffs`.
        """
        first = self._number(start) if start is not None else len(self._layer_names) - 1
        last = self._number(end) if end is not None else 0
        outputs = list(self.bottom_names[end]) if end is not None else self.inputs
        if kwargs:
            if set(kwargs) != set(self.outputs):
                raise CaffeValueError(
                    "Top diff arguments do not match net outputs.", hint=f"Give {', '.join(self.outputs)}."
                )
            for name, values in kwargs.items():
                blob, array = self.blobs[name], np.asarray(values)
                if array.shape[:1] != blob.shape[:1]:
                    raise CaffeValueError("Diff is not batch sized.", hint=f"{name} holds {times(blob.shape)}.")
                self._write(name, blob, array, blob.diff)
        self._backward(first, last)
        return {name: self.blobs[name].diff for name in self._known([*outputs, *(diffs or ())])}

    def forward_all(self, blobs: Sequence[str] | None = None, **kwargs: Any) -> dict[str, np.ndarray]:
        """Run any number of samples, a batch at a time; the last is filled up with zeros whose outputs are dropped."""
        found: dict[str, list[np.ndarray]] = {}
        count = len(next(iter(kwargs.values())))
        for batch in self._batches(kwargs):
            for name, values in self.forward(blobs=blobs, **batch).items():
                found.setdefault(name, []).append(values.copy())
        return {name: np.concatenate([np.atleast_1d(v) for v in parts])[:count] for name, parts in found.items()}

    def forward_backward_all(
        self, blobs: Sequence[str] | None = None, diffs: Sequence[str] | None = None, **kwargs: Any
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """The same and back again; the diffs of the outputs may be given by name, for all samples."""
        names = set(self.inputs)
        inputs = {name: values for name, values in kwargs.items() if name in names}
        tops = {name: values for name, values in kwargs.items() if name not in names}
        count = len(next(iter(inputs.values())))
        backward = list(self._batches(tops)) if tops else []
        outs: dict[str, list[np.ndarray]] = {}
        backs: dict[str, list[np.ndarray]] = {}
        for number, batch in enumerate(self._batches(inputs)):
            for name, values in self.forward(blobs=blobs, **batch).items():
                outs.setdefault(name, []).append(values.copy())
            for name, values in self.backward(diffs=diffs, **(backward[number] if backward else {})).items():
                backs.setdefault(name, []).append(values.copy())
        joined = [
            {name: np.concatenate([np.atleast_1d(v) for v in parts])[:count] for name, parts in found.items()}
            for found in (outs, backs)
        ]
        return joined[0], joined[1]

    def _batches(self, given: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        counts = {len(values) for values in given.values()}
        if len(counts) != 1:
            raise CaffeValueError("every input needs the same number of samples", hint=f"Given are {sorted(counts)}.")
        size = self.blobs[next(iter(given))].shape[0]
        for at in range(0, counts.pop(), size):
            batch: dict[str, Any] = {}
            for name, values in given.items():
                part = np.asarray(values[at : at + size], np.float32)
                spare = size - len(part)
                batch[name] = np.concatenate([part, np.zeros((spare, *part.shape[1:]), np.float32)]) if spare else part
            yield batch

    def reshape(self) -> None:
        """Let the shapes that the inputs' blobs were given go through the net."""
        with as_caffe():
            self._passes.reshape()

    def clear_param_diffs(self) -> None:
        """Set the gradients of all weights to 0."""
        for blobs in self.params.values():
            for blob in blobs:
                blob.gradients.clear(blob.shape)

    def before_forward(self, hook: Hook) -> None:
        """Call a function with the number of each layer before it runs."""
        self._passes.hooks["before_forward"].append(hook)

    def after_forward(self, hook: Hook) -> None:
        """Call a function with the number of each layer after it ran."""
        self._passes.hooks["after_forward"].append(hook)

    def before_backward(self, hook: Hook) -> None:
        """Call a function with the number of each layer before it goes back."""
        self._passes.hooks["before_backward"].append(hook)

    def after_backward(self, hook: Hook) -> None:
        """Call a function with the number of each layer after it went back."""
        self._passes.hooks["after_backward"].append(hook)

    # Weights and data

    def copy_from(self, filename: str | PathLike[str]) -> None:
        """Copy the weights of a file by layer name."""
        with as_caffe():
            self._passes.settle()
            self._net.copy_from(filename)

    def share_with(self, other: Net) -> None:
        """Use the weights of another net, by layer name."""
        with as_caffe():
            self._passes.settle()
            self._net.share_with(other._net)
            self._passes.learn_again(other._passes)

    def save(self, filename: str | PathLike[str]) -> None:
        """Write the weights as a caffemodel."""
        with as_caffe():
            self._passes.settle()
            self._net.save(filename)

    def save_hdf5(self, filename: str | PathLike[str], write_diff: bool = False) -> None:
        """Write the weights as HDF5; gradients are not kept."""
        if write_diff:
            raise CaffeValueError("gradients are not written", hint="Leave out write_diff.")
        with as_caffe():
            self._passes.settle()
            write_weights(Path(filename), self._net.name, self._net.definitions, self._net.layers, hdf5=True)

    def load_hdf5(self, filename: str | PathLike[str]) -> None:
        """Copy the weights of an HDF5 file by layer name."""
        self.copy_from(filename)

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Let a net that begins with MemoryData read these arrays."""
        first = next(iter(self._net.sources.values()), None)
        if first is None or not hasattr(first, "set_arrays"):
            raise CaffeError("set_input_arrays may only be called if the first layer is a MemoryDataLayer")
        with as_caffe():
            first.set_arrays(data, labels)
