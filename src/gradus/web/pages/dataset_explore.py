"""The samples of a dataset, by database, class and problem. What is chosen stands in the address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from gradus.core.dataset import Split, SplitFacts
from gradus.core.flaw import OF_SAMPLES, Flaw
from gradus.core.generic import GenericFacts, Presentation
from gradus.data.facts import Facts
from gradus.services import datasets, quality, samples
from gradus.services.house import House
from gradus.web.pages.datasets import show
from gradus.web.pages.given import GivenHouse

router = APIRouter()
SAMPLES_A_PAGE = 60
MOST_PAGES = 10**7
SMALL, LARGE = 96, 200  # how wide a sample is shown at first
LEAST_ASPECT, MOST_ASPECT = 0.5, 2.5
MARKED = frozenset({Presentation.BOXES, Presentation.MASK})


@router.get("/datasets/{job_id}/explore")
def explore(
    request: Request, house: GivenHouse, job_id: str, split: Split | None = None, label: str = "", problem: str = "",
    page: int = 1,
) -> Response:  # fmt: skip
    """A page of the samples of one split, of one class or with one problem if that is chosen."""
    view = datasets.view(house, job_id)
    facts = view.facts
    filled = [s for s in facts.splits if s.count] if facts else []
    if not facts or not filled:
        return show(request, house, view, "explore", facts=None)
    chosen = next((s for s in filled if s.split == split), filled[0])
    number = int(label) if label.isascii() and label.isdigit() and int(label) < len(facts.labels) else None
    page = max(1, min(page, MOST_PAGES))
    first = (page - 1) * SAMPLES_A_PAGE
    flaw = next((flaw for flaw in Flaw if flaw == problem), None)
    found = samples.listing(house, job_id, chosen.split, label=number, problem=flaw, offset=first, limit=SAMPLES_A_PAGE)
    total = found.total or 0
    state = {
        "split": chosen.split.value, "label": "" if number is None else number, "problem": flaw or "", "page": page,
    }  # fmt: skip
    looked = quality.view_or_none(house, job_id)
    problems = [each for each in looked.quality.findings if each.kind in OF_SAMPLES] if looked else []

    def address(**changed: Any) -> str:
        return "?" + urlencode({name: value for name, value in (state | changed).items() if value != ""})

    presentation = facts.presentation if isinstance(facts, GenericFacts) else Presentation.NONE
    marked = presentation in MARKED
    return show(
        request, house, view, "explore", facts=facts, splits=filled, chosen=chosen, label=number, samples=found.items,
        counts=_counts(house, job_id, filled, number, flaw),
        page=page, pages=max(1, -(-total // SAMPLES_A_PAGE)), total=total, first=first + 1, address=address,
        presentation=presentation, marked=marked, legend=_legend(facts) if marked else [], cell=_cell(facts),
        problems=problems, problem=flaw or "", aspect=_aspect(facts),
    )  # fmt: skip


def _counts(
    house: House, job_id: str, filled: Sequence[SplitFacts], label: int | None, flaw: Flaw | None
) -> dict[Split, int]:
    """How many samples each split has of what is chosen."""
    if label is None and flaw is None:
        return {part.split: part.count for part in filled}
    found = (samples.listing(house, job_id, part.split, label=label, problem=flaw, limit=1) for part in filled)
    return {part.split: page.total or 0 for part, page in zip(filled, found, strict=True)}


def _legend(facts: Facts) -> list[tuple[str, str]]:
    """Every class with its colour."""
    from gradus.data.showing import colour_of

    palette = facts.palette if isinstance(facts, GenericFacts) else []
    return [(name, colour_of(number, palette)) for number, name in enumerate(facts.labels)]


def _cell(facts: Facts) -> int:
    """How wide a sample is shown at first: large enough to see what is marked in it."""
    if isinstance(facts, GenericFacts):
        return LARGE
    return SMALL if facts.width < 128 else 136


def _aspect(facts: Facts) -> float:
    """The shape of a cell, width by height: that of all pictures, within bounds; a square where they differ."""
    if isinstance(facts, GenericFacts):
        shape = facts.splits[0].feature.shape
        width, height = (shape[2], shape[1]) if shape else (1, 1)
    else:
        width, height = facts.width, facts.height
    return min(max(width / height, LEAST_ASPECT), MOST_ASPECT)
