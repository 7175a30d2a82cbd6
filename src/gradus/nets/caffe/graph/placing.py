"""The layers of one phase are placed one after the other on the meta device: no shape has a second formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from gradus.nets.caffe.graph.calls import call_of, joint_call
from gradus.nets.caffe.graph.plan import Plan, Step, View, dead_after
from gradus.nets.caffe.layers.base import AXES_LIMIT, COUNT_LIMIT, Layer, Shape, Use, times
from gradus.nets.caffe.layers.table import LAYERS, layer_class
from gradus.nets.caffe.text.prototxt import Definition, close_matches
from gradus.nets.caffe.text.rules import TRAIN

AUTOMATIC = "(automatic)"  # what Caffe calls the top of a loss that has none in the text; nobody can take it
# Whose first bottom are scores: what gives them stays in float32 under autocast.
_JUDGES = (
    *("Softmax", "SoftmaxWithLoss", "Accuracy", "ArgMax", "SigmoidCrossEntropyLoss", "HingeLoss", "InfogainLoss"),
    *("EuclideanLoss", "L1Loss", "SmoothL1Loss", "ContrastiveLoss"),
)
_NEURONS_IN_PLACE = ("ReLU",)


class Make(Protocol):
    """Gives the layer of a definition for its bottoms' shapes and its phase."""

    def __call__(self, definition: Definition, kind: type[Layer], shapes: tuple[Shape, ...], *, trains: bool) -> Layer:
        """The layer, made or made earlier."""


@dataclass(slots=True)
class Placed:
    """One layer in one phase: what it reads and writes (slots and shapes)."""

    definition: Definition
    layer: Layer
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    bottom_shapes: list[Shape]
    top_shapes: list[Shape]


@dataclass(slots=True)
class Built:
    """One phase: its plan, and what drawing it needs."""

    placed: list[Placed]
    plan: Plan
    names: list[str]  # the blob name of each slot


class _Run:
    """One step of a plan: a layer, or two that are one operation; then the step of the second one does nothing."""

    def __init__(self, placed: Placed, use: Use) -> None:
        self.placed, self.use = placed, use
        self.reads, self.writes = placed.reads, placed.writes
        self.call: Callable[..., Any] | None = None

    def join(self, after: _Run, views: Sequence[View]) -> None:
        """Do what the next layer does as well, if both can be one."""
        self.call = joint_call(self.placed.layer, after.placed.layer, self.use, views)
        if self.call is not None:
            self.writes, after.reads, after.writes, after.call = after.writes, (), (), tuple


def _join(runs: Sequence[_Run], readers: dict[int, list[Placed]], kept: set[int], views: Sequence[View]) -> None:
    """Take layers together with the only reader of their top, where nobody else sees that top."""
    by_layer = {id(run.placed): run for run in runs}
    for run in runs:
        top = run.writes[0] if len(run.writes) == 1 else None
        if top is not None and top not in kept and len(readers[top]) == 1 and readers[top][0].reads == (top,):
            run.join(by_layer[id(readers[top][0])], views)


