"""The end of a build: its samples are looked at, and what was found is put beside its databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from gradus.core.dataset import Split
from gradus.data.building import Building, settle
from gradus.data.files import write_json
from gradus.data.index import FOLDER
from gradus.data.quality.examine import FILE, examine
from gradus.data.versions import without_of


def finish(
    build: Building,
    temporary: Path,
    labels: Sequence[str],
    counts: Mapping[Split, Sequence[int]],
    samples: int,
    target: tuple[int, int] | None,
) -> None:
    """Find the flaws of all `samples`, whose indexes lie in `temporary`, and keep both in the dataset's folder.

    `counts` are those of each class of each split; `target` is the (width, height) that all pictures have.
    """
    build.report.progress(0.999, "comparing pictures")
    left_out = build.files - samples - sum(not bad.kept for bad in build.bad)
    quality = examine(temporary, labels, counts, target, build.look, left_out)
    write_json(build.folder / FILE, quality)
    settle(temporary / FOLDER, build.folder / FOLDER)
    if quality.leaks:
        build.report.warning(
            f"{quality.leaks:,} pictures are in more than one split, exactly or nearly: "
            "what is measured on them is too good. The dataset's page lists them"
        )
    asked = sum(map(len, without_of(build.folder, build.options.version).values()))
    if left_out < asked:
        build.report.warning(
            f"{asked - left_out:,} of {asked:,} samples that were to be left out are not in their place any more"
        )
