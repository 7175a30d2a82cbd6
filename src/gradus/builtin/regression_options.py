"""What is asked for a regression dataset: a table, and which of its columns hold the numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gradus.builtin.table_options import NAMED, TABLE, TableFields
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions


class TargetFields(BaseModel):
    """Which numbers."""

    model_config = ConfigDict(frozen=True)

    target_columns: Annotated[str, Shown(section=TABLE, fold=NAMED, placeholder="all with numbers")] = Field(
        "", max_length=20_000, title="Columns of numbers", description="Parted by commas. Empty: all that hold numbers."
    )


class RegressionOptions(TableFields, TargetFields, GenericOptions):
    """What is asked for."""

    type: Annotated[Literal["image-regression"], Shown(hidden=True)] = "image-regression"
