"""The queue of one client of the event stream."""

from __future__ import annotations

import asyncio

import pytest

from gradus.web.live_events import Deleted, MetricData, MetricPoint
from gradus.web.stream import QUEUE, RESET, Client, message, parse_cursor


def drain(client: Client) -> list[bytes]:
    async def read() -> list[bytes]:
        client._awake = asyncio.Event()
        client._awake.set()
        return await client.frames() or []

    return asyncio.run(read())


def event(seq: int, key: str = "") -> object:
    return message("metric", MetricData(id="j", points=[]), job_id="j", seq=seq, key=key)


def test_an_event_has_a_name_data_and_the_place_of_its_client() -> None:
    client = Client(frozenset({"job:j"}), "me", seen={"j": 4})
    client.put(message("deleted", Deleted(id="j"), job_id="j", seq=5))
    assert drain(client) == [b'id: j:5\nevent: deleted\ndata: {"id":"j"}\n\n']


def test_what_is_not_finite_becomes_null() -> None:
    point = MetricPoint(step=1, epoch=0.0, values={"loss": float("nan")}, time=0.0)
    assert b'"loss":null' in message("metric", MetricData(id="j", points=[point])).frame


def test_what_was_seen_does_not_come_again() -> None:
    client = Client(frozenset({"job:j"}), "me", seen={"j": 5})
    for seq in (4, 5, 6, 6, 7):
        client.put(event(seq))  # type: ignore[arg-type]
    assert [frame.split(b"\n")[0] for frame in drain(client)] == [b"id: j:6", b"id: j:7"]


def test_only_the_newest_of_a_kind_waits() -> None:
    client = Client(frozenset(), "me")
    for number in range(1000):
        client.put(message("status", Deleted(id=str(number)), key="status j"))
    assert len(drain(client)) == 1


def test_who_does_not_read_is_told_to_fetch_everything_again() -> None:
    client = Client(frozenset({"job:j"}), "me", seen={"j": 0})
    for seq in range(1, QUEUE + 2):
        client.put(event(seq))  # type: ignore[arg-type]
    assert len(client._waiting) == 1
    client.put(event(QUEUE + 2))  # type: ignore[arg-type]
    frames = drain(client)
    assert frames[0].endswith(RESET.frame)
    assert frames[0].startswith(b"id: j:65\n")
    assert frames[1].startswith(b"id: j:66\n")


@pytest.mark.parametrize("text", ["-1", "1e99", "text", "", "a:b", "j:-1", "j:" + "9" * 40, ":", "j:１", "\0", "0"])
def test_a58_a_place_that_is_none_is_no_place(text: str) -> None:
    assert parse_cursor(text) is None


def test_a_place_of_several_jobs_is_read() -> None:
    assert parse_cursor("a:1,b:22") == {"a": 1, "b": 22}
