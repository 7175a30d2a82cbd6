"""Multi-label classification: pictures, each of any number of classes.

A table has them in a column of labels, `cat;dog`, or as a list of JSON or Parquet, or in a column of 0 and 1 for each
class. A label is stored as a vector of 0 and 1, float32, with a place for each class.
"""

from __future__ import annotations

from gradus.builtin.multilabel_options import MultiLabelOptions
from gradus.core.generic import Presentation
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Kind, Scan, Watch


class MultiLabel(DataKind[MultiLabelOptions]):
    """A picture, and 0 or 1 for each class."""

    id = "image-multi-label"
    title = "Multi-label"
    summary = "Images that may each belong to several classes, or to none"
    presentation = Presentation.CLASSES
    options = MultiLabelOptions

    def scan(self, options: MultiLabelOptions, watch: Watch) -> Scan:
        """Read the table and divide its rows. Classes are sorted by name, or in the order of columns or of a file."""
        from gradus.builtin.multilabel_samples import scan

        return scan(options, watch)

    def prepare(self, options: MultiLabelOptions, scan: Scan) -> Decoder:
        """The picture of each row, and a vector of 0 and 1."""
        from gradus.builtin.multilabel_samples import prepare

        return prepare(options, scan)


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """What this module provides."""
    return [MultiLabel()]
