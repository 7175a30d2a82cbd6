"""Datasets: create, look at, explore, delete."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from gradus.client.listing import jobs_of
from gradus.client.quality import Quality
from gradus.client.transport import Transport
from gradus.core.credentials import Credentials, KeptKeys
from gradus.core.dataset import BadFile, DatasetOptions, Split
from gradus.core.job import Job
from gradus.core.view.dataset import DatasetView
from gradus.core.view.page import Page
from gradus.core.view.sample import SampleView
from gradus.core.view.source import SentFile


class Datasets:
    """`client.datasets`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.quality = Quality(transport)

    def create(self, options: DatasetOptions | Mapping[str, JsonValue], *, key: str | None = None) -> Job:
        """Start building a dataset of any kind; its `type` says which. Paths are those of the server's machine.

        Asked twice with the same `key`, it is started once.
        """
        return self._transport.post("/datasets", Job, options, key)

    def send(self, path: Path) -> str:
        """Send a file that a dataset is to be made of; what is answered stands in its options in place of a path."""
        with path.open("rb") as file:
            return self._transport.upload("/uploads", SentFile, [("file", (path.name, file))]).reference

    def send_keys(self, keys: Credentials) -> str:
        """Send the keys of a store; what is answered stands in a dataset's options as `s3_credentials`."""
        return self._transport.post("/secrets", KeptKeys, keys).reference

    def list(self, *, state: str | None = None) -> Iterator[Job]:
        """All datasets, newest first."""
        return jobs_of(self._transport, "/datasets", {"state": state})

    def get(self, dataset_id: str) -> DatasetView:
        """What was asked for, what was built, and which models use it."""
        return self._transport.get(f"/datasets/{dataset_id}", DatasetView)

    def samples(
        self, dataset_id: str, split: Split = Split.TRAIN, *, label: int | None = None, limit: int = 50
    ) -> builtins.list[SampleView]:
        """The first records of one database, of one class if `label` (its index) is given."""
        query = {"split": split.value, "label": label, "limit": limit}
        return self._transport.get(f"/datasets/{dataset_id}/samples", Page[SampleView], query).items

    def picture(self, dataset_id: str, split: Split, index: int) -> bytes:
        """One record as a PNG file."""
        return self._transport.get_bytes(f"/datasets/{dataset_id}/samples/{split.value}/{index}.png")

    def unreadable(self, dataset_id: str) -> Iterator[BadFile]:
        """The files that could not be used, with the reasons."""
        cursor: str | None = None
        while True:
            page = self._transport.get(f"/datasets/{dataset_id}/unreadable", Page[BadFile], {"cursor": cursor})
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def delete(self, dataset_id: str) -> None:
        """Remove it with its files. Refused while models use it."""
        self._transport.delete(f"/datasets/{dataset_id}")
