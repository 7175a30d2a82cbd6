"""A phase as the list of calls that runs it. Blobs are numbered slots: nothing is looked up by name while running."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gradus.core.network import Phase
from gradus.nets.network import Outputs


@dataclass(frozen=True, slots=True)
class Step:
    """One layer's call: which slots it reads and writes, and which nobody needs after it."""

    call: Callable[..., Any]
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    dead: tuple[int, ...]


@dataclass(slots=True)
class Plan:
    """The calls of one phase in order, and what is taken out at the end."""

    steps: list[Step]
    slots: int
    feeds: list[int]  # slots filled from outside: images, labels
    outputs: list[tuple[str, int]]  # what nobody consumes, by name
    losses: list[tuple[int, float]]  # slots that are summed with their weights

    def fill(self, given: Sequence[Tensor | None], *, keep: bool = False) -> list[Any]:
        """Run all steps; with `keep` no slot is emptied before the end."""
        values: list[Any] = [None] * self.slots
        for slot, value in zip(self.feeds, given, strict=False):
            values[slot] = value
        self.go_on(values, self.steps, keep=keep)
        return values

    @staticmethod
    def go_on(values: list[Any], steps: Sequence[Step], *, keep: bool) -> None:
        """Run some steps on the slots as they are."""
        for step in steps:
            reads = step.reads
            result = step.call(values[reads[0]]) if len(reads) == 1 else step.call(*[values[i] for i in reads])
            writes = step.writes
            if len(writes) == 1:
                values[writes[0]] = result
            else:
                for slot, value in zip(writes, result, strict=True):
                    values[slot] = value
            if not keep:
                for slot in step.dead:
                    values[slot] = None

    def run(self, *given: Tensor | None) -> Outputs:
        """One pass over a batch: what goes into the feeds, in their order."""
        values = self.fill(given)
        return Outputs({name: values[slot].detach() for name, slot in self.outputs}, self.loss(values))

    def loss(self, values: Sequence[Any]) -> Tensor | None:
        """The weighted sum of all losses, None where there is none."""
        loss: Tensor | None = None
        for slot, weight in self.losses:
            top = values[slot]
            part = top if top.dim() == 0 else top.sum()
            part = part if weight == 1 else part * weight
            loss = part if loss is None else loss + part
        return loss


@dataclass(frozen=True, slots=True)
class View:
    """A blob that is another layer's, in a shape of its own."""

    follower: nn.Module
    blob: str
    owner: nn.Module
    owner_blob: str
    shape: tuple[int, ...]

    def renew(self) -> None:
        """Look at the owner's tensor of now, in the gradient graph of now."""
        self.follower.__dict__[self.blob] = getattr(self.owner, self.owner_blob).view(self.shape)


class PhaseModule(nn.Module):
    """The layers of all phases as one torch module: `module(images, labels, phase)`."""

    plans: dict[Phase, Plan]

    def __init__(self) -> None:
        super().__init__()
        self.plans = {}
        self.ties: list[tuple[nn.Module, str, nn.Module, str]] = []  # follower, its blob, owner, its blob
        self.views: list[View] = []

    def own(self, name: str, layer: nn.Module) -> None:
        """Register a layer under Caffe's name for it, so that weights are called `conv1.weight`.

        `add_module` would refuse names with a dot or that are attributes of Module ("half", "type").
        """
        self._modules[name] = layer

    def tie(self, follower: nn.Module, blob: str, owner: nn.Module, owner_blob: str) -> None:
        """Let a layer use the tensor of another one, also after both are moved."""
        self.ties.append((follower, blob, owner, owner_blob))
        self._link(follower, blob, owner, owner_blob)

    @staticmethod
    def _link(follower: nn.Module, blob: str, owner: nn.Module, owner_blob: str) -> None:
        tensor = getattr(owner, owner_blob)
        store = follower._parameters if blob in follower._parameters else follower._buffers
        store[blob] = tensor

    def view(self, follower: nn.Module, blob: str, owner: nn.Module, owner_blob: str) -> View:
        """Let a layer use the values of another one in its own shape. The view is to be renewed for each pass."""
        view = View(follower, blob, owner, owner_blob, tuple(getattr(follower, blob).shape))
        follower._parameters.pop(blob, None)
        follower._buffers.pop(blob, None)
        self.views.append(view)
        view.renew()
        return view

    def relink(self) -> None:
        """Tie again after tensors were replaced."""
        for tie in self.ties:
            self._link(*tie)
        for view in self.views:
            view.renew()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PhaseModule:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.relink()
        return self

    def forward(self, images: Tensor, labels: Tensor | None, phase: Phase) -> Outputs:
        """Run one phase on a batch."""
        return self.plans[phase].run(images, labels)


def dead_after(reads: Iterable[tuple[int, ...]], kept: Iterable[int]) -> list[tuple[int, ...]]:
    """For each step the slots that are read there for the last time and are not kept."""
    seen, result = set(kept), []
    for slots in reversed(list(reads)):
        result.append(tuple(s for s in dict.fromkeys(slots) if s not in seen))
        seen.update(slots)
    return result[::-1]
