"""What the documents say of datasets holds: kinds, options, findings and limits exist, and links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from gradus.cli.app import app
from gradus.cli.options import flag
from gradus.core.classification import ClassificationOptions
from gradus.core.flaw import Flaw
from gradus.core.form import fields_of, shown_of
from gradus.data import archives, choice, pictures
from gradus.data.quality import alike, examine, near, odd
from gradus.data.readers import textfile
from gradus.data.remote import fetcher, outline, web_folder
from gradus.plugins import manager
from gradus.services import kinds
from gradus.web import shield

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "datasets.md"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = "image-gradients"  # which need not be installed
CREATE = re.compile(rf"^ {{4}}(?:\$ )?(gradus dataset create (?!KIND|{EXAMPLE}).*)$", re.MULTILINE)
ELSEWHERE = {"--help", "--allow-host", "--without"}  # of other commands; the last two are looked for below


def commands() -> list[str]:
    """Every command of the documents that builds a dataset, on one line each."""
    texts = [document.read_text().replace("\\\n", " ") for document in DOCUMENTS]
    return [found[1] for text in texts for found in CREATE.finditer(text)]


def shipped() -> set[str]:
    built_in = (plugin.kinds for plugin in manager.plugins() if plugin.distribution == "gradus")
    return {"classification", *(kind.id for found in built_in for kind in found)}


def options(kind: str) -> set[str]:
    fields = fields_of(kinds.model_of(kind))
    return {flag(name) for name, field in fields.items() if not shown_of(field).hidden}


def column(heading: str) -> list[str]:
    """What stands in code in the first column of the guide's table whose first heading this is."""
    _, _, rest = GUIDE.read_text().partition(f"\n| {heading} |")
    rows = rest.split("\n\n")[0].splitlines()[2:]
    assert rows
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_kind_that_is_shipped_is_in_the_guide() -> None:
    assert sorted(column("kind")) == sorted(shipped())


def test_every_finding_is_in_the_guide() -> None:
    assert sorted(column("finding")) == sorted(Flaw)


@pytest.mark.parametrize("command", commands())
def test_commands_name_options_that_there_are(command: str) -> None:
    _, _, _, kind, *words = shlex.split(command, comments=True)
    given = {word for word in words if word.startswith("--")}
    assert given <= options(kind)
    required = {name for name, field in fields_of(kinds.model_of(kind)).items() if field.is_required()}
    named = {"train"} if "--s3-bucket" in given else set()  # which the address in the store stands for
    assert {flag(name) for name in required - named} <= given


def test_every_option_that_the_guide_names_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", GUIDE.read_text()))
    known = {option for kind in shipped() for option in options(kind)}
    assert len(named) > 30
    assert named - known <= ELSEWHERE


@pytest.mark.parametrize(("path", "option"), [(("serve",), "--allow-host"), (("dataset", "version"), "--without")])
def test_options_of_other_commands_exist(path: tuple[str, ...], option: str) -> None:
    command = get_command(app)
    for name in path:
        command = command.commands[name]  # type: ignore[attr-defined]
    assert option in {each for parameter in command.params for each in parameter.opts}


def test_numbers_of_the_guide_are_those_of_the_code() -> None:
    defaults = {name: field.default for name, field in ClassificationOptions.model_fields.items()}
    said = [
        f"`--minimum-per-class` pictures ({defaults['minimum_per_class']};",
        f"`--validation-percent` ({defaults['validation_percent']}) and `--test-percent` ({defaults['test_percent']})",
        f"`--unreadable-percent` ({defaults['unreadable_percent']})",
        f"`--width` and `--height` ({defaults['width']})",
        f"`--quality` ({defaults['quality']})",
        f"at most {pictures.MAX_PIXELS >> 20} x 2^20, fewer",
        f"at most {pictures.MAX_BYTES >> 20} MiB, {fetcher.MAX_PICTURE >> 20} MiB where it is fetched",
        f"at most {choice.SMALL:,} bytes",
        f"most of the first {choice.LOOKED_AT:,} files",
        f"first {textfile.HOPELESS:,} lines",
        f"{archives.MAX_MEMBERS:,} files, or {archives.MAX_RATIO} times",
        f"{web_folder.MAX_DEPTH} folders deep, {outline.MAX_NAMES:,} names",
        f"within {fetcher.SECONDS:g} s",
        f"at most {shield.UPLOAD_BYTES >> 30} GiB",
        f"at most {near.BITS} bits of the hash",
        f"({near.NEAREST:g} to {near.FARTHEST:g})",
        f"contrast below {alike.FLAT:g}",
        f"contrast below {odd.UNIFORM:g} of 255",
        f"{odd.OUTLIER:g} robust deviations from the median, and below {odd.DARK:g} or above {odd.BRIGHT:g}",
        f"sides of {odd.LONG:g} to 1 or more, and {odd.LONGER:g} times that of the median",
        f"{examine.UNEVEN:g} times as many",
    ]
    text = " ".join(GUIDE.read_text().split())
    assert [each for each in said if each not in text] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", document.read_text())
    lost = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert lost == []


def test_every_room_is_listed() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = [path.parent.name for path in (ROOT / "src" / "gradus").glob("*/__init__.py")]
    assert rooms
    assert [room for room in rooms if f"\n  {room}/ " not in text] == []
