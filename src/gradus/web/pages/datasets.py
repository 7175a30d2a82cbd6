"""The pages of one dataset: overview, files and log. Its samples are in `dataset_explore`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import DatasetFacts, DatasetOptions, Split
from gradus.core.generic import GenericFacts
from gradus.core.state import JobState
from gradus.core.view.dataset import DatasetView
from gradus.core.view.sample import SampleView
from gradus.data.facts import Facts
from gradus.services import datasets, job_files, jobs, quality, samples
from gradus.services.house import House
from gradus.web.pages import settings, words
from gradus.web.pages.given import GivenHouse
from gradus.web.pages.job_files import TAIL, written
from gradus.web.pages.render import render

router = APIRouter()
UNREADABLE_SHOWN = 50
PREVIEWS, FEW = 12, 4  # pictures of classes, or samples that are shown larger
OWN = ("validation", "test")  # fields of pictures that are no share of the training pictures


@dataclass(frozen=True)
class Histogram:
    """How many samples of each class one database holds, or how often each is marked in them."""

    split: Split
    total: int
    classes: list[tuple[str, int]]

    @property
    def largest(self) -> int:
        """The longest bar; 1 where there is nothing to draw."""
        return max((count for _, count in self.classes), default=0) or 1


@dataclass(frozen=True)
class Tile:
    """One fact in large letters."""

    title: str
    value: str
    unit: str = ""
    split: Split | None = None


@router.get("/datasets/{job_id}")
def overview(request: Request, house: GivenHouse, job_id: str, bad: int = 1) -> Response:
    """A dataset: its course, its facts and its pictures; `bad` is the page of the files that could not be used."""
    view = datasets.view(house, job_id)
    facts = view.facts
    bad = max(1, min(bad, -(-facts.unreadable // UNREADABLE_SHOWN))) if facts and facts.unreadable else 1
    skipped = (bad - 1) * UNREADABLE_SHOWN
    broken = facts is not None and facts.unreadable > 0
    unreadable = datasets.unreadable(house, job_id, offset=skipped, limit=UNREADABLE_SHOWN).items if broken else []
    return show(
        request, house, view, "overview", facts=facts, tiles=_tiles(facts) if facts else [],
        settings=settings.rows(view.options, _notes(view.options, facts)), histograms=_histograms(house, view),
        previews=_previews(house, job_id, facts) if facts else [], lineage=quality.lineage(house, job_id),
        unreadable=unreadable, bad=bad, skipped=skipped,
    )  # fmt: skip


@router.get("/datasets/{job_id}/files")
def files(request: Request, house: GivenHouse, job_id: str) -> Response:
    """Every file of the dataset."""
    return show(request, house, datasets.view(house, job_id), "files", files=job_files.files(house, job_id))


@router.get("/datasets/{job_id}/log")
def log(request: Request, house: GivenHouse, job_id: str) -> Response:
    """What the worker wrote."""
    view = datasets.view(house, job_id)
    return show(request, house, view, "log", **written(house, view.job))


def show(request: Request, house: House, view: DatasetView, tab: str, *, status: int = 200, **values: Any) -> Response:
    """One tab of a dataset's page, with the head that all of them share."""
    job = view.job
    return render(
        request,
        f"datasets/{tab}.html",
        status=status,
        topics=f"job:{job.id}",
        view=view,
        job=job,
        tab=tab,
        warning=quality.view_or_none(house, job.id),
        trainable=isinstance(view.options, ClassificationOptions),
        place=jobs.place(house, job) if job.state is JobState.WAITING else "",
        tail=jobs.log(house, job.id, limit=TAIL).text if job.state is JobState.ERROR else "",
        **values,
    )


def _tiles(facts: Facts) -> list[Tile]:
    unit = "pictures" if isinstance(facts, DatasetFacts) else "samples"
    classes = [Tile("Classes", words.count(len(facts.labels)))] if facts.labels else []
    counts = [Tile(words.SPLITS[s.split], words.count(s.count), unit, s.split) for s in facts.splits if s.count]
    return [*classes, *counts, _size(facts), Tile("Built in", words.span(facts.seconds))]


def _size(facts: Facts) -> Tile:
    if isinstance(facts, DatasetFacts):
        return Tile("Size", f"{facts.width} × {facts.height}", "colour" if facts.channels == 3 else "gray")
    first = facts.splits[0].feature
    if first.shape is None:
        return Tile("Size", "differs")
    channels, height, width = first.shape
    if first.number == "uint8" and channels in (1, 3) and height > 1:
        return Tile("Size", f"{width} × {height}", "colour" if channels == 3 else "gray")
    return Tile("Shape", " × ".join(map(str, first.shape)), "numbers" if first.number == "float32" else "bytes")


def _notes(options: DatasetOptions, facts: Facts | None) -> dict[str, str]:
    """What came of an answer, by field."""
    if not isinstance(options, ClassificationOptions):
        return {}
    used = {f"{name}_percent": "not used: it has pictures of its own" for name in OWN if getattr(options, name)}
    if not isinstance(facts, DatasetFacts):
        return used
    grouped = [
        f"{words.count(s.groups)} in {words.SPLITS[s.split].lower()}" for s in facts.splits if s.groups is not None
    ]
    kept = f"groups: {', '.join(grouped)}" if grouped else ""
    asked = options.encoding is facts.encoding
    stored = "" if asked else f"stored as {facts.encoding.value}: {facts.encoding_reason}"
    return used | {"encoding": stored, "group_by": kept}


def _histograms(house: House, view: DatasetView) -> list[Histogram]:
    """Counts of each class: final ones, or those so far while it is built."""
    if view.facts:
        labels = view.facts.labels
        return [
            Histogram(s.split, s.count, list(zip(labels, s.class_counts, strict=True)))
            for s in view.facts.splits
            if s.count and labels
        ]
    return [
        Histogram(c.split, sum(c.counts), list(zip(c.labels, c.counts, strict=True)))
        for c in datasets.partial(house, view.job.id)
    ]


def _previews(house: House, job_id: str, facts: Facts) -> list[tuple[str, SampleView]]:
    """One sample of each of the first classes, or the first of all, with what it is called."""
    if not facts.split(Split.TRAIN):
        return []
    if isinstance(facts, GenericFacts):
        return [("", sample) for sample in samples.listing(house, job_id, Split.TRAIN, limit=FEW).items]
    return [
        (name, sample)
        for number, name in enumerate(facts.labels[:PREVIEWS])
        for sample in samples.listing(house, job_id, Split.TRAIN, label=number, limit=1).items
    ]
