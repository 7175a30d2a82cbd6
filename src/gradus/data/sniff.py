"""What a file is, by its first bytes. Names are not believed."""

from __future__ import annotations

from typing import Literal

from gradus.core.errors import ImageError

Format = Literal["PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP"]

ALLOWED = "PNG, JPEG, BMP, PPM, PGM, TIFF and WebP"
UNKNOWN = "something unknown"
PNG = b"\x89PNG\r\n\x1a\n"

_SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (PNG, "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    *((b"P%d" % n + space, "PPM") for n in range(1, 7) for space in (b" ", b"\n", b"\t", b"\r")),
    *((kind + space, "PPM") for kind in (b"Pf", b"PF") for space in (b" ", b"\n", b"\r\n")),
)

# Formats that are known and refused: scripts, documents, containers whose decoders are large or start programs.
_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"8BPS", "PSD"),
    (b"SIMPLE  =", "FITS"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\0\x0cjP", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"PK\3\4", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x89HDF", "HDF5"),
    (b"\x93NUMPY", "NumPy"),
    (b"icns", "ICNS"),
    (b"gimp xcf", "XCF"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
)
_MARKUP = ((b"<svg", "SVG"), (b"<!doctype html", "HTML"), (b"<html", "HTML"), (b"<?xml", "XML"))


def sniff(data: bytes) -> Format:
    """The format of a picture. `ImageError` says what else it is."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise _refusal(data)


def seen(data: bytes) -> str:
    """What a file is that should have been something else than a picture, by its first bytes, in plain words."""
    try:
        return f"a {sniff(data)} picture"
    except ImageError as error:
        told = str(error)
    for start in ("format not allowed: ", "not a picture but ", "the file is "):
        if told.startswith(start):
            return told.removeprefix(start)
    return UNKNOWN


def _refusal(data: bytes) -> ImageError:
    if not data:
        return ImageError("the file is empty")
    hint = f"Pictures can be {ALLOWED}."
    for signature, name in _REFUSED:
        if data.startswith(signature):
            return ImageError(f"format not allowed: {name}", hint=hint)
    if data[4:8] == b"ftyp":
        return ImageError("format not allowed: HEIF, AVIF or video", hint=hint)
    if data[128:132] == b"DICM":
        return ImageError("format not allowed: DICOM", hint=hint)
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, name in _MARKUP:
        if start.startswith(signature):
            svg = name == "XML" and b"<svg" in data[:4096].lower()
            return ImageError(f"format not allowed: {'SVG' if svg else name}", hint=hint)
    if b"\0" not in data[:512] and all(byte >= 32 or byte in b"\t\r\n" for byte in data[:512]):
        return ImageError("not a picture but text", hint=hint)
    return ImageError("not a picture of a known format", hint=hint)
