"""Sample sets to try things on: drawn by us, or public ones brought into folders."""

from gradus.data.samples.sample import SampleSet
from gradus.data.samples.write import NAMES, write_sample

__all__ = ["NAMES", "SampleSet", "write_sample"]
