"""Predictions: pictures sent or named, classified by a warm model."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gradus.core.errors import ConflictError, GradusError, ImageError, InputError, NotFoundError, Problem
from gradus.core.job import JobKind
from gradus.core.model import Prediction
from gradus.core.view.model import PredictionResult
from gradus.engine.snapshot_files import SNAPSHOTS
from gradus.services import jobs
from gradus.services.house import House
from gradus.services.paths import read_user_file

MAX_PICTURES = 100
MAX_BYTES = 64 << 20  # of all pictures of one request
THUMBNAIL = 320  # pixels


@dataclass(frozen=True)
class Upload:
    """A picture that was sent, under the name the sender gave it."""

    name: str
    content: bytes


def predict(
    house: House,
    model_id: str,
    pictures: Sequence[Upload | str],
    *,
    snapshot: str | None = None,
    top: int = 5,
    unrestricted: bool = False,
    thumbnails: bool = True,
) -> list[PredictionResult]:
    """What the model says of each picture (sent, or a path), in order. One that cannot be read has a problem."""
    model = jobs.get(house, model_id, JobKind.MODEL)
    _check(pictures, top)
    folder = house.home.job_folder(model_id)
    _check_snapshot(folder, model.name, snapshot)
    read = [_read(house, picture, unrestricted) for picture in pictures]
    contents = [content for _, content in read if isinstance(content, bytes)]
    answers = iter(house.predictors.predict(folder, snapshot or None, list(contents), top) if contents else [])
    return [
        _result(name, content, next(answers) if isinstance(content, bytes) else content, thumbnails)
        for name, content in read
    ]


def _check(pictures: Sequence[Upload | str], top: int) -> None:
    if not pictures:
        raise InputError("no picture was given", field="image", hint="send a file, or name one by its path")
    if len(pictures) > MAX_PICTURES:
        raise InputError(f"at most {MAX_PICTURES} pictures at once", field="image")
    if not 1 <= top <= 1000:
        raise InputError("must be from 1 to 1000", field="top")


def _check_snapshot(folder: Path, model: str, name: str | None) -> None:
    """Whether there is such a snapshot, by the names alone: the model's process looks into it, and only once."""
    try:
        names = sorted(found.name for found in (folder / SNAPSHOTS).iterdir() if not found.name.startswith("."))
    except FileNotFoundError:
        names = []
    if not names:
        hint = "predict when the first one is there"
        raise ConflictError(f"{model!r} has no snapshot yet", hint=hint, code="no_snapshot")
    if name and name not in names:
        raise NotFoundError(f"there is no snapshot {name!r}", field="snapshot", hint=f"there are: {', '.join(names)}")


def _read(house: House, picture: Upload | str, unrestricted: bool) -> tuple[str, bytes | Problem]:
    if isinstance(picture, Upload):
        return picture.name, picture.content
    try:
        return Path(picture).name, read_user_file(
            house.roots, picture, limit=MAX_BYTES, field="path", unrestricted=unrestricted
        )
    except GradusError as error:
        return picture, error.problem


def _result(name: str, content: bytes | Problem, answer: Prediction | Problem, thumbnails: bool) -> PredictionResult:
    shown = thumbnail(content) if thumbnails and isinstance(content, bytes) else ""
    if isinstance(answer, Problem):
        return PredictionResult(input=name, picture=shown, problem=answer)
    return PredictionResult(input=name, picture=shown, prediction=answer.model_copy(update={"input": name}))


def thumbnail(content: bytes) -> str:
    """A picture drawn anew, at most 320 pixels wide and high, as a `data:` address; empty if it cannot be read."""
    from gradus.core.dataset import ResizeMode
    from gradus.data.pictures import read_picture
    from gradus.data.png import encode_png
    from gradus.data.resize import fit

    try:
        pixels = read_picture(content)
    except ImageError:
        return ""
    height, width = pixels.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = fit(pixels, *size, 3 if pixels.ndim == 3 else 1, ResizeMode.SQUASH)
    return "data:image/png;base64," + base64.b64encode(encode_png(small)).decode()
