"""Numbers, sizes and times as a person reads them."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

from gradus.core.dataset import Split
from gradus.core.job import Job
from gradus.core.network import Phase
from gradus.core.state import ACTIVE, JobState
from gradus.core.view.dataset import KindView

STATE_WORDS = {
    JobState.WAITING: "Waiting",
    JobState.STARTING: "Starting",
    JobState.RUNNING: "Running",
    JobState.ABORTING: "Aborting",
    JobState.DONE: "Done",
    JobState.ABORTED: "Aborted",
    JobState.ERROR: "Failed",
}
SPLITS = {Split.TRAIN: "Training", Split.VAL: "Validation", Split.TEST: "Test"}
PHASES: dict[Phase, str] = {"train": "Training", "val": "Validation", "deploy": "Deploy"}
STATE_ICONS = {
    JobState.WAITING: "hourglass",
    JobState.STARTING: "loader-circle",
    JobState.RUNNING: "loader-circle",
    JobState.ABORTING: "loader-circle",
    JobState.DONE: "circle-check",
    JobState.ABORTED: "circle-slash",
    JobState.ERROR: "circle-x",
}


def sent(source: str) -> str:
    """A path as it is; a file that was sent by its name."""
    return f"{source.rpartition('/')[2]} (sent)" if source.startswith("upload:") else source


def count(value: float) -> str:
    """12345 as "12,345"."""
    return f"{value:,.0f}"


def size(value: float | None) -> str:
    """Bytes with a binary unit: "1.5 MiB"."""
    if value is None:
        return "–"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def short(value: float | None) -> str:
    """A large number in few characters: "431 k", "2.29 M"."""
    if value is None:
        return "–"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.0f}"


def span(seconds: float | None) -> str:
    """A duration: "0.4 s", "3 m 20 s", "2 h 5 m"."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def figure(value: float | None) -> str:
    """A measured number with about four significant digits."""
    if value is None or not math.isfinite(value):
        return "–"
    if value != 0 and (abs(value) < 1e-3 or abs(value) >= 1e6):
        digits, _, power = f"{value:.2e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    return f"{value:.4g}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share from 0 to 1 as "98.6 %"."""
    return "–" if value is None or not math.isfinite(value) else f"{value * 100:.{digits}f} %"


def iso(moment: float) -> str:
    """Unix seconds as an ISO time in UTC, for `<time datetime>`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def clock(moment: float) -> str:
    """Unix seconds as a readable UTC time, shown until JavaScript makes it local."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"


def taken(job: Job) -> float | None:
    """Seconds from start to end, or to now while it runs."""
    if job.started is None:
        return None
    return (job.finished if job.finished is not None else time.time()) - job.started


def left(job: Job) -> str:
    """How long it will still take at the pace so far, in words; empty while nobody can know."""
    passed = taken(job)
    if job.state not in ACTIVE or passed is None or job.progress < 0.01 or job.progress >= 1:
        return ""
    return f"{span(passed * (1 - job.progress) / job.progress)} left"


def sentence(text: str) -> str:
    """A message with a capital at its start and a full stop at its end."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?", ":", "…")) else f"{text}."


def placed(message: str, line: int | None) -> str:
    """A message as a sentence that names its line, once."""
    told = sentence(message)
    return told if line is None or f"line {line}" in told.lower() else f"Line {line}: {told}"


def heading(kind: KindView) -> str:
    """What a dataset of a kind is called: "Image Segmentation Dataset", as DIGITS does."""
    if kind.category == "Import":
        return f"{kind.title} Dataset"
    matter = kind.category.removesuffix("s")
    return f"{kind.title} {matter} Dataset" if kind.title == "Other" else f"{matter} {kind.title} Dataset"
