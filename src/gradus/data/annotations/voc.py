"""Pascal VOC's XML: one file a picture, an `object` with a `bndbox` for each box.

Coordinates stay as they stand: the PASCAL challenge counted pixels from 1, most tools since count from 0, and no
file says which. Parts of an object (`part`) are passed over. A document type, the only way to entities, is refused.
"""

from __future__ import annotations

from xml.parsers import expat

from gradus.core.errors import InputError
from gradus.data.annotations.boxes import MAX_BYTES, Box, Boxes, class_name, number, shown

SIDES = ("xmin", "ymin", "xmax", "ymax")
_KEPT = {
    ("annotation", "filename"), ("annotation", "size", "width"), ("annotation", "size", "height"),
    *(("annotation", "object", name) for name in ("name", "truncated", "occluded", "difficult")),
    *(("annotation", "object", "bndbox", side) for side in SIDES),
}  # fmt: skip
_DEEPEST = 64


class _Reader:
    """The state of one pass over a file."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.found = Boxes()
        self.path: list[str] = []
        self.words: list[str] = []
        self.values: dict[str, str] = {}  # of the object that is open
        self.stated: dict[str, str] = {}  # of the picture
        self.objects = self.line = 0

    def doctype(self, *_: object) -> None:
        raise InputError("has a document type, which could define entities", line=self.parser.CurrentLineNumber)

    def start(self, name: str, _: dict[str, str]) -> None:
        if not self.path and name != "annotation":
            raise InputError(f"no VOC file: it starts with <{shown(name)}>, not with <annotation>", line=1)
        if len(self.path) >= _DEEPEST:
            raise InputError("elements nest too deeply", line=self.parser.CurrentLineNumber)
        self.path.append(name)
        self.words = []
        if self.path == ["annotation", "object"]:
            self.objects, self.line, self.values = self.objects + 1, self.parser.CurrentLineNumber, {}

    def text(self, text: str) -> None:
        self.words.append(text)

    def end(self, name: str) -> None:
        path = tuple(self.path)
        self.path.pop()
        if path in _KEPT:
            kept = self.values if "object" in path else self.stated
            if name in kept and name in SIDES:
                raise InputError(f"a second {name} in object {self.objects}", line=self.parser.CurrentLineNumber)
            kept[name] = "".join(self.words).strip()
        elif path == ("annotation", "object"):
            self.close()

    def close(self) -> None:
        """The end of an object."""
        where = f"object {self.objects} (line {self.line})"
        if not all(self.values.get(side) for side in SIDES):
            self.found.remarks.append(f"{where}: it has no complete bndbox; it is left out")
            return
        left, top, right, bottom = (number(self.values[side], side, self.line) for side in SIDES)
        self.found.add(
            Box(
                class_name(self.values.get("name", "")), left, top, right, bottom, where,
                truncated=self.flag("truncated"), occluded=self.flag("occluded"), difficult=self.flag("difficult") > 0,
            )
        )  # fmt: skip

    def flag(self, name: str) -> float:
        """0 or 1; of what tools write for unknown, 0."""
        return 1.0 if self.values.get(name, "").lower() in ("1", "true", "yes") else 0.0


def parse(data: bytes) -> Boxes:
    """The boxes of a file. `InputError` with the line where it is no XML, or no annotation."""
    if len(data) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 2**20} MiB")
    reader = _Reader()
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(f"no XML: {expat.errors.messages[error.code]}", line=error.lineno) from error
    except (LookupError, ValueError) as error:
        raise InputError("the encoding that the file states is not known", line=1) from error
    found = reader.found
    found.picture = reader.stated.get("filename", "")
    found.size = _size(reader.stated)
    return found


def _size(stated: dict[str, str]) -> tuple[int, int] | None:
    """The picture's size; None where a tool has left it out, or written 0."""
    sides = [text for text in (stated.get("width", ""), stated.get("height", "")) if text.isascii() and text.isdigit()]
    if len(sides) < 2 or max(map(len, sides)) > 9 or not all(map(int, sides)):
        return None
    return int(sides[0]), int(sides[1])
