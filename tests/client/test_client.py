"""The client against a wire that we hold in our hands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gradus.client import ClassificationOptions, Client, TrainingOptions
from gradus.core.dataset import Split
from gradus.core.errors import ConflictError, FormError, GradusError, NotFoundError, UnavailableError
from gradus.core.event import Progress
from gradus.core.state import JobState

Wire = Any  # tests/client/conftest.py
JOB = "20261120-113000-0123456789"


def test_importing_gradus_is_cheap_and_free_of_torch() -> None:
    code = "import sys, gradus; print(sorted({'torch', 'httpx', 'pydantic', 'typer'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_client_is_torch_free_and_reachable_from_the_top() -> None:
    code = "import sys; from gradus import Client, __version__; print(Client.__name__, 'torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "Client False\n"
    )


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a server's address"):
        Client("localhost:5000")


def test_the_token_travels_as_a_bearer(wire: Wire) -> None:
    wire.on("GET", "/networks", (200, []))
    with Client(wire.url + "/", "s3cret") as client:
        assert client.networks.list() == []
    assert wire.requests[0].headers["Authorization"] == "Bearer s3cret"


def test_address_and_token_come_from_the_environment(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.on("GET", "/devices", (200, [{"id": "cpu", "name": "a processor"}]))
    monkeypatch.setenv("GRADUS_URL", wire.url)
    monkeypatch.setenv("GRADUS_TOKEN", "from-env")
    with Client() as client:
        assert [device.id for device in client.system.devices()] == ["cpu"]
    assert wire.requests[0].headers["Authorization"] == "Bearer from-env"


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody listens there
    wire.on("GET", "/networks", (200, []))
    with Client(wire.url) as client:
        assert client.networks.list() == []


def test_options_travel_whole_with_a_key_of_their_own(wire: Wire) -> None:
    wire.on("POST", "/datasets", (202, wire.job(kind="dataset")))
    options = ClassificationOptions(name="pets", train="/data/pets", width=32, height=32)
    with Client(wire.url) as client:
        created = client.datasets.create(options)
        client.datasets.create(options)
    assert created.id == JOB
    assert ClassificationOptions.model_validate_json(wire.requests[0].body) == options
    keys = {request.headers["Idempotency-Key"] for request in wire.requests}
    assert len(keys) == 2


def test_a_request_cut_off_is_repeated_under_the_same_key(wire: Wire) -> None:
    wire.on("POST", "/models", None, (202, wire.job()))
    with Client(wire.url) as client:
        client.models.create(TrainingOptions(name="m", dataset=JOB))
    first, second = wire.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_deleting_is_not_repeated(wire: Wire) -> None:
    wire.on("DELETE", f"/jobs/{JOB}", None)
    with Client(wire.url) as client, pytest.raises(UnavailableError):
        client.jobs.delete(JOB)
    assert len(wire.requests) == 1


def test_a_server_that_is_not_there_is_named() -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(UnavailableError) as caught:
        client.networks.list()
    assert "http://127.0.0.1:9" in str(caught.value)
    assert "gradus serve" in (caught.value.problem.hint or "")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(404, "not_found", NotFoundError), (409, "conflict", ConflictError), (409, "a_finer_code", ConflictError)],
)
def test_a_problem_is_raised_as_the_error_it_stands_for(
    wire: Wire, status: int, code: str, kind: type[GradusError]
) -> None:
    body = {"type": "about:blank", "title": "t", "detail": "what happened", "code": code, "hint": "do this", "line": 7}
    wire.on("GET", f"/models/{JOB}", (status, body))
    with Client(wire.url) as client, pytest.raises(kind) as caught:
        client.models.get(JOB)
    assert str(caught.value) == "what happened"
    assert (caught.value.problem.hint, caught.value.problem.line) == ("do this", 7)


def test_every_field_of_a_form_is_named(wire: Wire) -> None:
    errors = [{"code": "invalid_input", "message": f"bad {f}", "field": f} for f in ("width", "height")]
    wire.on("POST", "/datasets", (422, {"code": "invalid_form", "detail": "two", "errors": errors}))
    with Client(wire.url) as client, pytest.raises(FormError) as caught:
        client.datasets.create(ClassificationOptions(name="n", train="/t"))
    assert [problem.field for problem in caught.value.problems()] == ["width", "height"]


@pytest.mark.parametrize("answer", [(502, b"<html>bad gateway</html>"), (200, {"what": "is this"})])
def test_an_answer_of_somebody_else_is_an_error_of_ours(wire: Wire, answer: tuple[int, object]) -> None:
    wire.on("GET", f"/jobs/{JOB}", answer)
    with Client(wire.url) as client, pytest.raises(GradusError) as caught:
        client.jobs.get(JOB)
    assert caught.value.problem.code in ("http_502", "unexpected_answer")


def test_a_server_that_ends_while_it_answers_is_unavailable(wire: Wire) -> None:
    """uvicorn's own words for a request that it had to give up."""
    wire.on("GET", f"/jobs/{JOB}", (500, b"Internal Server Error"))
    with Client(wire.url) as client, pytest.raises(UnavailableError):
        client.jobs.get(JOB)


def test_the_same_key_asks_for_the_same_thing(wire: Wire) -> None:
    wire.on("POST", "/models", (201, wire.job()))
    with Client(wire.url) as client:
        client.models.create(TrainingOptions(name="m", dataset=JOB), key="k1")
    assert wire.requests[0].headers["Idempotency-Key"] == "k1"


