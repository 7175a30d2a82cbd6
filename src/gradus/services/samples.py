"""The samples of a dataset: pages of them, and one as a picture."""

from __future__ import annotations

from gradus.core.dataset import DatasetFacts, Split
from gradus.core.errors import NotFoundError
from gradus.core.view import Page, SampleView
from gradus.data.facts import Facts
from gradus.jobs.query import MAX_LIMIT
from gradus.services import datasets
from gradus.services.house import House


def listing(
    house: House, dataset_id: str, split: Split, *, label: int | None = None, offset: int = 0, limit: int = 50
) -> Page[SampleView]:
    """Records of one split; with `label`, the number of a class, those of it or those in which it is marked."""
    from gradus.data.explore import count_samples, read_samples

    built = datasets.facts(house, dataset_id)
    _check_label(built, label)
    folder = house.home.job_folder(dataset_id)
    total = count_samples(folder, built, split, label)
    limit = max(1, min(limit, MAX_LIMIT))
    found = read_samples(folder, built, split, label, offset, limit) if total else []
    items = [
        SampleView(split=split, index=s.index, label=s.label, label_name=_name(built, s.label), key=s.key)
        for s in found
    ]
    following = offset + len(items)
    return Page(items=items, total=total, next=str(following) if items and following < total else None)


def picture(house: House, dataset_id: str, split: Split, index: int) -> bytes:
    """The feature of one record as a PNG, made anew from its pixels."""
    from gradus.data.explore import sample_png

    built = datasets.facts(house, dataset_id)
    found = built.split(split)
    if not 0 <= index < (found.count if found else 0):
        raise NotFoundError(f"there is no record {index} in {split}")
    return sample_png(house.home.job_folder(dataset_id), built, split, index)


def _name(built: Facts, label: int) -> str:
    return built.labels[label] if isinstance(built, DatasetFacts) else ""


def _check_label(built: Facts, label: int | None) -> None:
    if label is not None and not 0 <= label < len(built.labels):
        raise NotFoundError(f"there is no class {label}; there are {len(built.labels)}, counted from 0", field="label")
