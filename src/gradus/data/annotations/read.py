"""All that annotations say, whatever they are written in."""

from __future__ import annotations

from collections.abc import Mapping

from gradus.core.dataset import Split
from gradus.data.annotations.coco_pictures import read_coco
from gradus.data.annotations.label_files import read_files
from gradus.data.annotations.layout import Given, places
from gradus.data.annotations.pairs import Files
from gradus.data.annotations.reading import Pictured, Reading
from gradus.data.annotations.recognise import TITLES, Format, check, look, recognise
from gradus.data.readers.folder import SHOWN, Watcher

__all__ = ["Pictured", "Reading", "read"]


def read(given: Mapping[Split, Given], wanted: Format | None, watch: Watcher) -> Reading:
    """Read what is given for training, and for other splits in place of what the layout has for them.

    `InputError` names the field whose folder or file holds no annotations.
    """
    found = _source(given[Split.TRAIN], wanted, watch)
    for split in (Split.VAL, Split.TEST):
        if split in given:
            if found.splits.get(split):
                found.warnings.append(
                    f"The pictures for {SHOWN[split]} that lie beside those for training are not used"
                )
            found.take(split, _source(given[split], found.format, watch))
    for folder, files in found.lost.items():
        labels = Files(folder, sorted(files))
        found.bad.extend(labels.bad(name, "there is no picture of this name") for name in labels.names)
    found.warnings.insert(0, _sentence(found, wanted))
    return found


def _source(given: Given, wanted: Format | None, watch: Watcher) -> Reading:
    contents = {split: look(place, watch) for split, place in places(given).items()}
    if wanted is not None:
        check(contents[Split.TRAIN], wanted)
    kind = wanted or recognise(contents[Split.TRAIN])
    found = Reading(kind, warnings=[text for each in contents.values() for text in each.warnings])
    (read_coco if kind is Format.COCO else read_files)(contents, found, watch)
    return found


def _sentence(found: Reading, wanted: Format | None) -> str:
    """What was read, and as what."""
    pictures = sum(map(len, found.splits.values()))
    boxes = sum(each.count for own in found.splits.values() for each in own)
    parts = ", ".join(f"{SHOWN[split]} {len(own):,}" for split, own in found.splits.items())
    named = "Read as" if wanted else "Recognised as"
    return f"{named} {TITLES[found.format]}: {pictures:,} pictures ({parts}) with {boxes:,} boxes"
