"""What was found about the samples of datasets, and versions without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradus.client.transport import Transport
from gradus.core.dataset import Split
from gradus.core.flaw import SampleFlaw
from gradus.core.job import Job
from gradus.core.quality import Lineage, Note, Pair, QualityView, SampleDetail, Similar, VersionOptions
from gradus.core.view.page import Page


class Quality:
    """`client.datasets.quality`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, dataset_id: str) -> QualityView:
        """Duplicates, leaks, odd pictures, balance, and how measures are spread."""
        return self._transport.get(f"/datasets/{dataset_id}/quality", QualityView)

    def pairs(self, dataset_id: str, kind: SampleFlaw | None = None) -> Iterator[Pair]:
        """Pairs of samples that are alike; of exact or near duplicates, leaks or conflicts if `kind` is given."""
        cursor: str | None = None
        while True:
            query = {"kind": kind, "cursor": cursor}
            page = self._transport.get(f"/datasets/{dataset_id}/quality/pairs", Page[Pair], query)
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def acknowledge(self, dataset_id: str, note: str) -> QualityView:
        """Say why leaks may stay; it is not warned of them any more."""
        return self._transport.post(f"/datasets/{dataset_id}/quality/acknowledgement", QualityView, Note(note=note))

    def sample(self, dataset_id: str, split: Split, index: int) -> SampleDetail:
        """All that is known of one sample."""
        return self._transport.get(f"/datasets/{dataset_id}/samples/{split.value}/{index}", SampleDetail)

    def similar(self, dataset_id: str, split: Split, index: int, *, limit: int = 12) -> list[Similar]:
        """The samples that look most like one, the nearest first."""
        address = f"/datasets/{dataset_id}/samples/{split.value}/{index}/similar"
        return self._transport.get(address, list[Similar], {"limit": limit})

    def lineage(self, dataset_id: str) -> Lineage:
        """Which dataset this is a version of, and which are versions of it."""
        return self._transport.get(f"/datasets/{dataset_id}/versions", Lineage)

    def make_version(
        self, dataset_id: str, without: Sequence[SampleFlaw], *, name: str | None = None, key: str | None = None
    ) -> Job:
        """Start building the same dataset without the samples of some findings."""
        options = VersionOptions(without=list(without), name=name)
        return self._transport.post(f"/datasets/{dataset_id}/versions", Job, options, key)
