"""What was found about samples, over the wire: by the client, and by hand where the answer matters."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradus.client import Client
from gradus.core.dataset import Split
from gradus.core.errors import ConflictError, NotFoundError
from gradus.jobs.task import Task
from gradus.jobs.tasks import build_dataset


class Quiet:
    """A report that nobody reads."""

    def progress(self, *_: object) -> None: ...
    def counts(self, *_: object) -> None: ...
    def warning(self, *_: object) -> None: ...
    def stopping(self) -> bool:
        return False


def build(house: Any, job: Any) -> Any:
    options = house.store.record(job.id).options
    dataset = f"../{job.dataset_id}" if job.dataset_id else None
    task = Task(job_id=job.id, kind=job.kind, type=job.type, nonce="n", options=options, dataset=dataset)
    build_dataset.run(task, house.home.job_folder(job.id), Quiet())  # type: ignore[arg-type]
    return job


@pytest.fixture
def leaky(server: Any, options: dict[str, Any]) -> Iterator[tuple[Client, Any]]:
    """A client and a dataset in which each picture is twice."""
    for path in list(Path(options["train"]).rglob("*.*")):
        shutil.copy(path, path.with_name(f"copy-{path.name}"))
    with Client(server.url, token=server.house.keys.start_token) as client:
        job = client.datasets.create({**options, "validation_percent": 50})
        yield client, build(server.house, job)


def test_the_client_sees_what_was_found_and_makes_a_version(server: Any, leaky: tuple[Client, Any]) -> None:
    client, job = leaky
    found = client.datasets.quality
    view = found.get(job.id)
    assert view.warns and view.quality.leaks
    pairs = list(found.pairs(job.id, "leaks"))
    assert pairs and all(pair.exact for pair in pairs)
    detail = found.sample(job.id, Split.VAL, 0)
    (nearest,) = found.similar(job.id, Split.VAL, 0, limit=1)
    assert found.sample(job.id, nearest.sample.split, nearest.sample.index).sha256 == detail.sha256
    said = found.acknowledge(job.id, "on purpose")
    assert not said.warns and said.acknowledged and said.acknowledged.by == "a program with a token"
    child = build(server.house, found.make_version(job.id, ["leaks"], name="clean"))
    assert found.get(child.id).quality.leaks == 0
    line = found.lineage(child.id)
    assert (
        line.parent is not None
        and line.parent.id == job.id
        and line.left_out == len({(p.second.split, p.second.index) for p in pairs})
    )
    with pytest.raises(ConflictError):
        found.acknowledge(child.id, "nothing to say")
    with pytest.raises(NotFoundError):
        found.sample(job.id, Split.VAL, 10**6)


def test_the_answers_of_the_routes(server: Any, leaky: tuple[Client, Any]) -> None:
    _, job = leaky
    client, base = server.program(), f"/api/v1/datasets/{job.id}"
    made = client.post(f"{base}/versions", json={"without": ["suspicious", "leaks"]}, headers={"Idempotency-Key": "k"})
    assert made.status_code == 201 and made.headers["location"] == f"/api/v1/datasets/{made.json()['id']}"
    again = client.post(f"{base}/versions", json={"without": ["suspicious", "leaks"]}, headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == made.json()["id"]
    for wrong in ({"without": []}, {"without": ["cats"]}, {"without": ["leaks"], "more": 1}, {}):
        assert client.post(f"{base}/versions", json=wrong).status_code == 422, wrong
    assert client.post(f"{base}/quality/acknowledgement", json={"note": " "}).status_code == 422
    assert client.post(f"{base}/quality/acknowledgement", json={"note": "ok"}).json()["warns"] is False
    assert client.delete(f"{base}/quality/acknowledgement").json()["warns"] is True
    assert client.get(f"{base}/quality/pairs", params={"kind": "dark"}).status_code == 422
    assert client.get(f"{base}/samples/val/0.png").headers["content-type"] == "image/png"
    assert client.get(f"{base}/samples/val/0").json()["split"] == "val"
    assert client.get(f"{base}/samples/val/-1").status_code == 404
    assert client.get(f"{base}/samples/val/0/similar", params={"limit": 0}).status_code == 422
    found = client.get(f"{base}/samples", params={"problem": "leaks", "split": "val", "label": 0}).json()
    assert found["total"] and all("leaks" in client.get(f"{base}/samples/val/{each['index']}").json()["flaws"]
                                  and each["label"] == 0 for each in found["items"])  # fmt: skip
    assert client.get(f"{base}/samples", params={"problem": "dark"}).json()["total"] == 0
    assert client.get(f"{base}/samples", params={"problem": "imbalance"}).status_code == 422
    found = client.get(f"{base}/samples", params={"order": "-brightness", "split": "val"}).json()
    levels = [client.get(f"{base}/samples/val/{each['index']}").json()["brightness"] for each in found["items"]]
    assert levels == sorted(levels, reverse=True) and len(levels) == found["total"]
    waiting = made.json()["id"]
    assert client.get(f"/api/v1/datasets/{waiting}/quality").status_code == 404
    assert client.get(f"/api/v1/datasets/{waiting}/versions").json()["parent_id"] == job.id
