"""`/uploads`"""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import APIRouter, File, UploadFile

from gradus.core.view import SentFile
from gradus.services import datasets
from gradus.web.api.common import CREATES, GivenHouse

router = APIRouter(tags=["datasets"])


@router.post("/uploads", status_code=201, responses=CREATES)
def send_file(
    house: GivenHouse, file: Annotated[UploadFile, File(description="A list or another file a dataset is made of.")]
) -> SentFile:
    """Send a file that a dataset is to be made of. It is kept for a day, or as long as a dataset made with it."""
    reference = datasets.keep(house, file.filename or "", file.file)
    return SentFile(reference=reference, bytes=file.file.seek(0, os.SEEK_END))
