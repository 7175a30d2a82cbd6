from __future__ import annotations

from typing import Any

import httpx


def test_the_address_of_the_terminal_opens_a_session_and_loses_its_token(server: Any) -> None:
    client = server.client(Accept="text/html")
    token = server.house.keys.start_token
    response = client.get(f"/?token={token}&tab=models")
    assert response.status_code == 303
    assert response.headers["location"] == "/?tab=models"
    cookie = response.headers["set-cookie"]
    port = httpx.URL(server.url).port
    assert cookie.startswith(f"gradus-{port}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=1209600" in cookie
    assert token not in cookie
    assert client.get("/").status_code == 200


def test_a_session_is_always_new(server: Any) -> None:
    client = server.client()
    name = f"gradus-{httpx.URL(server.url).port}"
    client.cookies.set(name, "fixed-by-an-attacker-0123456789")
    client.get(f"/?token={server.house.keys.start_token}")
    client.cookies.delete(name, domain="")
    assert client.cookies[name] != "fixed-by-an-attacker-0123456789"


def test_the_form_signs_in_and_leads_back(server: Any) -> None:
    client = server.client(Accept="text/html")
    assert client.get("/login?next=/jobs").status_code == 200
    wrong = client.post("/login", data={"token": "wrong-token-0123456789", "next": "/jobs"})
    assert wrong.status_code == 401
    assert "wrong-token" not in wrong.text
    right = client.post("/login", data={"token": f" {server.house.keys.start_token} ", "next": "//evil"})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    assert client.get("/login?next=/jobs").headers["location"] == "/jobs"


def test_signing_in_from_another_page_is_refused(server: Any) -> None:
    data = {"token": server.house.keys.start_token}
    response = server.client().post("/login", data=data, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


def test_signing_out_ends_the_session_on_the_server(server: Any) -> None:
    browser = server.browser()
    assert browser.get("/").status_code == 200
    secret = browser.cookies[f"gradus-{httpx.URL(server.url).port}"]
    assert browser.post("/logout").status_code == 303
    browser.cookies.set(f"gradus-{httpx.URL(server.url).port}", secret)
    assert browser.get("/").status_code == 303


def test_a53_wrong_tokens_are_counted(server: Any) -> None:
    client = server.client()
    statuses = [
        client.get("/api/v1/jobs", headers={"Authorization": f"Bearer wrong-{n:020}"}).status_code for n in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2
    limited = client.get("/?token=wrong-0123456789abcdef")
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0


def test_tokens_are_made_listed_and_revoked(server: Any) -> None:
    program = server.program()
    made = program.post("/api/v1/tokens", json={"name": "<b>script</b>"}).json()
    own = server.client(Authorization=f"Bearer {made['token']}")
    assert own.get("/api/v1/jobs").status_code == 200
    listed = program.get("/api/v1/tokens")
    assert [token["name"] for token in listed.json()] == ["<b>script</b>"]
    assert made["token"] not in listed.text
    assert program.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert own.get("/api/v1/jobs").status_code == 401
    rotated = server.owner().post("/api/v1/token/rotate").json()["token"]
    assert program.get("/api/v1/jobs").status_code == 401
    assert server.client(Authorization=f"Bearer {rotated}").get("/api/v1/jobs").status_code == 200
