"""Networks: the zoo, and any text drawn."""

from __future__ import annotations

from pydantic import BaseModel

from gradus.client.transport import Transport
from gradus.core.network import Graph, NetworkEntry, NetworkInput, Phase


class NetworkQuestion(BaseModel):
    """A network text, and what it is to be compiled for."""

    text: str
    given: NetworkInput
    phase: Phase = "train"
    python_layers: str = ""


class Networks:
    """`client.networks`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> list[NetworkEntry]:
        """The standard networks."""
        return self._transport.get("/networks", list[NetworkEntry])

    def get(self, network_id: str) -> NetworkEntry:
        """One standard network with its text."""
        return self._transport.get(f"/networks/{network_id}", NetworkEntry)

    def draw(self, text: str, given: NetworkInput, phase: Phase = "train", python_layers: str = "") -> Graph:
        """Layers, shapes and parameter counts of a network text, without training it."""
        question = NetworkQuestion(text=text, given=given, phase=phase, python_layers=python_layers)
        return self._transport.post("/networks/draw", Graph, question)
