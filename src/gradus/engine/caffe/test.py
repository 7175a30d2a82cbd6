"""`gradus caffe test`: the outputs of a network, batch by batch and on average."""

from __future__ import annotations

import torch
from torch import Tensor

from gradus.engine.caffe.device import device_of
from gradus.engine.caffe.flags import Given
from gradus.engine.caffe.log import Log
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.solvers.lines import number, outputs


def run(given: Given, log: Log) -> None:
    """Score a network on the data that its text names."""
    model = given.need("model", "Need a model definition to score.")
    given.need("weights", "Need model weights to score.")
    batches = given.positive("iterations")
    net = Net(
        model, phase="test", level=given.level, stages=given.listed("stage"), device=device_of(given, log), lean=True
    )
    try:
        for weights in given.listed("weights"):
            net.copy_from(weights)
        log("caffe.cpp:290", f"Running for {batches} iterations.")
        sums: dict[str, Tensor] = {}
        loss = 0.0
        for batch in range(batches):
            with torch.no_grad():
                found = net.run()
            loss += float(found.loss) if found.loss is not None else 0.0
            for name, value in found.values.items():
                sums[name] = sums[name] + value if name in sums else value
            for name, shown in outputs(found.values, {}):
                log("caffe.cpp:313", f"Batch {batch}, {name} = {shown}")
    finally:
        net.close()
    log("caffe.cpp:318", f"Loss: {number(loss / batches)}")
    for name, shown in outputs({name: value / batches for name, value in sums.items()}, net.loss_weights):
        log("caffe.cpp:330", f"{name} = {shown}")
