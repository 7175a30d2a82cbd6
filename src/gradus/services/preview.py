"""A dataset before it is built: what its source holds, and a few samples as it would hold them ("See example")."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import Field

from gradus.core.classification import ClassificationOptions
from gradus.core.dataset import BadFile, DatasetOptions, Split
from gradus.core.errors import GradusError, InputError
from gradus.core.form import fields_of, shown_of
from gradus.core.view.preview import Example, Preview, PreviewClass, PreviewPicture
from gradus.data.readers.folder import least_for_all
from gradus.data.split import parts
from gradus.data.uploads import located
from gradus.jobs.resources import PARSING
from gradus.services import kinds, secrets
from gradus.services.datasets import resolve
from gradus.services.deadline import Deadline, DeadlinePassedError
from gradus.services.forms import Findings
from gradus.services.house import House

if TYPE_CHECKING:
    from gradus.data.preview import ClassPreview

log = logging.getLogger(__name__)

PICTURES = 12
SCAN_SECONDS = 4.0
EXAMPLE_SECONDS = 6.0
MAX_PIXELS = 2**25  # of all pictures together, so that no choice of size keeps the server busy for long


class PreviewOptions(ClassificationOptions):
    """A dataset's options as far as they are known yet (it needs no name), and how many pictures to show."""

    name: str = Field("", max_length=200, title="Dataset Name")
    count: int = Field(12, ge=0, le=48, title="Pictures")


def preview(house: House, asked: PreviewOptions, *, unrestricted: bool = False) -> Preview:
    """Count the classes of a folder and bring a few of its pictures to size ("See example")."""
    from gradus.data.preview import preview as look  # loads the decoders: not when the server starts

    findings = Findings()
    resolved = resolve(house, asked, findings, unrestricted=unrestricted)
    findings.finish()
    assert resolved is not None  # nothing was found
    most = min(asked.count, max(1, MAX_PIXELS // (asked.width * asked.height)))
    with house.resources.slot(PARSING), TemporaryDirectory(dir=house.home.path, prefix="example-") as space:
        sent = secrets.located(house, located(resolved, (house.home.uploads,)))
        found = look(sent, Path(space), pictures=most)
    return Preview(
        classes=[_class(each, asked) for each in found.classes],
        class_count=found.class_count,
        left_out=[
            each.label
            for each in found.classes
            if each.complete and not each.planned and (each.count or 0) < _least(asked)
        ],
        pictures=[
            PreviewPicture(
                file=e.file, label=e.label, source=_address(e.png), width=e.source_width, height=e.source_height
            )
            for e in found.examples
            if e.png is not None
        ],
        unknown=found.unknown,
        unreadable=[BadFile(file=e.file, reason=e.reason) for e in found.examples if e.reason is not None],
    )


def example(house: House, asked: DatasetOptions, *, unrestricted: bool = False) -> Example:
    """See what a dataset of any other kind would be made of, and a few of its samples."""
    from gradus.data.trying import try_out

    findings = Findings()
    resolved = resolve(house, asked, findings, unrestricted=unrestricted)
    findings.finish()
    assert resolved is not None  # nothing was found
    kind = kinds.of(resolved)
    ends = Deadline(EXAMPLE_SECONDS)
    with house.resources.slot(PARSING):
        try:
            options = located(resolved, (house.home.uploads,))
            return try_out(kind, options, Deadline(SCAN_SECONDS).watch, lambda: ends.passed, PICTURES)
        except DeadlinePassedError:
            source = next((name for name, info in fields_of(type(asked)).items() if shown_of(info).path), None)
            raise InputError(
                "It takes too long to read for an example", field=source, hint="The dataset can be created all the same"
            ) from None
        except (GradusError, MemoryError):
            raise
        except Exception as error:  # the boundary: a plugin is others' code, and its faults are none of the server
            log.exception("the data plugin %s failed in an example", kind.id)
            raise InputError(
                f"“{kind.title}” failed on this: {type(error).__name__}: {error}",
                hint="That is a fault of its plugin: tell who maintains it. The server's log has the details.",
            ) from error


def _class(found: ClassPreview, asked: PreviewOptions) -> PreviewClass:
    count = found.count or 0
    if found.planned:
        val, test = found.own[Split.VAL], found.own[Split.TEST]
        return PreviewClass(name=found.label, count=count + val + test, train=count, val=val, test=test)
    used = min(count, asked.maximum_per_class or count)
    shares = asked.percent(Split.VAL), asked.percent(Split.TEST)
    divided = parts(used, *shares) if used >= _least(asked) else parts(0, 0, 0)
    val, test = (_own(found, asked, split, bool(divided.train)) for split in (Split.VAL, Split.TEST))
    return PreviewClass(
        name=found.label, count=count + sum(found.own.values()), complete=found.complete,
        train=divided.train, val=divided.val + val, test=divided.test + test,
    )  # fmt: skip


def _own(found: ClassPreview, asked: PreviewOptions, split: Split, trained: bool) -> int:
    """What a split's own source gives it of a class; nothing of one that is not trained."""
    count = found.own.get(split, 0)
    least, most = asked.limits(split)
    return min(count, most or count) if trained and count >= least else 0


def _least(asked: PreviewOptions) -> int:
    return max(asked.minimum_per_class, least_for_all(asked))


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
