"""Files that belong together, such as frames of one video, and their division so that none are torn apart.

Division is a greedy one, largest groups first: each goes where, class by class, the squared distance from
what was asked for shrinks most. Equally large groups come in an order that the seed decides.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from gradus.core.classification import ClassificationOptions, GroupBy
from gradus.core.dataset import Split
from gradus.core.errors import InputError
from gradus.data.lists import Entry
from gradus.data.seeded import shuffled

Key = Callable[[str], str | None]  # a file's group; None where it has none, and stands for itself


def grouping(options: ClassificationOptions, column: Mapping[str, str]) -> Key | None:
    """How files are grouped, if they are. `column` has the groups that a table names."""
    if options.group_by is GroupBy.FOLDER:
        return lambda file: file.rsplit("/", options.group_level)[0]
    if options.group_by is GroupBy.COLUMN:
        return column.get
    return by_expression(options.group_expression) if options.group_by is GroupBy.EXPRESSION else None


def divide_groups(
    entries: Sequence[Entry], key: Key, shares: Mapping[Split, float], seed: int
) -> dict[Split, list[int]]:
    """The places of the entries of each split, groups kept whole; `shares` are percent, training takes the rest."""
    members: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for place, (file, _) in enumerate(entries):
        group = key(file)
        members[(file, False) if group is None else (group, True)].append(place)
    totals = Counter(label for _, label in entries)
    wanted = {Split.TRAIN: 100 - sum(shares.values()), **shares}
    missing = {
        split: {label: count * share / 100 for label, count in totals.items()}
        for split, share in wanted.items()
        if share > 0
    }
    taken: dict[Split, list[int]] = {split: [] for split in Split}
    mixed = shuffled([members[name] for name in sorted(members)], seed, "groups")
    for places in sorted(mixed, key=len, reverse=True):
        counts = Counter(entries[place][1] for place in places)
        best = min(missing, key=lambda split: sum(n * (n - 2 * missing[split][c]) for c, n in counts.items()))
        for label, count in counts.items():
            missing[best][label] -= count
        taken[best].extend(places)
    return {split: sorted(places) for split, places in taken.items()}


def by_expression(text: str) -> Key:
    """By what an expression finds in the path: its first bracket, or all of it. RE2 takes linear time."""
    import re2

    settings = re2.Options()
    settings.log_errors = False
    settings.encoding = re2.Options.Encoding.LATIN1  # names may be any bytes
    try:
        pattern = re2.compile(text.encode(), settings)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        raise InputError(
            f"is no regular expression: {reason}", field="group_expression",
            hint="Look-ahead and references back are not known here, so that none takes for ever.",
        ) from error  # fmt: skip

    def find(file: str) -> str | None:
        found = pattern.search(os.fsencode(file))
        if found is None:
            return None
        inner = found.group(1) if pattern.groups else found.group(0)
        return None if inner is None else os.fsdecode(inner)

    return find
