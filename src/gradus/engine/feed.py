"""Batches of pixels on the device, in the order that is asked for.

    HostFeed      the set fits in memory and the processor computes: batches are copied out of one array
    AheadFeed     it does not, or a GPU computes: a thread reads the next batches while one is used
    ResidentFeed  a GPU holds the whole set: batches are indexed there; until it has been uploaded, by
                  a thread, batches come the other way, so that the first step does not wait

Pixels stay uint8 until they are where the network is: a quarter of the bytes to copy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Thread
from types import TracebackType

import numpy as np
import torch
from torch import Tensor

from gradus.data.batches import Samples
from gradus.engine.sampler import Indices

Order = Callable[[int], Indices]
"""From a step, counted from 0, to the pictures of its batch."""

AHEAD = 3  # batches read before they are needed
GPU_SHARE = 0.4  # of the free memory of a GPU that a dataset may take; the rest is for the network
UPLOAD = 64 * 2**20  # bytes copied to a GPU at once


class Feed(ABC):
    """Pixels (n, height, width, channels) as uint8 and labels (n,) as int64 on the device. It owns the samples."""

    def __init__(self, samples: Samples, order: Order, device: torch.device) -> None:
        self._samples, self._order, self._device = samples, order, device
        self._labels = torch.from_numpy(samples.labels.astype(np.int64, copy=False)).to(device)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The batch of that step. Steps are asked for in rising order, without gaps."""
        indices = self._order(step)
        return self._pixels(step, indices), self._labels[torch.from_numpy(indices).to(self._device)]

    @abstractmethod
    def _pixels(self, step: int, indices: Indices) -> Tensor: ...

    def close(self) -> None:
        """End its threads and release the database."""
        self._samples.close()

    def __enter__(self) -> Feed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class HostFeed(Feed):
    """Straight from the samples' array."""

    def _pixels(self, step: int, indices: Indices) -> Tensor:  # noqa: ARG002 - the indices say it all
        return torch.from_numpy(self._samples.gather(indices)).to(self._device)


class AheadFeed(Feed):
    """Read by a thread of its own, up to `steps` batches in all."""

    def __init__(self, samples: Samples, order: Order, device: torch.device, steps: int) -> None:
        super().__init__(samples, order, device)
        self._steps = steps
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._coming: deque[tuple[int, Future[Tensor]]] = deque()

    def _pixels(self, step: int, indices: Indices) -> Tensor:  # noqa: ARG002 - read from the order, ahead
        if not self._coming or self._coming[0][0] != step:
            self._drop()
            self._ask(step)
        _, future = self._coming.popleft()
        for later in range(step + 1, min(step + 1 + AHEAD, self._steps)):
            if not self._coming or self._coming[-1][0] < later:
                self._ask(later)
        return future.result().to(self._device, non_blocking=True)

    def close(self) -> None:
        """Forget what has not been read yet and wait for what is being read."""
        self._drop()
        self._reader.shutdown(wait=True, cancel_futures=True)
        super().close()

    def _ask(self, step: int) -> None:
        self._coming.append((step, self._reader.submit(self._read, step)))

    def _read(self, step: int) -> Tensor:
        pixels = torch.from_numpy(self._samples.gather(self._order(step)))
        return pixels.pin_memory() if self._device.type == "cuda" else pixels

    def _drop(self) -> None:
        for _, future in self._coming:
            future.cancel()
        self._coming.clear()


class ResidentFeed(AheadFeed):
    """The whole set on the device, as soon as it is there."""

    def __init__(self, samples: Samples, order: Order, device: torch.device, steps: int) -> None:
        super().__init__(samples, order, device, steps)
        self._whole: Tensor | None = None
        self._ended = Event()
        self._uploader = Thread(target=self._upload, name="upload", daemon=True)
        self._uploader.start()

    def _pixels(self, step: int, indices: Indices) -> Tensor:
        if self._whole is None:
            return super()._pixels(step, indices)
        return self._whole[torch.from_numpy(indices).to(self._device, non_blocking=True)]

    def close(self) -> None:
        """Give the memory back."""
        self._ended.set()
        self._uploader.join()
        super().close()
        self._whole = None

    def _upload(self) -> None:
        try:
            whole = torch.empty((len(self._samples), *self._samples.shape), dtype=torch.uint8, device=self._device)
            rows = max(1, UPLOAD // max(1, whole[:1].numel()))
            for start in range(0, len(self._samples), rows):
                if self._ended.is_set():
                    return
                part = np.arange(start, min(start + rows, len(self._samples)))
                whole[start : start + rows].copy_(torch.from_numpy(self._samples.gather(part)))
        except torch.OutOfMemoryError:
            return  # the network took the memory first: batches go on coming from the host
        self._whole = whole


def feed(samples: Samples, order: Order, device: torch.device, steps: int) -> Feed:
    """The fastest feed for that set on that device, for `steps` batches."""
    if device.type == "cuda":
        return (ResidentFeed if _fits(samples, device) else AheadFeed)(samples, order, device, steps)
    if samples.fits_memory:
        return HostFeed(samples, order, device)
    return AheadFeed(samples, order, device, steps)


def _fits(samples: Samples, device: torch.device) -> bool:
    free, _ = torch.cuda.mem_get_info(device)
    return samples.fits_memory and len(samples) * int(np.prod(samples.shape)) <= free * GPU_SHARE
