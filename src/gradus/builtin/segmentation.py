"""Segmentation: pictures and the class of each of their pixels, as DIGITS' extension of that name.

Labels are label pictures, in a folder of their own or laid out as Pascal VOC has them, or the outlines of a COCO file.
A label is stored as a mask, uint8 (height, width): the class of each pixel, 255 where none counts.
"""

from __future__ import annotations

from gradus.builtin.segmentation_options import SegmentationOptions
from gradus.core.generic import Presentation
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Kind, Scan, Watch


class Segmentation(DataKind[SegmentationOptions]):
    """Pictures and masks."""

    id = "image-segmentation"
    title = "Segmentation"
    summary = "Images, and label images that say for each pixel what it shows"
    presentation = Presentation.MASK
    options = SegmentationOptions

    def scan(self, options: SegmentationOptions, watch: Watch) -> Scan:
        """Pair the folders, divide the pairs, and find out what the numbers in the labels mean."""
        from gradus.builtin.segmentation_samples import scan

        return scan(options, watch)

    def prepare(self, options: SegmentationOptions, scan: Scan) -> Decoder:
        """The picture and mask of each entry."""
        from gradus.builtin.segmentation_samples import prepare

        return prepare(options, scan)


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """What this module provides."""
    return [Segmentation()]
