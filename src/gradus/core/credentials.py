"""Keys of a store, on their way to where they are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Key = Annotated[str, Field(min_length=1, max_length=16384, pattern=r"^[\x21-\x7e]+$")]


class Credentials(BaseModel):
    """An access key and its secret; a token where they were lent for a while. What prints this does not show them."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    access_key: Key = Field(title="Access Key", repr=False)
    secret_key: Key = Field(title="Secret Key", repr=False)
    session_token: Key | None = Field(None, title="Session Token", repr=False)


class KeptKeys(BaseModel):
    """Keys that were sent to the server. `reference` stands in a dataset's options in their place."""

    model_config = ConfigDict(frozen=True)

    reference: str
