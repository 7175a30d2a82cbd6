"""A dataset as it is being built: how far it is, when to stop, and when too much cannot be used."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gradus.core.dataset import BadFile, DatasetOptions, Split
from gradus.core.errors import InputError
from gradus.core.report import Report
from gradus.data.facts import FILE
from gradus.data.files import remove_leftovers, replace_folder, write_text, writing

BUILDING = ".building-"
UNREADABLE = "unreadable.jsonl"
SCANNED = 0.02  # the share of the progress that finding the files is given
FETCHED = 0.5  # where they are fetched from elsewhere, the share until all are here
SHOWN = 3  # unreadable files named in an error
EACH = 0.5  # seconds between two reports


class Stopped(Exception):
    """The work was asked to stop and left nothing half done."""


@dataclass(slots=True)
class Building:
    """One build as it goes on. `named` is the field of the form that errors about its files are put to."""

    options: DatasetOptions
    folder: Path
    report: Report
    named: str = "train"
    words: tuple[str, str, str] = ("could be read", "be unreadable", "could not be read")  # right and other files
    files: int = 0  # to be read in all
    read: int = 0
    bad: list[BadFile] = field(default_factory=list)
    noted: list[BadFile] = field(default_factory=list)  # listed behind these, but right
    before: float = SCANNED  # the share of the progress until the first file is read
    started: float = field(default_factory=time.monotonic)
    _reported: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return round(time.monotonic() - self.started, 3)

    def look(self) -> None:
        """Stop if that has been asked for."""
        if self.report.stopping():
            raise Stopped("the dataset was not built: it was asked to stop")

    def found(self, files: int) -> None:
        """Tell how many files have been found."""
        self.look()
        self.report.progress(0.0, f"looking for pictures: {files:,} found")

    def fetched(self, seen: int, bad: Iterable[BadFile], at: int, of: int, began: float) -> None:
        """Tell how many files were fetched from elsewhere; give up when too many cannot be had."""
        self.read = seen
        self.bad.extend(bad)
        self.judge()
        now = time.monotonic()
        if now - self._reported >= EACH or at == of:
            self._reported = now
            self.before = SCANNED + (FETCHED - SCANNED) * at / of
            rate = at / (now - began) if now > began else None
            self.report.progress(self.before, f"fetching pictures: {at:,} of {of:,}", rate)

    def take(self, read: int, bad: Iterable[BadFile], split: Split, at: int, of: int, began: float) -> bool:
        """Count what was read, tell how far it is, and give up when too much cannot be used; whether it was told."""
        self.read += read
        self.bad.extend(bad)
        self.judge()
        now = time.monotonic()
        if now - self._reported < EACH and at != of:
            return False
        self._reported = now
        fraction = self.before + (1 - self.before) * self.read / self.files
        rate = at / (now - began) if now > began else None
        self.report.progress(min(fraction, 0.999), f"building {split}: {at:,} of {of:,}", rate)
        return True

    def judge(self) -> None:
        """Give up where more cannot be used than is allowed."""
        if len(self.bad) * 100 <= self.options.unreadable_percent * self.files:
            return
        right = self.read - len(self.bad)
        many = "None" if right <= 0 else f"Only {right:,}"
        shown = "; ".join(f"{bad.file}: {bad.reason}" for bad in self.bad[:SHOWN])
        raise InputError(
            f"{many} of the first {self.read:,} of {self.files:,} files {self.words[0]}, and at most "
            f"{self.options.unreadable_percent:g} % may {self.words[1]}. {shown}",
            field=self.named,
            file=self.bad[0].file,
            hint="Repair or remove these files, or allow more with “% unreadable allowed”.",
        )

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder in which all is made before it is moved to its place; nothing of an earlier start is left."""
        temporary = self.folder / f"{BUILDING}databases"
        try:
            with writing("the dataset", self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                (self.folder / FILE).unlink(missing_ok=True)
                remove_leftovers(self.folder)
                remove_leftovers(self.folder, BUILDING)
                temporary.mkdir()
                yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def list_bad(self) -> None:
        """Write which files could not be used, and why; behind them those with something to note."""
        listed = [*self.bad, *self.noted]
        write_text(self.folder / UNREADABLE, "".join(each.model_dump_json() + "\n" for each in listed))
        if self.bad:
            self.report.warning(f"{len(self.bad):,} of {self.files:,} files {self.words[2]}; the dataset lists them")
        if self.noted:
            self.report.warning(
                f"{len(self.noted):,} of {self.files:,} files hold several pictures, of which the first is used; "
                "the dataset lists them"
            )


def settle(built: Path | None, final: Path) -> None:
    """Move a finished database to its place, or remove an old one that has no successor."""
    if built is not None:
        replace_folder(built, final)
    elif final.exists():
        shutil.rmtree(final)
