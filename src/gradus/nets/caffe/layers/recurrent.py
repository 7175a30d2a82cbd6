"""Recurrent layers (catalogue 1.4): time is axis 0, the streams that run beside each other are axis 1."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from gradus.nets.caffe.layers.base import Layer, Shape, Use, times
from gradus.nets.caffe.layers.inner_product import needed

State = tuple[Tensor, ...]  # (1, streams, num_output) each


def lstm_unit(cell: Tensor, gates: Tensor, go_on: Tensor) -> State:
    """Cell and hidden state after one step.

    `gates` holds input, forget, output and new value along its last axis (torch's order is another one);
    where `go_on` is 0 the old cell is forgotten. c = f * c + i * g and h = o * tanh(c); no peepholes.
    """
    size = cell.shape[-1]
    i, f, o = gates[..., : 3 * size].sigmoid().chunk(3, -1)
    cell = go_on.unsqueeze(-1) * f * cell + i * gates[..., 3 * size :].tanh()
    return cell, o * cell.tanh()


class LSTMUnit(Layer):
    """One step of an LSTM: (cell, gates, continuation) to (cell, hidden), with a time axis of 1."""

    bottoms = (3, 3)
    tops = (2, 2)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The gates are four times as long as the cell."""
        cell, gates, go_on = shapes
        fits = len(cell) == 3 and cell[0] == 1 and gates == (*cell[:2], 4 * cell[2]) and go_on == cell[:2]
        if not fits:
            raise self.error(f"needs inputs of 1xNxH, 1xNx4H and 1xN, not {', '.join(map(times, shapes))}", at="bottom")

    def forward(self, cell: Tensor, gates: Tensor, go_on: Tensor) -> State:
        """No gradient flows to the continuation."""
        return lstm_unit(cell, gates, go_on.detach())


class Recurrent(Layer):
    """What LSTM and RNN have in common.

    Bottoms: x (time, streams, ...), continuation (time, streams; 0 where a sequence starts), then a static input
    (streams, ...) if there is one more bottom, then the first state with `expose_hidden`. Tops: the outputs, then
    the last state with `expose_hidden`; without it the last state is the first one of the next batch.
    As in Caffe no gradient flows through the states that enter or leave.
    """

    settings = "recurrent_param"
    bottoms = (2, 5)
    tops = (1, 3)
    states: ClassVar[int]  # how many tensors the state is
    gates: ClassVar[int]  # how many values each unit computes from x and from the state

    input_weight: Tensor
    bias: Tensor
    static_weight: Tensor
    hidden_weight: Tensor

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The blobs in Caffe's order: W_x, b, W_x_static (if there is a static input), W_h."""
        self.size = needed(self, p, "num_output")
        self.agree(p, shapes)
        x, rows = shapes[0], self.gates * self.size
        self.learn("input_weight", (rows, math.prod(x[2:])), p.weight_filler)
        self.learn("bias", (rows,), p.bias_filler)
        if self.static:
            self.learn("static_weight", (rows, math.prod(shapes[2][1:])), p.weight_filler)
        self.learn("hidden_weight", (rows, self.size), p.weight_filler)

    def agree(self, p: Any, shapes: Sequence[Shape]) -> None:
        """All bottoms must agree on the streams, and the first two on the time."""
        self.exposed = p.expose_hidden
        entering = self.states if p.expose_hidden else 0
        if len(shapes) - 2 - entering not in (0, 1) or len(self.definition.message.top) != 1 + entering:
            raise self.error(
                f"takes {2 + entering} or {3 + entering} bottoms and gives {1 + entering} tops"
                f" {'with' if self.exposed else 'without'} expose_hidden",
                at="bottom",
            )
        self.static = len(shapes) == 3 + entering
        x, go_on, *rest = shapes
        if len(x) < 2 or go_on != x[:2]:
            raise self.error(
                f"needs inputs of time x streams x ... and time x streams, not {times(x)} and {times(go_on)}",
                at="bottom",
            )
        if self.static and rest.pop(0)[:1] != x[1:2]:
            raise self.error(f"has {x[1]} streams, and a static input of {times(shapes[2])}", at="bottom")
        wanted = (1, x[1], self.size)
        if any(shape != wanted for shape in rest):
            raise self.error(f"needs first states of {times(wanted)}, not {times(rest[0])}", at="bottom")

    @abstractmethod
    def unroll(self, added: Tensor, go_on: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs over time and the last state, from what the inputs add to the gates at each step."""

    def step(self, use: Use) -> Callable[..., Any]:
        """Each phase carries its own state; it starts anew where the number of streams changes."""
        if self.exposed:
            return self.forward
        carried: State = ()

        def carry(*bottoms: Tensor) -> Tensor:
            nonlocal carried
            if not carried or carried[0].shape[1] != bottoms[0].shape[1] or carried[0].device != bottoms[0].device:
                carried = self.start(bottoms[0])
            top, *last = self.forward(*bottoms, *carried)
            carried = tuple(last)
            return top

        return carry

    def start(self, x: Tensor) -> State:
        """A state of zeros for the streams of this batch."""
        return tuple(x.new_zeros(1, x.shape[1], self.size) for _ in range(self.states))

    def forward(self, x: Tensor, go_on: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """What x adds is one matrix product over all times; only the recurrence is a loop."""
        added = F.linear(x.reshape(*x.shape[:2], -1), self.input_weight, self.bias)
        if self.static:
            static, *rest = rest  # type: ignore[assignment]
            added = added + F.linear(static.reshape(static.shape[0], -1), self.static_weight)
        top, last = self.unroll(added, go_on.detach(), tuple(h.detach().squeeze(0) for h in rest))
        return top, *(h.detach().unsqueeze(0) for h in last)

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """The products with each weight at each step; the static input's once."""
        steps = math.prod(bottoms[0][:2])
        once = bottoms[0][1] * self.static_weight.numel() if self.static else 0
        return steps * (self.input_weight.numel() + self.hidden_weight.numel()) + once


class LSTM(Recurrent):
    """Long short-term memory: i, f, o = sigmoid, g = tanh of W_x x + b + W_h (h * continuation); see `lstm_unit`.

    The state is h, then c.
    """

    states, gates = 2, 4

    def unroll(self, added: Tensor, go_on: Tensor, state: State) -> tuple[Tensor, State]:
        """One product with the hidden state and one unit for each time."""
        (hidden, cell), weight = state, self.hidden_weight.t()
        tops = []
        for gates, on in zip(added.unbind(), go_on.unbind(), strict=True):
            cell, hidden = lstm_unit(cell, torch.addmm(gates, hidden * on.unsqueeze(1), weight), on)
            tops.append(hidden)
        return torch.stack(tops), (hidden, cell)


class RNN(Recurrent):
    """h = tanh(W_x x + b + W_h (h * continuation)), and the top is tanh(W_o h + b_o)."""

    states, gates = 1, 1
    output_weight: Tensor
    output_bias: Tensor

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """The output has blobs of its own."""
        super().setup(p, shapes)
        self.learn("output_weight", (self.size, self.size), p.weight_filler)
        self.learn("output_bias", (self.size,), p.bias_filler)

    def unroll(self, added: Tensor, go_on: Tensor, state: State) -> tuple[Tensor, State]:
        """The outputs of all times are one product."""
        (hidden,), weight = state, self.hidden_weight.t()
        states = []
        for gates, on in zip(added.unbind(), go_on.unbind(), strict=True):
            hidden = torch.addmm(gates, hidden * on.unsqueeze(1), weight).tanh()
            states.append(hidden)
        return F.linear(torch.stack(states), self.output_weight, self.output_bias).tanh(), (hidden,)

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """The output's product too."""
        return super().multiply_adds(bottoms, tops) + math.prod(bottoms[0][:2]) * self.output_weight.numel()
