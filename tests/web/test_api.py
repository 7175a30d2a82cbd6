"""REST v1 over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gradus.client import ClassificationOptions, Client, TrainingOptions
from gradus.core.errors import ConflictError, FormError
from gradus.core.event import Metrics, Warned
from gradus.jobs.events import EventWriter

NASTY = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "\u202e", "é☃𝄞", "' OR 1=1 --"]


def make(client: httpx.Client, options: dict[str, object], **more: object) -> str:
    response = client.post("/api/v1/datasets", json={**options, **more})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def test_a_dataset_is_made_shown_edited_and_deleted(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    response = client.post("/api/v1/datasets", json=options)
    assert response.status_code == 201
    job = response.json()
    assert response.headers["location"] == f"/api/v1/datasets/{job['id']}"
    view = client.get(response.headers["location"]).json()
    assert (view["job"]["name"], view["options"]["width"], view["facts"]) == ("pets", 8, None)
    changed = client.patch(f"/api/v1/jobs/{job['id']}", json={"name": "animals"}).json()
    assert changed["name"] == "animals"
    assert client.delete(f"/api/v1/datasets/{job['id']}").status_code == 204
    assert client.get(f"/api/v1/datasets/{job['id']}").status_code == 404


def test_a_dataset_in_use_is_kept_and_its_models_are_named(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    dataset = make(client, options)
    client.post("/api/v1/models", json={"name": "my model", "dataset": dataset})
    response = client.delete(f"/api/v1/datasets/{dataset}")
    assert response.status_code == 409
    assert "my model" in response.json()["detail"]
    assert client.get(f"/api/v1/datasets/{dataset}").json()["models"][0]["name"] == "my model"


def test_the_same_key_makes_one_job(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    key = {"Idempotency-Key": "abc"}
    first, second = (client.post("/api/v1/datasets", json=options, headers=key).json()["id"] for _ in range(2))
    assert first == second
    other = client.post("/api/v1/datasets", json={**options, "name": "other"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    assert client.post("/api/v1/datasets", json=options, headers={"Idempotency-Key": "def"}).json()["id"] != first
    wrong = client.post("/api/v1/datasets", json=options, headers={"Idempotency-Key": "x" * 201})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "Idempotency-Key")
    assert client.get("/api/v1/datasets").json()["total"] == 2


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"validation_percent": 60, "test_percent": 60}, "validation_percent", "more than 100"),
        ({"minimum_per_class": 9, "maximum_per_class": 3}, "maximum_per_class", "smaller than the minimum"),
        ({"validation_percent": -1}, "validation_percent", "must be at least 0"),
        ({"name": "\x1b[31mred"}, "name", "control characters"),
    ],
)
def test_what_is_wrong_with_a_body_is_said_as_on_the_page(
    server: Any, options: dict[str, object], changes: dict[str, object], field: str, words: str
) -> None:
    response = server.program().post("/api/v1/datasets", json=options | changes)
    assert (response.status_code, response.json()["field"]) == (422, field)
    assert response.json()["detail"].endswith(words) or words in response.json()["detail"].split(".")[0]


def test_a_body_that_is_no_object_is_told(server: Any) -> None:
    response = server.program().post("/api/v1/datasets", json=[])
    assert (response.status_code, response.json()["detail"]) == (422, "must be an object")


@pytest.mark.parametrize(
    "value", ["nan", "0x10", "１２", "1_000", "", -1, 0, 1e308, "0.01", True, [], {}, 10**90, -0.0, 1e-400]
)
def test_a62_a_learning_rate_that_is_none_names_its_field(
    server: Any, options: dict[str, object], value: object
) -> None:
    client = server.program()
    body = {"name": "m", "dataset": make(client, options), "learning_rate": value}
    response = client.post("/api/v1/models", json=body)
    assert response.status_code == 422
    assert [problem["field"] for problem in response.json()["errors"]] == ["learning_rate"]


def test_all_problems_are_told_and_each_names_its_field(server: Any, options: dict[str, object]) -> None:
    body = {**options, "name": "", "width": 0, "height": "8", "channels": 2, "epochs": 3, "encoding": "gif"}
    response = server.program().post("/api/v1/datasets", json=body)
    assert response.status_code == 422
    assert response.json()["code"] == "invalid_form"
    told = {problem["field"]: problem["message"] for problem in response.json()["errors"]}
    assert told == {
        "name": "must not be empty", "width": "must be at least 1", "height": "must be a whole number",
        "channels": "must be 1 or 3", "epochs": "is not known here",
        "encoding": "must be 'png', 'jpg', 'raw' or 'auto'",
    }  # fmt: skip


def test_a02_a_path_outside_the_roots_is_forbidden_but_not_to_the_owner(
    server: Any, options: dict[str, object], tmp_path: Path
) -> None:
    outside = tmp_path / "elsewhere"
    Path(str(options["train"])).rename(outside)
    body = {**options, "train": str(outside)}
    response = server.program().post("/api/v1/datasets", json=body)
    assert (response.status_code, response.json()["code"]) == (403, "outside_data_roots")
    assert response.json()["field"] == "train"
    assert server.owner().post("/api/v1/datasets", json=body).status_code == 201
    assert server.program().get("/api/v1/paths", params={"prefix": f"{outside}/"}).json() == []
    assert server.owner().get("/api/v1/paths", params={"prefix": f"{outside}/"}).json() != []


@pytest.mark.parametrize("text", NASTY)
def test_a50_what_a_user_typed_comes_back_as_it_was(server: Any, options: dict[str, object], text: str) -> None:
    client = server.program()
    dataset = make(client, options, name=text)
    response = client.get(f"/api/v1/datasets/{dataset}")
    assert response.json()["job"]["name"] == text
    assert response.headers["content-type"] == "application/json"
    listed = client.get("/api/v1/jobs", params={"q": text}).json()["items"]
    assert [job["id"] for job in listed] == [dataset]


@pytest.mark.parametrize("text", ["\0", "\udcff", "x" * 100_000])
def test_a50_what_is_no_text_is_refused(server: Any, options: dict[str, object], text: str) -> None:
    body = json.dumps({**options, "train": text})
    response = server.program().post("/api/v1/datasets", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert response.json()["field"] == "train"


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fetc%2fpasswd", "%252e%252e%252f", "..;/", "//etc/passwd", "\\..\\..\\", "x%00", "é", "x" * 300],
)
def test_a01_a04_no_path_leads_to_a_file(server: Any, path: str) -> None:
    client = server.program()
    for prefix in (
        "/api/v1/jobs/",
        "/api/v1/datasets/",
        "/api/v1/models/",
        "/static/",
        "/static/0/",
        "/models/",
        "/files/",
    ):
        response = client.get(httpx.URL(server.url + prefix + path), follow_redirects=False)
        assert response.status_code in (303, 307, 404), prefix
        assert "root:" not in response.text


def test_lists_are_paged_by_cursor(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    made = [make(client, options, name=f"d{number}") for number in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get("/api/v1/datasets", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        assert page["total"] == 5
        seen += [job["id"] for job in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]
    for wrong in ("nonsense", "eyJ9", "é"):
        response = client.get("/api/v1/datasets", params={"cursor": wrong})
        assert (response.status_code, response.json()["field"]) == (422, "cursor")
    assert client.get("/api/v1/datasets", params={"limit": 0}).json()["field"] == "limit"
    assert client.get("/api/v1/datasets", params={"state": "sleeping"}).status_code == 422


def test_f36_a_loss_that_is_not_finite_is_null(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    model = client.post("/api/v1/models", json={"name": "m", "dataset": make(client, options)}).json()["id"]
    writer = EventWriter(server.house.home.job_folder(model) / "events.jsonl")
    for step, loss in enumerate((1.0, float("nan"), float("inf"), 2.0)):
        writer.write(Metrics(step=step, epoch=0.0, values={"loss": loss}))
    writer.write(Warned(message="careful"))
    writer.close()
    series = client.get(f"/api/v1/models/{model}/series").json()
    assert [point["value"] for point in series[0]["points"]] == [1.0, None, None, 2.0]
    assert client.get(f"/api/v1/models/{model}").json()["latest"] == {"loss": 2.0}
    events = client.get(f"/api/v1/jobs/{model}/events", params={"after": 1, "limit": 2}).json()
    assert [event["values"]["loss"] for event in events["events"]] == [None, None]
    assert events["next"] == 3


def test_a_network_that_does_not_compile_names_the_line(server: Any) -> None:
    given = {"width": 28, "height": 28, "channels": 1, "classes": 10}
    client = server.program()
    drawn = client.post("/api/v1/networks/draw", json={"text": "name: 'x'", "given": given})
    assert drawn.json()["outputs"] == ["loss"]
    wrong = client.post("/api/v1/networks/draw", json={"text": "name: 'x'\nbroken", "given": given})
    assert (wrong.status_code, wrong.json()["line"], wrong.json()["field"]) == (422, 2, "text")
    assert client.get("/api/v1/networks/lenet").json()["title"] == "LeNet"
    assert "lenet" in client.get("/api/v1/networks/nonet").json()["hint"]


def test_a_prediction_without_a_snapshot_is_a_conflict(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    model = client.post("/api/v1/models", json={"name": "m", "dataset": make(client, options)}).json()["id"]
    path = f"/api/v1/models/{model}/predictions"
    response = client.post(path, files=[("image", ("a.png", b"x")), ("image", ("b.png", b"y"))])
    assert (response.status_code, response.json()["code"]) == (409, "no_snapshot")
    assert client.post(path, data={}).json()["field"] == "image"
    assert client.post(path, files=[("image", ("a.png", b"x"))], params={"top": "x"}).json()["field"] == "top"


def test_the_python_client_speaks_it(server: Any, options: dict[str, object]) -> None:
    with Client(server.url, server.house.keys.start_token) as client:
        job = client.datasets.create(ClassificationOptions.model_validate(options))
        model = client.models.create(TrainingOptions(name="m", dataset=job.id))
        assert [one.id for one in client.jobs.list()] == [model.id, job.id]
        assert client.datasets.get(job.id).models[0].id == model.id
        assert client.models.get(model.id).options.seed is not None
        with pytest.raises(ConflictError):
            client.datasets.delete(job.id)
        with pytest.raises(FormError) as caught:
            client.models.create(TrainingOptions(name="m", dataset=job.id, crop_size=99, device="cuda:9"))
        assert {problem.field for problem in caught.value.problems()} == {"crop_size", "device"}
        assert client.jobs.abort(model.id).state == "aborted"
        assert client.jobs.wait(model.id).state == "aborted"
        assert client.system.devices()[0].id == "cpu"
        assert client.networks.list()[0].id == "lenet"


def test_every_route_declares_its_problems(server: Any) -> None:
    description = server.program().get("/api/v1/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/v1/"):
                assert {"400", "401", "403", "422", "503"} <= set(operation["responses"]), (method, path)
                assert operation["tags"]
                assert "application/problem+json" in operation["responses"]["422"]["content"]
    body = description["paths"]["/api/v1/datasets"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["discriminator"]["mapping"]["classification"].rpartition("/")[2].startswith("ClassificationOptions")


def test_signs_of_life_need_no_token(server: Any) -> None:
    stranger = server.client()
    assert stranger.get("/healthz").json()["status"] == "ok"
    assert stranger.get("/readyz").json() == {"status": "ready", "database": True, "engine": True}
    assert stranger.get("/metrics").status_code == 401
    server.house.host.ready = False
    assert stranger.get("/readyz").status_code == 503


def test_figures_are_in_the_format_of_prometheus(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    make(client, options)
    text = client.get("/metrics").text
    assert 'gradus_jobs{kind="dataset",state="waiting"} 1' in text
    for line in text.splitlines():
        assert line.startswith("# ") or float(line.rsplit(" ", 1)[1]) >= 0


def test_what_nobody_expected_is_told_by_an_id_only(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail /home/x")

    monkeypatch.setattr(server.house.store, "counts", fail)
    for client in (server.program(), server.browser()):
        response = client.get("/api/v1/system")
        assert response.status_code == 500
        assert response.json()["code"] == "internal_error"
        assert "secret" not in response.text
        assert "Traceback" not in response.text
    page = server.browser().get("/")
    assert page.status_code == 500
    assert "secret" not in page.text


def test_the_reference_names_every_operation(server: Any) -> None:
    browser = server.browser()
    page = browser.get("/api/v1/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path, methods in browser.get("/api/v1/openapi.json").json()["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page.text


def test_a_list_is_sent_and_named_by_its_reference(server, pictures) -> None:
    client = server.program()
    sent = client.post("/api/v1/uploads", files={"file": ("train.txt", b"cat/0.png 0\ndog/0.png 1\n")})
    assert sent.status_code == 201
    assert sent.json()["bytes"] == 24
    (pictures / "labels.txt").write_text("cat\ndog\n")
    body = {
        "name": "n",
        "method": "textfile",
        "train": sent.json()["reference"],
        "labels": str(pictures / "labels.txt"),
    }
    refused = client.post("/api/v1/datasets", json=body)
    assert refused.status_code == 422
    assert "no image folder is given" in refused.json()["detail"]
    made = client.post("/api/v1/datasets", json={**body, "image_folder": str(pictures), "validation_percent": 0})
    assert made.status_code == 201
    assert server.client().post("/api/v1/uploads", files={"file": ("x", b"y")}).status_code == 401
