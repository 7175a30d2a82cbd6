"""The machine the server runs on."""

from __future__ import annotations

from gradus.client.transport import Transport
from gradus.core.view.system import Device, SystemView
from gradus.core.view.token import NewToken


class System:
    """`client.system`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def devices(self) -> list[Device]:
        """What can be trained on."""
        return self._transport.get("/devices", list[Device])

    def get(self) -> SystemView:
        """Versions, folders, the machine and what it is doing."""
        return self._transport.get("/system", SystemView)

    def rotate_token(self) -> str:
        """Make a new start token; the old one and the sessions opened with it end."""
        return self._transport.post("/token/rotate", NewToken).token

    def alive(self, *, seconds: float = 3.0) -> bool:
        """Whether the server answers within so many seconds."""
        return self._transport.alive(seconds)
