"""What was found about the samples of a dataset, what somebody says to it, and versions without what was found."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from pydantic import ValidationError

from gradus.core.dataset import DatasetFacts, Split, Version
from gradus.core.errors import ConflictError, InputError, NotFoundError
from gradus.core.flaw import Flaw, bits, flaws_of
from gradus.core.job import Job, JobKind
from gradus.core.quality import (
    Acknowledgement,
    Lineage,
    Note,
    Pair,
    Quality,
    QualityView,
    SampleDetail,
    Similar,
    VersionOptions,
)
from gradus.core.view.page import Page
from gradus.data import uploads
from gradus.data.facts import Facts
from gradus.data.files import write_json
from gradus.jobs.query import MAX_LIMIT, JobQuery
from gradus.jobs.store import IdempotencyKey
from gradus.services import datasets, jobs
from gradus.services.house import House

if TYPE_CHECKING:
    from gradus.data.quality.samples import Samples

ACKNOWLEDGED = "acknowledged.json"
MOST_SIMILAR = 100
_NUMBERED = re.compile(r"(.*) \(([0-9]{1,6})\)", re.DOTALL)


def view(house: House, dataset_id: str) -> QualityView:
    """What was found; `NotFoundError` until it is built, and of datasets built before samples were looked at."""
    quality = _read(house, dataset_id)
    said = acknowledgement(house, dataset_id)
    return QualityView(quality=quality, acknowledged=said, warns=quality.leaks > 0 and said is None)


def view_or_none(house: House, dataset_id: str) -> QualityView | None:
    """What was found, if anything was looked for."""
    try:
        return view(house, dataset_id)
    except (NotFoundError, InputError):
        return None


def acknowledgement(house: House, dataset_id: str) -> Acknowledgement | None:
    """What was said to the leaks of a dataset, if somebody has seen them."""
    path = jobs.folder(house, dataset_id) / ACKNOWLEDGED
    try:
        return Acknowledgement.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def acknowledge(house: House, dataset_id: str, note: Note, *, by: str) -> QualityView:
    """Say why the leaks of a dataset may stay: it is not warned of them any more."""
    if not view(house, dataset_id).quality.leaks:
        raise ConflictError("this dataset has no leaks that could be acknowledged", code="wrong_state")
    said = Acknowledgement(note=note.note, by=by, at=time.time())
    write_json(jobs.folder(house, dataset_id) / ACKNOWLEDGED, said)
    return view(house, dataset_id)


def withdraw(house: House, dataset_id: str) -> QualityView:
    """Take back what was said to the leaks: it is warned of them again."""
    found = view(house, dataset_id)
    (jobs.folder(house, dataset_id) / ACKNOWLEDGED).unlink(missing_ok=True)
    return found.model_copy(update={"acknowledged": None, "warns": found.quality.leaks > 0})


def pairs(house: House, dataset_id: str, flaw: Flaw | None = None, *, offset: int = 0, limit: int = 50) -> Page[Pair]:
    """Pairs of samples that are alike; with `flaw`, those that are exact or near duplicates, leaks or conflicts."""
    from gradus.data.quality.examine import pair_of, read_pairs

    datasets.facts(house, dataset_id)
    found = read_pairs(house.home.job_folder(dataset_id))
    if flaw is not None:
        found = found[found["flaws"] & bits((flaw,)) != 0]
    samples = _samples(house, dataset_id)
    offset, limit = max(0, offset), max(1, min(limit, MAX_LIMIT))
    items = [pair_of(samples, row) for row in found[offset : offset + limit]]
    following = offset + len(items)
    return Page(items=items, total=len(found), next=str(following) if items and following < len(found) else None)


def detail(house: House, dataset_id: str, split: Split, index: int) -> SampleDetail:
    """All that is known of one sample; of an older dataset only its class."""
    from gradus.data.explore import read_samples
    from gradus.data.index import open_indexes
    from gradus.data.lists import escape

    built = datasets.facts(house, dataset_id)
    folder = house.home.job_folder(dataset_id)
    _check(built, split, index)
    (sample,) = read_samples(folder, built, split, None, index, 1)
    has_class = isinstance(built, DatasetFacts)
    known = SampleDetail(
        split=split,
        index=index,
        key=sample.key,
        label=sample.label if has_class else None,
        label_name=built.labels[sample.label] if has_class else None,
    )
    found = open_indexes(folder).get(split)
    if found is None or index >= len(found):
        return known
    record = found.records[index]
    is_picture = bool(record["width"])
    return known.model_copy(
        update={
            "file": escape(found.whole_name(index)),
            "width": int(record["width"]) or None,
            "height": int(record["height"]) or None,
            "bytes": int(record["bytes"]),
            "sha256": found.sha256(index).hex(),
            "hash": f"{int(record['hash']):016x}" if is_picture else None,
            "brightness": round(float(record["brightness"]), 2) if is_picture else None,
            "contrast": round(float(record["contrast"]), 2) if is_picture else None,
            "flaws": flaws_of(int(record["flaws"])),
        }
    )


def similar(house: House, dataset_id: str, split: Split, index: int, *, limit: int = 12) -> list[Similar]:
    """The samples of all splits that look most like one, the nearest first."""
    built = datasets.facts(house, dataset_id)
    _check(built, split, index)
    samples = _samples(house, dataset_id)
    found = samples.like(samples.number(split, index), max(1, min(limit, MOST_SIMILAR)))
    return [Similar(sample=samples.ref(n), distance=bits_, difference=apart) for n, bits_, apart in found]


def lineage(house: House, dataset_id: str) -> Lineage:
    """Which dataset this is a version of, and which are versions of it, the newest first."""
    job = jobs.get(house, dataset_id, JobKind.DATASET)
    version = datasets.options_of(house, dataset_id).version
    parent = None
    if job.dataset_id:
        try:
            parent = jobs.get(house, job.dataset_id)
        except NotFoundError:
            parent = None
    found = view_or_none(house, dataset_id)
    children = house.store.list(JobQuery(kind=JobKind.DATASET, dataset_id=dataset_id, limit=MAX_LIMIT))
    return Lineage(
        parent_id=job.dataset_id,
        parent=parent,
        without=list(version.without) if version else [],
        left_out=found.quality.left_out if found else 0,
        children=children.items,
    )


def make_version(
    house: House,
    dataset_id: str,
    asked: VersionOptions,
    *,
    unrestricted: bool = False,
    key: IdempotencyKey | None = None,
) -> Job:
    """Start building a dataset of the same files without the samples of some findings."""
    parent = house.home.job_folder(dataset_id)
    options = datasets.options_of(house, dataset_id)
    made = options.model_copy(
        update={
            "name": asked.name or _next_name(options.name),
            "version": Version(parent=dataset_id, without=asked.without),
        }
    )
    uploads.link(made, parent / uploads.FOLDER, house.home.path)  # what was sent for the parent, for a day
    return datasets.create(house, made, unrestricted=unrestricted, key=key)


def _next_name(name: str) -> str:
    found = _NUMBERED.fullmatch(name)
    stem, number = (found[1], int(found[2]) + 1) if found else (name, 2)
    end = f" ({number})"
    return stem[: 200 - len(end)] + end


def _read(house: House, dataset_id: str) -> Quality:
    from gradus.data.quality.examine import read_quality

    datasets.facts(house, dataset_id)
    return read_quality(house.home.job_folder(dataset_id))


def _samples(house: House, dataset_id: str) -> Samples:
    from gradus.data.index import open_indexes
    from gradus.data.quality.examine import not_looked_at
    from gradus.data.quality.samples import Samples

    found = open_indexes(house.home.job_folder(dataset_id))
    if not found:
        raise not_looked_at()
    return Samples(found)


def _check(built: Facts, split: Split, index: int) -> None:
    found = built.split(split)
    if not 0 <= index < (found.count if found else 0):
        raise NotFoundError(f"there is no record {index} in {split}")
