"""A Caffe net: any prototxt for one phase, with its data layers, its weights, and gradients on demand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradus.core.errors import InputError, NetworkError
from gradus.nets.caffe.files.batch_norms import Dialect, match_dialect
from gradus.nets.caffe.files.stored import Weights
from gradus.nets.caffe.files.weights import Copied, Reinitialise, copy_blobs, read_weights, write_weights
from gradus.nets.caffe.graph.build import Builder
from gradus.nets.caffe.graph.limits import held_values, refuse_too_large
from gradus.nets.caffe.graph.placing import Built, Placed
from gradus.nets.caffe.graph.plan import PhaseModule, Step
from gradus.nets.caffe.layers import fillers
from gradus.nets.caffe.layers.base import Layer, Shape, times
from gradus.nets.caffe.layers.data import Input
from gradus.nets.caffe.sources.source import Reading, Source
from gradus.nets.caffe.sources.table import SOURCES, open_source
from gradus.nets.caffe.text.prototxt import Definition, parse_network, read_text
from gradus.nets.caffe.text.rules import TEST, TRAIN, State, included
from gradus.nets.caffe.text.splits import insert_splits
from gradus.nets.caffe.text.upgrade import upgrade
from gradus.nets.network import Outputs, ParameterSpec

PHASES = {"train": TRAIN, "test": TEST}


class Net:
    """A network of one phase and its weights.

    `net.forward(data=array)` gives every output by name; afterwards `net.blobs` holds every top.
    Weights are a `.caffemodel`, or the `.safetensors` of a snapshot; without them they are filled anew.
    `prototxt` is a file or a NetParameter message. `lean` keeps nothing but the outputs: for training.
    """

    def __init__(
        self,
        prototxt: str | PathLike[str] | Any,
        weights: str | PathLike[str] | None = None,
        phase: str = "test",
        *,
        level: int = 0,
        stages: Sequence[str] = (),
        state: State | None = None,
        seed: int = 0,
        device: str = "cpu",
        lean: bool = False,
        reading: Reading | None = None,
        reinitialise: Reinitialise = (),
    ) -> None:
        if phase not in PHASES:
            raise InputError(f'phase is "train" or "test", not "{phase}"', field="phase")
        state = state or State.of(PHASES[phase], *stages, level=level)
        self.training, self.device, self.lean = state.phase == TRAIN, device, lean
        message, definitions = _read(prototxt)
        self.name: str = message.name
        self.force_backward: bool = message.force_backward
        chosen = [d for d in definitions if included(state, d.message.include, d.message.exclude)]
        stored = None if weights is None else read_weights(Path(weights))
        chosen = chosen if stored is None else match_dialect(chosen, stored)
        self.definitions = insert_splits(chosen)
        reading = reading or Reading(training=self.training, seed=seed)
        self.sources: dict[str, Source] = {
            d.message.name: open_source(d, reading) for d in chosen if d.message.type in SOURCES
        }
        self._shapes = {d.message.name: list(Input(d, ()).shapes) for d in chosen if d.message.type == "Input"}
        self._builder = Builder()
        self._fed: dict[str, list[Shape]] | None = None  # the inputs' shapes for which the net is built
        self.fresh = 0  # how many layers, from the first on, are built for them
        self.build()
        self._builder.place(device)
        self.copied = Copied()  # what became of the last file's weights
        loaded = [] if stored is None else self.copy_from(stored, reinitialise=reinitialise)
        self._fill(seed, frozenset(loaded))

    # What it is made of

    @property
    def layers(self) -> OrderedDict[str, Layer]:
        """The layers by name, in the order in which they run; of several of one name the one with blobs, if any."""
        found: OrderedDict[str, Layer] = OrderedDict()
        for placed in self._built.placed:
            name = placed.definition.message.name
            if name not in found or placed.layer.blobs:
                found[name] = placed.layer
        return found

    @property
    def inputs(self) -> list[str]:
        """The blobs that the caller fills."""
        return [top for d in self.definitions if d.message.name in self._shapes for top in d.message.top]

    @property
    def outputs(self) -> list[str]:
        """The blobs that no layer takes, in the order of the alphabet."""
        return sorted(name for name, _ in self._built.plan.outputs)

    @property
    def calls(self) -> list[tuple[Placed, Step | None]]:
        """Each layer with how it is called, in order; None where its blobs come from outside (`batch`)."""
        return list(zip(self._built.placed, self._steps, strict=True))

    @property
    def names(self) -> list[str]:
        """The blob name of each slot that the layers read and write; in place the name comes again."""
        return self._built.names

    @property
    def specs(self) -> list[ParameterSpec]:
        """Every learned tensor once, with its multipliers."""
        return self._builder.specs

    @property
    def module(self) -> PhaseModule:
        """All layers as one torch module."""
        return self._builder.module

    @property
    def params(self) -> OrderedDict[str, list[np.ndarray]]:
        """The blobs of each layer that has some; writing into them changes the net (on the CPU)."""
        return OrderedDict(
            (name, [getattr(layer, blob.name).detach().cpu().numpy() for blob in layer.blobs])
            for name, layer in self.layers.items()
            if layer.blobs
        )

    @property
    def loss_weights(self) -> dict[str, float]:
        """The weight of each blob in the loss, 0 for most."""
        weights = dict.fromkeys(self._built.names, 0.0)
        weights.update((self._built.names[slot], weight) for slot, weight in self._built.plan.losses)
        return weights

    # Shapes

    def reshape(self, last: int | None = None, /, **shapes: Sequence[int]) -> None:
        """Give inputs other shapes; weights stay, and must still fit: those of the layers up to number `last`."""
        wrong = sorted(shapes.keys() - set(self.inputs))
        if wrong:
            raise InputError(f"the net has no input {', '.join(wrong)}; it takes {', '.join(self.inputs) or 'none'}")
        for definition in self.definitions:
            name = definition.message.name
            for i, top in enumerate(definition.message.top if name in self._shapes else ()):
                if top in shapes:
                    self._shapes[name][i] = tuple(int(side) for side in shapes[top])
        self.build(last)

    def shape(self, blob: str) -> Shape:
        """The shape of a blob in the net as it is built now."""
        return self._slot_shapes[self._slot_of[blob]]

    def _feeds(self) -> dict[str, list[Shape]]:
        read = {name: list(source.shapes()) for name, source in self.sources.items()}
        return {**{name: list(shapes) for name, shapes in self._shapes.items()}, **read}

    def build(self, last: int | None = None) -> None:
        """Build the plan for the shapes of now (data layers may come to other sizes), unless it is.

        Layers after number `last` stay as they were, as in Caffe: they will not run in these shapes.
        """
        feeds = self._feeds()
        count = len(self.definitions) if last is None else last + 1
        if self._fed == feeds and self.fresh >= count:
            return
        self._builder.release()
        rest = self._built.placed[count:] if self._fed else []
        self._built: Built = self._builder.build(
            "deploy", self.definitions, feeds, training=self.training, keep=not self.lean, rest=rest
        )
        source = self.definitions[0].source if self.definitions else ""
        held = held_values(self._built, keep=not self.lean)
        refuse_too_large(self.specs, self.device, source, copies=1 + self.training, blobs=held)
        self._fed, self.fresh = feeds, count
        self._slot_of = {name: slot for slot, name in enumerate(self._built.names)}  # the last one of each name
        self._now = dict(self._slot_of)  # the one that holds each name's blob: in place, layers make it anew
        self._slot_shapes = [shape for placed in self._built.placed for shape in placed.top_shapes]
        steps = iter(self._built.plan.steps)
        self._steps = [None if placed.layer.is_source else next(steps) for placed in self._built.placed]
        self._values: list[Tensor | None] = [None] * len(self._built.names)

    # Weights

    def _fill(self, seed: int, loaded: frozenset[str]) -> None:
        """Fill what no file has given."""
        generator = torch.Generator().manual_seed(seed)
        for _, layer, name in self._builder.owners:
            if layer.definition.message.name in loaded:
                continue
            blob = next(b for b in layer.blobs if b.name == name)
            fillers.fill(getattr(layer, name), blob.filler, generator)

    def copy_from(self, weights: str | PathLike[str] | Weights, *, reinitialise: Reinitialise = ()) -> list[str]:
        """Copy weights by layer name; gives the names of the layers that took theirs from the file.

        A layer that does not fit is an error, unless `reinitialise` names it or is "mismatched": it keeps its own,
        and `copied` says why.
        """
        stored = weights if isinstance(weights, Weights) else read_weights(Path(weights))
        copied = copy_blobs(self.layers, stored, reinitialise=reinitialise)
        self.copied = copied
        return copied.layers

    def save(self, path: str | PathLike[str], dialect: Dialect = "bvlc") -> list[str]:
        """Write the weights as a caffemodel, or as HDF5 where the path ends in `.h5`.

        Gives a sentence for each layer that the dialect has only as another one.
        """
        return write_weights(Path(path), self.name, self.definitions, self.layers, dialect)

    def share_with(self, other: Net) -> None:
        """Use the weights of another net, by layer name; layers that it lacks keep their own."""
        theirs = other.layers
        for name, layer in self.layers.items():
            owner = theirs.get(name)
            if owner is None or not layer.blobs:
                continue
            if len(owner.blobs) != len(layer.blobs):
                raise layer.error(f"has {len(layer.blobs)} blobs and {len(owner.blobs)} in the net it shares with")
            for mine, blob in zip(layer.blobs, owner.blobs, strict=True):
                shapes = [tuple(getattr(part, b.name).shape) for part, b in ((layer, mine), (owner, blob))]
                if shapes[0] != shapes[1]:
                    raise layer.error(
                        f"has a {mine.name} of {times(shapes[0])}, and {times(shapes[1])} is to be shared"
                    )
                self._builder.module.tie(layer, mine.name, owner, blob.name)
        self._builder.refresh()

    # Running

    def forward(self, **given: Any) -> dict[str, np.ndarray]:
        """Run the net. Every input is given by name, in the size that the text says but for the batch."""
        if set(given) != set(self.inputs):
            raise InputError(
                f"the net takes {', '.join(self.inputs) or 'nothing'}, not {', '.join(given) or 'nothing'}"
            )
        for name, values in given.items():
            array = np.ascontiguousarray(values, np.float32)
            shape = self.shape(name)
            if array.shape[1:] != tuple(shape[1:]):
                raise InputError(
                    f"{name} is {times(array.shape)}, the net takes {times(shape)}", field=name,
                    hint="Another size needs net.reshape(...) first.",
                )  # fmt: skip
            if array.shape != tuple(shape):
                self.reshape(**{name: array.shape})
            first = self._built.names.index(name)  # a layer in place may give the name again
            self._at(first).copy_(torch.from_numpy(array))
        self.compute()
        return {name: self.blobs[name] for name in self.outputs}

    @property
    def values(self) -> dict[str, Tensor]:
        """Every blob's tensor of now, by name: zeros before it was computed. Inputs are filled by writing into them."""
        return {name: self._at(slot) for name, slot in self._now.items()}

    def _at(self, slot: int) -> Tensor:
        value = self._values[slot]
        if value is None:
            value = self._values[slot] = torch.zeros(self._slot_shapes[slot], device=self.device)
        return value

    @property
    def blobs(self) -> OrderedDict[str, np.ndarray]:
        """Every blob of now, by name."""
        return OrderedDict((name, value.detach().cpu().numpy()) for name, value in self.values.items())

    def compute(self, start: int = 0, stop: int | None = None, *, grad: bool = False) -> None:
        """Run the layers from number `start` up to but not including `stop`; with `grad`, `backward` may follow."""
        if start == 0:
            self.build()
        else:
            self._catch_up(start, stop)
        with torch.set_grad_enabled(grad), _explained():
            for placed, step in self.calls[start:stop]:
                self._now.update((self._built.names[slot], slot) for slot in placed.writes)
                if step is not None:
                    self._built.plan.go_on(self._values, [step], keep=True)
                    continue
                for slot, value in zip(placed.writes, self.batch(placed), strict=True):
                    self._values[slot] = value.detach().requires_grad_(grad and self.force_backward)

    def _catch_up(self, start: int, stop: int | None) -> None:
        """What layers take from before them is the blob of now, also where it was made in place since: as in Caffe."""
        made: set[int] = set()
        for placed in self._built.placed[start:stop]:
            for slot in placed.reads:
                if slot not in made:
                    self._values[slot] = self._at(self._now[self._built.names[slot]])
            made.update(placed.writes)

    def batch(self, placed: Placed) -> list[Tensor]:
        """The next batch of a data layer, or what the caller filled in."""
        source = self.sources.get(placed.definition.message.name)
        if source is None:
            return [self._at(slot) for slot in placed.writes]
        return [value.to(self.device, non_blocking=True) for value in source.read()]

    def run(self) -> Outputs:
        """One batch from the data layers: every output, and the loss with its graph."""
        self.build()
        batch = [value for placed in self._built.placed if placed.layer.is_source for value in self.batch(placed)]
        with _explained():
            return self._built.plan.run(*batch)

    def loss(self) -> Tensor | None:
        """The weighted sum of the losses that were computed last, None where there is none."""
        return self._built.plan.loss(self._values)

    def backward(
        self, seeds: Mapping[str, Tensor] | None = None, start: int | None = None, stop: int = 0
    ) -> dict[str, Tensor]:
        """Gradients after `compute(grad=True)`, back from layer number `start` (the last) to number `stop`.

        What is differentiated is the weighted loss where `start` is None, and each blob of `seeds` weighed by its
        tensor (its own gradient). Gives the gradient of every blob between, by name; those of the weights are
        added to their `.grad`. A blob that is overwritten in place has the gradient of what it was first, as in Caffe.
        """
        layers = self._built.placed[stop : None if start is None else start + 1]
        loss = self.loss() if start is None else None
        outputs, weights = ([loss], [torch.ones_like(loss)]) if loss is not None else ([], [])
        last = {self._built.names[slot]: slot for placed in layers for slot in (*placed.reads, *placed.writes)}
        for name, seed in (seeds or {}).items():
            outputs.append(self._at(last.get(name, self._slot_of[name])))
            weights.append(seed)
        kept = [(out, weight) for out, weight in zip(outputs, weights, strict=True) if out.requires_grad]
        slots = sorted({slot for placed in layers for slot in (*placed.reads, *placed.writes)}, reverse=True)
        slots = [slot for slot in slots if self._at(slot).requires_grad]
        names = {placed.definition.message.name for placed in layers}
        learned = [s.tensor for s in self.specs if s.tensor.requires_grad and s.name.rpartition(".")[0] in names]
        if not kept or not (slots or learned):
            return {}
        found = torch.autograd.grad(
            [out for out, _ in kept], [*(self._at(slot) for slot in slots), *learned],
            [weight for _, weight in kept], allow_unused=True, retain_graph=True,
        )  # fmt: skip
        for tensor, gradient in zip(learned, found[len(slots) :], strict=True):
            if gradient is not None:
                tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient
        pairs = zip(slots, found, strict=False)
        return {self._built.names[slot]: gradient for slot, gradient in pairs if gradient is not None}

    def skip(self, batches: int) -> None:
        """Let the data layers go on as if so many batches had been read."""
        for source in self.sources.values():
            source.skip(batches)

    def close(self) -> None:
        """End the data layers' threads and files."""
        for source in self.sources.values():
            source.close()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as problem:
        raise NetworkError(f"the net cannot run on these inputs: {problem}") from problem


def _read(prototxt: str | PathLike[str] | Any) -> tuple[Any, list[Definition]]:
    """A NetParameter and its layers, from a file or from the message itself."""
    if isinstance(prototxt, str | PathLike):
        message, definitions = parse_network(read_text(Path(prototxt)), str(prototxt))
    else:
        message = upgrade(prototxt, "network")
        definitions = [Definition(layer, None, "network") for layer in message.layer]
    return message, definitions
