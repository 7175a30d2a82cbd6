"""A folder of pictures on a web server that lists its folders in index pages.

DIGITS takes the address of such a page in place of a folder. Sub-folders are looked through page by page, as
far as they lie below the first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import BinaryIO
from urllib.parse import quote, unquote

from gradus.core.errors import InputError
from gradus.data.ordered import in_order
from gradus.data.readers.folder import Watcher
from gradus.data.remote.address import Address, about
from gradus.data.remote.fetcher import CONNECTIONS, Fetcher
from gradus.data.remote.listing import Listed, folder_of, read_listing

MAX_DEPTH = 8
MAX_PAGE = 16 * 2**20


@dataclass(frozen=True, slots=True)
class _Page:
    """One index page: the name of its folder below the start, and where it was found after all redirects."""

    name: str
    at: Address
    listed: Listed


class WebFolder:
    """The folder at an address. `named` is the field of the form that gave it."""

    def __init__(self, fetcher: Fetcher, text: str, named: str) -> None:
        self.halt = fetcher.halt
        self._fetcher, self._named = fetcher, named
        self._first = self._read(text, "")
        self._start = folder_of(self._first.at)

    @property
    def shown(self) -> str:
        """The address below which the pictures are."""
        return self._first.at.origin + self._start

    def top(self) -> list[str]:
        """The folders that the first page lists."""
        return self._first.listed.folders

    def names(self, watch: Watcher) -> Iterator[str]:
        """All files and folders, the pages of one depth after those of the depth before."""
        seen, found, level = {unquote(self._start)}, 0, [self._first.name]

        def look() -> None:
            try:
                watch(found)
            except BaseException:
                self.halt.set()
                raise

        for depth in range(MAX_DEPTH + 1):
            below: list[str] = []
            for page in in_order(self._pages, level, 1, look, CONNECTIONS) if depth else [[self._first]]:
                for folder in (each for each in page if self._is_new(each, seen)):
                    found += len(folder.listed.files)
                    yield from (f"{folder.name}{file}" for file in folder.listed.files)
                    below += [f"{folder.name}{each}/" for each in folder.listed.folders]
            level = below if depth < MAX_DEPTH else []
            yield from level
            if not level:
                return

    def fetch(self, name: str, into: BinaryIO) -> None:
        """Write one picture."""
        self._fetcher.get(self._address(name), into)

    def close(self) -> None:
        """Let go of the connections."""
        self._fetcher.close()

    def _pages(self, names: Sequence[str], halt: Event) -> list[_Page]:
        return [self._read(self._address(name), name) for name in names if not halt.is_set()]

    def _read(self, text: str, name: str) -> _Page:
        content = io.BytesIO()
        try:
            at = self._fetcher.get(text, content, MAX_PAGE)
        except InputError as error:
            message = f"The folder at {text[:300]} cannot be listed. {error}"
            raise about(error, message=message, field=self._named) from error
        return _Page(name, at, read_listing(content.getvalue(), at))

    def _address(self, name: str) -> str:
        return self.shown + quote(name, safe="/!$&'()*+,;=:@~", errors="surrogateescape")

    def _is_new(self, page: _Page, seen: set[str]) -> bool:
        """Whether a page, which may have been redirected, is one of this folder and was not read before."""
        path = unquote(folder_of(page.at))
        if page is self._first:
            return True
        if page.at.origin != self._first.at.origin or not folder_of(page.at).startswith(self._start) or path in seen:
            return False
        seen.add(path)
        return True
