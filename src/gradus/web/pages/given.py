"""What every page route is given: the house, the caller, and the form that was sent."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from gradus.services import datasets
from gradus.services.house import House
from gradus.web.received import MOST_BYTES, received

UPLOAD = "_upload"  # what the field of a form that sends a file for a path ends in


def _house(request: Request) -> House:
    house = request.app.state.house
    assert isinstance(house, House)
    return house


def _unrestricted(request: Request) -> bool:
    return bool(getattr(getattr(request.state, "caller", None), "unrestricted", False))


async def _entered(request: Request) -> dict[str, str]:
    async with received(request, _house(request)) as form:
        return {
            name: _lines(value) if isinstance(value, str) else await _sent(request, name, value)
            for name, value in form.items()
        }


async def _sent(request: Request, name: str, file: UploadFile) -> str:
    """A file as text, where what is no UTF-8 shows as such; of a field `..._upload` it is kept, and named."""
    if name.endswith(UPLOAD):
        return await run_sync(datasets.keep, _house(request), file.filename, file.file) if file.filename else ""
    return _lines((await file.read(MOST_BYTES)).decode("utf-8", "replace"))


def _lines(text: str) -> str:
    """Text with line ends as everywhere but in a form, where HTML has them as CR LF."""
    return text.replace("\r\n", "\n")


GivenHouse = Annotated[House, Depends(_house)]
Unrestricted = Annotated[bool, Depends(_unrestricted)]
Entered = Annotated[dict[str, str], Depends(_entered)]


def local_path(text: str | None, otherwise: str) -> str:
    """A path on this server to go back to; anything that could lead elsewhere becomes `otherwise`."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return otherwise
    parts = urlsplit(text)
    return otherwise if parts.scheme or parts.netloc else text
