"""YOLO's text files: one a picture, one object a line, in shares of the picture's width and height.

    class cx cy width height [score]     the centre and size of a box
    class x1 y1 x2 y2 x3 y3 ...          the corners of a polygon; its box is taken

`class` counts from 0 through the names of `data.yaml` or `classes.txt`. With `kpt_shape` in `data.yaml` a line is
a box and the points of a pose, which are passed over. An empty file, or none, is a picture without objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradus.core.errors import InputError
from gradus.data.annotations.boxes import MAX_BYTES, Box, Boxes, class_name, number, shown, text_lines

MAX_NAMES = 100_000


def parse(data: bytes, names: Sequence[str] | None, poses: bool = False) -> Boxes:
    """The boxes of a file, relative. Without `names` the classes are called by their numbers."""
    found = Boxes(relative=True)
    for line, words in text_lines(data):
        points = len(words) >= 7 and len(words) % 2 == 1 and not poses
        if not points and len(words) not in (5, 6) and not (poses and len(words) > 6):
            raise InputError(f"{len(words)} columns; YOLO has 5, 6 with a score, or corners in pairs", line=line)
        values = [number(word, f"column {column}", line) for column, word in enumerate(words[1:], 2)]
        name = _name(words[0], names, line)
        left, top, right, bottom = _around(values) if points else _centred(values)
        score = values[4] if len(values) == 5 else None
        if not name:
            there = f"there are {len(names or ()):,}, counted from 0"
            found.remarks.append(f"line {line}: class {shown(words[0])} has no name: {there}; it is left out")
        else:
            found.add(Box(name, left, top, right, bottom, f"line {line}", score=score))
    return found


def read_yaml(data: bytes) -> tuple[list[str], bool]:
    """The names of `data.yaml` in their order, and whether its labels are poses. `InputError` if it has none.

    YAML's tags, merges and numbers are not acted upon: every value is text.
    """
    import yaml

    if len(data) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 2**20} MiB")
    try:
        found: Any = yaml.load(data, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise InputError(f"no YAML: {shown(str(error.problem))}", line=line) from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise InputError("no YAML: it cannot be read as text, or nests too deeply") from error
    names = found.get("names") if isinstance(found, dict) else None
    if isinstance(names, dict):
        names = _numbered(names)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(
            "there are no names of classes in it", hint="Write `names: [cat, dog]`, in the classes' order."
        )
    return _checked(names), isinstance(found, dict) and "kpt_shape" in found


def read_names(data: bytes) -> list[str]:
    """The names of `classes.txt`, one a line."""
    names: list[str] = []
    for line, words in text_lines(data):
        names.extend([""] * (line - len(names) - 1))
        names.append(" ".join(words))
    return _checked(names)


def _numbered(names: dict[Any, Any]) -> list[Any]:
    """`{0: cat, 2: dog}` as a list; a number that is left out has no name."""
    if not all(isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 7 for key in names):
        raise InputError("the names of classes are not numbered from 0")
    found = {int(key): name for key, name in names.items()}
    if found and max(found) >= MAX_NAMES:
        raise InputError(f"more than {MAX_NAMES:,} classes")
    return [found.get(i, "") for i in range(max(found, default=-1) + 1)]


def _checked(names: Sequence[str]) -> list[str]:
    if not 0 < len(names) <= MAX_NAMES:
        raise InputError(f"{len(names):,} names of classes; 1 to {MAX_NAMES:,} are possible")
    return [class_name(name) for name in names]


def _name(word: str, names: Sequence[str] | None, line: int) -> str:
    """The name of a class, empty if it has none."""
    value = number(word, "the class", line)
    if not value.is_integer() or not 0 <= value < MAX_NAMES:
        raise InputError(f"class {shown(word)}: a class is a number from 0", line=line)
    if names is None:
        return f"class {int(value)}"
    return names[int(value)] if value < len(names) else ""


def _centred(values: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, width, height = values[:4]
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _around(values: Sequence[float]) -> tuple[float, float, float, float]:
    across, down = values[0::2], values[1::2]
    return min(across), min(down), max(across), max(down)
