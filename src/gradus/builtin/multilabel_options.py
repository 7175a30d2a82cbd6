"""What is asked for a multi-label dataset: a table, and where the labels of a row stand."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gradus.builtin.table_options import NAMED, TABLE, TableFields
from gradus.core.dataset import Source
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions


class Separator(StrEnum):
    """What parts the labels in a cell."""

    AUTO = "auto"
    SEMICOLON = ";"
    COMMA = ","
    BAR = "|"


SEPARATORS = {"auto": "Found by looking", ";": "Semicolon", ",": "Comma", "|": "Vertical bar"}


class ClassFields(BaseModel):
    """Where the labels stand, and which there are."""

    model_config = ConfigDict(frozen=True)

    label_column: Annotated[str, Shown(section=TABLE, fold=NAMED, placeholder="found by its name")] = Field(
        "", max_length=200, title="Column of labels", description="All labels of an image in one cell."
    )
    class_columns: Annotated[str, Shown(section=TABLE, fold=NAMED, placeholder="all of 0 and 1")] = Field(
        "", max_length=100_000, title="Columns of classes",
        description="Parted by commas, where each class has a column of 0 and 1.",
    )  # fmt: skip
    separator: Annotated[Separator, Shown(section=TABLE, fold=NAMED, words=SEPARATORS)] = Field(
        Separator.AUTO, title="Between labels", description="What parts the labels of an image in one cell."
    )
    class_labels_file: Annotated[Source, Shown(section=TABLE, path="file", send=True)] = Field(
        "", title="Class labels (optional)", description="A text file with the name of class 0 on line 1."
    )


class MultiLabelOptions(TableFields, ClassFields, GenericOptions):
    """What is asked for."""

    type: Annotated[Literal["image-multi-label"], Shown(hidden=True)] = "image-multi-label"
