"""float32 or bfloat16: decided by what the hardware says of itself, never by a stopwatch.

A timed choice would make the same seed give different weights on a busy machine. bfloat16 here means
mixed precision: weights, gradients and the loss stay float32, convolutions and products run in bfloat16.
"""

from __future__ import annotations

import torch

from gradus.core.errors import InputError
from gradus.core.model import Precision

CPU_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")  # x86 AVX-512 and AMX; Arm's extension


def choose(wanted: Precision, device: torch.device) -> Precision:
    """The precision to compute with on that device: never `AUTO`.

    Raises InputError where bfloat16 is asked for and the device cannot do it at all.
    """
    if wanted is Precision.FLOAT32:
        return Precision.FLOAT32
    if wanted is Precision.BFLOAT16:
        if not _computes(device):
            raise InputError(
                f"{device} cannot compute in bfloat16.", field="precision", hint="Choose float32 or automatic."
            )
        return Precision.BFLOAT16
    fast = _has_instructions(device) and _computes(device)
    return Precision.BFLOAT16 if fast else Precision.FLOAT32


def _has_instructions(device: torch.device) -> bool:
    """Whether the hardware has bfloat16 arithmetic of its own; emulated it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(bool(capabilities.get(name)) for name in CPU_BFLOAT16)


def _computes(device: torch.device) -> bool:
    """One product of two small matrices of ones: the sum must come out, on this build, on this device."""
    try:
        ones = torch.ones(8, 8, dtype=torch.bfloat16, device=device)
        return bool(((ones @ ones) == 8).all())
    except RuntimeError:  # what PyTorch raises for an operation that a device does not have
        return False
