"""Models: check what is asked for, train, look at."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from gradus.core.dataset import DatasetFacts, Split
from gradus.core.errors import InputError, NotFoundError, UnavailableError
from gradus.core.job import Job, JobKind
from gradus.core.model import Evaluation, Preprocessing, Snapshot, TrainingOptions
from gradus.core.network import Graph, NetworkInput, Phase
from gradus.core.solvers import takers
from gradus.core.view.model import ModelView, Series
from gradus.data.facts import FILE as DATASET_FILE
from gradus.data.facts import read_facts
from gradus.engine.snapshot_files import choose, list_snapshots
from gradus.jobs.store import IdempotencyKey
from gradus.services import datasets, jobs, networks
from gradus.services.forms import Findings
from gradus.services.house import House
from gradus.services.series import MAX_POINTS
from gradus.zoo import network_text as ready_text

CUSTOM = "custom"
UNKNOWN_CLASSES = 10  # what a network is drawn for while its dataset has not been listed yet


def check(house: House, options: TrainingOptions) -> Graph | None:
    """The network compiled for the dataset, or None while the engine host is not there to do it.

    Raises with all that is wrong, field by field.
    """
    findings = Findings()
    given: NetworkInput | None = None
    with findings.collect():
        house.resources.check(options.device)
    for name in options.unused():
        findings.add(
            f"is not used by the solver {options.solver} with the policy {options.policy}", name,
            hint=f"Leave it empty, or choose one of {', '.join(takers(name))}.",
        )  # fmt: skip
    dataset = _dataset(house, options, findings)
    if dataset is not None:
        given = network_input(house, dataset.id, batch_size=options.batch_size, crop_size=options.crop_size)
        side = min(given.width, given.height)
        if options.crop_size is not None and options.crop_size > side:
            findings.add(f"must be at most {side}, the size of the dataset's pictures", "crop_size")
            given = given.model_copy(update={"crop_size": None})
    graph = None
    with findings.collect():
        text = _text(options, findings)
        if text and given is not None:
            graph = _compiled(house, options, text, given)
    findings.finish()
    return graph


def create(house: House, options: TrainingOptions, *, key: IdempotencyKey | None = None) -> Job:
    """Start a training; it waits for its dataset if that is still being built.

    What was left open is decided and recorded here, so that it can be repeated: the seed, the solver's own settings.
    """
    check(house, options)
    options = options.model_copy(update=options.used())
    if options.seed is None:
        options = options.model_copy(update={"seed": secrets.randbelow(2**32)})
    return jobs.submit(house, JobKind.MODEL, options, needs=[options.dataset], key=key)


def network_input(
    house: House, dataset_id: str, *, batch_size: int | None = None, crop_size: int | None = None
) -> NetworkInput:
    """What a network for this dataset is compiled for."""
    asked = datasets.class_options(house, dataset_id)
    classes = len(datasets.class_names(house, dataset_id)) or UNKNOWN_CLASSES
    return NetworkInput(
        width=asked.width, height=asked.height, channels=asked.channels, classes=classes,
        batch_size=batch_size, crop_size=crop_size,
    )  # fmt: skip


given = network_input


def options_of(house: House, model_id: str) -> TrainingOptions:
    """What was asked for."""
    jobs.get(house, model_id, JobKind.MODEL)
    return TrainingOptions.model_validate(house.store.record(model_id).options)


def view(house: House, model_id: str) -> ModelView:
    """A model: what was asked for, and what there is of it so far."""
    job = jobs.get(house, model_id, JobKind.MODEL)
    record = house.store.record(model_id)
    folder = house.home.job_folder(model_id)
    curves = house.curves.of(model_id, folder)
    facts = _facts(house, job, folder)
    return ModelView(
        job=job,
        options=TrainingOptions.model_validate(record.options),
        dataset=next(iter(house.store.needed_by(model_id)), None),
        labels=facts.labels if facts else [],
        preprocessing=_preprocessing(folder),
        snapshots=list_snapshots(folder),
        latest=curves.latest(),
        history=record.history,
        seq=curves.seq,
    )


def series(house: House, model_id: str, max_points: int = 1000) -> list[Series]:
    """Every scalar of the training, each in at most `max_points` points (and at most 2000); peaks stay."""
    folder = _folder(house, model_id)
    return house.curves.of(model_id, folder).thinned(max(1, min(max_points, MAX_POINTS)))


def snapshots(house: House, model_id: str) -> list[Snapshot]:
    """The weights that were kept, the oldest first."""
    return list_snapshots(_folder(house, model_id))


def snapshot(house: House, model_id: str, name: str | None) -> Snapshot:
    """The named snapshot, or the newest whole one; `NotFoundError` names those there are."""
    return choose(_folder(house, model_id), name or None)


def network_text(house: House, model_id: str) -> str:
    """The text of the model's network, as it was given."""
    options = options_of(house, model_id)
    return options.network_text or ready_text(options.network)


