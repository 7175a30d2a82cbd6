"""A few samples of any kind of dataset before it is built: "See example"."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Sequence

from gradus.core.dataset import BadFile, DatasetOptions, Split
from gradus.core.errors import InputError
from gradus.core.generic import Presentation
from gradus.core.view.preview import Example, ExampleSample
from gradus.core.view.sample import MarkedClass
from gradus.data.lists import escape
from gradus.data.showing import colour_of, feature_png, label_png, label_view, size_of
from gradus.plugins.data import Entry, Kind, Sample, Scan, Watch

MOST_LISTED = 20  # of what cannot be used
SIDE = 384  # pixels of what is shown


def try_out(kind: Kind, options: DatasetOptions, watch: Watch, late: Callable[[], bool], count: int) -> Example:
    """Scan, and make up to `count` samples, spread over those for training, until it is `late`.

    `watch` ends a scan that takes too long by raising; a sample that cannot be made is listed with the reason.
    """
    scan = kind.scan(options, watch)
    decoder = kind.prepare(options, scan)
    samples: list[ExampleSample] = []
    bad: list[BadFile] = []
    marked: Counter[int] = Counter()
    for entry in _spread(scan.entries.get(Split.TRAIN, ()), count):
        if late():
            break
        try:
            made = decoder(entry)
            samples.append(_shown(kind, scan, entry, made))
        except InputError as error:
            bad.append(BadFile(file=escape(entry.name), reason=str(error)))
            continue
        marked.update(made.counts)
    return Example(
        counts={split: len(entries) for split, entries in scan.entries.items() if len(entries)},
        labels=scan.labels,
        samples=samples,
        marked=[_named(scan, number, times) for number, times in marked.most_common()],
        bad=[*scan.bad, *bad][:MOST_LISTED],
        bad_count=len(scan.bad) + len(bad),
        warnings=scan.warnings,
    )


def _spread(entries: Sequence[Entry], count: int) -> list[Entry]:
    """At most `count` of them, evenly apart."""
    count = min(count, len(entries))
    return [entries[at * len(entries) // count] for at in range(count)]


def _shown(kind: Kind, scan: Scan, entry: Entry, made: Sample) -> ExampleSample:
    said = label_view(
        kind.presentation, made.label, scan.labels, scan.palette, scan.user, feature=made.feature, ignored=scan.ignored
    )
    drawn = label_png(kind.presentation, made.label, scan.palette, ignored=scan.ignored, side=SIDE)
    picture = None if kind.presentation is Presentation.TEXT else feature_png(made.feature, side=SIDE)
    width, height = size_of(made.feature)
    return ExampleSample(
        name=escape(entry.name), picture=_address(picture), width=width, height=height, size=made.size,
        label=said.model_copy(update={"source": _address(drawn)}), remarks=list(made.remarks),
    )  # fmt: skip


def _named(scan: Scan, number: int, times: int) -> MarkedClass:
    name = scan.labels[number] if 0 <= number < len(scan.labels) else f"class {number}"
    return MarkedClass(number=number, name=name, colour=colour_of(number, scan.palette), count=times)


def _address(png: bytes | None) -> str:
    return "" if png is None else "data:image/png;base64," + base64.b64encode(png).decode()
