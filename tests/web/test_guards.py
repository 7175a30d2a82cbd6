"""Every route of the app against strangers, other hosts and other pages. The routes come from the app itself."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from gradus.web.guards import host_name, is_open, local_target
from gradus.web.shield import POLICY

JOB = "20260101-000000-0123456789"
VALUES = {"split": "train", "index": "0", "phase": "train", "hash": "0", "path": "css/base.css", "network_id": "lenet"}
SAFE = {"GET", "HEAD"}


def routes(app: FastAPI, **values: str) -> list[tuple[str, str]]:
    """(method, path) of every route, its parameters filled in."""
    found = []
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        for name, value in {**VALUES, **values}.items():
            path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
        while "{" in path:
            before, _, rest = path.partition("{")
            path = before + JOB + rest.partition("}")[2]
        found += [(method, path) for method in sorted(route.methods or ())]
    return found


def send(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    """One request; of an event stream only the head is read."""
    with client.stream(method, path, **more) as response:
        if "event-stream" not in response.headers.get("content-type", ""):
            response.read()
        return response


def test_there_are_routes_to_walk(server: Any) -> None:
    found = routes(server.app)
    assert len(found) > 60
    assert ("POST", "/api/v1/datasets") in found
    assert ("GET", "/events") in found
    assert ("POST", "/logout") in found


def test_a53_strangers_are_let_in_nowhere(server: Any) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer " + "x" * 43},
        {"Cookie": f"gradus-{httpx.URL(server.url).port}=" + "y" * 43},
    ):
        client = server.client(**headers)
        for method, path in routes(server.app):
            if is_open(path):
                continue
            server.house.keys._tries._wrong.clear()
            response = send(client, method, path)
            assert response.status_code in (401, 403), (method, path, headers)


def test_a_browser_without_a_session_is_sent_to_the_login(server: Any) -> None:
    client = server.client(Accept="text/html")
    response = client.get("/models/new/classification?dataset=1")
    assert response.status_code == 303
    assert response.headers["location"] == "/login?next=%2Fmodels%2Fnew%2Fclassification%3Fdataset%3D1"
    assert client.get("/", headers={"HX-Request": "true"}).headers["HX-Redirect"].startswith("/login")


def test_a52_another_host_name_is_refused_on_every_method_and_route(server: Any) -> None:
    client = server.program()
    for method, path in [*routes(server.app), ("DELETE", "/nothing"), ("OPTIONS", "/"), ("PATCH", "/healthz")]:
        response = send(client, method, path, headers={"Host": "evil.example"})
        assert response.status_code == 400, (method, path)
    port = httpx.URL(server.url).port
    for name in (
        f"localhost:{port}",
        "localhost",
        f"127.0.0.1:{port}",
        "127.0.0.1",
        "[::1]",
        f"[::1]:{port}",
        "LOCALHOST",
    ):
        assert client.get("/api/v1/jobs", headers={"Host": name}).status_code == 200, name
    for name in ("localhost.evil.example", "127.0.0.1.nip.io", "", "192.168.1.1", "localhost@evil.example", "0.0.0.0"):
        assert client.get("/api/v1/jobs", headers={"Host": name}).status_code == 400, name


def test_a51_what_changes_something_needs_the_session_token_and_our_origin(server: Any) -> None:
    browser = server.browser(csrf=False)
    token = server.browser().headers["X-CSRF-Token"]
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": server.url}
    unsafe = [(method, path) for method, path in routes(server.app) if method not in SAFE and path != "/login"]
    assert len(unsafe) > 15
    for method, path in unsafe:
        for headers in (
            ours,  # no token
            {**ours, "X-CSRF-Token": "wrong"},
            {**ours, "X-CSRF-Token": token},  # of another session
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
            {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
            {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        ):
            response = send(browser, method, path, headers=headers)
            assert response.status_code == 403, (method, path, headers)
            assert "out of date" in response.text or "another web page" in response.text


def test_a51_a_foreign_page_is_refused_even_with_the_token_and_without_auth(server: Any, open_server: Any) -> None:
    for client in (server.browser(), open_server.client()):
        for headers in (
            {"Sec-Fetch-Site": "cross-site"},
            {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-site"},
        ):
            assert client.post("/api/v1/tokens", json={"name": "x"}, headers=headers).status_code == 403
            assert send(client, "GET", "/events", headers=headers).status_code == 403
    assert server.house.keys.tokens() == open_server.house.keys.tokens() == []


def test_the_session_token_comes_in_a_header_or_as_the_first_field_of_a_form(server: Any) -> None:
    browser, plain = server.browser(), server.browser(csrf=False)
    secret, caller = server.house.keys.sign_in(server.house.keys.start_token, "test")
    plain.cookies.set(f"gradus-{httpx.URL(server.url).port}", secret)
    assert browser.post("/logout").status_code == 303
    form = {"csrf": caller.csrf, "x": "1"}
    assert plain.post("/logout", data={**form, "csrf": "wrong"}).status_code == 403
    late = {"files": {"x": (None, "1"), "csrf": (None, caller.csrf)}}
    assert plain.post("/logout", **late).status_code == 403
    assert plain.post("/logout", files={"csrf": (None, caller.csrf), "x": ("a.png", b"1" * 100_000)}).status_code == 303
    assert server.house.keys.session(secret) is None


def test_a_bearer_needs_no_token_of_a_page(server: Any) -> None:
    assert server.program().post("/api/v1/tokens", json={"name": "x"}).status_code == 201


def test_without_auth_a_program_needs_nothing_and_a_page_its_token(open_server: Any) -> None:
    client = open_server.client()
    assert client.get("/api/v1/jobs").status_code == 200
    assert client.post("/api/v1/networks/draw", json={}).status_code == 422
    assert client.post("/api/v1/networks/draw", json={}, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 403
    assert client.post("/api/v1/token/rotate").status_code == 409


def test_every_answer_has_the_policy_and_is_not_kept(server: Any) -> None:
    browser, program = server.browser(), server.program()
    for method, path in routes(server.app):
        for client in (browser, program, server.client()):
            if method in SAFE:
                response = send(client, method, path)
                assert response.headers["content-security-policy"] == POLICY, (method, path)
                assert response.headers["x-content-type-options"] == "nosniff"
                assert response.headers["x-frame-options"] == "DENY"
                if not path.startswith("/static/"):
                    assert response.headers["cache-control"] == "private, no-store", (method, path)
    assert POLICY == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )


def test_d29_no_get_changes_anything(server: Any, options: dict[str, object]) -> None:
    program = server.program()
    dataset = program.post("/api/v1/datasets", json=options).json()["id"]
    model = program.post("/api/v1/models", json={"name": "m", "dataset": dataset}).json()["id"]
    browser = server.browser()
    browser.get("/")
    before = state(server.house.home.path)
    for job_id in (dataset, model):
        found = routes(server.app, job_id=job_id, dataset_id=dataset, model_id=model)
        for method, path in found:
            if method in SAFE:
                send(browser, method, path)
                send(program, method, path)
    assert state(server.house.home.path) == before


def state(home: Path) -> tuple[dict[str, str], list[str]]:
    """All files of the jobs by digest, and the database's content but for when a token was last used."""
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (home / "jobs").rglob("*")
        if path.is_file()
    }
    with sqlite3.connect(f"file:{home}/gradus.db?mode=ro", uri=True) as database:
        return files, list(database.iterdump())


@pytest.mark.parametrize(
    "text",
    ["//evil", "https://evil", "/\\evil", "\\\\evil", "javascript:alert(1)", "", None, "evil", "/a\nb", "/\t/evil",
     "/ x", "/a\\b", "///evil", "http:///evil"],
)  # fmt: skip
def test_a55_nothing_leads_away_after_signing_in(text: str | None) -> None:
    assert local_target(text) == "/"


def test_a_path_of_ours_is_gone_to() -> None:
    assert local_target("/models/1?x=//evil#y") == "/models/1?x=//evil#y"


@pytest.mark.parametrize(
    ("text", "name"),
    [("localhost:5000", "localhost"), ("[::1]:5000", "::1"), ("::1", "::1"), ("Example.ORG.", "example.org"), ("", "")],
)
def test_the_name_of_a_host_is_found(text: str, name: str) -> None:
    assert host_name(text) == name
