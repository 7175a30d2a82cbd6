"""How weights start: Caffe's fillers (catalogue 2.1), drawn on the CPU so that every device gets the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

FAN_IN, FAN_OUT, AVERAGE = 0, 1, 2  # FillerParameter.VarianceNorm


def _fan(tensor: Tensor, filler: Any) -> float:
    """n of xavier and msra: inputs per output by count/shape[0], outputs per input by count/shape[1].

    Whatever the axes mean: for a Deconvolution and for a transposed InnerProduct the two are swapped, as in Caffe.
    """
    count = tensor.numel()
    fan_in = count / tensor.shape[0]
    fan_out = count / tensor.shape[1] if tensor.dim() > 1 else count
    if filler.variance_norm == FAN_OUT:
        return fan_out
    return (fan_in + fan_out) / 2 if filler.variance_norm == AVERAGE else fan_in


def _constant(tensor: Tensor, filler: Any, _: Generator) -> None:
    tensor.fill_(filler.value)


def _uniform(tensor: Tensor, filler: Any, generator: Generator) -> None:
    tensor.uniform_(filler.min, filler.max, generator=generator)


def _gaussian(tensor: Tensor, filler: Any, generator: Generator) -> None:
    tensor.normal_(filler.mean, filler.std, generator=generator)
    if filler.sparse >= 0:  # each weight is kept with probability sparse / outputs
        tensor.mul_(torch.empty_like(tensor).bernoulli_(filler.sparse / tensor.shape[0], generator=generator))


def _xavier(tensor: Tensor, filler: Any, generator: Generator) -> None:
    bound = math.sqrt(3 / _fan(tensor, filler))
    tensor.uniform_(-bound, bound, generator=generator)


def _msra(tensor: Tensor, filler: Any, generator: Generator) -> None:
    tensor.normal_(0, math.sqrt(2 / _fan(tensor, filler)), generator=generator)


def _positive_unitball(tensor: Tensor, _: Any, generator: Generator) -> None:
    tensor.uniform_(0, 1, generator=generator)
    rows = tensor.view(tensor.shape[0], -1)
    rows.div_(rows.sum(1, keepdim=True))


def _bilinear(tensor: Tensor, _: Any, __: Generator) -> None:
    side = tensor.shape[-1]
    f = math.ceil(side / 2)
    c = (side - 1) / (2 * f)
    ramp = 1 - (torch.arange(side, dtype=tensor.dtype) / f - c).abs()
    tensor.copy_(torch.outer(ramp, ramp))


FILLERS: dict[str, Callable[[Tensor, Any, Generator], None]] = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "xavier": _xavier,
    "msra": _msra,
    "positive_unitball": _positive_unitball,
    "bilinear": _bilinear,
}


def why_not(filler: Any, shape: tuple[int, ...]) -> str | None:
    """What is wrong with a filler for a blob of this shape, in words, or None."""
    if filler.type not in FILLERS:
        return f'has the unknown filler "{filler.type[:80]}"; Caffe has {", ".join(FILLERS)}'
    if filler.type == "bilinear" and (len(shape) != 4 or shape[2] != shape[3]):
        return f"has a bilinear filler, which needs a square 2-D kernel, not {'x'.join(map(str, shape))}"
    numbers = (filler.value, filler.min, filler.max, filler.mean, filler.std)
    if not all(map(math.isfinite, numbers)):
        return "has a filler with a number that is not finite"
    if filler.type == "gaussian" and filler.std < 0:
        return "has a gaussian filler with a negative std"
    if filler.type == "uniform" and filler.min > filler.max:
        return "has a uniform filler whose min is above its max"
    if not shape and (filler.type in ("xavier", "msra", "positive_unitball") or filler.sparse != -1):
        return f"has a {filler.type} filler for a single number, which has no inputs and outputs to count"
    return _why_not_sparse(filler, shape)


def _why_not_sparse(filler: Any, shape: tuple[int, ...]) -> str | None:
    if filler.sparse == -1:
        return None
    if filler.type != "gaussian":
        return f"has a {filler.type} filler that is sparse, which only a gaussian one can be"
    if not 0 <= filler.sparse <= shape[0]:
        return f"has a filler with sparse: {filler.sparse}, which must be from 0 to the {shape[0]} outputs"
    return None


@torch.no_grad()
def fill(tensor: Tensor, filler: Any, generator: Generator) -> None:
    """Fill a tensor of any device and memory format. A filler may also be an array: the values themselves."""
    if isinstance(filler, np.ndarray):
        tensor.copy_(torch.from_numpy(filler))
        return
    drawn = torch.empty(tensor.shape, dtype=torch.float32)
    FILLERS[filler.type](drawn, filler, generator)
    tensor.copy_(drawn)
