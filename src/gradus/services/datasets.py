"""Datasets: check what is asked for, build, look into."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TypeVar

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import BadFile, DatasetFacts, DatasetOptions, Split
from gradus.core.errors import InputError, NotFoundError, PathError
from gradus.core.event import Counts
from gradus.core.form import paths_of
from gradus.core.job import Job, JobKind
from gradus.core.state import JobState
from gradus.core.view.dataset import DatasetView
from gradus.core.view.page import Page
from gradus.data import uploads, versions
from gradus.data.collect import collect
from gradus.data.facts import Facts, read_built, read_facts
from gradus.data.readers.folder import FIELDS, Watcher, split_folders
from gradus.data.remote.address import Rules, about, is_address, is_remote, parse
from gradus.jobs.query import MAX_LIMIT, JobQuery
from gradus.jobs.store import IdempotencyKey
from gradus.services import jobs, kinds, secrets
from gradus.services.deadline import Deadline, DeadlinePassedError
from gradus.services.forms import Findings
from gradus.services.house import House
from gradus.services.paths import resolve_folder, resolve_user_path
from gradus.services.reading import read_events

O = TypeVar("O", bound=DatasetOptions)  # noqa: E741 - of any kind
CHECK_SECONDS = 2.0  # a folder that takes longer to list is judged by the job itself
NOTHING_LEFT = (
    "nothing is left to train on: validation and testing take all pictures", "validation_percent",
    "lower “% for validation” or “% for testing”",
)  # fmt: skip
FAILED = frozenset({JobState.ERROR, JobState.ABORTED, JobState.ABORTING})


def check(house: House, options: O, *, unrestricted: bool = False) -> O:
    """The options with their paths resolved; raises with all that is wrong with them, field by field."""
    findings = Findings()
    resolved = resolve(house, options, findings, unrestricted=unrestricted)
    if resolved is not None:
        with findings.collect(), suppress(DeadlinePassedError):  # what was seen of it was right
            located = secrets.located(house, uploads.located(resolved, (house.home.uploads,)))
            _look(house, located, Deadline(CHECK_SECONDS).watch)
    elif isinstance(options, ClassificationOptions) and _takes_all(options):
        findings.add(*NOTHING_LEFT[:2], hint=NOTHING_LEFT[2])
    findings.finish()
    return resolved or options


def _look(house: House, options: DatasetOptions, watch: Watcher) -> None:
    """Find the files, as building will; raises where they are no dataset."""
    if not isinstance(options, ClassificationOptions):
        kinds.of(options).scan(options, watch)
        return
    if options.method is Method.DIGITS:
        from gradus.data.digits_job import described

        described(options)
        return
    if is_remote(options):
        from gradus.data.remote.sources import look  # slow to load: not when the server starts

        look(options)
        return
    with TemporaryDirectory(dir=house.home.path, prefix="check-") as folder:
        collect(options, watch, Path(folder, "unpacked")).close()


def _takes_all(options: ClassificationOptions) -> bool:
    return options.percent(Split.VAL) + options.percent(Split.TEST) >= 100


def resolve(house: House, options: O, findings: Findings, *, unrestricted: bool = False) -> O | None:
    """The options with whole paths inside the data roots; None where one of them cannot be used."""
    found: dict[str, object] = {"roots": None if unrestricted else [str(root) for root in house.roots]}
    wanted = options.paths()
    for field, (text, is_folder) in wanted.items():
        with findings.collect():
            found[field] = _source(house, text, field, is_folder, unrestricted)
    if not wanted.keys() <= found.keys():
        return None
    if isinstance(options, ClassificationOptions):
        found["hosts"] = None if unrestricted else house.settings.fetch_hosts
    if isinstance(options, ClassificationOptions) and _may_hold_splits(options):
        found |= {FIELDS[split]: str(folder) for split, folder in split_folders(Path(str(found["train"]))).items()}
    return options.model_copy(update=found)


def _may_hold_splits(options: ClassificationOptions) -> bool:
    here = options.method is Method.FOLDER and not is_address(options.train)
    return here and not options.validation and not options.test


def look_at_paths(
    house: House, model: type[DatasetOptions], entered: Mapping[str, str], findings: Findings, *, unrestricted: bool
) -> None:
    """Say what is wrong with the paths of a form that cannot be read otherwise."""
    defaults = {name: info.default for name, info in model.model_fields.items() if not info.is_required()}
    given = defaults | {name: text.strip() for name, text in entered.items()}
    for field, (text, is_folder) in paths_of(model, given).items():
        with findings.collect():
            _source(house, text, field, is_folder, unrestricted)


def _source(house: House, text: str, field: str, is_folder: bool, unrestricted: bool) -> str:
    """The whole path of a folder or file that a field names, or the reference of one that was sent."""
    if is_folder and is_address(text):
        return _address(house, text, field, unrestricted)
    if is_folder:
        return str(resolve_folder(house.roots, text, field=field, unrestricted=unrestricted))
    if text.startswith(uploads.PREFIX):
        uploads.find((house.home.uploads,), text, field)
        return text
    path = resolve_user_path(house.roots, text, field=field, unrestricted=unrestricted)
    if not path.is_file():
        raise PathError(f"{text} is a folder, not a file", field=field, file=text)
    return str(path)


def _address(house: House, text: str, field: str, unrestricted: bool) -> str:
    """An address of the web that a field names in place of a folder."""
    try:
        address = parse(text)
        Rules.of(None if unrestricted else house.settings.fetch_hosts).check(address.host, address.port)
    except InputError as error:
        raise about(error, field=field, file=text) from error
    return str(address)


def keep(house: House, name: str, content: BinaryIO) -> str:
    """Keep a file that was sent; the reference by which a dataset's options name it."""
    return uploads.keep(house.home.uploads, name, content)


