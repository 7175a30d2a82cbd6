"""Index pages, as nginx, Apache and others write them for a folder: the names of what is in it.

Only the links count, and of these only what lies right below the page: a name, or a name and a slash for a
folder. All others (to the folder above, to other orders, to other servers) are no part of the folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import unquote, urljoin

import re2

from gradus.core.errors import InputError
from gradus.data.remote.address import Address, parse

MAX_LINKS = 200_000  # of one page
_LINK = re2.compile(rb"""(?i)<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""")  # in linear time
_PLAIN = re.compile(r"(?:\./)?([^/?#:\\\s]+)(/?)")
_NO_NAME = re.compile(r"[\x00-\x1f\x7f/\\]|\.{1,2}$")


@dataclass(slots=True)
class Listed:
    """The names in one folder, unquoted, in the order of its page, each once."""

    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def folder_of(address: Address) -> str:
    """The path of the folder that a page is the index of, with a slash at its end."""
    return address.path.rpartition("/")[0] + "/"


def read_listing(page: bytes, address: Address) -> Listed:
    """What an index page lists. `address` is where the page was found, after all redirects."""
    found: dict[tuple[str, bool], None] = {}
    for link in _LINK.finditer(page):
        href = unescape(next(part for part in link.groups() if part is not None).decode("utf-8", "surrogateescape"))
        name, is_folder = _below(href.strip(), address)
        if name:
            found[name, is_folder] = None
            if len(found) > MAX_LINKS:
                raise InputError(f"The page lists more than {MAX_LINKS:,} files")
    return Listed(*([name for name, is_folder in found if is_folder is wanted] for wanted in (True, False)))


def _below(href: str, address: Address) -> tuple[str, bool]:
    """The name that a link gives to something right below the folder of the page, and whether that is a folder."""
    plain = _PLAIN.fullmatch(href)
    if not plain:
        try:
            target = parse(urljoin(str(address), href))
        except (InputError, ValueError):
            return "", False
        start = folder_of(address)
        if target.origin != address.origin or target.target != target.path or not target.path.startswith(start):
            return "", False
        plain = _PLAIN.fullmatch("./" + target.path.removeprefix(start))
        if not plain:
            return "", False
    name = unquote(plain[1], errors="surrogateescape")
    return ("" if _NO_NAME.search(name) else name), bool(plain[2])
