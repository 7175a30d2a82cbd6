"""Networks written in Python: `n.conv1 = L.Convolution(n.data, num_output=20, kernel_size=5)`, then `n.to_proto()`.

A call of `L.Type` makes a `Function` (a layer); what it gives are `Top`s, which later calls take.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from functools import cache
from typing import Any

from gradus.nets.caffe.layers.table import LAYERS, layer_class
from gradus.nets.caffe.pycaffe.errors import CaffeAttributeError, CaffeTypeError, CaffeValueError
from gradus.nets.caffe.schema import message_class


@cache
def settings_field(type_name: str) -> str:
    """The field of LayerParameter that holds a layer type's settings; "" where it has none.

    It is the one whose message is named after the type (`ConvolutionParameter`), else the one that our layer reads.
    """
    for field in message_class("LayerParameter").DESCRIPTOR.fields:
        if field.name.endswith("_param") and field.message_type and field.message_type.name == f"{type_name}Parameter":
            return str(field.name)
    return layer_class(type_name).settings if type_name in LAYERS else ""


def assign(message: Any, name: str, value: Any) -> None:
    """Set a field: dicts fill messages, lists fill repeated fields, and one value is a list of one."""
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        raise CaffeAttributeError(f"{message.DESCRIPTOR.name} has no field {name!r}")
    if field.is_repeated:
        values = value if isinstance(value, list | tuple) else [value]
        for one in values:
            if field.message_type is not None:
                _fill(getattr(message, name).add(), one, name)
            else:
                getattr(message, name).append(_number(field, one))
    elif field.message_type is not None:
        _fill(getattr(message, name), value, name)
    else:
        setattr(message, name, _number(field, value))


def _fill(message: Any, value: Any, name: str) -> None:
    if isinstance(value, message.__class__):
        message.CopyFrom(value)
    elif isinstance(value, dict):
        message.SetInParent()
        for key, one in value.items():
            assign(message, key, one)
    else:
        raise CaffeTypeError(f"{name} takes a dict, not {value!r}")


def _number(field: Any, value: Any) -> Any:
    """Enums also by the names of their values."""
    if field.enum_type is None or not isinstance(value, str):
        return value
    if value not in field.enum_type.values_by_name:
        known = ", ".join(field.enum_type.values_by_name)
        raise CaffeValueError(f"{field.name} has no value {value!r}", hint=f"It has: {known}.")
    return field.enum_type.values_by_name[value].number


class Top:
    """The n-th blob that a layer gives."""

    def __init__(self, fn: Function, n: int) -> None:
        self.fn, self.n = fn, n

    def to_proto(self) -> Any:
        """A NetParameter of all that this blob needs."""
        return to_proto(self)


class Function:
    """A layer in the making: its type, the blobs that it takes and its settings."""

    def __init__(self, type_name: str, inputs: Iterable[Any], params: dict[str, Any]) -> None:
        self.type_name, self.inputs = type_name, tuple(inputs)
        for number, given in enumerate(self.inputs):
            if not isinstance(given, Top):
                raise CaffeTypeError(f"{type_name} input {number} is not a Top (type is {type(given)})")
        self.params = dict(params)
        self.ntop: int = self.params.pop("ntop", 1)
        self.in_place: bool = self.params.pop("in_place", False)
        if self.in_place and not self.inputs:
            raise CaffeValueError(f"{type_name} cannot work in place: it takes nothing")
        self.tops = tuple(Top(self, n) for n in range(self.ntop))

    def to_proto(self) -> Any:
        """A NetParameter of this layer and all that it needs."""
        return to_proto(self)

    def _fill(self, layer: Any) -> None:
        settings = settings_field(self.type_name)
        known = getattr(layer, settings).DESCRIPTOR.fields_by_name if settings else {}
        for key, value in self.params.items():
            if not key.endswith("param") and key in known:
                assign(getattr(layer, settings), key, value)
            else:
                assign(layer, key, value)


class _Writer:
    """Layers in the order in which they are needed, and the names given to what has none."""

    def __init__(self, names: dict[Top | Function, str]) -> None:
        self.names = names
        self.layers: OrderedDict[Function, Any] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def write(self, start: Function) -> None:
        """Add a layer after all it needs. No recursion: networks are deeper than Python's stack."""
        pending = [start]
        while pending:
            fn = pending[-1]
            missing = [top.fn for top in fn.inputs if top.fn not in self.layers]
            if missing:
                pending += reversed(missing)
                continue
            pending.pop()
            if fn not in self.layers:
                self.layers[fn] = self._message(fn)

    def _message(self, fn: Function) -> Any:
        layer = message_class("LayerParameter")(type=fn.type_name)
        layer.bottom.extend(self.layers[top.fn].top[top.n] for top in fn.inputs)
        for number, top in enumerate(fn.tops):
            in_place = fn.in_place and number < len(layer.bottom)
            layer.top.append(layer.bottom[number] if in_place else self._name(top, fn))
        layer.name = self._name(fn.tops[0], fn) if fn.tops else self._name(fn, fn)
        fn._fill(layer)
        return layer

    def _name(self, thing: Top | Function, fn: Function) -> str:
        if thing not in self.names:
            self._counts[fn.type_name] += 1
            self.names[thing] = f"{fn.type_name}{self._counts[fn.type_name]}"
        return self.names[thing]


