"""Image processing: pictures and the pictures that a network is to make of them, as DIGITS' extension of that name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from gradus.builtin.paired_options import PairedFields
from gradus.core.dataset import Split
from gradus.core.errors import ImageError
from gradus.core.form import Shown
from gradus.core.generic import GenericOptions, Presentation
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Entry, Kind, Sample, Scan, Watch

if TYPE_CHECKING:
    from gradus.data.pairs import Pair


class ProcessingOptions(PairedFields, GenericOptions):
    """What is asked for. The channel conversion and the size are those of features and labels."""

    type: Annotated[Literal["image-processing"], Shown(hidden=True)] = "image-processing"


class ImageProcessing(DataKind[ProcessingOptions]):
    """Two folders of pictures whose files have the same names."""

    id = "image-processing"
    title = "Processing"
    summary = "Images, and the images that a network is to make of them"
    presentation = Presentation.PICTURE
    options = ProcessingOptions

    def scan(self, options: ProcessingOptions, watch: Watch) -> Scan:
        """Pair the folders and divide the pairs."""
        from gradus.builtin.paired import paired

        pairs, warnings = paired(options, options.seed, watch)
        entries: dict[Split, Sequence[Entry]] = {
            split: [Entry(pair.name, pair) for pair in found] for split, found in pairs.items()
        }
        return Scan(entries, warnings=warnings)

    def prepare(self, options: ProcessingOptions, scan: Scan) -> Decoder:
        """Two pictures. A label may be larger than its feature, for super-resolution, unless a size is asked for."""
        from gradus.builtin.paired import read_feature

        def decode(entry: Entry) -> Sample:
            pair: Pair = entry.source
            feature = read_feature(pair.image, options, options.channel_conversion)
            try:
                label = read_feature(pair.label, options, options.channel_conversion)
            except ImageError as error:
                raise ImageError(f"its label: {error}") from error
            return Sample(feature.pixels, label.pixels, size=feature.size)

        return decode


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """What this module provides."""
    return [ImageProcessing()]
