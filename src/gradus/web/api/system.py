"""`/paths`, `/devices`, `/system`, `/tokens`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gradus.core.errors import ConflictError
from gradus.core.view.source import PathEntry
from gradus.core.view.system import Device, SystemView
from gradus.core.view.token import NewToken, TokenView
from gradus.services import devices, paths
from gradus.services.auth import Caller
from gradus.web.api.body import StrictBody, StrictRoute
from gradus.web.api.common import CHANGES, CREATES, READS, GivenCaller, GivenHouse

router = APIRouter(tags=["system"], route_class=StrictRoute)


class TokenRequest(BaseModel):
    """What the token is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=200, title="Name")


@router.get("/paths", responses=READS)
def complete_path(
    house: GivenHouse,
    caller: GivenCaller,
    prefix: Annotated[str, Query(max_length=20_000)] = "",
    hidden: bool = False,
) -> list[PathEntry]:
    """What a path that is being typed may become; nothing outside the data roots."""
    roots = paths.EVERYWHERE if caller.unrestricted else house.roots
    return paths.complete(roots, prefix, hidden=hidden)


@router.get("/devices", responses=READS)
def list_devices(house: GivenHouse) -> list[Device]:
    """What can be trained on."""
    return devices.devices(house)


@router.get("/system", responses=READS)
def get_system(house: GivenHouse) -> SystemView:
    """The server about itself."""
    return devices.system(house)


@router.get("/tokens", responses=READS)
def list_tokens(house: GivenHouse) -> list[TokenView]:
    """The API tokens, without their secrets."""
    return [TokenView(id=t.digest[:16], name=t.name, created=t.created, used=t.used) for t in house.keys.tokens()]


@router.post("/tokens", status_code=201, responses=CREATES)
def add_token(house: GivenHouse, asked: StrictBody[TokenRequest]) -> NewToken:
    """Make an API token. Its secret is told this once."""
    secret, token = house.keys.add_token(asked.name)
    return NewToken(token=secret, name=token.name, id=token.digest[:16])


@router.delete("/tokens/{token_id}", status_code=204, responses=CHANGES)
def remove_token(house: GivenHouse, token_id: str) -> None:
    """Revoke an API token; sessions opened with it end."""
    house.keys.remove_token(token_id)


@router.post("/token/rotate", responses=CHANGES)
def rotate_token(house: GivenHouse, caller: GivenCaller) -> NewToken:
    """Make a new start token. The old one ends, and so do the sessions opened with it."""
    _refuse_open(caller)
    return NewToken(token=house.keys.rotate(), name="start")


def _refuse_open(caller: Caller) -> None:
    if caller.kind == "open":
        raise ConflictError("this server runs without tokens", hint="start it without --auth none")
