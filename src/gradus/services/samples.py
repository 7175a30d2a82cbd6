"""The samples of a dataset: pages of them, and one as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gradus.core.dataset import DatasetFacts, Order, Split
from gradus.core.errors import NotFoundError
from gradus.core.flaw import Flaw
from gradus.core.generic import GenericFacts, Presentation
from gradus.core.view.page import Page
from gradus.core.view.sample import SampleView
from gradus.data.facts import Facts
from gradus.jobs.query import MAX_LIMIT
from gradus.services import datasets
from gradus.services.house import House

if TYPE_CHECKING:
    from gradus.data.explore import Sample


def listing(
    house: House,
    dataset_id: str,
    split: Split,
    *,
    label: int | None = None,
    problem: Flaw | None = None,
    order: Order | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Page[SampleView]:
    """Records of one split; with `label`, the number of a class, those of it or those in which it is marked.

    With `problem` those with which that is wrong, with `order` in the order of a measure (the greatest first with
    `-`): none of a dataset whose samples were never looked at.
    """
    from gradus.data.explore import count_samples, read_flawed, read_samples

    built = datasets.facts(house, dataset_id)
    _check_label(built, label)
    folder = house.home.job_folder(dataset_id)
    limit = max(1, min(limit, MAX_LIMIT))
    if problem is None and order is None:
        total = count_samples(folder, built, split, label)
        found = read_samples(folder, built, split, label, offset, limit) if total else []
    else:
        flawed = read_flawed(folder, built, split, problem, label, order)
        total, found = len(flawed), flawed[offset : offset + limit]
    items = [_view(dataset_id, folder, built, split, sample) for sample in found]
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


def label_picture(house: House, dataset_id: str, split: Split, index: int) -> bytes:
    """The label of one record as a PNG, where it is a mask or a picture; `NotFoundError` where it is not."""
    from gradus.data.explore import read_label
    from gradus.data.showing import label_png

    built = datasets.facts(house, dataset_id)
    if isinstance(built, GenericFacts):
        label = read_label(house.home.job_folder(dataset_id), built, split, index)
        if shown := label_png(built.presentation, label, built.palette, ignored=built.ignored):
            return shown
    raise NotFoundError(f"the label of record {index} in {split} is no picture")


def _view(dataset_id: str, folder: Path, built: Facts, split: Split, sample: Sample) -> SampleView:
    """One record; of a generic dataset with its label, as it is drawn over or beside its picture."""
    known = SampleView(split=split, index=sample.index, label=sample.label, key=sample.key)
    if isinstance(built, DatasetFacts):
        return known.model_copy(
            update={"label_name": built.labels[sample.label], "width": built.width, "height": built.height}
        )
    from gradus.data.explore import feature_size, read_feature, read_label
    from gradus.data.showing import label_view

    is_text = built.presentation is Presentation.TEXT
    width, height = feature_size(folder, built, split, sample.index)
    label = label_view(
        built.presentation, read_label(folder, built, split, sample.index), built.labels, built.palette, built.user,
        feature=read_feature(folder, built, split, sample.index) if is_text else None, ignored=built.ignored,
    )  # fmt: skip
    if built.presentation in (Presentation.MASK, Presentation.PICTURE):
        source = f"/api/v1/datasets/{dataset_id}/samples/{split}/{sample.index}/label.png"
        label = label.model_copy(update={"source": source})
    return known.model_copy(update={"width": width, "height": height, "view": label})


def _check_label(built: Facts, label: int | None) -> None:
    if label is not None and not 0 <= label < len(built.labels):
        raise NotFoundError(f"there is no class {label}; there are {len(built.labels)}, counted from 0", field="label")
