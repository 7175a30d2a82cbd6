"""A model measured on a split of its dataset."""

from __future__ import annotations

from pathlib import Path

import torch

from gradus.core.dataset import Split
from gradus.core.errors import ConflictError, NotFoundError
from gradus.core.model import Evaluation, Precision
from gradus.core.report import Report
from gradus.data.batches import open_split
from gradus.data.facts import read_facts
from gradus.engine import model_files, preload  # noqa: F401 - what compiling imports only when used
from gradus.engine.accelerator import fabric_for
from gradus.engine.memory import evaluation_batch, within_memory
from gradus.engine.preparation import Preparation
from gradus.engine.snapshot_files import choose
from gradus.engine.snapshots import load_weights
from gradus.engine.stopping import Stopped, StopSwitch
from gradus.engine.tasks.classification import Tally
from gradus.engine.validation import Pass, count_of


def evaluate(
    folder: Path, dataset_folder: Path, split: Split, snapshot: str | None, device: str, report: Report
) -> Evaluation:
    """Confusion, top-1, top-5 and mean log loss of the model in `folder`, in float32.

    Raises NotFoundError where the split is empty, ConflictError where the dataset has other classes, and
    Stopped when asked to stop.
    """
    facts = read_facts(dataset_folder)
    labels = model_files.read_labels(folder)
    if facts.labels != labels:
        raise ConflictError(
            "The dataset has other classes than the model.", hint="Evaluate on the dataset it was trained on."
        )
    if not count_of(facts, split):
        raise NotFoundError(
            f"The dataset has no {split} pictures.",
            field="split",
            hint=f"It has: {', '.join(s.split for s in facts.splits if s.count)}.",
        )
    chosen = choose(folder, snapshot)
    recorded = model_files.read_preprocessing(folder)
    fabric, _ = fabric_for(device, Precision.FLOAT32)
    with within_memory(device, 1):
        network = model_files.read_network(folder, recorded, len(labels), "cpu")
        load_weights(folder, chosen.name, network)
        network.module.to(fabric.device)
        network.module.to(memory_format=torch.channels_last)
        preparation = Preparation(recorded, model_files.read_model_mean(folder, recorded), fabric.device)
        size = evaluation_batch(network.graph("deploy"), fabric.device)
        batches = Pass(network, preparation, fabric, open_split(dataset_folder, facts, split), size)
    stop = StopSwitch(report)

    def heard(done: int, count: int) -> bool:
        report.progress(done / count, f"evaluating {split}: {done:,} of {count:,}")
        return not stop.asked()

    tally = Tally(labels, fabric.device)
    try:
        with within_memory(device, size):
            for outputs, truth in batches.run("deploy", heard):
                tally.add(outputs.values[network.scores], truth)
    finally:
        batches.close()
    if stop.asked():
        raise Stopped
    return tally.result(split, chosen)