def graph(house: House, model_id: str, phase: Phase = "train") -> Graph:
    """The model's network, drawn for its dataset."""
    options = options_of(house, model_id)
    asked = network_input(house, options.dataset, batch_size=options.batch_size, crop_size=options.crop_size)
    code = options.python_layers
    return networks.draw(house, network_text(house, model_id), asked, phase, python_layers=code)


def evaluate(house: House, model_id: str, split: Split, snapshot_name: str | None = None) -> Evaluation:
    """Measure a model on one split of its dataset; returns when that is done."""
    options = options_of(house, model_id)
    built = datasets.facts(house, options.dataset)
    if built.split(split) is None:
        raise NotFoundError(f"the dataset of this model has no {split} records", field="split")
    chosen = snapshot(house, model_id, snapshot_name)
    dataset = house.home.job_folder(options.dataset)
    return house.predictors.evaluate(house.home.job_folder(model_id), dataset, split, chosen.name)


def _folder(house: House, model_id: str) -> Path:
    return house.home.job_folder(jobs.get(house, model_id, JobKind.MODEL).id)


def _dataset(house: House, options: TrainingOptions, findings: Findings) -> Job | None:
    try:
        dataset = jobs.get(house, options.dataset, JobKind.DATASET)
    except NotFoundError:
        findings.add(f"there is no dataset {options.dataset!r}", "dataset")
        return None
    if dataset.state in datasets.FAILED:
        findings.add(f"the dataset {dataset.name!r} has not been built: its state is {dataset.state}", "dataset")
        return None
    with findings.collect():
        datasets.class_options(house, dataset.id)
        return dataset
    return None


def _text(options: TrainingOptions, findings: Findings) -> str:
    if options.network_text.strip():
        return options.network_text
    if options.network == CUSTOM:
        findings.add("must not be empty for a custom network", "network_text")
        return ""
    try:
        return ready_text(options.network)
    except NotFoundError as error:
        findings.add(str(error), "network", hint=error.problem.hint)
        return ""


def _compiled(house: House, options: TrainingOptions, text: str, given: NetworkInput) -> Graph | None:
    """None where the host is not there: the worker will say what is wrong with the network."""
    field = networks.FIELD if options.network_text.strip() else "network"
    try:
        return networks.draw(house, text, given, field=field, python_layers=options.python_layers)
    except UnavailableError:
        return None


def _facts(house: House, job: Job, folder: Path) -> DatasetFacts | None:
    if (folder / DATASET_FILE).is_file():
        return read_facts(folder)
    with suppress(NotFoundError, InputError):
        return datasets.class_facts(house, job.dataset_id) if job.dataset_id else None
    return None


def _preprocessing(folder: Path) -> Preprocessing | None:
    try:
        return Preprocessing.model_validate_json((folder / "preprocessing.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