def create(
    house: House, options: DatasetOptions, *, unrestricted: bool = False, key: IdempotencyKey | None = None
) -> Job:
    """Start building a dataset."""
    resolved = kinds.become(check(house, options, unrestricted=unrestricted))
    version = resolved.version
    if version is not None:
        facts(house, version.parent)
        versions.check_parent(house.home.job_folder(version.parent))
    job = jobs.submit(house, JobKind.DATASET, resolved, needs=[], key=key, parent=version.parent if version else None)
    uploads.link(resolved, house.home.uploads, house.home.job_folder(job.id))
    secrets.lend(house, resolved, job)
    secrets.clear(house)
    if version is not None:
        versions.prepare_version(house.home.job_folder(version.parent), house.home.job_folder(job.id), version)
    return job


def options_of(house: House, dataset_id: str) -> DatasetOptions:
    """What was asked for."""
    jobs.get(house, dataset_id, JobKind.DATASET)
    return kinds.read(house.store.record(dataset_id).options)


def class_options(house: House, dataset_id: str) -> ClassificationOptions:
    """What was asked for of a classification dataset; `InputError` if it is of another kind."""
    options = options_of(house, dataset_id)
    if not isinstance(options, ClassificationOptions):
        raise InputError(
            f"the dataset {options.name!r} is for {options.type}; models are trained on classification datasets here",
            field="dataset",
            hint="Its databases are in Caffe's format: “gradus caffe train” takes them.",
        )
    return options


def view(house: House, dataset_id: str) -> DatasetView:
    """A dataset: what was asked for, what was built, and which models use it."""
    job = jobs.get(house, dataset_id, JobKind.DATASET)
    record = house.store.record(dataset_id)
    return DatasetView(
        job=job,
        options=kinds.read(record.options),
        facts=facts_or_none(house, dataset_id),
        models=list(house.store.users_of(dataset_id)),
        history=record.history,
    )


def choices(house: House) -> list[Job]:
    """The datasets that a model can be made with, the newest first; some may still be building."""
    usable = frozenset(JobState) - FAILED
    query = JobQuery(kind=JobKind.DATASET, states=usable, limit=MAX_LIMIT)
    return [job for job in house.store.list(query).items if job.type == kinds.CLASSIFICATION]


def facts(house: House, dataset_id: str) -> Facts:
    """What was built; `NotFoundError` until then."""
    jobs.get(house, dataset_id, JobKind.DATASET)
    return read_built(house.home.job_folder(dataset_id))


def class_facts(house: House, dataset_id: str) -> DatasetFacts:
    """What was built of a classification dataset; `InputError` if it is of another kind."""
    jobs.get(house, dataset_id, JobKind.DATASET)
    return read_facts(house.home.job_folder(dataset_id))


def facts_or_none(house: House, dataset_id: str) -> Facts | None:
    """What was built, if it is."""
    try:
        return facts(house, dataset_id)
    except (NotFoundError, InputError):
        return None


def partial(house: House, dataset_id: str) -> list[Counts]:
    """How many samples each database holds so far, while it is being built."""
    jobs.get(house, dataset_id, JobKind.DATASET)
    path = house.home.job_folder(dataset_id) / "events.jsonl"
    newest: dict[Split, Counts] = {}
    after = 0
    while True:
        events, following = read_events(path, dataset_id, after, 10_000, house.offsets)
        newest |= {event.split: event for event in events if isinstance(event, Counts)}
        if following == after:
            return list(newest.values())
        after = following


def mean_picture(house: House, dataset_id: str) -> Path:
    """The mean image as a JPEG file; `NotFoundError` until it is there."""
    facts(house, dataset_id)
    folder = house.home.job_folder(dataset_id)
    for path in (folder / "mean.jpg", folder / "train_db" / "mean.jpg"):
        if path.is_file():
            return path
    raise NotFoundError("this dataset has no mean image")


def unreadable(house: House, dataset_id: str, *, offset: int = 0, limit: int = 100) -> Page[BadFile]:
    """The files that could not be used, with the reasons."""
    jobs.get(house, dataset_id, JobKind.DATASET)
    path = house.home.job_folder(dataset_id) / "unreadable.jsonl"
    limit = max(1, min(limit, MAX_LIMIT))
    items: list[BadFile] = []
    total = 0
    if path.is_file():
        with path.open("rb") as lines:
            for line in lines:
                if offset <= total < offset + limit:
                    items.append(BadFile.model_validate_json(line))
                total += 1
    following = offset + len(items)
    return Page(items=items, total=total, next=str(following) if items and following < total else None)


def class_names(house: House, dataset_id: str) -> list[str]:
    """The classes of a dataset, as far as they are known: all once it is built, else as they have been found."""
    if built := facts_or_none(house, dataset_id):
        return built.labels
    found = partial(house, dataset_id)
    return found[-1].labels if found else []
