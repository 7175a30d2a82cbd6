"""Passes layer by layer over blobs that stay: what Caffe's nets do, and what users look at between two layers.

Every layer's call is differentiated by itself, so that a pass can begin and end anywhere, and each blob has the
values and gradients that were written last, by a layer or by the user.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gradus.nets.caffe.graph.placing import Placed
from gradus.nets.caffe.graph.plan import Step
from gradus.nets.caffe.layers.python import Python
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.pycaffe.blob import Blob
from gradus.nets.caffe.pycaffe.memory import Memory
from gradus.nets.caffe.pycaffe.needs import Needs, needs_of

Hook = Callable[[int], object]


class Passes:
    """The blobs of a net, the blobs that it learns, and the passes over them."""

    def __init__(self, net: Net) -> None:
        self.net, self.device = net, torch.device(net.device)
        self.blobs: OrderedDict[str, Blob] = OrderedDict()
        self.hooks: dict[str, list[Hook]] = {
            when: [] for when in ("before_forward", "after_forward", "before_backward", "after_backward")
        }
        self._of_layer: dict[str, list[Blob]] = {}
        self._constant: set[str] = set()  # blobs of DummyData that are written once
        self._memories: dict[int, Memory] = {}  # of the weights' tensors
        self.learn_again()
        self._fit()
        for placed, _ in self.calls:
            if placed.definition.message.type == "DummyData":  # filled from the beginning, the others by a pass
                self._load(placed)

    # What there is

    def learn_again(self, other: Passes | None = None) -> None:
        """Look up the weights' tensors: at the beginning, and after those of another net were shared in."""
        owners: dict[int, Blob] = {}
        views = {(id(v.follower), v.blob): v for v in self.net.module.views}
        self.learned: OrderedDict[str, list[Blob]] = OrderedDict()
        self._tensors: dict[str, list[Tensor]] = {}
        for name, layer in self.net.layers.items():
            blobs, tensors = [], []
            for number, own in enumerate(layer.blobs):
                view = views.get((id(layer), own.name))
                tensor = getattr(view.owner, view.owner_blob) if view else getattr(layer, own.name)
                if id(tensor) not in owners:
                    known = self._of_layer.get(name) or self._own(name)
                    owner = known[number] if number < len(known) else Blob(*tensor.shape)
                    if other is not None:
                        owner.values = other._memories.get(id(tensor), owner.values)
                    owner.values.adopt(tensor)
                    self._memories[id(tensor)] = owner.values
                    owners[id(tensor)] = owner
                blob = owners[id(tensor)]
                if view:  # the same values in a shape of its own
                    blob = Blob(*view.shape)
                    blob.values, blob.gradients = owners[id(tensor)].values, owners[id(tensor)].gradients
                blobs.append(blob)
                tensors.append(tensor)
            self._of_layer[name], self._tensors[name] = blobs, tensors
            if blobs:
                self.learned[name] = blobs

    def _own(self, name: str) -> list[Blob]:
        """The blobs of the user's object, where the layer is written in Python."""
        layer = self.net.layers[name]
        return list(layer.instance(layer.trains).blobs) if isinstance(layer, Python) else []

    def settle(self) -> None:
        """Bring what was written into the weights' arrays to the device."""
        for blobs in self.learned.values():
            for blob in blobs:
                blob.values.tensor(blob.shape, self.device)

    def give_gradients(self) -> None:
        """Let each learned tensor have as its gradient what its blob's `diff` holds, as a solver wants it."""
        for name, tensors in self._tensors.items():
            for tensor, blob in zip(tensors, self._of_layer[name], strict=True):
                if tensor.requires_grad:
                    tensor.grad = blob.gradients.tensor(tuple(tensor.shape), self.device)

    def reshape(self, last: int | None = None) -> None:
        """Let the shapes of the inputs' blobs go through the net, or its layers up to number `last`."""
        wanted = {name: self.blobs[name].shape for name in self.net.inputs}
        changed = {name: shape for name, shape in wanted.items() if tuple(self.net.shape(name)) != shape}
        if changed:
            self.net.reshape(last, **changed)
        else:
            self.net.build(last)  # data layers may have come to pictures of another size
        if self.net.names is not self.names:
            self._fit()

    def _fit(self) -> None:
        self.calls: list[tuple[Placed, Step | None]] = self.net.calls
        self.names = self.net.names
        self._records: dict[int, tuple[list[Tensor], list[Tensor]]] = {}
        for placed, _ in self.calls[: self.net.fresh]:
            for name, shape in zip(placed.definition.message.top, placed.top_shapes, strict=True):
                self.blobs.setdefault(name, Blob()).reshape(*shape)
        self.needs: Needs = needs_of(self.net)
        for name, weight in self.net.loss_weights.items():
            if weight:
                self.blobs[name].diff[...] = weight

    # Forward

    def forward(self, start: int, end: int) -> Tensor | float:
        """Run the layers from number `start` to number `end`, and give the weighted sum of their losses."""
        if start == 0 or end >= self.net.fresh:
            self.reshape(end)
        weights = self.net.loss_weights
        loss: Tensor | float = 0.0
        for number in range(start, end + 1):
            self._call_hooks("before_forward", number)
            placed, step = self.calls[number]
            if step is None:
                self._load(placed)
            else:
                bottoms, tops = self._run(number, placed, step)
                self._records[number] = bottoms, tops
                for slot, top in zip(placed.writes, tops, strict=True):
                    blob = self.blobs[self.names[slot]]
                    blob.reshape(*top.shape)
                    blob.values.take(top)
                    if weight := weights[self.names[slot]]:
                        loss = loss + weight * top.detach().float().sum()
            self._call_hooks("after_forward", number)
        return loss

    def _load(self, placed: Placed) -> None:
        """What a data layer gives. Inputs have what the user wrote, and so have constants once they were filled."""
        message = placed.definition.message
        if message.name not in self.net.sources:
            return
        fillers = list(message.dummy_data_param.data_filler)
        for number, (name, value) in enumerate(zip(message.top, self.net.batch(placed), strict=True)):
            if name in self._constant:
                continue
            if message.type == "DummyData" and (not fillers or fillers[number % len(fillers)].type == "constant"):
                self._constant.add(name)
            self.blobs[name].reshape(*value.shape)
            self.blobs[name].values.take(value)

    def _run(self, number: int, placed: Placed, step: Step) -> tuple[list[Tensor], list[Tensor]]:
        """One layer's call on the blobs of now: its bottoms as leaves of a graph of its own, and its tops."""
        names = {self.names[slot] for slot in placed.writes}
        bottoms = []
        for slot, down in zip(placed.reads, self.needs.bottoms[number], strict=True):
            blob = self.blobs[self.names[slot]]
            bottom = blob.values.tensor(blob.shape, self.device)
            bottom = bottom.clone() if self.names[slot] in names else bottom.detach()
            bottoms.append(bottom.requires_grad_(down))
        for blob in self._of_layer[placed.definition.message.name]:
            blob.values.tensor(blob.shape, self.device)
        with torch.set_grad_enabled(self.needs.layers[number]):
            result = step.call(*bottoms)
        return bottoms, [result] if isinstance(result, Tensor) else list(result)

    # Backward

    def backward(self, start: int, end: int) -> None:
        """Go back from layer number `start` to `end`: the gradients of bottoms are set, those of weights added."""
        for number in range(start, end - 1, -1):
            self._call_hooks("before_backward", number)
            placed, step = self.calls[number]
            if step is not None and self.needs.layers[number]:
                self._back(number, placed, step)
            self._call_hooks("after_backward", number)

    def _back(self, number: int, placed: Placed, step: Step) -> None:
        if number not in self._records:
            self._records[number] = self._run(number, placed, step)
        bottoms, tops = self._records[number]
        wanted = [(top, self._gradient(slot)) for slot, top in zip(placed.writes, tops, strict=True)]
        wanted = [(top, gradient) for top, gradient in wanted if top.requires_grad]
        name = placed.definition.message.name
        down = [(slot, bottom) for slot, bottom in zip(placed.reads, bottoms, strict=True) if bottom.requires_grad]
        learned = [
            (blob, tensor)
            for blob, tensor in zip(self._of_layer[name], self._tensors[name], strict=True)
            if tensor.requires_grad
        ]
        inputs = [*(bottom for _, bottom in down), *(tensor for _, tensor in learned)]
        found: Sequence[Tensor | None] = (
            torch.autograd.grad(
                [top for top, _ in wanted], inputs, [gradient for _, gradient in wanted],
                retain_graph=True, allow_unused=True,
            )
            if wanted and inputs
            else [None] * len(inputs)
        )  # fmt: skip
        for (slot, bottom), gradient in zip(down, found, strict=False):
            blob = self.blobs[self.names[slot]]
            blob.gradients.take(torch.zeros_like(bottom) if gradient is None else gradient)
        for (blob, tensor), gradient in zip(learned, found[len(down) :], strict=True):
            if gradient is not None:
                blob.gradients.tensor(tuple(tensor.shape), self.device).add_(gradient)

    def _gradient(self, slot: int) -> Tensor:
        blob = self.blobs[self.names[slot]]
        return blob.gradients.tensor(blob.shape, self.device).clone()

    def _call_hooks(self, when: str, number: int) -> None:
        for hook in self.hooks[when]:
            hook(number)
