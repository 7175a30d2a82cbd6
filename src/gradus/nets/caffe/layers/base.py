"""What every layer is: validated settings, blobs that it learns, and a function from bottoms to tops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers import fillers
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.prototxt import Definition

Shape = tuple[int, ...]
COUNT_LIMIT = 2**31 - 1  # values in one blob: Caffe counts with a C int
AXES_LIMIT = 32  # of one blob, as in Caffe


def times(shape: Sequence[int]) -> str:
    """A shape in words: `64x3x28x28`."""
    return "x".join(map(str, shape)) or "a single number"


def constant(value: float = 0.0) -> Any:
    """The filler that Caffe uses where the text names none."""
    return message_class("FillerParameter")(type="constant", value=value)


def wide(kind: torch.dtype) -> torch.dtype:
    """The type in which sums and indices of values of this type are exact enough: float32 at least."""
    return kind if kind == torch.float64 else torch.float32


@dataclass(slots=True)
class Blob:
    """A tensor that a layer owns: `name` is the attribute that holds it."""

    name: str
    filler: Any
    learned: bool = True
    rates: tuple[float, float] | None = None  # lr_mult and decay_mult where the layer decides them, not the text


@dataclass(frozen=True, slots=True)
class Use:
    """How one phase runs a layer."""

    training: bool = False  # Caffe's phase TRAIN
    in_place: bool = False  # may overwrite its bottom: the text says so and nobody else needs it
    exact: bool = False  # its top is a score: keep float32 even where autocast would take bfloat16
    shapes_only: bool = False  # a run on meta tensors, for the shapes of the tops


class Layer(nn.Module):
    """The base of all layers. A subclass says what it takes and gives, and implements `setup` and `forward`.

    One instance serves all phases whose definition and input sizes agree, so that they share weights.
    """

    settings: ClassVar[str] = ""  # the field of LayerParameter with its settings
    bottoms: ClassVar[tuple[int, int | None]] = (1, 1)  # fewest and most
    tops: ClassVar[tuple[int, int | None]] = (1, 1)
    is_loss: ClassVar[bool] = False  # its first top weighs 1 unless the text says otherwise
    is_source: ClassVar[bool] = False  # its tops come from outside
    overwritable: bool = True  # tops are fresh memory that its own backward does not read
    keeps_shape: ClassVar[bool] = False  # the top is as large as the bottom: nothing need be run to know that
    any_size: ClassVar[bool] = False  # one instance serves bottoms of all sizes
    dimensions: ClassVar[int | None] = None  # axes of the first bottom where it takes only so many

    def __init__(self, definition: Definition, shapes: Sequence[Shape], *, trains: bool = False) -> None:
        super().__init__()
        self.definition = definition
        self.trains = trains  # whether the phase that it is made for is TRAIN; others may use it too
        self.blobs: list[Blob] = []
        if self.dimensions is not None and len(shapes[0]) != self.dimensions:
            raise self.error(f"needs an input with {self.dimensions} axes and gets {times(shapes[0])}", at="bottom")
        self.setup(getattr(definition.message, self.settings) if self.settings else None, shapes)

    def setup(self, p: Any, shapes: Sequence[Shape]) -> None:
        """Check the settings against the bottoms' shapes (with the batch) and declare the blobs."""

    def step(self, use: Use) -> Callable[..., Any]:
        """The function from bottoms to top (or a tuple of tops) for one use."""
        return self.forward

    def followed_by(self, after: Layer, use: Use) -> Callable[..., Any] | None:
        """This layer and the one that alone reads its top as one operation; None where there is no such thing."""
        return None

    def multiply_adds(self, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> int:
        """Multiply-accumulate operations of one pass over the batch; 0 for what is not counted."""
        return 0

    def learn(
        self, name: str, shape: Shape, filler: Any = None, *, learned: bool = True,
        rates: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        """Declare a blob, on the meta device until the network is placed. `filler` None: constant 0.

        `rates` are its lr_mult and decay_mult where the layer and not the text decides them.
        """
        count = math.prod(shape)
        if count > COUNT_LIMIT:
            raise self.error(
                f"would have {count:,} values in its {name} ({times(shape)}), more than Caffe's {COUNT_LIMIT:,}",
                hint="Is num_output or the size of the input really meant to be that large?",
            )
        if filler is not None and (wrong := fillers.why_not(filler, shape)):
            raise self.error(wrong, at=f"{self.settings}.{name}_filler")
        tensor = torch.empty(shape, device="meta")
        if learned:
            self.register_parameter(name, nn.Parameter(tensor))
        else:
            self.register_buffer(name, tensor)
        self.blobs.append(Blob(name, filler or constant(), learned, rates))

    def axis(self, given: int, dimensions: int, field: str = "axis") -> int:
        """An axis counted from the front; negative ones count from the end."""
        if not -dimensions <= given < dimensions:
            raise self.error(f"has {field} {given}, but its input has {dimensions} axes", at=f"{self.settings}.{field}")
        return given % dimensions

    def positive(self, value: int, field: str) -> int:
        """A setting that must be at least 1."""
        if value < 1:
            raise self.error(f"needs {field} of at least 1", at=f"{self.settings}.{field}")
        return value

    def error(self, what: str, *, at: str = "", hint: str | None = None) -> NetworkError:
        """A NetworkError about this layer."""
        return self.definition.error(what, at=at, hint=hint)
