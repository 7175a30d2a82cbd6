"""Gray pictures that grow brighter in some direction, and that direction: a kind of data to copy from."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from gradus.core.dataset import Split
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions, Presentation
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Entry, Kind, Sample, Scan, Watch

COUNTS, SIZE = Shown(section="Gradients"), Shown(section="Gradients", unit="px")
Slope = Annotated[float, Field(ge=-0.5, le=0.5)]


class GradientOptions(GenericOptions):
    """What is asked for. Each field becomes one of the form, an option of the command line, and a name in REST."""

    type: Annotated[Literal["image-gradients"], Shown(hidden=True)] = "image-gradients"
    train_image_count: Annotated[int, COUNTS] = Field(
        1000, ge=1, le=10**7, title="Train Image count", description="Pictures to train on."
    )
    val_image_count: Annotated[int, COUNTS] = Field(
        250, ge=0, le=10**7, title="Validation Image count", description="Pictures to validate with."
    )
    test_image_count: Annotated[int, COUNTS] = Field(
        0, ge=0, le=10**7, title="Test Image count", description="Pictures kept for a final test."
    )
    image_width: Annotated[int, SIZE] = Field(50, ge=1, le=8192, title="Image Width", description="Of every picture.")
    image_height: Annotated[int, SIZE] = Field(50, ge=1, le=8192, title="Image Height", description="Of every picture.")


class GradientInput(BaseModel):
    """The form of a prediction: one direction, or some at random."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gradient_x: Slope = Field(0.0, title="Gradient x", description="From -0.5 to 0.5, brighter to the right.")
    gradient_y: Slope = Field(0.0, title="Gradient y", description="From -0.5 to 0.5, brighter downwards.")
    test_image_count: int = Field(
        0, ge=0, le=1000, title="Number of random images", description="0: the one direction above."
    )


class Gradients(DataKind[GradientOptions]):
    """Knows nothing between two calls: all that it needs comes with each."""

    id = "image-gradients"
    title = "Gradients"
    category = "Images"
    summary = "Drawn gray gradients, and the direction of each"
    presentation = Presentation.VECTOR
    options = GradientOptions
    inference = GradientInput

    def scan(self, options: GradientOptions, watch: Watch) -> Scan:
        """Say what samples there are. Nothing is drawn yet: an entry has only what it takes to draw it later."""
        counts = {
            Split.TRAIN: options.train_image_count,
            Split.VAL: options.val_image_count,
            Split.TEST: options.test_image_count,
        }
        entries = {split: _entries(Random(f"{options.seed}/{split}"), split, count) for split, count in counts.items()}
        watch(sum(counts.values()))  # raises where the work is to stop
        return Scan(entries, user={"width": options.image_width, "height": options.image_height})

    def prepare(self, options: GradientOptions, scan: Scan) -> Decoder:
        """Make what turns an entry into a sample. It is called from several threads, and always does the same."""
        import numpy as np  # here, as the server loads this module for its menus and forms, and draws nothing

        height, width = options.image_height, options.image_width
        down, right = np.mgrid[0:height, 0:width]
        down, right = 255 * (down - height / 2) / height, 255 * (right - width / 2) / width

        def decode(entry: Entry) -> Sample:
            x, y = entry.source
            picture = np.clip(127.5 + x * right + y * down, 0, 255).astype(np.uint8)
            return Sample(feature=picture, label=np.array([x, y], np.float32), size=(width, height))

        return decode

    def entries_for(self, given: BaseModel, options: GradientOptions, scan: Scan) -> Iterable[Entry]:
        """The entries that the form of a prediction asks for."""
        assert isinstance(given, GradientInput)
        if given.test_image_count:
            return _entries(Random(f"{options.seed}/prediction"), "random", given.test_image_count)
        return [Entry(f"{given.gradient_x:g}, {given.gradient_y:g}", (given.gradient_x, given.gradient_y))]


def _entries(random: Random, name: str, count: int) -> list[Entry]:
    return [Entry(f"{name} {at}", (random.uniform(-0.5, 0.5), random.uniform(-0.5, 0.5))) for at in range(count)]


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """What Gradus asks the plugin for."""
    return [Gradients()]
