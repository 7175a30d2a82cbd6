"""How pictures are stored where that is left to us, and why."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import Backend, Encoding

SMALL = 4096  # bytes of a picture up to which a PNG saves little: 64 x 64 gray, 32 x 32 colour
LOOKED_AT = 1000  # names of files
JPEG = (".jpg", ".jpeg", ".jpe", ".jfif")


def choose_encoding(options: ClassificationOptions, files: Iterable[str]) -> tuple[Encoding, str]:
    """The encoding, and the reason if it is not simply what was asked for."""
    if options.backend is Backend.HDF5:
        asked = options.encoding in (Encoding.RAW, Encoding.AUTO)
        return Encoding.RAW, "" if asked else "HDF5 holds pixels, not files"
    if options.encoding is not Encoding.AUTO:
        return options.encoding, ""
    if options.width * options.height * options.channels <= SMALL:
        return Encoding.RAW, "pictures this small are read fastest as they are, and PNG would save little"
    names = list(islice(files, LOOKED_AT))
    jpegs = sum(name.lower().endswith(JPEG) for name in names)
    if jpegs * 2 > len(names):
        return Encoding.JPG, "most of the files are JPEGs, and PNG would take five times the room"
    return Encoding.PNG, "most of the files are not JPEGs, so that nothing is lost"
