"""One client of the event stream: what waits for it, and the answer that brings it there.

Server-sent events (WHATWG HTML, section 9.2). An event is encoded once for all clients; only its `id` line
differs, for it says how far this client has come in each job that it follows: `<job>:<seq>,...`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

QUEUE = 64
HEARTBEAT_SECONDS = 15.0
SLOW_SECONDS = 30.0  # a client that takes nothing for so long is cut off
RETRY = b"retry: 2000\n\n"
HEARTBEAT = b":\n\n"


@dataclass(frozen=True)
class Message:
    """An event on its way. A newer one with the same `key` takes the place of an older one that still waits."""

    frame: bytes
    job_id: str = ""
    seq: int = 0
    key: str = ""


def message(name: str, data: BaseModel, *, job_id: str = "", seq: int = 0, key: str = "") -> Message:
    """An event of that name with a model as its data; what is not a finite number becomes null."""
    return Message(f"event: {name}\ndata: {data.model_dump_json()}\n\n".encode(), job_id, seq, key)


class Nothing(BaseModel):
    """The data of `reset`: something was missed, the page has to fetch everything again."""


RESET = message("reset", Nothing(), key="reset")


@dataclass(eq=False)
class Client:
    """What waits for one client, at most 64 events. Only the event loop touches it."""

    topics: frozenset[str]
    owner: str
    seen: dict[str, int] = field(default_factory=dict)  # job id -> number of the last event
    _waiting: deque[Message] = field(default_factory=deque)
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def put(self, event: Message) -> None:
        """Let an event wait. Where too many wait already they all give way to one `reset`."""
        if event.key:
            self._waiting = deque(other for other in self._waiting if other.key != event.key)
        if len(self._waiting) >= QUEUE:
            self._waiting = deque([RESET])
            if event.job_id in self.seen:
                self.seen[event.job_id] = max(event.seq, self.seen[event.job_id])
        else:
            self._waiting.append(event)
        self._awake.set()

    def close(self) -> None:
        """End the stream."""
        self.closed = True
        self._awake.set()

    async def frames(self) -> list[bytes] | None:
        """What waits, ready to be sent; a heartbeat where nothing came for a while; None at the end."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._awake.wait()
        except TimeoutError:
            return [HEARTBEAT]
        if self.closed:
            return None
        self._awake.clear()
        events, self._waiting = self._waiting, deque()
        return [self._numbered(event) for event in events if self._is_new(event)]

    def cursor(self) -> str:
        """How far this client has come: the id of an event that is sent now."""
        return ",".join(f"{job_id}:{seq}" for job_id, seq in self.seen.items()) or "0"

    def _is_new(self, event: Message) -> bool:
        return not event.seq or event.seq > self.seen.get(event.job_id, -1)

    def _numbered(self, event: Message) -> bytes:
        if event.seq and event.job_id in self.seen:
            self.seen[event.job_id] = event.seq
        return b"id: " + self.cursor().encode() + b"\n" + event.frame


class EventStream(Response):
    """Sends what waits for a client until it leaves, is too slow, or the server stops."""

    media_type = "text/event-stream"

    def __init__(self, client: Client, leave: Callable[[Client], None]) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._client = client
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request."""
        del scope
        listening = asyncio.create_task(self._listen(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": RETRY, "more_body": True})
            while (frames := await self._client.frames()) is not None:
                if frames:
                    async with asyncio.timeout(SLOW_SECONDS):
                        await send({"type": "http.response.body", "body": b"".join(frames), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):  # too slow, or gone
            return
        finally:
            listening.cancel()
            self._leave(self._client)

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client.close()


def parse_cursor(text: str) -> dict[str, int] | None:
    """The places a `Last-Event-ID` names; None where it is none of ours."""
    places: dict[str, int] = {}
    for part in text.split(","):
        job_id, _, seq = part.partition(":")
        if not job_id or not seq.isascii() or not seq.isdigit() or len(seq) > 15:
            return None
        places[job_id] = int(seq)
    return places
