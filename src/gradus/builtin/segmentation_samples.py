"""The samples of a segmentation dataset: pictures paired with what their masks are made of, then both read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradus.builtin.paired import divided, paired, read_feature, required, separate
from gradus.builtin.segmentation_labels import find_classes
from gradus.builtin.segmentation_options import SegmentationOptions
from gradus.builtin.segmentation_outlines import Outlines, class_numbers
from gradus.core.dataset import Split
from gradus.core.errors import ImageError
from gradus.data.annotations.layout import Given
from gradus.data.annotations.read import read
from gradus.data.annotations.recognise import Format
from gradus.data.masks.coding import Coding, Read, histogram
from gradus.data.masks.labels import read_label
from gradus.data.masks.palette import palette_of
from gradus.data.masks.resize import IGNORED, fit_mask
from gradus.data.pairs import Pair, is_voc, pair_voc
from gradus.data.pictures import read_file
from gradus.plugins.data import Decoder, Entry, Sample, Scan, Watch

FIELDS = "feature_folder", "feature_folder", "annotations_file"
VAL_FIELDS = "validation_feature_folder", "validation_feature_folder", "validation_annotations_file"

Labeller = Callable[[tuple[int, int]], Read]
"""From the (width, height) of a picture to its mask. `InputError` says why there is none."""


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A mask that a label picture holds."""

    path: str
    coding: Coding

    def __call__(self, size: tuple[int, int]) -> Read:
        """Read it; it has to have the size of its picture."""
        try:
            picture = read_label(read_file(self.path))
            if picture.size != size:
                (across, down), (width, height) = picture.size, size
                raise ImageError(f"is {across} x {down}, the image {width} x {height}")
            return self.coding.read(picture)
        except ImageError as error:
            raise ImageError(f"its label: {error}", hint=error.problem.hint) from error


@dataclass(frozen=True, slots=True)
class Marked:
    """The source of an entry: the path of a picture, and what gives its mask."""

    image: str
    label: Labeller


def scan(options: SegmentationOptions, watch: Watch) -> Scan:
    """Pair the folders, divide the pairs, and find out what the numbers in the labels mean."""
    if options.annotations_file:
        return _outlined(options, watch)
    pairs, warnings = _pairs(options, watch)
    classes = find_classes(options, [pair.label for split in Split for pair in pairs[split]], watch)
    entries: dict[Split, Sequence[Entry]] = {
        split: [Entry(pair.name, Marked(pair.image, LabelFile(pair.label, classes.coding))) for pair in found]
        for split, found in pairs.items()
    }
    whole = Scan(entries, classes.names, classes.palette, IGNORED)
    whole.warnings = [*warnings, *classes.warnings]
    whole.user = {"binary": classes.coding.binary}
    return whole


def prepare(options: SegmentationOptions, scan: Scan) -> Decoder:
    """The picture and mask of each entry."""

    def decode(entry: Entry) -> Sample:
        source: Marked = entry.source
        feature = read_feature(source.image, options, options.channel_conversion)
        mask, remarks = source.label(feature.size)
        if options.width is not None and options.height is not None:
            mask = fit_mask(mask, options.width, options.height, options.resize_mode)
        counts = histogram(mask).tolist()
        marked = {number: counts[number] for number in range(len(scan.labels)) if counts[number]}
        return Sample(feature.pixels, mask, remarks, marked, feature.size)

    return decode


def _pairs(options: SegmentationOptions, watch: Watch) -> tuple[dict[Split, list[Pair]], list[str]]:
    """Those that VOC's lists name where the folder is laid out so; else those of two folders."""
    if options.label_folder or not is_voc(options.feature_folder):
        return paired(options, options.seed, watch)
    found, warnings = pair_voc(options.feature_folder, "feature_folder", watch)
    if options.has_val_folder:
        found[Split.VAL], more = separate(options, watch)
        warnings += more
    if not found[Split.VAL]:
        shares = divided(found[Split.TRAIN], None, options, options.seed)
        found = {**shares, Split.TEST: found[Split.TEST] + shares[Split.TEST]}
    return found, warnings


def _outlined(options: SegmentationOptions, watch: Watch) -> Scan:
    """The pictures that a COCO file names, with its outlines."""
    given = {Split.TRAIN: Given(options.feature_folder, "", options.annotations_file, FIELDS, outlines=True)}
    if options.has_val_folder:
        for named in VAL_FIELDS[::2]:
            required(
                getattr(options, named), named, "Separate validation images need both, or none with % for validation."
            )
        folder, file = options.validation_feature_folder, options.validation_annotations_file
        given[Split.VAL] = Given(folder, "", file, VAL_FIELDS, outlines=True)
    found = read(given, Format.COCO, watch)
    numbers = class_numbers(found.names)
    own = found.splits.get(Split.VAL)
    splits = divided(found.splits[Split.TRAIN], own, options, options.seed)
    entries: dict[Split, Sequence[Entry]] = {
        split: [Entry(each.name, Marked(each.path, Outlines(each.boxes, numbers))) for each in part]
        for split, part in splits.items()
    }
    names = list(numbers)
    return Scan(entries, names, palette_of(names), IGNORED, bad=found.bad, warnings=found.warnings)