def to_proto(*tops: Top | Function, names: dict[Top | Function, str] | None = None) -> Any:
    """A NetParameter with all layers that these blobs need; unnamed ones are called `Convolution1`, `Convolution2`."""
    writer = _Writer(dict(names or {}))
    for top in tops:
        writer.write(top.fn if isinstance(top, Top) else top)
    return message_class("NetParameter")(layer=writer.layers.values())


class NetSpec:
    """A network whose blobs are named by assigning them: `n.data = ...`, `n["conv1/3x3"] = ...`."""

    tops: OrderedDict[str, Any]

    def __init__(self) -> None:
        object.__setattr__(self, "tops", OrderedDict())

    def __setattr__(self, name: str, value: Top | Function) -> None:
        self.tops[name] = value

    def __getattr__(self, name: str) -> Any:
        if name not in self.tops:
            raise CaffeAttributeError(f"the network has no blob {name!r} yet")
        return self.tops[name]

    def __delattr__(self, name: str) -> None:
        if self.tops.pop(name, None) is None:
            raise CaffeAttributeError(f"the network has no blob {name!r}")

    __setitem__ = __setattr__
    __delitem__ = __delattr__

    def __getitem__(self, name: str) -> Any:
        return self.tops[name]

    def keys(self) -> list[str]:
        """The names given so far."""
        return list(self.tops)

    def vals(self) -> list[Any]:
        """The blobs named so far."""
        return list(self.tops.values())

    def update(self, tops: dict[str, Any]) -> None:
        """Name several blobs."""
        self.tops.update(tops)

    def to_proto(self) -> Any:
        """The NetParameter of all named blobs and what they need."""
        return to_proto(*self.tops.values(), names={top: name for name, top in self.tops.items()})


def layer_function(name: str) -> Any:
    """`L.Convolution`: a call makes a layer of that type and gives its top, a tuple of them, or itself for none."""

    def make(*inputs: Any, **params: Any) -> Any:
        fn = Function(name, inputs, params)
        return fn if fn.ntop == 0 else fn.tops[0] if fn.ntop == 1 else fn.tops

    make.__name__ = make.__qualname__ = name
    return make


class _Values:
    """The enums of one layer type's settings: `P.Pooling.MAX`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, value: str) -> int:
        descriptor = message_class("LayerParameter").DESCRIPTOR.file.message_types_by_name.get(f"{self._name}Parameter")
        enums = descriptor.enum_types if descriptor is not None else ()
        for enum in enums:
            if value in enum.values_by_name:
                return int(enum.values_by_name[value].number)
        raise CaffeAttributeError(f"{self._name} has no constant {value!r}")


class Parameters:
    """`P` of `from caffe import params as P`."""

    def __getattr__(self, name: str) -> _Values:
        if name.startswith("_"):
            raise CaffeAttributeError(name)
        return _Values(name)


params = Parameters()
