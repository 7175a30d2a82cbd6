"""A JPEG file without anything but its picture: what a database keeps of one that already has the right size."""

from __future__ import annotations

import re

_NEXT = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # in a scan's data: not a stuffed byte, restart or filling
_COLOUR = {0xE0: b"JFIF\0", 0xEE: b"Adobe"}  # the only segments for applications that change the pixels
_SCAN, _END, _COMMENT = 0xDA, 0xD9, 0xFE


def bare_jpeg(data: bytes) -> bytes:
    """The same compressed picture, bit for bit, without EXIF, profiles, thumbnails, comments and trailing bytes.

    `data` must have been decoded without complaint. What cannot be walked comes back as it is.
    """
    parts, at = [data[:2]], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _END:
            parts.append(data[at : at + 2])
            return b"".join(parts)
        if marker == 0xFF:  # filling
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            found = _NEXT.search(data, end)
            end = found.start() if found else len(data)
        if not _left_out(marker, data[at + 4 : at + 9]):
            parts.append(data[at:end])
        at = end
    return b"".join((*parts, data[at:])) if data[at:] == b"\xff\xd9" else data


def _left_out(marker: int, name: bytes) -> bool:
    return marker == _COMMENT or (0xE0 <= marker <= 0xEF and _COLOUR.get(marker) != name)
