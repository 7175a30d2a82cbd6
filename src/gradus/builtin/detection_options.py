"""What is asked for an object detection dataset: DIGITS' fields, and ours for other formats than KITTI's."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from gradus.builtin.paired_options import CONVERSIONS, Conversion
from gradus.core.dataset import Percent, Side, Source, Split
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions
from gradus.data.annotations.layout import Given

MAX_CLASSES = 10_000
IMAGES, SIZE, OBJECTS = "Images", "Size", "Objects"
APART, FILES, TOGETHER = "Separate test images", "Annotation files", "Keep pictures together"
CHOSEN = ("padding", "size")


class WantedFormat(StrEnum):
    """How annotations are written; `auto` tells it from the files."""

    AUTO = "auto"
    KITTI = "kitti"
    VOC = "voc"
    COCO = "coco"
    YOLO = "yolo"


class Padding(StrEnum):
    """To what size black is added, on the right and below."""

    AUTO = "auto"  # as DIGITS for KITTI; else to the largest picture, where they have to be alike and are not
    SIZE = "size"
    NONE = "none"


FORMATS = {"auto": "Recognise", "kitti": "KITTI", "voc": "Pascal VOC", "coco": "COCO", "yolo": "YOLO"}
PADDINGS = {"auto": "Auto", "size": "To a size", "none": "None"}
PADDING_NOTES = {
    "auto": "KITTI: 1248 x 384, as in DIGITS. Others: to the largest image, if images differ and are not resized."
}


class DetectionOptions(GenericOptions):
    """What is asked for. A field for labels may stay empty where they lie below the folder of the images."""

    type: Annotated[Literal["image-object-detection"], Shown(hidden=True)] = "image-object-detection"
    train_image_folder: Annotated[Source, Shown(section=IMAGES, path="folder")] = Field(
        min_length=1, title="Training image folder", description="Images, or the folder above images and labels."
    )
    train_label_folder: Annotated[Source, Shown(section=IMAGES, path="folder")] = Field(
        "",
        title="Training label folder",
        description="A label file for each image. Empty: found in the folder above.",
    )
    val_image_folder: Annotated[Source, Shown(section=IMAGES, path="folder")] = Field(
        "", title="Validation image folder", description="Empty: what the training folder has for it, or a share."
    )
    val_label_folder: Annotated[Source, Shown(section=IMAGES, path="folder")] = Field(
        "", title="Validation label folder", description="As for training."
    )
    folder_pct_val: Annotated[Percent, Shown(section=IMAGES, unit="%")] = Field(
        10, title="% for validation", description="Chosen at random, where nothing else is for validation."
    )
    folder_pct_test: Annotated[Percent, Shown(section=IMAGES, unit="%")] = Field(
        0, title="% for testing", description="Chosen at random, where nothing else is for testing."
    )
    test_image_folder: Annotated[Source, Shown(section=IMAGES, fold=APART, path="folder")] = Field(
        "", title="Test image folder", description="Empty: what the training folder has for it, or a share."
    )
    test_label_folder: Annotated[Source, Shown(section=IMAGES, fold=APART, path="folder")] = Field(
        "", title="Test label folder", description="As for training."
    )
    format: Annotated[WantedFormat, Shown(section=IMAGES, fold=FILES, words=FORMATS)] = Field(
        WantedFormat.AUTO, title="Format", description="How labels are written."
    )
    annotations: Annotated[Source, Shown(section=IMAGES, fold=FILES, path="file", send=True)] = Field(
        "", title="Annotation file", description="COCO's JSON, or YOLO's data.yaml or classes.txt. Empty: found."
    )
    val_annotations: Annotated[Source, Shown(section=IMAGES, fold=FILES, path="file", send=True)] = Field(
        "", title="Validation annotation file", description="As for training."
    )
    test_annotations: Annotated[Source, Shown(section=IMAGES, fold=FILES, path="file", send=True)] = Field(
        "", title="Test annotation file", description="As for training."
    )
    group_expression: Annotated[str, Shown(section=IMAGES, fold=TOGETHER, placeholder="video([0-9]+)")] = Field(
        "", max_length=500, title="Expression",
        description="Images in whose paths its first bracket finds the same stay together. A folder each: (.*)/",
    )  # fmt: skip
    padding: Annotated[Padding, Shown(section=SIZE, words=PADDINGS, notes=PADDING_NOTES)] = Field(
        Padding.AUTO, title="Padding", description="Black, on the right and below; larger images are refused."
    )
    padding_image_width: Annotated[Side | None, Shown(section=SIZE, unit="px", when=CHOSEN)] = Field(
        1248, title="Padding image width", description="Of the canvas. Empty, with the height: no padding."
    )
    padding_image_height: Annotated[Side | None, Shown(section=SIZE, unit="px", when=CHOSEN)] = Field(
        384, title="Padding image height", description="Of the canvas."
    )
    resize_image_width: Annotated[Side | None, Shown(section=SIZE, unit="px")] = Field(
        None, title="Resize image width", description="After padding; boxes are scaled as well. Empty: not resized."
    )
    resize_image_height: Annotated[Side | None, Shown(section=SIZE, unit="px")] = Field(
        None, title="Resize image height", description="Both or none."
    )
    channel_conversion: Annotated[Conversion, Shown(section=SIZE, words=CONVERSIONS)] = Field(
        Conversion.RGB, title="Channel conversion", description="What becomes of the images' colours."
    )
    val_min_box_size: Annotated[int, Shown(section=OBJECTS, unit="px")] = Field(
        25, ge=0, le=10**6, title="Minimum box size (in pixels) for validation set",
        description="There and for testing, smaller boxes become “don't care”, by width or height. 0: none.",
    )  # fmt: skip
    custom_classes: Annotated[str, Shown(section=OBJECTS, lines=2, placeholder="dontcare, car, person")] = Field(
        "", max_length=100_000, title="Custom classes",
        description="Parted by commas, numbered from 0; all others become 0, so begin with dontcare. "
        "Empty: DIGITS' classes for KITTI, those that are found for others.",
    )  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _padding_is_meant(cls, given: Any) -> Any:
        """DIGITS' callers know nothing of `padding`: what they give as its size, be it nothing, is what they mean."""
        sides = ("padding_image_width", "padding_image_height")
        if not isinstance(given, dict) or "padding" in given or not any(side in given for side in sides):
            return given
        return {**given, "padding": Padding.SIZE}

    @model_validator(mode="after")
    def _consistent(self) -> DetectionOptions:
        for what in ("padding", "resize"):
            width, height = (getattr(self, f"{what}_image_{side}") for side in ("width", "height"))
            if (width is None) != (height is None):
                title = what.capitalize()
                raise ValueError(f"{title} image width and {title} image height go together: give both or none")
        for split, title in ((Split.VAL, "Validation"), (Split.TEST, "Test")):
            folder, labels, file = (getattr(self, name) for name in _fields(split))
            if (labels or file) and not folder:
                raise ValueError(f"{title} image folder must be given with its labels")
        if self.folder_pct_val + self.folder_pct_test > 100:
            raise ValueError("% for validation and % for testing together are more than 100")
        names = self.classes
        if self.custom_classes and (not all(names) or len(set(names)) < len(names) or len(names) > MAX_CLASSES):
            raise ValueError(f"Custom classes must be different names, at most {MAX_CLASSES:,}, parted by commas")
        return self

    @property
    def classes(self) -> list[str]:
        """The custom classes, in lower case as DIGITS compares them."""
        return [name.strip().lower() for name in self.custom_classes.split(",")] if self.custom_classes else []

    @property
    def given(self) -> dict[Split, Given]:
        """What is named for each split."""
        found = {}
        for split in Split:
            fields = _fields(split)
            pictures, labels, file = (getattr(self, name) for name in fields)
            if pictures:
                found[split] = Given(pictures, labels, file, fields)
        return found

    @property
    def target(self) -> tuple[int, int] | None:
        """The (width, height) that pictures are resized to."""
        width, height = self.resize_image_width, self.resize_image_height
        return None if width is None or height is None else (width, height)

    def percent(self, split: Split) -> float:
        """The share of the training pictures that is held back, if nothing else is there for a split."""
        return {Split.TRAIN: 0.0, Split.VAL: self.folder_pct_val, Split.TEST: self.folder_pct_test}[split]


def _fields(split: Split) -> tuple[str, str, str]:
    """The fields of a split that name its pictures, its labels and its file."""
    file = "annotations" if split is Split.TRAIN else f"{split}_annotations"
    return f"{split}_image_folder", f"{split}_label_folder", file
