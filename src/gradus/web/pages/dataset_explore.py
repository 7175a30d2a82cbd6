"""The samples of a dataset, by database and class."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from gradus.core.dataset import Split
from gradus.services import datasets, samples
from gradus.web.pages.datasets import show
from gradus.web.pages.given import GivenHouse

router = APIRouter()
SAMPLES_A_PAGE = 60
MOST_PAGES = 10**7


@router.get("/datasets/{job_id}/explore")
def explore(
    request: Request, house: GivenHouse, job_id: str, split: Split | None = None, label: str = "", page: int = 1
) -> Response:
    """A page of the samples of one split, of one class if that is chosen."""
    view = datasets.view(house, job_id)
    facts = view.facts
    filled = [s for s in facts.splits if s.count] if facts else []
    if not facts or not filled:
        return show(request, house, view, "explore", facts=None)
    chosen = next((s for s in filled if s.split == split), filled[0])
    number = int(label) if label.isascii() and label.isdigit() and int(label) < len(facts.labels) else None
    page = max(1, min(page, MOST_PAGES))
    first = (page - 1) * SAMPLES_A_PAGE
    found = samples.listing(house, job_id, chosen.split, label=number, offset=first, limit=SAMPLES_A_PAGE)
    total = found.total or 0
    return show(
        request, house, view, "explore", facts=facts, splits=filled, chosen=chosen, label=number, samples=found.items,
        page=page, pages=max(1, -(-total // SAMPLES_A_PAGE)), total=total, first=first + 1,
    )  # fmt: skip
