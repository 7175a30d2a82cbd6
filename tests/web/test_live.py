"""Live events over the wire, from the scheduler's hub to the client."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from gradus.core.event import Event, Metrics, Progress, SnapshotTaken, Started
from gradus.core.model import Snapshot
from gradus.jobs.events import EventReader, EventWriter


@dataclass
class Sent:
    """One event as it came."""

    id: str
    name: str
    data: Any


class Ear:
    """Collects what a stream brings, in a thread."""

    def __init__(self, response: httpx.Response) -> None:
        self.events: list[Sent] = []
        self.ended = threading.Event()
        self._lines = response.iter_lines()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        fields: dict[str, str] = {}
        try:
            for line in self._lines:
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "event" in fields:
                    self.events.append(Sent(fields["id"], fields["event"], json.loads(fields["data"])))
                    fields = {}
        except httpx.HTTPError:
            pass
        self.ended.set()

    def wait(self, condition: Callable[[list[Sent]], object]) -> list[Sent]:
        until = time.monotonic() + 20
        while not condition(self.events):
            assert time.monotonic() < until, self.events
            time.sleep(0.01)
        return list(self.events)

    def named(self, name: str) -> list[Any]:
        return [event.data for event in self.events if event.name == name]

    def points(self) -> list[int]:
        return [point["step"] for data in self.named("metric") for point in data["points"]]


@contextmanager
def listening(client: httpx.Client, topics: str, **more: Any) -> Iterator[Ear]:
    headers = more.pop("headers", {})
    with client.stream("GET", "/events", params={"topics": topics, **more}, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        ear = Ear(response)
        yield ear
        connection = response.extensions["network_stream"].get_extra_info("socket")
        connection.shutdown(socket.SHUT_RDWR)  # which wakes the thread that reads, as closing would not
        ear.thread.join(20)


@pytest.fixture
def job(server: Any, options: dict[str, object]) -> str:
    return str(server.program().post("/api/v1/datasets", json=options).json()["id"])


@pytest.fixture
def speak(server: Any, job: str) -> Callable[..., None]:
    """Write events to the job's file and tell the hub, as worker and scheduler do."""

    def say(*events: Event) -> None:
        path = server.house.home.job_folder(job) / "events.jsonl"
        offset = path.stat().st_size if path.exists() else 0
        writer = EventWriter(path)
        for event in events:
            writer.write(event)
        writer.close()
        for event in EventReader(path, offset).read():
            server.house.scheduler.hub.publish(job, event)

    return say


def point(step: int, loss: float = 1.0) -> Metrics:
    return Metrics(step=step, epoch=0.0, values={"loss": loss})


def test_a_page_hears_of_its_job(server: Any, job: str, speak: Callable[..., None]) -> None:
    client = server.program()
    with listening(client, f"job:{job}") as ear:
        ear.wait(lambda events: any(event.name == "status" for event in events))
        speak(Progress(fraction=0.5, activity="half"), *(point(step) for step in range(20)))
        ear.wait(lambda _: len(ear.points()) == 20)
        assert ear.points() == list(range(20))
        assert len(ear.named("metric")) < 20  # they come in batches
        assert ear.named("progress")[-1] == {"id": job, "fraction": 0.5, "activity": "half", "rate": None}
        client.patch(f"/api/v1/jobs/{job}", json={"name": "renamed"})
        ear.wait(lambda _: ear.named("status")[-1]["job"]["name"] == "renamed")
        client.delete(f"/api/v1/jobs/{job}")
        ear.wait(lambda _: ear.named("deleted") == [{"id": job}])
        assert all(event.id for event in ear.events)


def test_a_snapshot_right_after_points_is_told_too(server: Any, job: str, speak: Callable[..., None]) -> None:
    """The points that wait when a snapshot comes must not take its number: it would count as told already."""
    with listening(server.program(), f"job:{job}", after=0) as ear:
        for step in range(1, 6):
            taken = SnapshotTaken(snapshot=Snapshot(name=f"step_{step}", epoch=float(step), step=step, bytes=1))
            speak(point(10 * step), point(10 * step + 1), taken)
        ear.wait(lambda _: len(ear.points()) == 10)
        ear.wait(lambda _: len(ear.named("snapshot")) == 5)
        assert [data["snapshot"]["name"] for data in ear.named("snapshot")] == [f"step_{n}" for n in range(1, 6)]


