import pytest

from gradus.core.job import Job, JobKind
from gradus.core.state import JobState
from gradus.core.view.dataset import KindView
from gradus.web.pages import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"),
     (59.4, "59 s"), (200, "3 m 20 s"), (7500, "2 h 5 m"), (90000, "1 d 1 h"), (None, "–")],
)  # fmt: skip
def test_span(seconds, text) -> None:
    assert words.span(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01, "0.01"), (0.00001, "1e-5"), (1.23456e-7, "1.23e-7"), (2.30258, "2.303"), (0, "0"), (5e9, "5e9"),
     (float("nan"), "–"), (float("inf"), "–"), (None, "–")],
)  # fmt: skip
def test_figure_is_short_and_never_nan(value, text) -> None:
    assert words.figure(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (None, "–")]
)
def test_size_is_binary(value, text) -> None:
    assert words.size(value) == text


def test_short() -> None:
    assert [words.short(v) for v in (431_080, 2_293_000, 12)] == ["431 k", "2.29 M", "12"]


def test_time_left_is_told_only_when_it_can_be_known() -> None:
    job = Job(
        id="20260101-000000-0123456789", kind=JobKind.MODEL, type="classification", name="n", state=JobState.RUNNING,
        created=0, started=0, finished=30, progress=0.25,
    )  # fmt: skip
    assert words.left(job) == "1 m 30 s left"
    assert words.left(job.model_copy(update={"progress": 0.001})) == ""
    assert words.left(job.model_copy(update={"state": JobState.DONE})) == ""


def test_a_problem_names_its_line_once() -> None:
    assert words.placed("unknown layer", 3) == "Line 3: Unknown layer."
    assert words.placed("line 3: unknown layer", 3) == "Line 3: unknown layer."
    assert words.placed("it failed!", None) == "It failed!"


@pytest.mark.parametrize(
    ("category", "title", "called"),
    [
        ("Images", "Object Detection", "Image Object Detection Dataset"), ("Images", "Other", "Other Image Dataset"),
        ("Text", "Classification", "Text Classification Dataset"), ("Import", "DIGITS", "DIGITS Dataset"),
    ],
)  # fmt: skip
def test_datasets_are_called_by_their_kinds(category, title, called) -> None:
    assert words.heading(KindView(id="k", title=title, category=category)) == called
