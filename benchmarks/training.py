"""LeNet learning and being validated, beside a plain PyTorch loop with a DataLoader.

One training of ours over two epochs gives both figures. The first epoch, in which the pictures are
decoded from the database, does not count; the plain loop has its pictures in memory from the start.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.measure import Row, in_turns
from benchmarks.peers.plain_pytorch import BATCH, PlainPyTorch
from benchmarks.quiet import Quiet
from benchmarks.setting import Setting
from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Split
from gradus.core.model import TrainingOptions
from gradus.data.build import build_classification
from gradus.data.facts import read_facts
from gradus.engine.train import train

PEER_BATCHES = 150  # enough for a steady figure: about two seconds


def run(setting: Setting) -> list[Row]:
    dataset = _dataset(setting)
    facts = read_facts(dataset)
    counts = {split.split: split.count for split in facts.splits}
    images, labels = setting.digits.all
    plain = PlainPyTorch(images[: counts[Split.VAL]], labels[: counts[Split.VAL]])
    validated: list[float] = []

    def ours() -> float:
        learning, validating = _train(dataset, setting.work / "model", counts)
        validated.append(validating)
        return learning

    figures = in_turns(
        {
            "ours": ours,
            "plain": lambda: plain.train(PEER_BATCHES),
            "validated": lambda: validated[-1],
            "plain validation": plain.validate,
        },
        setting.rounds,
    )
    return [
        Row(
            name="training", what=f"training LeNet, batch {BATCH}", unit="pictures/s", ours=figures["ours"].median,
            peer=figures["plain"].median, peer_name="plain PyTorch loop", bar=2.2, spread=figures["ours"].spread,
        ),
        Row(
            name="validation", what="validating LeNet", unit="pictures/s", ours=figures["validated"].median,
            peer=figures["plain validation"].median, peer_name="plain PyTorch loop", bar=4.0,
            spread=figures["validated"].spread,
        ),
    ]  # fmt: skip


def _dataset(setting: Setting) -> Path:
    folder = setting.work / "dataset"
    folder.mkdir()
    options = ClassificationOptions(
        name="digits", train=str(setting.digits.write_folder()), channels=1, width=28, height=28
    )
    build_classification(options, folder, Quiet())
    return folder


def _train(dataset: Path, folder: Path, counts: dict[Split, int]) -> tuple[float, float]:
    """Pictures a second in the second epoch, and in the validation after it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    report = Quiet()
    options = TrainingOptions(
        name="bench", dataset="bench", epochs=2, batch_size=BATCH, seed=1, snapshot_interval=0, validation_interval=1
    )
    train(options, dataset, folder, report, device="cpu")
    learned = [(at, step) for at, step, _, values in report.points if "learning_rate" in values]
    validated = [(at, step) for at, step, _, values in report.points if "val/loss" in values]
    (first_validation, half), (last_validation, _) = validated[0], validated[-1]
    begun = next((at, step) for at, step in learned if step > half)
    ended = learned[-1]
    learning = (ended[1] - begun[1]) * BATCH / (ended[0] - begun[0])
    assert first_validation < begun[0] < ended[0] < last_validation
    return learning, counts[Split.VAL] / (last_validation - ended[0])
