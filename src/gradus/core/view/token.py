"""API tokens."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class NewToken(BaseModel):
    """A token that was just made: the one time its secret is told. `id` names it later."""

    model_config = ConfigDict(frozen=True)

    token: str
    name: str = ""
    id: str = ""


class TokenView(BaseModel):
    """An API token, without its secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    created: float
    used: float | None = None
