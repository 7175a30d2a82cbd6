"""Whether a kind of data makes samples as Gradus needs them: alike every time, from every thread, as arrays."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
from pydantic import BaseModel

from gradus.core.dataset import BadFile, Split
from gradus.core.errors import InputError
from gradus.core.generic import Presentation
from gradus.plugins.data import Decoder, Entry, Kind, Sample, Scan
from gradus.plugins.finding import Findings

TRIED = 16  # entries of each split
THREADS = 4
COLUMNS = 16  # of DIGITS' rows of boxes
Plain = tuple[object, ...]  # a sample as values that can be compared
COLOUR = re.compile(r"#[0-9a-f]{6}")


class _StopError(Exception):
    """Raised by a watcher that wants the work to stop."""


def check_empty(kind: Kind, options: Any, fields: Sequence[str], found: Findings) -> None:
    """Scan folders and files without anything in them: an `InputError` that names a field of the form."""
    with found.surviving("scan of nothing"):
        try:
            scan = kind.scan(options, lambda _found: None)
        except InputError as error:
            for problem in error.problems():
                if problem.field not in kind.options.model_fields:
                    found.add("scan of nothing", f"its error names no field of the form, such as {fields[0]}: {error}")
            return
        entries = sum(len(each) for each in scan.entries.values())
        found.expect(not entries, "scan of nothing", f"finds {entries:,} samples where there is nothing")


def check_scan(kind: Kind, options: Any, found: Findings) -> Scan | None:
    """Scan what is there, twice; what was found, if that can be used."""
    scans: list[Scan] = []
    for _ in range(2):
        with found.surviving("scan", refusing=False):
            scans.append(kind.scan(options, lambda _found: None))
    if len(scans) < 2 or not found.expect(isinstance(scans[0], Scan), "scan", "must give a gradus.plugins.data.Scan"):
        return None
    first, second = scans
    before = len(found)
    _look(first, found)
    if len(found) > before:
        return None
    names = [{split: [entry.name for entry in part] for split, part in scan.entries.items()} for scan in scans]
    if not found.expect(
        names[0] == names[1], "scan", "finds other samples, or another order, the second time: use options.seed"
    ):
        return first
    found.expect(
        (first.labels, first.user) == (second.labels, second.user),
        "scan",
        "tells other labels or facts the second time",
    )
    _stopped(kind, options, found)
    return first


def check_decoder(kind: Kind, options: Any, scan: Scan, found: Findings) -> Decoder | None:
    """Make some samples of each split, then the same once more from several threads."""
    decoders: list[Decoder] = []
    with found.surviving("prepare", refusing=False):
        decoders.append(kind.prepare(options, scan))
    if not decoders or not found.expect(callable(decoders[0]), "prepare", "must give a function of an Entry"):
        return None
    decoder = decoders[0]
    entries = [entry for part in scan.entries.values() for entry in part[:TRIED]]
    samples: list[tuple[Entry, Sample, Plain]] = []
    for entry in entries:
        sample = _made(decoder, entry, found)
        if sample is not None:
            samples.append((entry, sample, _plain(sample)))
    found.expect(samples or not entries, "decode", f"makes no sample of the first {len(entries)} entries")
    before = len(found)
    for entry, sample, _ in samples:
        if len(found) == before:  # the others are likely wrong in the same way
            _sample(kind, scan, sample, f"decode of {entry.name}", found)
    _repeated(decoder, samples, found)
    return decoder


def _repeated(decoder: Decoder, samples: Sequence[tuple[Entry, Sample, Plain]], found: Findings) -> None:
    """Whether samples stay what they were, and are made alike whenever and wherever that is done."""
    changed = next((entry for entry, sample, plain in samples if _plain(sample) != plain), None)
    if changed is not None:
        found.add(f"decode of {changed.name}", "changes an array that it gave before: give a new one each time")
        return

    def alike(once: tuple[Entry, Sample, Plain]) -> bool:
        entry, _, plain = once
        sample = _made(decoder, entry, Findings())
        return sample is not None and _plain(sample) == plain

    with ThreadPoolExecutor(THREADS) as pool:
        same = list(pool.map(alike, [*samples, *samples]))
    if not all(same):
        name = [*samples, *samples][same.index(False)][0].name
        found.add(f"decode of {name}", "makes another sample the second time, or from several threads")


def check_inference(kind: Kind, given: BaseModel, options: Any, scan: Scan, decoder: Decoder, found: Findings) -> None:
    """Make the samples that an inference form asks for."""
    known = Scan(entries={}, labels=scan.labels, palette=scan.palette, ignored=scan.ignored, user=scan.user)
    with found.surviving("entries_for", refusing=False):
        entries = list(islice(kind.entries_for(given, options, known), TRIED))
        if not found.expect(entries, "entries_for", "gives no entries"):
            return
        for entry in entries:
            if found.expect(isinstance(entry, Entry), "entries_for", "must give gradus.plugins.data.Entry"):
                _made(decoder, entry, found)


def _look(scan: Scan, found: Findings) -> None:
    """Judge what a scan says beside the entries."""
    odd = [key for key in scan.entries if not isinstance(key, Split)]
    found.expect(not odd, "scan", f"has entries for {odd}: the splits are gradus.core.dataset.Split")
    found.expect(scan.entries.get(Split.TRAIN), "scan", "has no entries for training")
    for part in scan.entries.values():
        wrong = next((entry for entry in part[:TRIED] if not isinstance(entry, Entry) or not entry.name), None)
        found.expect(wrong is None, "scan", f"{wrong!r} is no Entry with a name")
    found.expect(all(isinstance(label, str) and label for label in scan.labels), "scan.labels", "must be names")
    found.expect(all(map(COLOUR.fullmatch, scan.palette)), "scan.palette", "has colours that are not like #0a1b2c")
    found.expect(
        not scan.palette or len(scan.palette) == len(scan.labels), "scan.palette", "must have a colour for each label"
    )
    found.expect(all(isinstance(bad, BadFile) for bad in scan.bad), "scan.bad", "must be gradus.core.dataset.BadFile")
    try:
        same = json.loads(json.dumps(scan.user, allow_nan=False)) == scan.user
    except (TypeError, ValueError):
        same = False
    found.expect(same, "scan.user", "must be JSON that reads back the same: text, numbers, lists, and text as names")


def _stopped(kind: Kind, options: Any, found: Findings) -> None:
    """A scan that calls its watcher lets through what that raises."""
    asked = False

    def watch(_found: int) -> None:
        nonlocal asked
        asked = True
        raise _StopError

    try:
        kind.scan(options, watch)
    except _StopError:
        return
    except Exception as error:
        found.add("scan", f"turns what its watcher raises into {type(error).__name__}: the work could not be stopped")
        return
    found.expect(not asked, "scan", "goes on when its watcher raises: the work could not be stopped")


def _made(decoder: Decoder, entry: Entry, found: Findings) -> Sample | None:
    """A sample, or None where the entry is refused or the decoder fails."""
    with found.surviving(f"decode of {entry.name}"):
        sample = decoder(entry)
        if found.expect(
            isinstance(sample, Sample), f"decode of {entry.name}", "must give a gradus.plugins.data.Sample"
        ):
            return sample
    return None


def _sample(kind: Kind, scan: Scan, sample: Sample, about: str, found: Findings) -> None:
    """Judge one sample."""
    for what, value in (("feature", sample.feature), ("label", sample.label)):
        if isinstance(value, np.ndarray):
            right = value.dtype in (np.uint8, np.float32) and 1 <= value.ndim <= 3 and value.size > 0
            found.expect(
                right, about,
                f"its {what} is {value.dtype} of the shape {list(value.shape)}: it must be uint8 or float32 with "
                "one to three axes and at least one value",
            )  # fmt: skip
            found.expect(np.isfinite(value).all(), about, f"its {what} has numbers that are not finite")
        elif what == "feature":
            found.expect(isinstance(value, bytes), about, "its feature must be a numpy array, or the bytes of a Datum")
        else:
            right = value is None or isinstance(value, bytes | int)
            found.expect(right, about, "its label must be a numpy array, a whole number, the bytes of a Datum or None")
    found.expect(all(isinstance(each, str) for each in sample.remarks), about, "its remarks must be sentences")
    classes = range(len(scan.labels))
    found.expect(
        all(number in classes and count >= 0 for number, count in sample.counts.items()),
        about, f"it counts classes that scan.labels does not name: {dict(sample.counts)}",
    )  # fmt: skip
    if isinstance(sample.label, np.ndarray) and isinstance(sample.feature, np.ndarray):
        _presented(kind.presentation, sample.feature, sample.label, scan, about, found)


def _presented(
    how: Presentation,
    feature: np.ndarray[Any, Any],
    label: np.ndarray[Any, Any],
    scan: Scan,
    about: str,
    found: Findings,
) -> None:
    """Whether a label has the form that its presentation needs."""
    wanted = {
        Presentation.BOXES: (label.shape[-1] == COLUMNS, f"rows of {COLUMNS} numbers"),
        Presentation.MASK: (label.ndim == 2 and label.shape == feature.shape[:2], "(height, width) as its picture has"),
        Presentation.PICTURE: (label.dtype == np.uint8 and label.ndim >= 2, "a picture"),
        Presentation.CLASSES: (label.size == len(scan.labels), "one number for each label"),
    }
    right, form = wanted.get(how, (True, ""))
    found.expect(right, about, f"its label has the shape {list(label.shape)}; to be shown as {how} it must be {form}")


def _plain(sample: Sample) -> Plain:
    """A sample as values that can be compared."""
    arrays = [
        (value.dtype.str, value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
        for value in (sample.feature, sample.label)
    ]
    return (*arrays, tuple(sample.remarks), dict(sample.counts), sample.size)
