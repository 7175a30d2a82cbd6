"""`gradus caffe test`: the outputs of a network, batch by batch and on average; of detections how good they are."""

from __future__ import annotations

import torch

from gradus.engine.caffe.device import device_of
from gradus.engine.caffe.flags import Given
from gradus.engine.caffe.log import Log
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.solvers import lines
from gradus.nets.caffe.solvers.lines import number, outputs
from gradus.nets.caffe.solvers.tally import Tally


def run(given: Given, log: Log) -> None:
    """Score a network on the data that its text names."""
    model = given.need("model", "Need a model definition to score.")
    given.need("weights", "Need model weights to score.")
    batches = given.positive("iterations")
    first, *others = given.listed("weights") or [given.weights]
    stages, device = given.listed("stage"), device_of(given, log)
    net = Net(model, first, "test", level=given.level, stages=stages, device=device, lean=True)
    try:
        lines.weights(log, first, net.copied)
        for weights in others:
            net.copy_from(weights)
            lines.weights(log, weights, net.copied)
        log("caffe.cpp:290", f"Running for {batches} iterations.")
        rows = {top for d in net.definitions if d.message.type == "DetectionEvaluate" for top in d.message.top}
        tally = Tally(rows & set(net.outputs))
        loss = 0.0
        for batch in range(batches):
            with torch.no_grad():
                found = net.run()
            loss += float(found.loss) if found.loss is not None else 0.0
            tally.add(found.values)
            for name, shown in outputs({n: v for n, v in found.values.items() if n not in rows}, {}):
                log("caffe.cpp:313", f"Batch {batch}, {name} = {shown}")
    finally:
        net.close()
    log("caffe.cpp:318", f"Loss: {number(loss / batches)}")
    for name, shown in outputs(tally.results(), net.loss_weights):
        log("caffe.cpp:330", f"{name} = {shown}")
