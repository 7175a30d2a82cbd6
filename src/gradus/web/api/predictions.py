"""`/models/{id}/predictions` and `/models/{id}/evaluations`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Query, UploadFile

from gradus.core.dataset import Split
from gradus.core.model import Evaluation
from gradus.core.view.model import PredictionResult
from gradus.services import models, predictions
from gradus.services.predictions import Upload
from gradus.web.api.common import CREATES, GivenCaller, GivenHouse

router = APIRouter(prefix="/models/{model_id}", tags=["models"])
Which = Annotated[str | None, Query(max_length=100, description="The snapshot's name; default: the newest.")]


@router.post("/predictions", responses=CREATES)
def predict(
    house: GivenHouse,
    caller: GivenCaller,
    model_id: str,
    image: Annotated[list[UploadFile] | None, File(description="Pictures; may be repeated.")] = None,
    path: Annotated[list[str] | None, Form(description="Pictures on the server's machine; may be repeated.")] = None,
    snapshot: Which = None,
    top: Annotated[int, Query(ge=1, le=1000, description="How many classes to tell of each.")] = 5,
) -> list[PredictionResult]:
    """What the model says of each picture, in order. One that cannot be read has a problem instead."""
    sent = [Upload((part.filename or "")[-200:], part.file.read()) for part in image or []]
    return predictions.predict(
        house, model_id, [*sent, *(path or [])], snapshot=snapshot, top=top, unrestricted=caller.unrestricted,
        thumbnails=False,
    )  # fmt: skip


@router.post("/evaluations", responses=CREATES)
def evaluate(house: GivenHouse, model_id: str, split: Split = Split.VAL, snapshot: Which = None) -> Evaluation:
    """Measure the model on one split of its dataset; answered when it is done."""
    return models.evaluate(house, model_id, split, snapshot)
