"""MNIST and Fashion-MNIST, from their four original files to folders of PNG pictures.

Pictures are written as the originals are: light figures on black. DIGITS' `download_data` inverted
MNIST to dark on white; a network trained on one sees the negative of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gradus.core.errors import InputError, PathError
from gradus.data.lists import label_lines
from gradus.data.png import encode_png
from gradus.data.samples.download import client, download
from gradus.data.samples.idx import read_idx
from gradus.data.samples.sample import SampleSet, Tell

FILES = (
    "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
)  # fmt: skip
EACH = 2000  # pictures between two words to the watcher


@dataclass(frozen=True)
class Origin:
    """Where a set comes from. `labels[i]` is the folder of class i; `files` gives bytes and SHA-256."""

    name: str
    url: str
    labels: tuple[str, ...]
    files: Mapping[str, tuple[int, str]]


MNIST = Origin(
    name="mnist",
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    labels=tuple("0123456789"),
    files={
        FILES[0]: (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        FILES[1]: (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        FILES[2]: (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        FILES[3]: (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    },
)
FASHION = Origin(
    name="fashion-mnist",
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",  # offers no https; the sums guard it
    labels=(
        "T-shirt_top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle_boot",
    ),
    files={
        FILES[0]: (26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        FILES[1]: (29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        FILES[2]: (4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        FILES[3]: (5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    },
)  # fmt: skip


def write_mnist(origin: Origin, folder: Path, source: Path | None, tell: Tell) -> SampleSet:
    """Write the pictures of both parts into `folder`; download the originals if `source` is None."""
    contents = _download(origin, tell) if source is None else _read(source)
    parts = {
        "train": _part(contents, FILES[0], FILES[1], origin),
        "test": _part(contents, FILES[2], FILES[3], origin),
    }
    total, done = sum(len(labels) for _, labels in parts.values()), 0
    for part, (pictures, labels) in parts.items():
        for label in origin.labels:
            (folder / part / label).mkdir(parents=True)
        for i, (picture, label_index) in enumerate(zip(pictures, labels.tolist(), strict=True)):
            (folder / part / origin.labels[label_index] / f"{i:05d}.png").write_bytes(encode_png(picture[..., None]))
            done += 1
            if done % EACH == 0:
                tell(done / total, f"writing {part}: {i + 1:,} of {len(labels):,}")
    names = [label.replace("_", " ") for label in origin.labels]
    (folder / "labels.txt").write_text(label_lines(names))
    pictures = parts["train"][0]
    return SampleSet(
        name=origin.name, folder=folder, labels=names,
        train=len(parts["train"][1]), test=len(parts["test"][1]),
        width=pictures.shape[2], height=pictures.shape[1], channels=1,
    )  # fmt: skip


def _part(
    contents: Mapping[str, bytes], images: str, labels: str, origin: Origin
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pictures, numbers = read_idx(contents[images], images), read_idx(contents[labels], labels)
    if pictures.ndim != 3 or numbers.ndim != 1 or len(pictures) != len(numbers) or 0 in pictures.shape:
        raise InputError(
            f"{images} {pictures.shape} and {labels} {numbers.shape} are not pictures with a label each", file=images
        )
    if numbers.max() >= len(origin.labels):
        raise InputError(f"{labels} names class {numbers.max()}; there are {len(origin.labels)}", file=labels)
    return pictures, numbers


def _read(source: Path) -> dict[str, bytes]:
    """The four files of a folder, packed or unpacked."""
    found: dict[str, bytes] = {}
    for name in FILES:
        here = [path for path in (source / name, source / name.removesuffix(".gz")) if path.is_file()]
        if not here:
            raise PathError(
                f"{source} does not hold {name}", field="from", file=str(source / name),
                hint=f"The folder must hold {', '.join(FILES)}.",
            )  # fmt: skip
        found[name] = here[0].read_bytes()
    return found


def _download(origin: Origin, tell: Tell) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with client() as http:
        for name, (size, sha256) in origin.files.items():
            tell(0.0, f"downloading {name}, {size / 2**20:,.1f} MiB")
            found[name] = download(http, origin.url + name, size, sha256)
    return found