def test_a_list_is_read_page_by_page(wire: Wire) -> None:
    wire.on(
        "GET", "/jobs", (200, {"items": [wire.job()], "next": "c1"}), (200, {"items": [wire.job("done")], "next": None})
    )
    with Client(wire.url) as client:
        assert [found.state for found in client.jobs.list(kind="model")] == [JobState.RUNNING, JobState.DONE]
    assert [request.query for request in wire.requests] == [{"kind": "model"}, {"kind": "model", "cursor": "c1"}]


def test_following_gives_every_event_once_until_the_end(wire: Wire) -> None:
    path = f"/jobs/{JOB}/events"
    pages = [
        {"events": [wire.event(1), wire.event(2)], "next": 2, "job": wire.job()},
        {"events": [], "next": 2, "job": wire.job()},
        {"events": [wire.event(3)], "next": 3, "job": wire.job("done")},
        {"events": [], "next": 3, "job": wire.job("done")},
    ]
    wire.on("GET", path, *((200, page) for page in pages))
    with Client(wire.url) as client:
        followed = list(client.jobs.follow(JOB))
    assert [found.seq for found in followed] == [1, 2, 3]
    assert all(isinstance(found, Progress) for found in followed)
    assert [request.query["after"] for request in wire.requests] == ["0", "2", "2", "3"]


def test_the_last_words_are_not_missed_when_the_state_changes_first(wire: Wire) -> None:
    """The state is `done` already while the last event is still to be read."""
    pages = [
        {"events": [], "next": 0, "job": wire.job("done")},
        {"events": [wire.event(1)], "next": 1, "job": wire.job("done")},
        {"events": [], "next": 1, "job": wire.job("done")},
    ]
    wire.on("GET", f"/jobs/{JOB}/events", *((200, page) for page in pages))
    with Client(wire.url) as client:
        assert [found.seq for found in client.jobs.follow(JOB)] == [1]


def test_following_survives_a_server_that_comes_back(wire: Wire) -> None:
    wire.on(
        "GET", f"/jobs/{JOB}/events",
        (200, {"events": [wire.event(1)], "next": 1, "job": wire.job()}),
        None, None, None, None,
        (503, {"code": "unavailable", "detail": "starting"}),
        (200, {"events": [wire.event(2)], "next": 2, "job": wire.job("aborted")}),
        (200, {"events": [], "next": 2, "job": wire.job("aborted")}),
    )  # fmt: skip
    with Client(wire.url) as client:
        assert client.jobs.wait(JOB).state == JobState.ABORTED
    assert wire.requests[-1].query["after"] == "2"


def test_patience_ends(wire: Wire) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(UnavailableError):
        client.jobs.wait(JOB, patience=0)


def test_pictures_are_uploaded_under_their_names(wire: Wire, tmp_path: Path) -> None:
    file = tmp_path / "séven 7.png"
    file.write_bytes(b"\x89PNG picture")
    problem = {"code": "image_error", "message": "not a picture"}
    answer = [
        {"input": "a", "prediction": {"input": "a", "classes": [], "snapshot": "s", "epoch": 1, "milliseconds": 2}},
        {"input": "b", "problem": problem},
    ]
    wire.on("POST", f"/models/{JOB}/predictions", (200, answer))
    with Client(wire.url) as client:
        good, bad = client.models.predict(JOB, [file, ("b", b"junk")], top=3)
    assert good.prediction is not None
    assert good.problem is None
    assert bad.problem is not None
    assert wire.requests[0].query == {"top": "3"}
    assert b"\x89PNG picture" in wire.requests[0].body
    assert 'filename="séven 7.png"'.encode() in wire.requests[0].body


def test_an_evaluation_is_asked_for_by_split(wire: Wire) -> None:
    answer = {
        "split": "val", "snapshot": "s", "count": 4, "top1": 0.75, "top5": 1.0, "labels": ["a", "b"],
        "confusion": [[2, 0], [1, 1]],
    }  # fmt: skip
    wire.on("POST", f"/models/{JOB}/evaluations", (200, answer))
    with Client(wire.url) as client:
        assert client.models.evaluate(JOB, Split.VAL).confusion == [[2, 0], [1, 1]]
    assert wire.requests[0].query == {"split": "val"}


def test_a_drawn_network_carries_the_text_and_what_it_is_for(wire: Wire) -> None:
    from gradus.core.network import NetworkInput

    graph = {
        "name": "n", "phase": "deploy", "nodes": [], "edges": [], "inputs": [], "outputs": [], "parameters": 0,
        "multiply_adds": 0, "batch_size": 1,
    }  # fmt: skip
    wire.on("POST", "/networks/draw", (200, graph))
    given = NetworkInput(width=28, height=28, channels=1, classes=10)
    with Client(wire.url) as client:
        assert client.networks.draw('name: "n"', given, "deploy").phase == "deploy"
    sent = json.loads(wire.requests[0].body)
    assert (sent["text"], sent["given"]["classes"], sent["phase"]) == ('name: "n"', 10, "deploy")


def test_datasets_of_any_kind_are_asked_for_with_plain_values(wire: Wire) -> None:
    wire.on("POST", "/datasets", (201, wire.job()))
    wire.on("GET", "/kinds", (200, [{"id": "text", "title": "T", "category": "C", "options": {"type": "object"}}]))
    wire.on("GET", "/plugins", (200, [{"name": "p", "distribution": "d", "version": "1", "error": "E"}]))
    with Client(wire.url) as client:
        client.datasets.create({"type": "text", "name": "n", "count": 3, "deep": [1.5, None]})
        assert json.loads(wire.requests[-1].body) == {"type": "text", "name": "n", "count": 3, "deep": [1.5, None]}
        (kind,) = client.kinds()
        assert (kind.id, kind.options) == ("text", {"type": "object"})
        assert client.plugins()[0].error == "E"
