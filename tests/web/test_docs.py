"""The reference of the API as a page."""

from typing import Any


def test_answers_are_called_by_what_they_hold(server: Any) -> None:
    page = server.browser().get("/api/v1/docs").text
    assert "page of Job" in page
    assert "list of Snapshot" in page
    assert "Page_" not in page
    assert "Body_" not in page


def test_the_reference_needs_nothing_from_elsewhere(server: Any) -> None:
    page = server.browser().get("/api/v1/docs").text
    assert "<style" not in page
    assert not [part for part in page.split('"') if part.startswith(("http://", "https://", "//"))]
