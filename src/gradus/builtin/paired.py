"""What segmentation and image processing have in common: pictures with label pictures, in pairs of folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradus.builtin.paired_options import Conversion, PairedFields
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.grouping import by_expression
from gradus.data.pairs import Fields, Pair, pair_folders
from gradus.data.pictures import decode, read_file
from gradus.data.resize import fit, geometry
from gradus.data.shares import divide
from gradus.plugins.data import Watch


class Called(Protocol):
    """What has a name, by which it may belong to others."""

    @property
    def name(self) -> str:
        """Its name."""


P = TypeVar("P", bound=Called)


class Picture(NamedTuple):
    """A feature: uint8 (height, width) gray or (height, width, 3) RGB; the (width, height) that its file has."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]


def read_feature(path: str, options: PairedFields, conversion: Conversion) -> Picture:
    """The picture of a file at the size of the dataset. `ImageError` says why there is none."""
    target = None if options.width is None or options.height is None else (options.width, options.height)
    mode = options.resize_mode
    least = None if target is None else lambda width, height: geometry(width, height, target, mode).scaled
    picture = decode(read_file(path), least)
    channels = {Conversion.RGB: 3, Conversion.GRAY: 1}.get(conversion, 3 if picture.pixels.ndim == 3 else 1)
    width, height = target or picture.size
    pixels = fit(picture.pixels, width, height, channels, mode, source=picture.size)
    return Picture(pixels[..., 0] if channels == 1 else pixels, picture.size)


def paired(options: PairedFields, seed: int, watch: Watch) -> tuple[dict[Split, list[Pair]], list[str]]:
    """The pairs of the folders in their splits, and warnings."""
    given = Fields("feature_folder", "label_folder")
    required(options.label_folder, given.labels, "Give the folder of the label images.")
    train = pair_folders(options.feature_folder, options.label_folder, given, watch)
    apart, more = separate(options, watch) if options.has_val_folder else (None, [])
    return divided(train.found, apart, options, seed), [*train.warnings, *more]


def separate(options: PairedFields, watch: Watch) -> tuple[list[Pair], list[str]]:
    """The pairs of the validation folders, and warnings."""
    given = Fields("validation_feature_folder", "validation_label_folder")
    folders = options.validation_feature_folder, options.validation_label_folder
    for named, folder in zip(given, folders, strict=True):
        required(folder, named, "Separate validation images need a folder, or none with % for validation.")
    found = pair_folders(*folders, given, watch, prefix=f"{folders[0].rstrip('/')}/")
    return found.found, found.warnings


def divided(found: Sequence[P], apart: Sequence[P] | None, options: PairedFields, seed: int) -> dict[Split, list[P]]:
    """What is in each split: shares by chance, but for validation samples `apart`."""
    key = by_expression(options.group_expression) if options.group_expression else None
    shares = {Split.VAL: 0 if apart is not None else options.folder_pct_val, Split.TEST: options.folder_pct_test}
    places = divide([each.name for each in found], shares, seed, key)
    splits = {split: [found[place] for place in part] for split, part in places.items()}
    return splits if apart is None else {**splits, Split.VAL: list(apart)}


def required(folder: str, named: str, hint: str) -> None:
    """`InputError` where a field that is needed here is empty."""
    if not folder:
        raise InputError("must not be empty", field=named, hint=hint)
