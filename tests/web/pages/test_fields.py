"""A form is the fields of its model: none is missing, each has its label, help and default, and nothing is lost."""

from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from gradus.core.classification import ClassificationOptions
from gradus.core.form import Shown, fields_of, paths_of, shown_of
from gradus.web.pages.fields import Size, layout
from gradus.web.pages.forms import blank, read


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Options(BaseModel):
    """One field of each sort."""

    folder: Annotated[str, Shown(section="Source", path="folder", file_when=("colour", "blue"), send=True)] = Field(
        title="Folder", description="Where it is."
    )
    colour: Annotated[Colour, Shown(section="Source", words={"blue": "Blue", "red": "Red"}, notes={"red": "Hot."})] = (
        Field(Colour.RED, title="Colour")
    )
    depth: Annotated[int | None, Shown(section="Source", when=("colour", "blue"), unit="m")] = Field(
        None, title="Depth", ge=1
    )
    many: Literal[tuple(f"choice number {n}" for n in range(12))] = "choice number 3"  # type: ignore[valid-type]
    plain: Annotated[bool, Shown(fold="Details")] = False
    told: Annotated[bool, Shown(fold="Details", words={"true": "Yes", "false": "No"})] = True
    text: Annotated[str, Shown(lines=4)] = Field("", max_length=1000)
    short: str = Field("", max_length=20)
    padding_width: int = Field(12, title="Padding Width")
    padding_height: int = Field(12, title="Padding Height")
    secret: Annotated[str, Shown(hidden=True)] = ""


def test_widgets_come_from_types() -> None:
    found = {f.name: (f.widget, f.wide) for s in layout(Options) for p in s.parts for f in p.fields}
    assert found == {
        "folder": ("path", True), "colour": ("segments", False), "depth": ("number", False), "many": ("select", False),
        "plain": ("check", True), "told": ("segments", False), "text": ("lines", True), "short": ("text", False),
        "padding_width": ("size", False),
    }  # fmt: skip


def test_sections_folds_and_pairs() -> None:
    source, options = layout(Options)
    assert (source.title, options.title) == ("Source", "Options")
    assert [(part.summary, part.names) for part in options.parts] == [
        ("", ["many"]), ("Details", ["plain", "told"]), ("", ["text", "short", "padding_width", "padding_height"]),
    ]  # fmt: skip
    size = options.parts[-1].fields[-1]
    assert isinstance(size, Size)
    assert size.title == "Padding (Width × Height)"
    colour, depth = source.parts[0].fields[1:]
    assert colour.choices == (("blue", "Blue"), ("red", "Red"))  # as the words are ordered
    assert depth.only == "Colour: Blue"


def test_what_is_not_meant_is_kept_but_not_used() -> None:
    form, options = read(Options, {"folder": "/f", "colour": "red", "depth": "no number"})
    assert options == Options(folder="/f")
    assert form["depth"] == "no number"
    form, options = read(Options, {"folder": "/f", "colour": "blue", "depth": "no number"})
    assert options is None
    assert [problem.field for problem in form.problems] == ["depth"]


def test_a_path_is_a_folder_or_a_file_by_another_field() -> None:
    assert paths_of(Options, {"folder": "/f", "colour": "red"}) == {"folder": ("/f", True)}
    assert paths_of(Options, {"folder": "/f", "colour": Colour.BLUE}) == {"folder": ("/f", False)}
    assert paths_of(Options, {"colour": "red"}) == {}


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("folder", {"train", "minimum_per_class", "validation", "validation_minimum_per_class"}),
        ("textfile", {"train", "image_folder", "labels", "shuffle", "validation", "validation_image_folder"}),
        ("archive", {"train", "minimum_per_class", "validation", "validation_minimum_per_class"}),
        ("manifest", {"train", "image_folder", "minimum_per_class"}),
    ],
)
def test_each_method_of_classification_asks_for_its_own(method: str, shown: set[str]) -> None:
    form = blank(ClassificationOptions, method=method)
    watched = {
        "train", "image_folder", "labels", "shuffle", "minimum_per_class", "validation", "validation_image_folder",
        "validation_minimum_per_class",
    }  # fmt: skip
    infos = fields_of(ClassificationOptions)
    assert {name for name in watched if form.holds(shown_of(infos[name]).when)} == shown
