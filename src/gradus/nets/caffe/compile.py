"""An all-in-one prototxt becomes a Network: derived for a dataset, built, placed on a device."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import torch
from torch import Tensor

from gradus.core.errors import NetworkError
from gradus.core.network import Graph, NetworkInput, Phase
from gradus.nets.caffe.graph.build import Builder
from gradus.nets.caffe.graph.draw import draw
from gradus.nets.caffe.graph.limits import held_values, refuse_too_large
from gradus.nets.caffe.graph.placing import Built
from gradus.nets.caffe.graph.plan import PhaseModule
from gradus.nets.caffe.layers import fillers
from gradus.nets.caffe.layers.base import Layer, Shape
from gradus.nets.caffe.text.derive import Derived, deploy_text, derive, train_val_text
from gradus.nets.network import Network, ParameterSpec
from gradus.nets.sources import Sources

PHASES: tuple[Phase, ...] = ("train", "val", "deploy")


class CaffeNetwork(Network):
    """A network from a prototxt."""

    def __init__(self, text: str, derived: Derived, sources: Sources) -> None:
        self._text, self._derived, self._sources = text, derived, sources
        self._builder = Builder()
        self.module: PhaseModule = self._builder.module
        self.built: dict[Phase, Built] = {}
        for phase in PHASES:
            self.built[phase] = self._builder.build(
                phase, derived.layers[phase], self._feeds(phase), training=phase == "train"
            )
        self.batch_proposed = derived.batch_proposed
        self.crop_size, self.mirror, self.scale = derived.crop_size, derived.mirror, derived.scale
        self.scores = self._scores()
        if not self.module.plans["train"].losses:
            raise NetworkError(
                "the network has no loss in the train phase: there is nothing to learn from", file=derived.source,
                line=derived.layers["train"][-1].line, hint="Add a SoftmaxWithLoss layer.",
            )  # fmt: skip

    def _feeds(self, phase: Phase) -> dict[str, list[Shape]]:
        """The shapes of what comes in, by the name of the layer that gives it: pictures, then labels."""
        batch = self.batch_size(phase) or 1
        first = self._derived.layers[phase][0]
        return {first.message.name: [(batch, *self.input_shape(phase)), (batch,)]}

    def _scores(self) -> str:
        placed = self.built["deploy"].placed
        outputs = {slot for _, slot in self.module.plans["deploy"].outputs}
        names = self.built["deploy"].names
        tops = [names[s] for p in placed if p.definition.message.type == "Softmax" for s in p.writes if s in outputs]
        return tops[-1]

    @cached_property
    def texts(self) -> Mapping[str, str]:  # type: ignore[override]
        """The text as given, and the two that DIGITS derives from it."""
        return {
            "original.prototxt": self._text,
            "train_val.prototxt": train_val_text(self._derived, self._sources),
            "deploy.prototxt": deploy_text(self._derived),
        }

    def graph(self, phase: Phase) -> Graph:
        """One phase, drawn from what was run on the meta device."""
        return draw(self._derived.name, phase, self.built[phase], self.batch_size(phase) or 1)

    def input_shape(self, phase: Phase) -> tuple[int, int, int]:  # noqa: ARG002 - alike in all
        """Cropped, in every phase alike."""
        given, crop = self._derived.given, self._derived.crop_size
        return given.channels, crop or given.height, crop or given.width

    def batch_size(self, phase: Phase) -> int | None:
        """What was given, else the text's, else DIGITS' 16; one picture in deploy."""
        return self._derived.batch[phase]

    def parameters(self) -> list[ParameterSpec]:
        """Every learned tensor once, in the order of the text."""
        return list(self._builder.specs)

    def state(self) -> dict[str, Tensor]:
        """Every blob once, by layer and blob name: `conv1.weight`."""
        return {name: getattr(layer, blob).detach() for name, layer, blob in self._builder.owners}

    def reset(self, seed: int) -> None:
        """Fill every blob as its filler says, in the order of the text, from one generator on the CPU."""
        generator = torch.Generator().manual_seed(seed)
        for _, layer, name in self._builder.owners:
            blob = next(b for b in layer.blobs if b.name == name)
            fillers.fill(getattr(layer, name), blob.filler, generator)

    def layer(self, name: str) -> Layer:
        """A layer by its name in the text."""
        return self.module.get_submodule(name) if "." not in name else self.module._modules[name]  # type: ignore[return-value]

    def place(self, device: str) -> None:
        """Allocate the weights, if they can fit."""
        held = min(held_values(built, keep=False) for built in self.built.values())  # whoever predicts runs one
        refuse_too_large(self._builder.specs, device, self._derived.source, blobs=held)
        self._builder.place(device)


def compile_prototxt(
    text: str,
    given: NetworkInput,
    *,
    device: str = "cpu",
    source: str = "network.prototxt",
    sources: Sources | None = None,
) -> CaffeNetwork:
    """Compile a prototxt for a dataset; `sources` is what the derived texts say of its place."""
    network = CaffeNetwork(text, derive(text, given, source), sources or Sources())
    if device != "meta":
        network.place(device)
    return network
