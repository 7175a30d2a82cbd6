"""`/networks`: the ready ones, and any text drawn."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gradus.core.network import Graph, NetworkEntry, NetworkInput, Phase
from gradus.services import networks
from gradus.web.api.body import StrictBody, StrictRoute
from gradus.web.api.common import CREATES, READS, GivenHouse

router = APIRouter(prefix="/networks", tags=["networks"], route_class=StrictRoute)


class Drawing(BaseModel):
    """A network text, and what it is to be compiled for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=4 * 2**20)
    given: NetworkInput
    phase: Phase = "train"
    python_layers: str = Field("", max_length=2**20, description="Code of its layers of type Python.")


@router.get("", responses=READS)
def list_networks(house: GivenHouse) -> list[NetworkEntry]:
    """The ready networks with their texts."""
    return networks.catalogue(house)


@router.get("/{network_id}", responses=READS)
def get_network(house: GivenHouse, network_id: str) -> NetworkEntry:
    """One ready network."""
    return networks.entry(house, network_id)


@router.post("/draw", responses=CREATES)
def draw_network(house: GivenHouse, drawing: StrictBody[Drawing]) -> Graph:
    """Layers, shapes and parameter counts of any text, without training it. Problems name the line.

    A text that could not be trained on such pictures is drawn all the same, and its `problem` says why.
    """
    code = drawing.python_layers
    return networks.draw(
        house, drawing.text, drawing.given, drawing.phase, field="text", strict=False, python_layers=code
    )
