"""What was found about a dataset's samples, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gradus.core.dataset import Split
from gradus.core.errors import GradusError, InputError
from gradus.core.flaw import OF_SAMPLES, Flaw
from gradus.core.quality import Histogram, Note, VersionOptions
from gradus.services import datasets, forms, quality
from gradus.services.house import House
from gradus.web.pages import words
from gradus.web.pages.datasets import show
from gradus.web.pages.given import Entered, GivenHouse, Unrestricted

router = APIRouter()
TITLES = {
    "width": "Width of the files", "height": "Height of the files", "aspect": "Width by height",
    "brightness": "Brightness", "contrast": "Contrast", "bytes": "Size of the files",
}  # fmt: skip
SEVERITIES = ("serious", "warning", "note")
HEIGHT = 64.0  # of a drawn histogram


@dataclass(frozen=True)
class Bar:
    """One bin of one split, as drawn: 100 wide, HEIGHT high."""

    split: Split
    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True)
class Drawing:
    """A histogram with the splits side by side in each bin, each split as shares of its own samples."""

    title: str
    low: str
    high: str
    bars: list[Bar]
    alike: bool  # all samples are in one bin, at `low`


@router.get("/datasets/{job_id}/quality")
def page(request: Request, house: GivenHouse, job_id: str) -> Response:
    """Leaks, duplicates, suspicious files, balance and distributions."""
    return _show(request, house, job_id)


@router.post("/datasets/{job_id}/quality")
def answer(request: Request, house: GivenHouse, job_id: str, entered: Entered, unrestricted: Unrestricted) -> Response:
    """Say why the leaks may stay, let them be warned of again, or make a version without what was ticked."""
    without = [flaw.value for flaw in OF_SAMPLES if f"without-{flaw}" in entered]
    try:
        if entered.get("do") == "version":
            if not without:
                raise InputError("Nothing is ticked that is to be left out", hint="Tick at least one finding")
            asked = forms.read(VersionOptions, {"without": without, "name": entered.get("name", "")})
            made = quality.make_version(house, job_id, asked, unrestricted=unrestricted)
            return RedirectResponse(f"/datasets/{made.id}", status_code=303)
        if entered.get("do") == "withdraw":
            quality.withdraw(house, job_id)
        else:
            quality.acknowledge(house, job_id, forms.read(Note, entered), by="the page")
    except GradusError as error:
        return _show(request, house, job_id, error, without)
    return RedirectResponse(f"/datasets/{job_id}/quality", status_code=303)


def _show(
    request: Request, house: House, job_id: str, error: GradusError | None = None, without: Sequence[str] = ()
) -> Response:
    view = datasets.view(house, job_id)
    found = quality.view_or_none(house, job_id)
    drawings = [_drawn(histogram) for histogram in found.quality.histograms] if found else []
    findings = [finding for finding in found.quality.findings if finding.kind is not Flaw.SUSPICIOUS] if found else []
    return show(
        request, house, view, "quality", status=error.status if error else 200, found=found, drawings=drawings,
        findings=sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)),
        ticked=set(without) if error else {f.kind.value for f in findings if f.severity != "note"},
        problems=error.problems() if error else [], of_samples=set(OF_SAMPLES),
    )  # fmt: skip


def _drawn(histogram: Histogram) -> Drawing:
    filled = {split: counts for split, counts in histogram.counts.items() if sum(counts)}
    shares = {split: [count / sum(counts) for count in counts] for split, counts in filled.items()}
    largest = max((max(each) for each in shares.values()), default=0) or 1
    return Drawing(
        TITLES[histogram.name], _amount(histogram, 0), _amount(histogram, -1), list(_bars(histogram, shares, largest)),
        len(histogram.edges) == 2,
    )  # fmt: skip


def _bars(histogram: Histogram, shares: dict[Split, list[float]], largest: float) -> Iterator[Bar]:
    bins = len(histogram.edges) - 1
    for number, (split, values) in enumerate(shares.items()):
        width = 100 / bins / len(shares)
        for place, share in enumerate(values):
            if share:
                tall = max(1.0, HEIGHT * share / largest)
                between = f"{_amount(histogram, place)} to {_amount(histogram, place + 1)}"
                says = f"{words.SPLITS[split]}: {words.count(histogram.counts[split][place])} of {between}"
                at = place * 100 / bins + number * width
                yield Bar(split, round(at, 2), round(HEIGHT - tall, 2), round(width * 0.92, 2), round(tall, 2), says)


def _amount(histogram: Histogram, place: int) -> str:
    value = histogram.edges[place]
    return words.size(value) if histogram.name == "bytes" else words.figure(value)