class Placing:
    """One phase while it is being built."""

    def __init__(
        self, make: Make, definitions: Sequence[Definition], feeds: dict[str, list[Shape]], *, training: bool
    ) -> None:
        self.definitions, self.feeds, self.training = definitions, feeds, training
        self._make = make
        self.placed: list[Placed] = []
        self.names: list[str] = []
        self._values: list[Tensor] = []
        self._types: list[str] = []  # of the layer that made each value, Split layers looked through
        self._current: dict[str, int] = {}  # blob name -> slot that holds it now
        self._seen: dict[str, Definition] = {}

    def place(self, definition: Definition) -> None:
        """Add one layer."""
        message = definition.message
        kind = self._kind(definition)
        if kind.is_loss and not message.top:
            message.top.append(AUTOMATIC)
        self._check(definition, kind)
        reads = tuple(self._slot(definition, bottom) for bottom in message.bottom)
        shapes = [tuple(self._values[slot].shape) for slot in reads]
        definition.makers = tuple(self._types[slot] for slot in reads)
        layer = self._make(definition, kind, tuple(shapes), trains=self._trains(definition))
        if layer.blobs:
            self._own_name(definition)
        tops = self._sources(definition) if kind.is_source else self._run(definition, layer, reads)
        writes = []
        for i, (name, value) in enumerate(zip(message.top, tops, strict=True)):
            if name != AUTOMATIC:
                self._name(definition, i, name)
            writes.append(len(self._values))
            self._values.append(value)
            self._types.append(definition.makers[0] if message.type == "Split" else message.type)
            self.names.append(name)
        top_shapes = [tuple(value.shape) for value in tops]
        self.placed.append(Placed(definition, layer, reads, tuple(writes), shapes, top_shapes))

    def keep(self, placed: Placed) -> None:
        """Add one layer as it was placed before; those after it can only be kept as well."""
        self.names += placed.definition.message.top
        self.placed.append(placed)

    def _own_name(self, definition: Definition) -> None:
        """Weights are known by their layer's name; layers without any may share one, as in Caffe."""
        if (twin := self._seen.get(definition.message.name)) is not None:
            raise definition.error(
                f"has the name of the layer on line {twin.line}", at="name",
                hint="Weights are kept by layer name: give each layer its own.",
            )  # fmt: skip
        self._seen[definition.message.name] = definition

    def _name(self, definition: Definition, place: int, name: str) -> None:
        """From here on the name means this layer's top."""
        message = definition.message
        if name in self._current and not (place < len(message.bottom) and message.bottom[place] == name):
            raise definition.error(
                f'gives "{name[:80]}", which another layer gives already', at="top",
                hint="Only a layer that works in place may give a blob that it also takes, at the same position.",
            )  # fmt: skip
        self._current[name] = len(self._values)

    def _kind(self, definition: Definition) -> type[Layer]:
        name = definition.message.type
        if name in LAYERS:
            return layer_class(name)
        if not name:
            raise definition.error("has no type", hint='For example: type: "Convolution"')
        guess = close_matches(name, list(LAYERS))
        raise definition.error(
            "has an unknown type", at="type",
            hint=guess[:1].upper() + guess[1:] if guess else f"Known are: {', '.join(LAYERS)}.",
        )  # fmt: skip

    def _check(self, definition: Definition, kind: type[Layer]) -> None:
        message = definition.message
        if not message.name:
            raise definition.error("has no name", at="type", hint='For example: name: "conv1"')
        for what, given, (least, most) in (
            ("bottom", len(message.bottom), kind.bottoms),
            ("top", len(message.top), kind.tops),
        ):
            if given < least or (most is not None and given > most):
                wanted = str(least) if least == most else f"{least} or more" if most is None else f"{least} to {most}"
                raise definition.error(f"has {given} {what} blobs and needs {wanted}", at=what)
        if message.loss_weight and len(message.loss_weight) != len(message.top):
            raise definition.error("needs one loss_weight for each top, or none", at="loss_weight")
        if any(not math.isfinite(weight) for weight in message.loss_weight):
            raise definition.error("has a loss_weight that is not finite", at="loss_weight")
        if message.propagate_down and len(message.propagate_down) != len(message.bottom):
            raise definition.error("needs one propagate_down for each bottom, or none", at="propagate_down")

    def _slot(self, definition: Definition, name: str) -> int:
        slot = self._current.get(name)
        if slot is not None:
            return slot
        later = next((d for d in self.definitions if name in d.message.top), None)
        if later is not None:
            raise definition.error(
                f'takes "{name[:80]}", which "{later.name}" (line {later.line}) gives only later', at="bottom",
                hint="Layers run in the order of the text, and blobs cannot go round in a circle.",
            )  # fmt: skip
        guess = close_matches(name, list(self._current))
        raise definition.error(
            f'takes "{name[:80]}", which no layer before it gives', at="bottom",
            hint=f"{guess[:1].upper()}{guess[1:]}" if guess else "Is the layer that gives it left out in this phase?",
        )  # fmt: skip

    def _sources(self, definition: Definition) -> list[Tensor]:
        shapes = self.feeds[definition.message.name]
        if len(definition.message.top) > len(shapes):
            raise definition.error(f"can give {len(shapes)} blobs, and the text names more", at="top")
        self._within(definition, shapes)
        return [torch.empty(shape, device="meta") for shape in shapes[: len(definition.message.top)]]

    def _run(self, definition: Definition, layer: Layer, reads: tuple[int, ...]) -> list[Tensor]:
        if layer.keeps_shape:
            return [self._values[reads[0]]]
        try:
            use = Use(training=self._trains(definition), shapes_only=True)
            result = layer.step(use)(*[self._values[slot] for slot in reads])
        except (RuntimeError, ValueError, IndexError, TypeError, OverflowError) as problem:
            inputs = " and ".join(times(tuple(self._values[slot].shape)) for slot in reads)
            reason = str(problem).split("\n", 1)[0][:200]
            raise definition.error(f"does not fit its input of {inputs}: {reason}", at="bottom") from problem
        tops = [result] if isinstance(result, Tensor) else list(result)
        if len(tops) != len(definition.message.top):
            raise definition.error(
                f"gives {len(tops)} blobs, and the text names {len(definition.message.top)}", at="top"
            )
        self._within(definition, [tuple(top.shape) for top in tops])
        return tops

    def _trains(self, definition: Definition) -> bool:
        """Whether the layer is in Caffe's phase TRAIN: its own where the text gives it one."""
        message = definition.message
        return message.phase == TRAIN if message.HasField("phase") else self.training

    @staticmethod
    def _within(definition: Definition, shapes: Sequence[Shape]) -> None:
        for shape in shapes:
            if len(shape) > AXES_LIMIT:
                raise definition.error(f"would give a blob with {len(shape):,} axes, more than Caffe's {AXES_LIMIT}")
            if min(shape, default=0) < 0:
                raise definition.error(f"would give {times(shape)}: sizes cannot be negative")
            if (count := math.prod(max(side, 1) for side in shape)) > COUNT_LIMIT:
                raise definition.error(
                    f"would give {count:,} values ({times(shape)}), more than Caffe's {COUNT_LIMIT:,}",
                    hint="Use a smaller batch, smaller pictures or fewer outputs.",
                )

    def plan(self, views: Sequence[View], *, keep: bool) -> Plan:
        """The calls, once it is known who reads what."""
        readers: dict[int, list[Placed]] = {}
        for placed in self.placed:
            for slot in placed.reads:
                readers.setdefault(slot, []).append(placed)
        maker = {slot: placed for placed in self.placed for slot in placed.writes}
        losses = self._losses()
        final = {slot for slot in range(len(self.names)) if slot not in readers}
        kept = final | {slot for slot, _ in losses}
        runs = [_Run(p, self._use(p, readers, maker, keep=keep)) for p in self.placed if not p.layer.is_source]
        if not keep:
            _join(runs, readers, kept, views)
        steps = []
        for run, free in zip(runs, dead_after([run.reads for run in runs], kept), strict=True):
            call = run.call or call_of(run.placed.layer, run.use, views, keep=keep)
            steps.append(Step(call, run.reads, run.writes, free))
        feeds = [slot for placed in self.placed if placed.layer.is_source for slot in placed.writes]
        outputs = [(self.names[slot], slot) for slot in sorted(final) if self._tells(maker[slot], slot)]
        return Plan(steps, len(self.names), feeds, outputs, losses)

    def _use(
        self, placed: Placed, readers: dict[int, list[Placed]], maker: dict[int, Placed], *, keep: bool
    ) -> Use:  # fmt: skip
        return Use(
            training=self._trains(placed.definition),
            in_place=not keep and self._in_place(placed, readers, maker),
            exact=self._judged(placed, readers),
        )

    def _judged(self, placed: Placed, readers: dict[int, list[Placed]]) -> bool:
        """Whether a top is the scores of a loss or the like, perhaps through a Split."""
        return any(
            self._judged(reader, readers)
            if reader.definition.message.type == "Split"
            else reader.definition.message.type in _JUDGES and reader.reads[0] == slot
            for slot in placed.writes
            for reader in readers.get(slot, ())
        )

    def _tells(self, placed: Placed, slot: int) -> bool:
        return not placed.layer.is_source and self.names[slot] != AUTOMATIC

    def _losses(self) -> list[tuple[int, float]]:
        losses = []
        for placed in self.placed:
            given = list(placed.definition.message.loss_weight)
            weights = given or ([1.0] if placed.layer.is_loss else [])
            losses += [(slot, w) for slot, w in zip(placed.writes, weights, strict=False) if w]
        return losses

    def _in_place(self, placed: Placed, readers: dict[int, list[Placed]], maker: dict[int, Placed]) -> bool:
        """Whether it may overwrite its bottom: the text says so, nobody else reads it, and backward does not."""
        message = placed.definition.message
        if message.type not in _NEURONS_IN_PLACE or message.bottom[0] != message.top[0]:
            return False
        slot = placed.reads[0]
        return len(readers[slot]) == 1 and maker[slot].layer.overwritable
