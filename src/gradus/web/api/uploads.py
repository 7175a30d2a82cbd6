"""`/uploads`"""

from __future__ import annotations

import os
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile

from gradus.core.errors import InputError
from gradus.core.view.source import SentFile
from gradus.services import datasets
from gradus.services.house import House
from gradus.web.api.common import CREATES, GivenHouse, problems
from gradus.web.received import received

router = APIRouter(tags=["datasets"])

_FILE = {"type": "string", "format": "binary", "description": "A list or another file a dataset is made of."}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}}
    },
}


@router.post("/uploads", status_code=201, responses={**CREATES, **problems(411)}, openapi_extra={"requestBody": _BODY})
async def send_file(house: GivenHouse, request: Request) -> SentFile:
    """Send a file that a dataset is to be made of. It is kept for a day, or as long as a dataset made with it."""
    async with received(request, house) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InputError("must be sent: the file, as multipart/form-data", field="file")
        return await run_sync(_keep, house, file)


def _keep(house: House, file: UploadFile) -> SentFile:
    reference = datasets.keep(house, file.filename or "", file.file)
    return SentFile(reference=reference, bytes=file.file.seek(0, os.SEEK_END))
