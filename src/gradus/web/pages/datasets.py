"""The page of one dataset, while it is built and after, and the pictures in it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import DatasetFacts, DatasetOptions, Split
from gradus.core.state import JobState
from gradus.core.view import DatasetView
from gradus.services import datasets, jobs, samples
from gradus.services.house import House
from gradus.web.pages import words
from gradus.web.pages.given import GivenHouse
from gradus.web.pages.render import render

router = APIRouter()
UNREADABLE_SHOWN = 50
LOG_SHOWN = 4000  # bytes
SAMPLES_A_PAGE = 60


@dataclass(frozen=True)
class Histogram:
    """How many samples of each class one database holds."""

    split: Split
    total: int
    classes: list[tuple[str, int]]

    @property
    def largest(self) -> int:
        """The longest bar; 1 where there is nothing to draw."""
        return max((count for _, count in self.classes), default=0) or 1


@router.get("/datasets/{job_id}")
def dataset(request: Request, house: GivenHouse, job_id: str, bad: int = 1) -> Response:
    """A dataset: its course, its facts and its pictures; `bad` is the page of the files that could not be read."""
    view = datasets.view(house, job_id)
    job = view.job
    facts = view.facts
    bad = max(1, min(bad, -(-facts.unreadable // UNREADABLE_SHOWN))) if facts and facts.unreadable else 1
    skipped = (bad - 1) * UNREADABLE_SHOWN
    broken = facts is not None and facts.unreadable > 0
    unreadable = datasets.unreadable(house, job_id, offset=skipped, limit=UNREADABLE_SHOWN).items if broken else []
    return render(
        request,
        "datasets/show.html",
        topics=f"job:{job.id}",
        view=view,
        job=job,
        facts=facts,
        sources=_sources(view.options),
        sent=words.sent,
        histograms=_histograms(house, view),
        previews=_previews(house, job_id, facts) if isinstance(facts, DatasetFacts) else [],
        unreadable=unreadable,
        bad=bad,
        skipped=skipped,
        place=jobs.place(house, job) if job.state is JobState.WAITING else "",
        tail=jobs.log(house, job_id, limit=LOG_SHOWN).text if job.state is JobState.ERROR else "",
    )


@router.get("/datasets/{job_id}/explore")
def explore(
    request: Request, house: GivenHouse, job_id: str, split: Split | None = None, label: str = "", page: int = 1
) -> Response:
    """The pictures of a dataset, by database and class."""
    view = datasets.view(house, job_id)
    facts = view.facts
    filled = [s for s in facts.splits if s.count] if facts else []
    if not facts or not filled:
        return render(request, "datasets/explore.html", topics=f"job:{job_id}", view=view, job=view.job, facts=None)
    chosen = next((s for s in filled if s.split == split), filled[0])
    number = int(label) if label.isascii() and label.isdigit() and int(label) < len(facts.labels) else None
    page = max(1, min(page, 10**7))
    found = samples.listing(
        house, job_id, chosen.split, label=number, offset=(page - 1) * SAMPLES_A_PAGE, limit=SAMPLES_A_PAGE
    )
    total = chosen.class_counts[number] if number is not None else chosen.count
    return render(
        request,
        "datasets/explore.html",
        topics="jobs",
        view=view,
        job=view.job,
        facts=facts,
        splits=filled,
        chosen=chosen,
        label=number,
        samples=found.items,
        page=page,
        pages=max(1, -(-total // SAMPLES_A_PAGE)),
        total=total,
        first=(page - 1) * SAMPLES_A_PAGE + 1,
    )


def _sources(options: DatasetOptions) -> list[tuple[str, str, float]]:
    """Where the pictures of each split come from: (title, source, % of the training pictures)."""
    if not isinstance(options, ClassificationOptions):
        return []
    return [(words.SOURCES[s], words.sent(options.source(s)), options.percent(s)) for s in Split]


def _histograms(house: House, view: DatasetView) -> list[Histogram]:
    """Counts of each class: final ones, or those so far while it is built."""
    if view.facts:
        labels = view.facts.labels
        return [
            Histogram(s.split, s.count, list(zip(labels, s.class_counts, strict=True)))
            for s in view.facts.splits
            if s.count
        ]
    return [
        Histogram(c.split, sum(c.counts), list(zip(c.labels, c.counts, strict=True)))
        for c in datasets.partial(house, view.job.id)
    ]


def _previews(house: House, job_id: str, facts: DatasetFacts | None) -> list[tuple[str, Split, int]]:
    """One picture of each of the first classes, as (class, split, index)."""
    if not facts or not facts.split(Split.TRAIN):
        return []
    shown: list[tuple[str, Split, int]] = []
    for number, name in enumerate(facts.labels[:12]):
        for sample in samples.listing(house, job_id, Split.TRAIN, label=number, limit=1).items:
            shown.append((name, Split.TRAIN, sample.index))
    return shown
