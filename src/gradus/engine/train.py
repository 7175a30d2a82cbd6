"""Train a model: everything that is put together before the loop runs."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from gradus.core.dataset import Backend, DatasetFacts, Split
from gradus.core.errors import ConflictError, InputError
from gradus.core.model import MeanKind, Precision, Preprocessing, Snapshot, TrainingOptions
from gradus.core.network import NetworkInput
from gradus.core.pace import Pace
from gradus.core.report import Report
from gradus.data.batches import open_split
from gradus.data.facts import read_facts
from gradus.data.mean import read_mean
from gradus.engine import model_files, preload  # noqa: F401 - what compiling imports only when used
from gradus.engine.accelerator import fabric_for
from gradus.engine.feed import Feed, feed
from gradus.engine.loop import Loop, Parts
from gradus.engine.memory import evaluation_batch, within_memory
from gradus.engine.preparation import Preparation
from gradus.engine.sampler import ShuffledOrder
from gradus.engine.snapshot_files import newest_valid
from gradus.engine.snapshots import TrainingState, read_state, restore
from gradus.engine.stopping import Stopped
from gradus.engine.threads import threads_for
from gradus.engine.validation import Pass, Validation, count_of
from gradus.nets.caffe.solvers.descent import Descent
from gradus.nets.caffe.solvers.form import solver_settings, solver_text
from gradus.nets.compilers import compile_network
from gradus.nets.network import Network
from gradus.nets.sources import Sources
from gradus.zoo import network_text

__all__ = ["Stopped", "train"]


DEFAULT_BATCH = 16  # DIGITS', where neither the form nor the network's text says
PASSES = 3  # an iteration computes about three times what the forward pass does
CUSTOM = "custom"  # the network whose text is given


@dataclass(frozen=True)
class _Job:
    """What was asked for, and the dataset it is asked of."""

    options: TrainingOptions
    dataset: Path
    facts: DatasetFacts
    folder: Path
    report: Report


def train(
    options: TrainingOptions, dataset_folder: Path, folder: Path, report: Report, *, device: str, resume: bool = False
) -> None:
    """Train a model in `folder` on the dataset in `dataset_folder`, telling `report` how it goes.

    With `resume` it goes on from the newest whole snapshot, where there is one. Raises Stopped after it
    was asked to stop and has taken a snapshot, DivergedError when the loss is lost, MemoryLimitError
    and StorageFullError when there is no room.
    """
    job = _Job(options, dataset_folder, read_facts(dataset_folder), folder, report)
    found = _newest(job) if resume else None
    earlier = read_state(folder, found) if found else None
    fabric, precision = fabric_for(device, earlier.precision if earlier else options.precision)
    network = _network(job)
    batch_size = network.batch_size("train") or DEFAULT_BATCH
    with within_memory(device, batch_size):
        seed = earlier.seed if earlier else secrets.randbits(32) if options.seed is None else options.seed
        torch.manual_seed(seed)
        network.reset(seed)
        network.module.to(fabric.device)
        network.module.to(memory_format=torch.channels_last)
        parts = _parts(job, network, fabric, precision, seed, batch_size)
        if found and earlier:
            _check_same(earlier, parts.pace)
            if not restore(folder, found, earlier, network, parts.descent.update):
                report.warning(
                    f"{found.name} is resumed without the solver's history, which only the newest snapshots keep."
                )
        with threads_for(network.graph("train").multiply_adds * PASSES * batch_size):
            Loop(parts, earlier).run()


def _newest(job: _Job) -> Snapshot | None:
    """The snapshot to go on from; those that are broken are passed over, and named."""
    found = newest_valid(job.folder)
    for broken in found.skipped:
        job.report.warning(f"The snapshot {broken.name} is not used: {broken.reason}.")
    return found.snapshot


def _network(job: _Job) -> Network:
    """The network that the options name, compiled for the dataset."""
    options, facts = job.options, job.facts
    custom = options.network == CUSTOM or bool(options.network_text)
    if custom and not options.network_text.strip():
        raise InputError(
            "The custom network is empty.", field="network_text", hint="Give its text, or choose a standard network."
        )
    text = options.network_text if custom else network_text(options.network)
    model_files.keep_python_layers(job.folder, options.python_layers)
    given = NetworkInput(
        width=facts.width,
        height=facts.height,
        channels=facts.channels,
        classes=len(facts.labels),
        batch_size=options.batch_size,
        crop_size=options.crop_size,
    )
    source = "network.prototxt" if custom else f"{options.network}.prototxt"
    return compile_network(text, given, source=source, sources=_sources(job))


def _sources(job: _Job) -> Sources:
    """Where the databases and the mean are, as seen from the model's folder: a home can be moved."""
    dataset = Path(os.path.relpath(job.dataset, job.folder))
    mean, pixel = job.options.mean, tuple(job.facts.mean_pixel)
    return Sources(
        train=str(dataset / "train_db"),
        val=str(dataset / "val_db") if count_of(job.facts, Split.VAL) else None,
        mean_file=model_files.MEAN if mean is MeanKind.IMAGE else None,
        mean_values=pixel if mean is MeanKind.PIXEL else (),
        hdf5=job.facts.backend is Backend.HDF5,
    )


