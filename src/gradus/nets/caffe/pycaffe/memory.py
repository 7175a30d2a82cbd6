"""One array of a blob: in the host's memory for Python, on a device for the layers; what was written last counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class Memory:
    """Values without a shape of their own. Whoever asks for the array may write into it, as in Caffe."""

    def __init__(self) -> None:
        self._host: np.ndarray | None = None  # flat, as long as the largest shape so far
        self._device: Tensor | None = None  # where it is not the host's memory: the newest values, or a copy of them
        self._newer = False  # whether only the device has the newest values
        self._owner: tuple[torch.device, int] | None = None  # where the layer's tensor lies, which must be written into

    def adopt(self, tensor: Tensor) -> None:
        """Be the values of this tensor from now on: a layer's weights."""
        owner = tensor.device, tensor.data_ptr()
        if self._owner == owner:
            return
        self._owner, tensor = owner, tensor.detach()
        if tensor.device.type == "cpu" and tensor.is_contiguous() and tensor.dtype is torch.float32:
            self._host, self._device, self._newer = tensor.numpy().reshape(-1), None, False
        else:
            self._host, self._device, self._newer = None, tensor, True

    def array(self, shape: Sequence[int]) -> np.ndarray:
        """The values as an array that writes through."""
        count = math.prod(shape)
        if self._host is None or self._host.size < count:
            self._host = np.zeros(count, np.float32)
        values = self._host[:count].reshape(shape)
        if self._newer and self._device is not None:
            values[...] = self._device.detach().float().cpu().numpy().reshape(shape)
            self._newer = False
        return values

    def tensor(self, shape: Sequence[int], device: torch.device) -> Tensor:
        """The values on a device. On the CPU it shares the array's memory, unless a layer laid it out otherwise."""
        if device.type == "cpu" and self._device is None:
            return torch.from_numpy(self.array(shape))
        if not self._newer:
            values = torch.from_numpy(self.array(shape))
            if self._owner and self._device is not None:
                self._device.data.copy_(values)  # what a pass has saved for its way back is the same tensor
            else:
                self._device = values.to(device)
        assert self._device is not None
        self._newer = True  # until Python asks for the array again
        return self._device.reshape(tuple(shape))

    def clear(self, shape: Sequence[int]) -> None:
        """Set all values to 0, where they are."""
        if self._newer and self._device is not None:
            self._device.zero_()
        else:
            self.array(shape)[...] = 0

    def take(self, values: Tensor) -> None:
        """Hold these values instead; on the CPU an array that was given out shows them."""
        values = values.detach()
        if values.device.type == "cpu" or self._owner:
            self.tensor(values.shape, values.device).copy_(values)
        else:
            self._device, self._newer = values, True
