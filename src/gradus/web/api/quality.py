"""`/datasets/{id}/quality`, all that is known of a sample, and new versions"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from gradus.core.dataset import Split
from gradus.core.flaw import Flaw
from gradus.core.job import Job
from gradus.core.quality import Lineage, Note, Pair, QualityView, SampleDetail, Similar, VersionOptions
from gradus.core.view.page import Page
from gradus.services import quality
from gradus.services.auth import CallerKind
from gradus.web.api.body import StrictBody, StrictRoute
from gradus.web.api.common import (
    CHANGES,
    CREATES,
    READS,
    Cursor,
    GivenCaller,
    GivenHouse,
    GivenKey,
    Limit,
    position,
)

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["datasets"], route_class=StrictRoute)

CALLERS: dict[CallerKind, str] = {
    "session": "somebody at a browser",
    "token": "a program with a token",
    "local": "the user of this machine",
    "open": "somebody; no token is asked for here",
}
Alike = Literal["exact-duplicates", "near-duplicates", "leaks", "conflicts"]


@router.get("/quality", responses=READS)
def get_quality(house: GivenHouse, dataset_id: str) -> QualityView:
    """What was found about its samples: duplicates, leaks, odd pictures, balance, and how measures are spread."""
    return quality.view(house, dataset_id)


@router.get("/quality/pairs", responses=READS)
def list_pairs(
    house: GivenHouse,
    dataset_id: str,
    kind: Annotated[Alike | None, Query(description="Only pairs of this finding.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Pair]:
    """Pairs of samples that are alike; of two the first is the one that a new version keeps."""
    flaw = None if kind is None else Flaw(kind)
    return quality.pairs(house, dataset_id, flaw, offset=position(cursor), limit=limit)


@router.post("/quality/acknowledgement", responses=CHANGES)
def acknowledge_leaks(house: GivenHouse, caller: GivenCaller, dataset_id: str, note: StrictBody[Note]) -> QualityView:
    """Say why leaks may stay; it is not warned of them any more."""
    return quality.acknowledge(house, dataset_id, note, by=CALLERS[caller.kind])


@router.delete("/quality/acknowledgement", responses=CHANGES)
def withdraw_acknowledgement(house: GivenHouse, dataset_id: str) -> QualityView:
    """Take that back; it is warned of leaks again."""
    return quality.withdraw(house, dataset_id)


@router.get("/samples/{split}/{index}", responses=READS)
def get_sample_detail(house: GivenHouse, dataset_id: str, split: Split, index: int) -> SampleDetail:
    """All that is known of one sample: its file, size, hashes, brightness, class and flaws."""
    return quality.detail(house, dataset_id, split, index)


@router.get("/samples/{split}/{index}/similar", responses=READS)
def list_similar(
    house: GivenHouse,
    dataset_id: str,
    split: Split,
    index: int,
    limit: Annotated[int, Query(ge=1, le=quality.MOST_SIMILAR)] = 12,
) -> list[Similar]:
    """The samples of all splits that look most like one, the nearest first."""
    return quality.similar(house, dataset_id, split, index, limit=limit)


@router.get("/versions", responses=READS)
def get_versions(house: GivenHouse, dataset_id: str) -> Lineage:
    """Which dataset this is a version of, and which are versions of it."""
    return quality.lineage(house, dataset_id)


@router.post("/versions", status_code=201, responses=CREATES)
def create_version(
    house: GivenHouse,
    caller: GivenCaller,
    dataset_id: str,
    options: StrictBody[VersionOptions],
    key: GivenKey,
    response: Response,
) -> Job:
    """Start building the same dataset without the samples of some findings. Of pictures that are alike one stays."""
    job = quality.make_version(house, dataset_id, options, unrestricted=caller.unrestricted, key=key)
    response.headers["Location"] = f"/api/v1/datasets/{job.id}"
    return job
