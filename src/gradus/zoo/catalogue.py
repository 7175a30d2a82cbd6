"""The ready networks: each one source file beside a line of facts."""

from __future__ import annotations

from functools import cache
from importlib import resources

from gradus.core.errors import NotFoundError
from gradus.core.network import NetworkEntry

# id, title, paper, year, width, height, channels, summary; in the order in which they are offered
_FACTS = (
    (
        "lenet", "LeNet",
        "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition", 1998, 28, 28, 1,
        "Two convolutions and two fully connected layers. Reads digits; trains in seconds.",
    ),
    (
        "alexnet", "AlexNet",
        "Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks", 2012,
        256, 256, 3, "Five convolutions, three fully connected layers with dropout. Crops to 227.",
    ),
    (
        "googlenet", "GoogLeNet",
        "Szegedy et al.: Going deeper with convolutions", 2014, 256, 256, 3,
        "Nine inception modules and, in training, two auxiliary classifiers. Crops to 224. Fewer weights than AlexNet.",
    ),
)  # fmt: skip


@cache
def _entries() -> dict[str, NetworkEntry]:
    folder = resources.files("gradus.zoo") / "networks"
    return {
        id: NetworkEntry(
            id=id, title=title, paper=paper, year=year, width=width, height=height, channels=channels, summary=summary,
            text=(folder / f"{id}.prototxt").read_text(encoding="utf-8"),
        )
        for id, title, paper, year, width, height, channels, summary in _FACTS
    }  # fmt: skip


def catalogue() -> list[NetworkEntry]:
    """Every ready network, in the order in which they are offered."""
    return list(_entries().values())


def network_text(id: str) -> str:
    """The text of one network; an id that is not in the catalogue is a NotFoundError that lists those that are."""
    entry = _entries().get(id)
    if entry is None:
        raise NotFoundError(
            f'there is no network "{id[:64]}"', field="network", hint=f"There are: {', '.join(_entries())}."
        )
    return entry.text
