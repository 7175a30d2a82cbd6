"""One layer by itself, as NVIDIA's Caffe makes it from Python: `create_layer(param)`, then `SetUp`, `Forward`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf import text_format

from gradus.nets.caffe import net as core
from gradus.nets.caffe import user_code
from gradus.nets.caffe.pycaffe.blob import Blob, BlobVec
from gradus.nets.caffe.pycaffe.errors import CaffeError, CaffeValueError, as_caffe
from gradus.nets.caffe.pycaffe.passes import Passes
from gradus.nets.caffe.pycaffe.process import SETTINGS
from gradus.nets.caffe.schema import message_class


class LayerParameter:
    """A layer's definition, from its text or from the message of `caffe_pb2`."""

    def __init__(self, given: Any = "") -> None:
        self.from_python(text_message(given) if isinstance(given, str) else given)

    def from_python(self, message: Any) -> None:
        """Take over a message of `caffe_pb2`."""
        self._message = message_class("LayerParameter")()
        self._message.CopyFrom(message)

    def to_python(self) -> Any:
        """The message."""
        return self._message


def text_message(text: str) -> Any:
    """The message of a layer's text."""
    try:
        return text_format.Parse(text, message_class("LayerParameter")())
    except text_format.ParseError as problem:
        raise CaffeValueError(f"this is no layer's text: {problem}", hint="For example: type: 'ReLU'") from problem


class LayerBase:
    """A layer with its blobs; bottoms and tops are the caller's. The names of its methods are Caffe's."""

    def __init__(self, param: Any) -> None:
        self._message = param.to_python() if isinstance(param, LayerParameter) else param
        self._passes: Passes | None = None

    @property
    def type(self) -> str:
        """Its type."""
        return str(self._message.type)

    @property
    def blobs(self) -> BlobVec:
        """What it learns; none before `SetUp`."""
        return BlobVec(next(iter(self._passes.learned.values()), ()) if self._passes else ())

    def SetUp(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Make it for bottoms of these shapes, fill its blobs, and give the tops their shapes."""
        net = message_class("NetParameter")(force_backward=True)
        for number, blob in enumerate(bottom):
            net.layer.add(name=f"bottom{number}", type="Input", top=[f"bottom{number}"])
            net.layer[-1].input_param.shape.add(dim=blob.shape)
        layer = net.layer.add()
        layer.CopyFrom(self._message)
        layer.name = layer.name or "layer"
        layer.ClearField("bottom")
        layer.ClearField("top")
        layer.bottom.extend(f"bottom{number}" for number in range(len(bottom)))
        layer.top.extend(f"top{number}" for number in range(len(top)))
        with as_caffe(), user_code.permitted(user_code.Policy(everywhere=True)):
            made = core.Net(net, seed=SETTINGS.next_seed(), device=str(SETTINGS.device()))
            self._passes = Passes(made)
        self.Reshape(bottom, top)

    def _with(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> Passes:
        """The passes over the caller's blobs."""
        if self._passes is None:
            raise CaffeError(f"the layer {self._message.name!r} is not set up", hint="Call SetUp(bottom, top) first.")
        for kind, given in (("bottom", bottom), ("top", top)):
            self._passes.blobs.update((f"{kind}{number}", blob) for number, blob in enumerate(given))
        return self._passes

    def Reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops the shapes that follow from the bottoms'."""
        passes = self._with(bottom, top)
        with as_caffe():
            passes.reshape()
            placed, _ = passes.calls[len(bottom)]
            for blob, shape in zip(top, placed.top_shapes, strict=True):
                blob.reshape(*shape)

    def Forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> float:
        """Fill the tops; gives the loss."""
        with as_caffe():
            return float(self._with(bottom, top).forward(0, len(bottom)))

    def Backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Set the gradients of the bottoms that are asked for, and add those of its blobs."""
        kept = [None if down else blob.diff.copy() for blob, down in zip(bottom, propagate_down, strict=True)]
        with as_caffe():
            self._with(bottom, top).backward(len(bottom), len(bottom))
        for blob, before in zip(bottom, kept, strict=True):
            if before is not None:
                blob.diff[...] = before


def create_layer(param: Any) -> LayerBase:
    """A layer from its LayerParameter."""
    return LayerBase(param)
