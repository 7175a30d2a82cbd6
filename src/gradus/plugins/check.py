"""A check for those who write kinds of data: what is wrong with one is found before Gradus is asked to use it.

    gradus plugins check image-gradients

or in the plugin's own tests, with options that name a few real files:

    from gradus.plugins.check import assert_sound

    def test_the_kind():
        assert_sound(MyKind(), MyOptions(name="t", folder="tests/pictures"))

Without options, a kind that needs no files is checked whole; of others, the form, and what they say of empty folders.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ValidationError

from gradus.core.dataset import DatasetOptions
from gradus.core.errors import InputError, NotFoundError
from gradus.core.form import is_folder, shown_of
from gradus.core.generic import Presentation
from gradus.plugins import manager
from gradus.plugins.check_form import check_fields, check_options, example
from gradus.plugins.check_samples import check_decoder, check_empty, check_inference, check_scan
from gradus.plugins.data import DataKind, Kind
from gradus.plugins.finding import Checked, Finding, Findings

HOOK = "gradus_data_kinds"
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_ID = 50
TAKEN = ("classification",)


def check(kind: Kind, options: DatasetOptions | None = None, given: BaseModel | None = None) -> list[Finding]:
    """All that is wrong with a kind; nothing if it is sound.

    `options` name files of which samples can be made, `given` is an inference form that was filled in.
    """
    found = Findings()
    if not found.expect(isinstance(kind, DataKind), "kind", "must derive from gradus.plugins.data.DataKind"):
        return found
    _identity(kind, found)
    if not check_options(kind, found):
        return found
    paths = [name for name, info in kind.options.model_fields.items() if shown_of(info).path]
    if paths:
        with TemporaryDirectory(prefix="gradus-check-") as folder:
            nothing = example(kind, _nothing(kind, paths, Path(folder)), found)
            if nothing is not None:
                check_empty(kind, nothing, paths, found)
    elif options is None:
        options = example(kind, {}, found)
    _inference(kind, found)
    if options is not None and not kind.builds:
        _samples(kind, options, given, found)
    return found


def assert_sound(kind: Kind, options: DatasetOptions | None = None, given: BaseModel | None = None) -> None:
    """For tests: `AssertionError` that lists all that is wrong with a kind."""
    if found := check(kind, options, given):
        raise AssertionError(f"{kind!r} is not sound:\n" + "\n".join(f"  {finding}" for finding in found))


def checked(name: str, values: Mapping[str, str]) -> list[Checked]:
    """Check the kinds that a name stands for, with options of these values where there are any."""
    return [
        Checked(
            kind=str(getattr(kind, "id", kind)), findings=check(kind, options_for(kind, values) if values else None)
        )
        for kind in load(name)
    ]


def load(name: str) -> list[Kind]:
    """The kinds that a name stands for: the id of one that is installed, or a module with `gradus_data_kinds`."""
    if (known := manager.kinds().get(name)) is not None:
        return [known]
    broken = next((p for p in manager.plugins() if name == p.name and p.error), None)
    if broken is not None:
        raise InputError(f"The plugin {name} does not load: {broken.error}", field="name")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, name.split(".")[0]):
            raise InputError(f"The module {name} needs {error.name}, which is not installed", field="name") from error
        ids = ", ".join(sorted(manager.kinds())) or "none"
        raise NotFoundError(
            f"{name!r} is neither the id of a kind of data nor a module; the kinds are {ids}", field="name",
            hint="Install the plugin: pip install --editable FOLDER",
        ) from error  # fmt: skip
    except Exception as error:
        raise InputError(f"The module {name} does not load: {type(error).__name__}: {error}", field="name") from error
    make = getattr(module, HOOK, None)
    if not callable(make):
        raise InputError(
            f"The module {name} has no function {HOOK}", field="name",
            hint="Write one with @hookimpl of gradus.plugins that returns a list of kinds.",
        )  # fmt: skip
    return list(make())


def options_for(kind: Kind, values: Mapping[str, Any]) -> DatasetOptions:
    """Options with these values; `InputError` names the first field that is wrong."""
    try:
        made: DatasetOptions = kind.options.model_validate({"name": "checked", **values})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(first["msg"], field=".".join(map(str, first["loc"])) or None) from error
    return made


def _identity(kind: Kind, found: Findings) -> None:
    identity = getattr(kind, "id", None)
    right = isinstance(identity, str) and len(identity) <= LONGEST_ID and ID.fullmatch(identity)
    found.expect(right, "id", f"{identity!r} must be lower case words joined by hyphens, such as image-gradients")
    found.expect(identity not in TAKEN, "id", f"{identity!r} is taken by Gradus itself")
    for name in ("title", "category", "summary"):
        text = getattr(kind, name, None)
        found.expect(
            isinstance(text, str) and text.strip(), name, "must be said: it stands in the menu of new datasets"
        )
    found.expect(isinstance(kind.presentation, Presentation), "presentation", "must be one of Presentation")
    own = type(kind).build is not DataKind.build
    found.expect(kind.builds == own, "builds", "must be True exactly where the kind has a method build of its own")


def _nothing(kind: Kind, paths: Sequence[str], folder: Path) -> dict[str, str]:
    """An empty folder or file for each field that has to name one."""
    (folder / "empty").mkdir()
    (folder / "empty.txt").touch()
    defaults = {name: info.default for name, info in kind.options.model_fields.items()}
    needed = [name for name in paths if kind.options.model_fields[name].is_required()] or paths[:1]
    return {
        name: str(folder / ("empty" if is_folder(shown_of(kind.options.model_fields[name]), defaults) else "empty.txt"))
        for name in needed
    }


def _inference(kind: Kind, found: Findings) -> None:
    own = type(kind).entries_for is not DataKind.entries_for
    if kind.inference is None:
        found.expect(
            not own, "inference", "is None, although there is a method entries_for: name the model of its form"
        )
        return
    if not found.expect(
        isinstance(kind.inference, type) and issubclass(kind.inference, BaseModel),
        "inference",
        "must be a pydantic model",
    ):
        return
    found.expect(own, "entries_for", "must make entries of what the inference form gives")
    check_fields(kind.inference, "inference", found, set(kind.inference.model_fields))


def _samples(kind: Kind, options: DatasetOptions, given: BaseModel | None, found: Findings) -> None:
    before = len(found)
    scan = check_scan(kind, options, found)
    if scan is None or len(found) > before:
        return
    decoder = check_decoder(kind, options, scan, found)
    if kind.inference is None or decoder is None:
        return
    if given is None:
        try:
            given = kind.inference()
        except ValidationError:  # it has to be filled in, which is the author's to do
            return
    check_inference(kind, given, options, scan, decoder, found)
