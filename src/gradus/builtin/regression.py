"""Regression: pictures and the numbers that a network is to read off them.

The numbers come from columns of a table, or from a list with a line `path number number ...`. They are stored as they
are; mean and standard deviation are told, for a network that wants them normalised.
"""

from __future__ import annotations

from gradus.builtin.regression_options import RegressionOptions
from gradus.core.generic import Presentation
from gradus.plugins import hookimpl
from gradus.plugins.data import DataKind, Decoder, Kind, Scan, Watch


class Regression(DataKind[RegressionOptions]):
    """A picture and a vector."""

    id = "image-regression"
    title = "Regression"
    summary = "Images, and the numbers that a network is to read off them"
    presentation = Presentation.VECTOR
    options = RegressionOptions

    def scan(self, options: RegressionOptions, watch: Watch) -> Scan:
        """Read the table, divide its rows, and sum up the numbers of those for training."""
        from gradus.builtin.regression_samples import scan

        return scan(options, watch)

    def prepare(self, options: RegressionOptions, scan: Scan) -> Decoder:
        """The picture and numbers of each row."""
        from gradus.builtin.regression_samples import prepare

        return prepare(options)


@hookimpl
def gradus_data_kinds() -> list[Kind]:
    """What this module provides."""
    return [Regression()]
