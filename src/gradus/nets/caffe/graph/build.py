"""Definitions become the layers of one module, which its phases share, with weights on a device."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gradus.core.errors import GradusError, MemoryLimitError
from gradus.core.network import Phase
from gradus.nets.caffe.graph.placing import Built, Placed, Placing
from gradus.nets.caffe.graph.plan import PhaseModule
from gradus.nets.caffe.layers.base import Layer, Shape, times
from gradus.nets.caffe.text.prototxt import Definition
from gradus.nets.network import ParameterSpec

PERMISSIVE = 1  # ParamSpec.DimCheckMode


class Builder:
    """Builds the phases of one network, one after the other, so that they share layers and weights."""

    def __init__(self) -> None:
        self.module = PhaseModule()
        self.specs: list[ParameterSpec] = []  # with tensors on meta until placed
        self.owners: list[tuple[str, Layer, str]] = []  # name, layer, blob
        self._layers: dict[tuple[int, tuple[Shape, ...]], Layer] = {}
        self._by_name: dict[str, Layer] = {}
        self._shared: dict[str, tuple[Layer, str, Definition]] = {}
        self._rates: dict[str, Any] = {}  # the ParamSpec of each shared name's owner

    def build(
        self, phase: Phase, definitions: Sequence[Definition], feeds: dict[str, list[Shape]], *,
        training: bool, keep: bool = False, rest: Sequence[Placed] = (),
    ) -> Built:  # fmt: skip
        """One phase. `feeds` gives the top shapes of source layers by layer name; `keep` runs nothing in place.

        `rest` are the last layers as they were built for other shapes: they will not run in these.
        """
        placing = Placing(self.layer, definitions, feeds, training=training)
        with torch.no_grad(), self._on_meta():
            for definition in definitions[: len(definitions) - len(rest)]:
                placing.place(definition)
            for placed in rest:
                placing.keep(placed)
        built = Built(placing.placed, placing.plan(self.module.views, keep=keep), placing.names)
        self.module.plans[phase] = built.plan
        return built

    def layer(self, definition: Definition, kind: type[Layer], shapes: tuple[Shape, ...], *, trains: bool) -> Layer:
        """The layer of a definition: the one of another phase where both are the same but for the batch."""
        key = (id(definition), () if kind.any_size else tuple(s[1:] for s in shapes))
        if key not in self._layers:
            layer = self._layers[key] = kind(definition, shapes, trains=trains)
            self._register(definition, layer)
        return self._layers[key]

    def _register(self, definition: Definition, layer: Layer) -> None:
        """Name the layer's blobs and tie those that another phase or layer has already."""
        specs = definition.message.param
        if len(specs) > len(layer.blobs):
            raise definition.error(
                f"has {len(specs)} param blocks for {len(layer.blobs)} blobs", at="param", hint="Remove the extra ones."
            )
        name = definition.message.name
        first = self._by_name.get(name)
        if first is None or (layer.blobs and not first.blobs):
            first = None
            self._by_name[name] = layer
            self.module.own(name, layer)
        elif layer.blobs and [b.name for b in first.blobs] != [b.name for b in layer.blobs]:
            raise self._unlike(definition, first)
        for i, blob in enumerate(layer.blobs):
            spec = specs[i] if i < len(specs) else None
            if first is not None:
                if getattr(first, blob.name).shape != getattr(layer, blob.name).shape:
                    raise self._unlike(definition, first)
                self.module.tie(layer, blob.name, first, blob.name)
            elif spec is not None and spec.name and spec.name in self._shared:
                self._share(definition, layer, blob.name, spec)
            else:
                self._own(definition, layer, i, spec)

    def _own(self, definition: Definition, layer: Layer, index: int, spec: Any) -> None:
        blob = layer.blobs[index]
        name = f"{definition.message.name}.{blob.name}"
        tensor = getattr(layer, blob.name)
        self.owners.append((name, layer, blob.name))
        if spec is not None and spec.name:
            self._shared[spec.name] = (layer, blob.name, definition)
            self._rates[spec.name] = spec
        if blob.learned:
            given = (spec.lr_mult, spec.decay_mult) if spec is not None else (1.0, 1.0)
            rate, decay = blob.rates or given
            if not (math.isfinite(rate) and math.isfinite(decay)):
                raise definition.error("has an lr_mult or decay_mult that is not finite", at="param.lr_mult")
            tensor.requires_grad_(rate != 0)
            self.specs.append(ParameterSpec(name, tensor, rate, decay))

    def _share(self, definition: Definition, layer: Layer, blob: str, spec: Any) -> None:
        name = spec.name
        owner, owner_blob, where = self._shared[name]
        mine, other = getattr(layer, blob).shape, getattr(owner, owner_blob).shape
        permissive = spec.share_mode == PERMISSIVE
        if mine.numel() != other.numel() if permissive else mine != other:
            raise definition.error(
                f'shares "{name}" with layer "{where.name}", but its {blob} is {times(mine)}, not {times(other)}',
                at="param.name", hint=None if permissive else "share_mode: PERMISSIVE asks for equal counts only.",
            )  # fmt: skip
        self._agree(definition, spec, self._rates[name], where)
        (self.module.tie if mine == other else self.module.view)(layer, blob, owner, owner_blob)

    @staticmethod
    def _agree(definition: Definition, spec: Any, first: Any, where: Definition) -> None:
        for field in ("lr_mult", "decay_mult"):
            if spec.HasField(field) and first.HasField(field) and getattr(spec, field) != getattr(first, field):
                raise definition.error(
                    f'shares "{spec.name}" with layer "{where.name}", which has another {field}', at=f"param.{field}",
                    hint="Shared weights learn at one rate: give it once.",
                )  # fmt: skip

    def _unlike(self, definition: Definition, first: Layer) -> GradusError:
        if first.definition is definition:
            return definition.error(
                "has weights that do not fit its input's new size",
                hint="An InnerProduct sees its whole input, so its weights fix that size; a Convolution's do not.",
            )
        line = f" (line {first.definition.line})" if first.definition.line else ""
        return definition.error(
            f"has other weights than the layer of the same name in another phase{line}",
            hint="Layers of one name share their weights over the phases: give them the same sizes, or other names.",
        )

    @contextmanager
    def _on_meta(self) -> Iterator[None]:
        """Weights that lie on a device already give way to their shapes meanwhile."""
        placed = [(layer, blob, getattr(layer, blob)) for _, layer, blob in self.owners]
        placed = [(layer, blob, tensor) for layer, blob, tensor in placed if tensor.device.type != "meta"]
        for layer, blob, tensor in placed:
            _put(layer, blob, tensor.to("meta"), learns=tensor.requires_grad)
        self.module.relink()
        try:
            yield
        finally:
            for layer, blob, tensor in placed:
                (layer._parameters if isinstance(tensor, nn.Parameter) else layer._buffers)[blob] = tensor
            self.module.relink()

    def release(self) -> None:
        """Forget the layers that were made for other input sizes; those that own weights stay."""
        kept = set(map(id, self._by_name.values()))
        self._layers = {key: layer for key, layer in self._layers.items() if id(layer) in kept}
        self.module.ties = [tie for tie in self.module.ties if id(tie[0]) in kept]
        self.module.views = [view for view in self.module.views if id(view.follower) in kept]

    def refresh(self) -> None:
        """Look up the specs' tensors again, after blobs were replaced."""
        named = {name: getattr(layer, blob) for name, layer, blob in self.owners}
        self.specs = [spec._replace(tensor=named[spec.name]) for spec in self.specs]

    def place(self, device: str) -> None:
        """Allocate all weights (zeros) on a device."""
        for _, layer, blob in self.owners:
            meta = getattr(layer, blob)
            try:
                zeros = torch.zeros(meta.shape, device=device)
            except RuntimeError as problem:  # the processor's allocator has no class of its own
                if not isinstance(problem, torch.OutOfMemoryError) and "DefaultCPUAllocator" not in str(problem):
                    raise
                where = f'the {blob} of layer "{layer.definition.name}" ({times(tuple(meta.shape))})'
                raise MemoryLimitError(f"{device} has no room for {where}", hint="Use a smaller network.") from problem
            _put(layer, blob, zeros, learns=meta.requires_grad)
        self.module.relink()
        self.refresh()


def _put(layer: Layer, blob: str, tensor: Tensor, *, learns: bool) -> None:
    if blob in layer._parameters:
        layer._parameters[blob] = nn.Parameter(tensor, requires_grad=learns)
    else:
        layer._buffers[blob] = tensor
