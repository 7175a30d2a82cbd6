"""Networks: the ready ones, and any text compiled and drawn."""

from __future__ import annotations

from gradus.core.errors import NetworkError, NotFoundError
from gradus.core.network import Graph, NetworkEntry, NetworkInput, Phase
from gradus.jobs.orders import NetworkQuestion
from gradus.services.house import House
from gradus.zoo import catalogue as ready
from gradus.zoo import network_text

FIELD = "network_text"


def catalogue(house: House) -> list[NetworkEntry]:
    """The ready networks, in the order in which they are offered."""
    del house  # plugins of a home may add to them
    return ready()


def entry(house: House, network_id: str) -> NetworkEntry:
    """One ready network; `NotFoundError` lists those there are."""
    network_text(network_id)
    found = next((one for one in catalogue(house) if one.id == network_id), None)
    if found is None:
        raise NotFoundError(f"there is no network {network_id!r}")
    return found


def draw(
    house: House,
    text: str,
    given: NetworkInput,
    phase: Phase = "train",
    *,
    field: str = FIELD,
    strict: bool = True,
    python_layers: str = "",
) -> Graph:
    """The layers, shapes and counts of a text, from the engine host; `NetworkError` names the line.

    Where not `strict`, a text that cannot be trained on the dataset is drawn too, if it can be, and the graph says why.
    `python_layers` is the code of its layers of type Python; it runs in a process of its own.
    """
    if not text.strip():
        raise NetworkError("the network has no text", field=field, hint="write one, or begin with a standard network")
    try:
        question = NetworkQuestion(text=text, given=given, phase=phase, strict=strict, python_layers=python_layers)
        return house.host.ask(question)
    except NetworkError as error:
        problem = error.problem
        raise NetworkError(
            problem.message, field=field, file=problem.file, line=problem.line, hint=problem.hint, code=problem.code
        ) from error
