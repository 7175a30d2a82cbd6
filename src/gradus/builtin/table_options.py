"""What regression and multi-label classification both ask for: a table, how its rows are divided, and a size."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gradus.builtin.paired_options import GROUPED, RESIZE_MODES, TOGETHER
from gradus.core.dataset import Percent, ResizeMode, Side, Source
from gradus.core.form import Shown

TABLE, SPLIT, SIZE, NAMED = "Table", "Validation and testing", "Images", "Columns"
TYPES = {"3": "Color", "1": "Grayscale"}


class TableFields(BaseModel):
    """Where the pictures are named, how they are divided, and what size they get."""

    model_config = ConfigDict(frozen=True)

    table_file: Annotated[Source, Shown(section=TABLE, path="file", send=True)] = Field(
        min_length=1, title="Table", description="CSV, JSON lines or Parquet: a row for each image."
    )
    image_folder: Annotated[Source, Shown(section=TABLE, path="folder")] = Field(
        "", title="Image folder (optional)", description="Where relative paths start. Empty: beside the table."
    )
    path_column: Annotated[str, Shown(section=TABLE, fold=NAMED, placeholder="found by its name")] = Field(
        "", max_length=200, title="Column of paths", description="Empty: the one whose name or values look like paths."
    )
    val_table_file: Annotated[Source, Shown(section=SPLIT, path="file", send=True)] = Field(
        "", title="Validation table (optional)", description="Empty: by a column “split”, or a share of the rows."
    )
    validation_percent: Annotated[Percent, Shown(section=SPLIT, unit="%")] = Field(
        10, title="% for validation", description="Chosen at random, where no table or column names these."
    )
    test_percent: Annotated[Percent, Shown(section=SPLIT, unit="%")] = Field(
        0, title="% for testing", description="Chosen at random, where no column names these."
    )
    group_expression: Annotated[str, Shown(section=SPLIT, fold=TOGETHER, placeholder="patient([0-9]+)")] = Field(
        "", max_length=500, title="Expression", description=GROUPED
    )
    channels: Annotated[Literal[1, 3], Shown(section=SIZE, words=TYPES)] = Field(
        3, title="Image Type", description="Colour (3 channels) or grayscale (1 channel)."
    )
    width: Annotated[Side, Shown(section=SIZE, unit="px")] = Field(256, title="Width", description="In pixels.")
    height: Annotated[Side, Shown(section=SIZE, unit="px")] = Field(256, title="Height", description="In pixels.")
    resize_mode: Annotated[ResizeMode, Shown(section=SIZE, words=RESIZE_MODES)] = Field(
        ResizeMode.SQUASH, title="Resize Transformation", description="How pictures of another shape are made to fit."
    )

    @model_validator(mode="after")
    def _shared(self) -> TableFields:
        if self.validation_percent + self.test_percent > 100:
            raise ValueError("% for validation and % for testing together are more than 100")
        return self
