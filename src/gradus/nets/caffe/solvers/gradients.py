"""What happens to gradients before an update: clipping, accumulation, L1 decay, and NVIDIA's LARC.

Everything works on lists of tensors at once and reads nothing back from the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gradus.nets.caffe.solvers.settings import SolverSettings


def present(parameters: list[Tensor]) -> list[Tensor]:
    """The gradients; a parameter that the loss does not reach has zeros in Caffe, so that it still decays."""
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return [parameter.grad for parameter in parameters]  # type: ignore[misc]


def normalise_(gradients: list[Tensor], settings: SolverSettings, scale: float) -> None:
    """Times `scale`, then clipped to the global L2 norm, then over iter_size: in Caffe's order, in one pass."""
    factor = scale / settings.iter_size
    limit = settings.clip_gradients
    if limit >= 0:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) * scale
        torch._foreach_mul_(gradients, torch.where(norm > limit, limit / norm, 1.0) * factor)
    elif factor != 1:
        torch._foreach_mul_(gradients, factor)


def decay_(gradients: list[Tensor], parameters: list[Tensor], decay: float, kind: str) -> None:
    """Add the derivative of the weight decay: the weights for L2, their signs for L1."""
    if decay:
        towards = torch._foreach_sign(parameters) if kind == "L1" else parameters
        torch._foreach_add_(gradients, towards, alpha=decay)


def larc_rates(
    parameters: list[Tensor], against: list[Tensor], settings: SolverSettings, rate: float, share: float
) -> Tensor:
    """The rate of each parameter: share * eta * |w| / |against|, which scales `rate` or limits it (NVCaffe 0.17).

    `against` is the gradient for SGD and the history for SAG. A norm of 0 leaves 1. The lr_mult of a blob has no
    part in it, unless it is 0.
    """
    weights, others = torch.stack(torch._foreach_norm(parameters)), torch.stack(torch._foreach_norm(against))
    known = (weights > 0) & (others > 0)
    local = torch.where(known, share * settings.larc_eta * weights / others, 1.0)
    return local * rate if settings.larc_policy == "scale" else local.clamp(max=rate)
