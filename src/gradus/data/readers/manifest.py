"""A table with a row for each picture, with the columns path, label and, if wanted, split and group.

Columns are found by their names, of which the usual ones are known. A row that cannot be used is noted with its
line; it does not stop the others. Hugging Face's `imagefolder` has such tables inside the folders of pictures:
`metadata.csv`, `.jsonl` or `.parquet`, one for all or one in the folder of each split.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.classification import ClassificationOptions, Method
from gradus.core.dataset import BadFile, Split
from gradus.data.lists import escape
from gradus.data.readers.folder import SPLITS, Watcher
from gradus.data.readers.table import OpenTable, Row, no_table, open_table, read_rows, text_of
from gradus.data.readers.textfile import BadLineError, Places

LONGEST_LABEL = 500
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
COLUMNS = {
    "path": ("path", "file_name", "filename", "file", "image", "image_path", "filepath", "image_file_name"),
    "label": ("label", "class", "category", "label_name", "class_name"),
    "group": ("group", "group_id", "patient_id", "subject_id", "video_id"),
    "split": ("split", "set", "subset", "partition"),
}

Used = tuple[str, str, Split | None]  # a file without the first `/`, its label and split


@dataclass(slots=True)
class Table:
    """The rows in order: (file without the first `/`, label, split or None); and the groups of files that have one."""

    rows: list[Used] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)


def read_manifest(path: Path, places: Places, watch: Watcher, split: Split | None = None) -> Table:
    """Read a table whose rows belong to `split` if they name none. `InputError` where it has no such columns."""
    groups: dict[str, str] = {}

    def use(row: Row, _number: int) -> Used:
        used = _use({ours: text_of(row.get(theirs)) for ours, theirs in names.items()}, places, split)
        if group := text_of(row.get(names.get("group", ""))):
            groups[used[0]] = group
        return used

    with open_table(path, "train") as table:
        names = _columns(table)
        rows, bad = read_rows(table, use, watch, "train", set(names.values()))
    return Table(rows, bad, groups)


def metadata_of(options: ClassificationOptions) -> dict[Split | None, Path]:
    """The metadata that stands in the folders which are asked for; none where they are folders of classes."""
    if options.method is not Method.FOLDER:
        return {}
    others = {split: Path(source) for split in (Split.VAL, Split.TEST) if (source := options.source(split))}
    if not others:
        return metadata_in(Path(options.train))
    files = {split: _metadata_file(folder) for split, folder in {Split.TRAIN: Path(options.train), **others}.items()}
    found: dict[Split | None, Path] = {split: file for split, file in files.items() if file}
    return found if len(found) == len(files) else {}


def metadata_in(folder: Path) -> dict[Split | None, Path]:
    """The metadata of a folder that Hugging Face's `imagefolder` would read; of one for all splits the key is None.

    A folder with metadata for some of its splits has to have it for training, and then that is all of it.
    """
    if whole := _metadata_file(folder):
        return {None: whole}
    try:
        parts = sorted(path for path in folder.iterdir() if path.name.lower() in SPLITS)
        given = ((SPLITS[part.name.lower()], _metadata_file(part)) for part in parts)
    except OSError:  # told by whoever lists the folder
        return {}
    found: dict[Split | None, Path] = {split: file for split, file in given if file}
    return found if Split.TRAIN in found else {}


def read_metadata(files: Mapping[Split | None, Path], roots: list[str] | None, watch: Watcher) -> Table:
    """Read them as one table. Their paths start beside each; in one for all, the first folder may be a split."""
    whole = Table()
    for split, path in files.items():
        part = read_manifest(path, Places(path.parent, roots), _after(len(whole.rows), watch), split)
        inside = f"{path.parent}/"[1:]
        whole.rows += part.rows if split else [_by_folder(row, inside) for row in part.rows]
        shown = f"{escape(path.parent.name)}/" if split else ""
        whole.bad += [bad.model_copy(update={"file": shown + bad.file}) for bad in part.bad]
        whole.groups |= part.groups
    return whole


def _after(before: int, watch: Watcher) -> Watcher:
    return lambda found: watch(before + found)


def _metadata_file(folder: Path) -> Path | None:
    """The metadata of a folder, if it says which file has which label: there is metadata of other things too."""
    path = next((path for name in METADATA if os.path.isfile(path := folder / name)), None)  # noqa: PTH113  (never raises)
    if path is None:
        return None
    with open_table(path, "train") as table:
        return path if all(table.find(COLUMNS[ours]) for ours in ("path", "label")) else None


def _by_folder(row: Used, inside: str) -> Used:
    file, label, split = row
    first = file.removeprefix(inside).split("/", 1)[0]
    return file, label, split or SPLITS.get(first.lower())


def _use(row: Mapping[str, str], places: Places, own: Split | None) -> Used:
    label, split = row["label"], row.get("split", "").lower()
    if not row["path"]:
        raise BadLineError("has no path")
    if not label or len(label) > LONGEST_LABEL:
        raise BadLineError("has no label" if not label else f"has a label of more than {LONGEST_LABEL} characters")
    if split and split not in SPLITS:
        raise BadLineError(f"split “{escape(split)[:50]}”: it can be train, validation or test")
    return places.entry(row["path"]), escape(label), SPLITS.get(split, own)


def _columns(table: OpenTable) -> dict[str, str]:
    """The table's name of each column that is wanted, by ours."""
    names = {ours: theirs for ours, known in COLUMNS.items() if (theirs := table.find(known)) is not None}
    if missing := [ours for ours in ("path", "label") if ours not in names]:
        shown = ", ".join(escape(name)[:40] for name in table.columns[:10]) or "none"
        raise no_table(
            table.path, "train", f"there is no column {' and no column '.join(missing)}; there are: {shown}",
            "The first line of a CSV names its columns: path, label and, if wanted, split.",
        )  # fmt: skip
    return names
