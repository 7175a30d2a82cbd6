"""The sample sets by name."""

from __future__ import annotations

from pathlib import Path

from gradus.core.errors import InputError
from gradus.data.samples.mnist import FASHION, MNIST, write_mnist
from gradus.data.samples.sample import MARK, SampleSet, Tell, existing, new_folder
from gradus.data.samples.shapes import write_shapes

NAMES = ("shapes", MNIST.name, FASHION.name)


def _silent(_fraction: float, _activity: str) -> None:
    """Tell nobody."""


def write_sample(name: str, out: Path, source: Path | None = None, tell: Tell = _silent) -> SampleSet:
    """Write a sample set to the new folder `out`, or find the complete one that is there already.

    `source` is a folder with the original files of a set that would otherwise be downloaded.
    """
    if name not in NAMES:
        raise InputError(f"No sample set is called {name!r}", field="name", hint=f"There are {', '.join(NAMES)}.")
    out = out.absolute()
    found = existing(name, out)
    if found is not None:
        return found
    with new_folder(out) as folder:
        if name == "shapes":
            written = write_shapes(folder, tell=tell)
        else:
            written = write_mnist(MNIST if name == MNIST.name else FASHION, folder, source, tell)
        written = written.model_copy(update={"folder": out})
        (folder / MARK).write_text(written.model_dump_json(indent=2) + "\n")
    tell(1.0, "done")
    return written
