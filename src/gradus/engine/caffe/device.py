"""Where a command computes: the GPUs that were asked for, or the processor where there is none."""

from __future__ import annotations

import torch

from gradus.engine.caffe.flags import Given, UsageError
from gradus.engine.caffe.log import Log


def device_of(given: Given, log: Log, *, default: int | None = None) -> str:
    """The device for `--gpu`; without it GPU number `default`, or the processor.

    A text that asks for a GPU is run on the processor where there is none, with a warning: on most machines that
    is what its owner wants.
    """
    wanted = gpus(given) or ([] if default is None else [default])
    if not wanted:
        log("caffe.cpp:211", "Use CPU.")
        return "cpu"
    count = torch.cuda.device_count()
    there = [index for index in wanted if index < count]
    if not there:
        names = ", ".join(map(str, wanted))
        log.warn("caffe.cpp:211", f"There is no GPU {names} that PyTorch can use: running on the processor.")
        log("caffe.cpp:211", "Use CPU.")
        return "cpu"
    if len(wanted) > 1:
        log.warn("caffe.cpp:218", f"Several GPUs are not used together: running on GPU {there[0]} alone.")
    log("caffe.cpp:218", f"Using GPUs {there[0]}")
    log("caffe.cpp:223", f"GPU {there[0]}: {torch.cuda.get_device_name(there[0])}")
    torch.backends.cudnn.allow_tf32 = False  # float32 is exact, as in Caffe
    return f"cuda:{there[0]}"


def gpus(given: Given) -> list[int]:
    """The numbers that `--gpu` names; `all` are those that PyTorch can use."""
    if given.gpu == "all":
        return list(range(torch.cuda.device_count()))
    try:
        return [int(part) for part in given.listed("gpu") if int(part) >= 0]
    except ValueError:
        raise UsageError(
            f"--gpu is a list of numbers or all, not {given.gpu[:80]!r}", field="--gpu", hint="For example --gpu=0."
        ) from None