def test_who_comes_back_is_given_what_it_missed(server: Any, job: str, speak: Callable[..., None]) -> None:
    with listening(server.program(), f"job:{job}", after=0) as ear:
        speak(point(1), point(2))
        ear.wait(lambda _: ear.points() == [1, 2])
        place = ear.events[-1].id
    speak(point(3), point(4))
    with listening(server.program(), f"job:{job}", headers={"Last-Event-ID": place}) as ear:
        speak(point(5))
        ear.wait(lambda _: ear.points() == [3, 4, 5])
        assert ear.named("reset") == []
    with listening(server.program(), f"job:{job}", after=4) as ear:
        ear.wait(lambda _: ear.points() == [5])


@pytest.mark.parametrize(
    "place", ["-1", "1e99", "text", "", "{job}:999", "{job}:-1", "{job}:" + "9" * 30, "20200101:4"]
)
def test_a58_a_place_that_makes_no_sense_starts_anew(
    server: Any, job: str, speak: Callable[..., None], place: str
) -> None:
    speak(point(1))
    headers = {"Last-Event-ID": place.format(job=job)}
    with listening(server.program(), f"job:{job}", headers=headers) as ear:
        ear.wait(lambda events: {"reset", "status"} <= {event.name for event in events})
        speak(point(2))
        ear.wait(lambda _: ear.points() == [2])


def test_a_worker_that_starts_again_makes_the_page_start_again(
    server: Any, job: str, speak: Callable[..., None]
) -> None:
    speak(Started(pid=1, start_time=1, nonce="a"), point(1))
    with listening(server.program(), f"job:{job}", after=2) as ear:
        speak(Started(pid=2, start_time=1, nonce="b"), point(1))
        ear.wait(lambda _: ear.named("reset") and ear.points() == [1])


def test_the_log_is_followed(server: Any, job: str) -> None:
    log = server.house.home.job_folder(job) / "worker.log"
    log.write_text("before\n")
    with listening(server.program(), f"job:{job}") as ear:
        until = time.monotonic() + 20
        lines = 0
        while not ear.named("log"):
            assert time.monotonic() < until
            lines += 1
            with log.open("a") as file:
                file.write(f"line {lines}\n")
            time.sleep(0.1)
        assert all(line.startswith("line ") for line in ear.named("log")[0]["text"].splitlines())


def test_devices_and_all_jobs(server: Any, options: dict[str, object]) -> None:
    client = server.program()
    with listening(client, "jobs,devices") as ear:
        ear.wait(lambda _: ear.named("devices"))
        assert ear.named("devices")[0]["devices"][0]["id"] == "cpu"
        made = client.post("/api/v1/datasets", json=options).json()["id"]
        ear.wait(lambda _: made in [data["id"] for data in ear.named("status")])


@pytest.mark.parametrize("topics", ["", "nothing", "job:../../x", "job:", ",", "jobs," * 100 + "x"])
def test_a_topic_that_is_none_is_refused(server: Any, topics: str) -> None:
    response = server.program().get("/events", params={"topics": topics})
    assert (response.status_code, response.json()["field"]) == (422, "topics")


def test_a_job_that_is_not_there_is_not_found(server: Any) -> None:
    response = server.program().get("/events", params={"topics": "job:20200101-000000-0123456789"})
    assert response.status_code == 404
    assert server.app.state.live.clients == 0


def test_a59_one_client_holds_only_so_many_streams(server: Any) -> None:
    """The test's server allows four."""
    client = server.program()
    streams = [listening(client, "jobs") for _ in range(4)]
    for stream in streams:
        stream.__enter__()
    response = client.get("/events", params={"topics": "jobs"})
    assert response.status_code == 503
    assert "Retry-After" in response.headers
    with listening(server.browser(), "jobs"):
        pass
    for stream in streams:
        stream.__exit__(None, None, None)
    until = time.monotonic() + 20
    while server.app.state.live.clients:
        assert time.monotonic() < until, "a client that left is still there"
        time.sleep(0.01)
