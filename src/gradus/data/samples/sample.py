"""What every sample set has in common, and how one is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gradus.core.errors import ConflictError, PathError
from gradus.data.files import sync_folder, writing

MARK = "sample.json"

Tell = Callable[[float, str], None]  # fraction done, and what is being done


class SampleSet(BaseModel):
    """A sample set on disk: `train/<class>/*.png`, `test/<class>/*.png` and `labels.txt` under `folder`."""

    model_config = ConfigDict(frozen=True)

    name: str
    folder: Path
    labels: list[str]
    train: int  # pictures
    test: int
    width: int
    height: int
    channels: int


def existing(name: str, out: Path) -> SampleSet | None:
    """The complete set of that name in `out`, if it is there. `ConflictError` if `out` holds anything else."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    mark = out / MARK
    if mark.is_file():
        found = SampleSet.model_validate_json(mark.read_bytes())
        if found.name == name:
            return found.model_copy(update={"folder": out})
    raise ConflictError(
        f"{out} exists already and is not the sample set {name}",
        field="out",
        file=str(out),
        hint="Give a folder that does not exist yet.",
    )


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its name when the block ends well."""
    partial = out.with_name(f".{out.name}.partial")
    with writing("the sample pictures", out.parent):
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
        except PermissionError as error:
            raise PathError(
                f"No permission to create {out}", field="out", file=str(out), hint="Give a folder you may write to."
            ) from error
        try:
            yield partial
            partial.replace(out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        sync_folder(out.parent)