def _parts(job: _Job, network: Network, fabric: Fabric, precision: Precision, seed: int, batch_size: int) -> Parts:
    """Everything the loop needs, and the files that say what the model is."""
    options, facts = job.options, job.facts
    train_count = count_of(facts, Split.TRAIN)
    if not train_count:
        raise InputError("The dataset has no training pictures.", field="dataset", hint="Lower % for validation.")
    pace = Pace(
        epochs=options.epochs,
        train_count=train_count,
        batch_size=batch_size,
        accumulation=options.batch_accumulation,
        snapshot_interval=options.snapshot_interval,
        validation_interval=options.validation_interval,
        val_count=count_of(facts, Split.VAL),
    )
    recorded = _preprocessing(job, network)
    mean = read_mean(job.dataset / model_files.MEAN) if recorded.mean is MeanKind.IMAGE else None
    preparation = Preparation(recorded, mean, fabric.device, mirror=network.mirror)
    order = ShuffledOrder(train_count, batch_size, seed)

    def open_batches() -> Feed:
        samples = open_split(job.dataset, facts, Split.TRAIN)
        return feed(samples, order.indices, fabric.device, pace.max_iter * pace.accumulation)

    def open_validation() -> Validation:
        samples = open_split(job.dataset, facts, Split.VAL)
        size = evaluation_batch(network.graph("val"), fabric.device)
        return Validation(Pass(network, preparation, fabric, samples, size), len(samples))

    model_files.write_model(job.folder, job.dataset, facts, recorded, _texts(job, network, pace, seed, fabric))
    return Parts(
        folder=job.folder,
        network=network,
        descent=_descent(network, options, pace),
        pace=pace,
        order=order,
        preparation=preparation,
        open_batches=open_batches,
        open_validation=open_validation,
        fabric=fabric,
        precision=precision,
        seed=seed,
        report=job.report,
    )


def _descent(network: Network, options: TrainingOptions, pace: Pace) -> Descent:
    """How the weights change, if there is one that may."""
    parameters = network.parameters()
    if not any(spec.lr_mult != 0 for spec in parameters):
        raise InputError(
            "The network has nothing to learn: every parameter has a learning-rate multiplier of 0.",
            field="network_text",
            hint="Give at least one layer an lr_mult above 0.",
        )
    return Descent(parameters, solver_settings(options, pace))


def _preprocessing(job: _Job, network: Network) -> Preprocessing:
    facts = job.facts
    return Preprocessing(
        width=facts.width,
        height=facts.height,
        channels=facts.channels,
        resize_mode=facts.resize_mode,
        mean=job.options.mean,
        mean_pixel=facts.mean_pixel,
        crop_size=network.crop_size,
        scale=network.scale,
    )


def _texts(job: _Job, network: Network, pace: Pace, seed: int, fabric: Fabric) -> dict[str, str]:
    """The network's texts, and the solver as Caffe would read it."""
    solver = solver_text(
        job.options,
        pace,
        val_batch=network.batch_size("val") or pace.batch_size,
        gpu=fabric.device.type == "cuda",
        seed=seed,
    )
    return {**network.texts, model_files.SOLVER: solver}


def _check_same(earlier: TrainingState, pace: Pace) -> None:
    """A snapshot goes on only with the pictures and batches that it was trained with."""
    before, now = (
        (known.train_count, known.batch_size, known.accumulation) for known in (earlier, pace)
    )  # fmt: skip
    if before != now:
        raise ConflictError(
            f"The snapshot was trained with {before[0]:,} pictures in {_batches(*before)}, "
            f"now it would be {now[0]:,} in {_batches(*now)}.",
            hint="Train a new model instead.",
        )


def _batches(_: int, size: int, accumulation: int) -> str:
    added = f", {accumulation} to an update" if accumulation > 1 else ""
    return f"batches of {size}{added}"
