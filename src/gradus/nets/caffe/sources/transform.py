"""`transform_param` on whole batches (catalogue 4.1): y = (x - mean) * scale of a crop, perhaps mirrored.

Order, as in Caffe: resize one by one where the text asks for it, crop, subtract the mean that lies under the crop,
scale, mirror. What is random is drawn for the whole batch before any picture is read, so that the same seed gives
the same batches however many threads decode.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from gradus.core.errors import GradusError, NetworkError
from gradus.data.mean import read_mean
from gradus.nets.caffe.sources import ssd_transform
from gradus.nets.caffe.sources.pool import Pool
from gradus.nets.caffe.sources.random_resize import RandomResize
from gradus.nets.caffe.sources.source import Reading
from gradus.nets.caffe.text.prototxt import Definition

Pixels = NDArray[Any]  # uint8, or the float32 of a float_data record
Place = NDArray[np.intp] | int
INLINE = 1 << 18  # values below which handing work to threads costs more than it saves


@dataclass(frozen=True, slots=True)
class Draws:
    """What chance decided for the pictures of one batch."""

    mirror: NDArray[np.bool_]  # (N,)
    corner: NDArray[np.float64]  # (N, 2) of [0, 1): how far down and right the crop lies
    resize: NDArray[np.float64]  # (N, 5) of [0, 1): see RandomResize
    seed: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))  # (N,): of SSD's resizing, noise


class Transform:
    """The transformation of one layer. Without `resizes` SSD's resizing and noise are left to the caller."""

    def __init__(self, definition: Definition, reading: Reading, *, resizes: bool = True) -> None:
        self.definition = definition
        self.pool = Pool()  # for all that is done to its pictures
        p = self._settings = definition.message.transform_param
        seeded = p.random_seed >= 0  # NVIDIA's: before the solver's seed
        self._random = (
            np.random.default_rng([p.random_seed, reading.rank])
            if seeded
            else reading.generator(f"{definition.name}/transform")
        )
        self._training = reading.training
        self.crop = self._crop_of(p)
        self._resize = RandomResize.of(definition, self.crop)
        self._ssd = ssd_transform.wanted(definition) and resizes
        self._rescales = self._resize is not None or ssd_transform.wanted(definition)
        if p.force_color and p.force_gray:
            raise self._error("sets both force_color and force_gray", "force_gray", "Keep one of them.")
        if not math.isfinite(p.scale):
            raise self._error("has a scale that is not finite", "scale", "For example: scale: 0.00390625")
        self.channels = 3 if p.force_color else 1 if p.force_gray else None  # of encoded pictures
        self._mean = self._mean_of(p, reading)

    def _crop_of(self, p: Any) -> tuple[int, int] | None:
        height, width = p.crop_h or p.crop_size, p.crop_w or p.crop_size
        if bool(height) != bool(width):
            raise self._error("has one of crop_h and crop_w only", "crop_h" if height else "crop_w", "Give both.")
        return (height, width) if height else None

    def _mean_of(self, p: Any, reading: Reading) -> NDArray[np.float32] | None:
        """(C, H, W) of a file, or (1 or C, 1, 1) of values."""
        if p.mean_file and p.mean_value:
            raise self._error("has both mean_file and mean_value", "mean_value", "Keep one of them.")
        if p.mean_file:
            path = reading.path(self.definition, "transform_param.mean_file")
            try:
                return read_mean(path)
            except GradusError as problem:
                raise self._error(
                    f"has an unusable mean_file: {problem}", "mean_file", problem.problem.hint
                ) from problem
            except OSError as problem:
                reason = f"cannot read its mean_file {path}: {problem.strerror}"
                raise self._error(reason, "mean_file", "Give the path as seen from the network's folder.") from problem
        if p.mean_value:
            return np.asarray(p.mean_value, np.float32)[:, None, None]
        return None

    def draw(self, count: int) -> Draws:
        """Decide all that is random for the next `count` pictures."""
        nothing = np.zeros((count, 0))
        mirror = self._random.random(count) < 0.5 if self._settings.mirror else np.zeros(count, np.bool_)
        corner = self._random.random((count, 2)) if self.crop and self._training else nothing
        resize = self._random.random((count, 5)) if self._resize else nothing
        seed = self._random.integers(1 << 63, size=count, dtype=np.uint64) if self._ssd else np.zeros(0, np.uint64)
        return Draws(mirror, corner, resize, seed)

    def skip(self, count: int, batches: int) -> None:
        """Decide it for so many batches of `count` that nobody reads."""
        if self._settings.mirror or self._resize or self._ssd or (self.crop and self._training):
            for _ in range(batches):
                self.draw(count)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The size that pictures of this size come out in."""
        if self._ssd and self._settings.HasField("resize_param"):
            height, width = ssd_transform.new_size(height, width, self._settings.resize_param)
        if self._settings.mean_file and not self._rescales:
            self._check_mean(height, width)
        if self.crop is None:
            return height, width
        if self._resize is None and (height < self.crop[0] or width < self.crop[1]):
            raise self._too_small(height, width)
        return self.crop

    def cut(self, picture: Pixels, draws: Draws, index: int) -> Pixels:
        """What is left of one (height, width, channels) picture: `draws` decides for it at `index`."""
        if self._resize is not None:
            picture = self._resize(picture, draws.resize[index])
        if self._ssd:
            random = np.random.default_rng(int(draws.seed[index]))
            picture, _ = ssd_transform.ssd_transform(picture, np.zeros((0, 4)), self._settings, random)
        down, right, height, width = self.window(picture.shape[0], picture.shape[1], draws, index)
        return picture[down : down + height, right : right + width]

    def window(self, height: int, width: int, draws: Draws, index: int) -> tuple[int, int, int, int]:
        """What is cut from one picture of this size: where it starts down and right, its height and width."""
        if self._settings.mean_file and not self._rescales:
            self._check_mean(height, width)
        if self.crop is None:
            return 0, 0, height, width
        if height < self.crop[0] or width < self.crop[1]:
            raise self._too_small(height, width)
        return *self._corners(height, width, draws, index), *self.crop

    def __call__(self, pictures: Pixels, draws: Draws) -> Tensor:
        """Transform (N, C, H, W) pictures of one size: float32."""
        height, width = pictures.shape[2:]
        if self._resize is not None or self._ssd:
            rows: list[Any] = [None] * len(pictures)

            def place(index: int) -> None:
                rows[index] = self.cut(pictures[index].transpose(1, 2, 0), draws, index)

            self.pool.each(place, len(rows))
            return self.finish(np.stack(rows).transpose(0, 3, 1, 2), draws)
        self.size(height, width)
        if self.crop is not None:
            pictures = _windows(pictures, self.crop, *self._corners(height, width, draws))
        return self.finish(pictures, draws)

    def finish(self, pictures: Pixels, draws: Draws) -> Tensor:
        """Subtract the mean from (N, C, h, w) cut pictures, scale and mirror them: float32, in new memory.

        With numpy in our own threads, not torch in its own: those belong to the network that computes meanwhile.
        """
        out = np.empty(pictures.shape, np.float32)
        scale = np.float32(self._settings.scale)

        def run(rows: slice) -> None:
            part, mirror = pictures[rows], draws.mirror[rows]
            mean = self._mean_under(part.shape, draws, rows)
            if mirror.any():
                part = _mirror(part, mirror)
                if mean is not None and mean.shape[-1] > 1:
                    mean = _mirror(np.broadcast_to(mean, (len(part), *mean.shape[-3:])), mirror)
            if mean is None:
                out[rows] = part
            else:
                np.subtract(part, mean, out=out[rows])
            if scale != 1:
                np.multiply(out[rows], scale, out=out[rows])

        self.pool.blocks(run, len(out), least=max(1, INLINE * len(out) // max(1, out.size)))
        return torch.from_numpy(out)

    def close(self) -> None:
        """End the threads."""
        self.pool.close()

    def _mean_under(self, shape: tuple[int, ...], draws: Draws, rows: slice) -> NDArray[np.float32] | None:
        """The mean of each of the pictures `rows` of a batch, in a shape that broadcasts to theirs."""
        mean = self._mean
        if mean is None:
            return None
        if mean.shape[0] not in (1, shape[1]) or (mean.shape[0] != shape[1] and mean.shape[1:] != (1, 1)):
            field = "mean_file" if self._settings.mean_file else "mean_value"
            hint = "Give one mean_value, or one for each channel." if field == "mean_value" else None
            raise self._error(f"has a mean of {mean.shape[0]} channels for pictures of {shape[1]}", field, hint)
        if mean.shape[1:] in ((1, 1), shape[2:]):
            return mean
        height, width = mean.shape[1:]
        if height < shape[2] or width < shape[3]:
            self._check_mean(*shape[2:])
        if self._resize is not None:  # NVIDIA's: what was resized has no place in the mean but its centre
            corner = ((height - shape[2]) // 2, (width - shape[3]) // 2)
            return _windows(mean[None], shape[2:], *corner)
        down, right = self._corners(height, width, draws)
        if isinstance(down, int):
            return _windows(mean[None], shape[2:], down, right)
        windows = sliding_window_view(mean, shape[2:], axis=(1, 2)).transpose(1, 2, 0, 3, 4)
        return np.asarray(windows[down[rows], right[rows]])

    def _corners(self, height: int, width: int, draws: Draws, index: int | None = None) -> tuple[Any, Any]:
        """Where the crop starts: random in training, one for each picture or that of `index`; else the centre."""
        assert self.crop is not None
        room = np.array((height - self.crop[0], width - self.crop[1]))
        if not self._training:
            return int(room[0] // 2), int(room[1] // 2)
        corners = (draws.corner * (room + 1)).astype(np.intp)
        return (corners[:, 0], corners[:, 1]) if index is None else (int(corners[index, 0]), int(corners[index, 1]))

    def _check_mean(self, height: int, width: int) -> None:
        assert self._mean is not None
        if self._mean.shape[1:] != (height, width):
            found = f"{self._mean.shape[2]} x {self._mean.shape[1]}"
            hint = "The mean must be that of uncropped pictures of this size; or use mean_value."
            raise self._error(f"has a mean of {found} for pictures of {width} x {height}", "mean_file", hint)

    def _too_small(self, height: int, width: int) -> NetworkError:
        assert self.crop is not None
        wanted = f"{self.crop[1]} x {self.crop[0]}"
        hint = "Use a smaller crop, or larger pictures."
        return self._error(f"cannot cut {wanted} from a picture of {width} x {height}", "crop_size", hint)

    def _error(self, what: str, field: str, hint: str | None) -> NetworkError:
        return self.definition.error(what, at=f"transform_param.{field}", hint=hint)


def _windows(pictures: Pixels, size: tuple[int, ...], down: Place, right: Place) -> Pixels:
    """A window of every (N, C, H, W) picture: at one place, or at its own each."""
    if isinstance(down, int):
        return pictures[:, :, down : down + size[0], right : right + size[1]]
    return sliding_window_view(pictures, size, axis=(2, 3))[np.arange(len(pictures)), :, down, right]


def _mirror(pictures: Pixels, which: NDArray[np.bool_]) -> Pixels:
    """Mirror some of the pictures left to right, in new memory."""
    mixed, chosen = pictures.copy(), pictures[which]
    rows = chosen.reshape(-1, chosen.shape[-1])  # one tall picture: OpenCV mirrors ten times as fast as numpy
    mixed[which] = cv2.flip(rows, 1).reshape(chosen.shape)
    return mixed
