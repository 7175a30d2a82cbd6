"""`gradus caffe device_query`: which GPUs there are, and what they can do."""

from __future__ import annotations

import torch

from gradus.engine.accelerator import torch_device
from gradus.engine.caffe.device import gpus
from gradus.engine.caffe.flags import Given
from gradus.engine.caffe.log import Log


def run(given: Given, log: Log) -> None:
    """Say what Caffe says of each GPU that `--gpu` names."""
    log("caffe.cpp:138", f"Querying GPUs {given.gpu}")
    for index in gpus(given):
        device = torch_device(f"cuda:{index}")
        found = torch.cuda.get_device_properties(device)
        for name, value in (
            ("Device id", index),
            ("Major revision number", found.major),
            ("Minor revision number", found.minor),
            ("Name", found.name),
            ("Total global memory", found.total_memory),
            ("Number of multiprocessors", found.multi_processor_count),
        ):
            log("common.cpp:175", f"{name + ':':<31}{value}")
