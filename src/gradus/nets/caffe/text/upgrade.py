"""Networks in Caffe's older notations, brought up to date as Caffe does when it loads one (catalogue 2.4).

V0 (2013): `layers { layer { name type: "conv" kernelsize ... } bottom top }`.
V1 (2014): `layers { type: CONVOLUTION blobs_lr ... }`. V2 (since 2015): `layer { type: "Convolution" param { } }`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradus.core.errors import NetworkError
from gradus.nets.caffe.schema import message_class

_LEARNED = ("num_output", "biasterm", "weight_filler", "bias_filler")
_READ = ("source", "batchsize")
_WINDOW = ("det_fg_threshold", "det_bg_threshold", "det_fg_fraction", "det_context_pad", "det_crop_mode")
# V0's types: V1's name, where the settings are, and which of V0's fields go there.
_V0: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "accuracy": ("ACCURACY", "", ()),
    "bnll": ("BNLL", "", ()),
    "concat": ("CONCAT", "concat_param", ("concat_dim",)),
    "conv": ("CONVOLUTION", "convolution_param", (*_LEARNED, "pad", "kernelsize", "group", "stride")),
    "data": ("DATA", "data_param", (*_READ, "rand_skip")),
    "dropout": ("DROPOUT", "dropout_param", ("dropout_ratio",)),
    "euclidean_loss": ("EUCLIDEAN_LOSS", "", ()),
    "flatten": ("FLATTEN", "", ()),
    "hdf5_data": ("HDF5_DATA", "hdf5_data_param", _READ),
    "hdf5_output": ("HDF5_OUTPUT", "", ()),
    "im2col": ("IM2COL", "", ()),
    "images": (
        "IMAGE_DATA",
        "image_data_param",
        (*_READ, "rand_skip", "shuffle_images", "new_height", "new_width"),
    ),
    "infogain_loss": ("INFOGAIN_LOSS", "infogain_loss_param", ("source",)),
    "innerproduct": ("INNER_PRODUCT", "inner_product_param", _LEARNED),
    "lrn": ("LRN", "lrn_param", ("local_size", "alpha", "beta", "k")),
    "multinomial_logistic_loss": ("MULTINOMIAL_LOGISTIC_LOSS", "", ()),
    "pool": ("POOLING", "pooling_param", ("pad", "kernelsize", "stride", "pool")),
    "relu": ("RELU", "", ()),
    "sigmoid": ("SIGMOID", "", ()),
    "softmax": ("SOFTMAX", "", ()),
    "softmax_loss": ("SOFTMAX_LOSS", "", ()),
    "split": ("SPLIT", "", ()),
    "tanh": ("TANH", "", ()),
    "window_data": ("WINDOW_DATA", "window_data_param", (*_READ, *_WINDOW)),
}
_RENAMED = {
    "biasterm": "bias_term", "kernelsize": "kernel_size", "batchsize": "batch_size", "meanfile": "mean_file",
    "cropsize": "crop_size", "shuffle_images": "shuffle", **{name: name.removeprefix("det_") for name in _WINDOW},
}  # fmt: skip
_PADDING = "padding"  # V0's layer of its own, since 2014 a setting of the next one
_TRANSFORM = ("scale", "meanfile", "cropsize", "mirror")  # V0: of any layer
_KEPT = ("name", "blobs", "blobs_lr", "weight_decay", "hdf5_output_param")  # alike in V0 and V1

# V1's types are V2's in capitals, but for these.
_V1_TYPES = {
    "NONE": "", "ABSVAL": "AbsVal", "ARGMAX": "ArgMax", "BNLL": "BNLL", "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output", "IM2COL": "Im2col", "LRN": "LRN", "MVN": "MVN", "RELU": "ReLU",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "TANH": "TanH",
}  # fmt: skip
_READERS = ("data_param", "image_data_param", "window_data_param")
_MOVED = ("scale", "mean_file", "crop_size", "mirror")  # from a reader's settings to transform_param

SOLVERS = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam", "SAG")  # by SolverType's numbers


def upgrade(net: Any, source: str = "network.prototxt") -> Any:
    """The network in today's notation; the message given stays as it is."""
    return upgrade_with_places(net, source)[0]


def upgrade_with_places(
    net: Any, source: str = "network.prototxt", lines: Sequence[int | None] = ()
) -> tuple[Any, list[int | None]]:
    """The network in today's notation, and for each layer its place among the old ones (None: it is new).

    `lines` are the lines of the old layers, for messages.
    """
    new = message_class("NetParameter")()
    new.CopyFrom(net)
    places: list[int | None] = list(range(len(net.layer)))
    if net.layers:
        if net.layer:
            raise NetworkError(
                "the text has both `layer` and `layers`, the notations of today and of before 2015", file=source,
                line=lines[0] if lines else None, hint="Write all layers in one of the two.",
            )  # fmt: skip
        new.ClearField("layers")
        old = _Old(source, lines)
        first: list[tuple[int, Any]] = list(enumerate(net.layers))
        if any(layer.HasField("layer") for _, layer in first):
            first = [(i, old.to_v1(i, layer)) for i, layer in old.fold_padding(first)]
        for _, layer in first:
            new.layer.append(_to_v2(layer))
        places = [i for i, _ in first]
    for layer in new.layer:
        if layer.type == "BatchNorm" and len(layer.param) == 3:  # statistics: texts of before 2017 had to say so
            for spec in layer.param:
                spec.lr_mult = spec.decay_mult = 0
    return new, _inputs(new, source) + places


class _Old:
    """The layers of a V0 text; knows where they stand, for messages."""

    def __init__(self, source: str, lines: Sequence[int | None]) -> None:
        self.source, self.lines = source, lines

    def error(self, place: int, layer: Any, what: str) -> NetworkError:
        line = self.lines[place] if place < len(self.lines) else None
        where = f"line {line}: " if line else ""
        return NetworkError(
            f'{where}layer "{layer.layer.name[:80]}" {what}', file=self.source, line=line,
            hint=f"The types of Caffe before 2014 are: {', '.join([*_V0, _PADDING])}.",
        )  # fmt: skip

    def fold_padding(self, layers: Sequence[tuple[int, Any]]) -> list[tuple[int, Any]]:
        """Without padding layers: what reads one pads by itself."""
        padding: dict[str, Any] = {}  # by the top that nobody has overwritten since
        kept: list[tuple[int, Any]] = []
        for place, given in layers:
            layer = message_class("V1LayerParameter")()
            layer.CopyFrom(given)
            for i, bottom in enumerate(layer.bottom):
                if (pad := padding.get(bottom)) is None:
                    continue
                if layer.layer.type not in ("conv", "pool") or len(layer.bottom) != 1 or len(pad.bottom) != 1:
                    raise self.error(place, layer, "reads a padding layer, which only conv and pool can")
                layer.layer.pad = pad.layer.pad
                layer.bottom[i] = pad.bottom[0]
            for top in layer.top:
                padding.pop(top, None)
            if layer.layer.type == _PADDING:
                padding.update(dict.fromkeys(layer.top, layer))
            else:
                kept.append((place, layer))
        return kept

    def to_v1(self, place: int, old: Any) -> Any:
        """One layer in V1's notation. What its type does not know is dropped, as Caffe does."""
        inner = old.layer
        if inner.HasField("type") and inner.type not in _V0:
            raise self.error(place, old, f'has the type "{inner.type[:80]}", which Caffe never had')
        new = message_class("V1LayerParameter")(bottom=old.bottom, top=old.top)
        for name in _KEPT:
            _copy(inner, name, new)
        for name in _TRANSFORM:
            _copy(inner, name, new, "transform_param")
        if inner.HasField("type"):
            kind, settings, names = _V0[inner.type]
            new.type = message_class("V1LayerParameter").LayerType.Value(kind)
            for name in names:
                _copy(inner, name, new, settings)
        return new


def _copy(source: Any, name: str, target: Any, settings: str = "") -> None:
    """A field that is set, into the target or its `settings`, under the name that it has there."""
    repeated = source.DESCRIPTOR.fields_by_name[name].is_repeated
    value = getattr(source, name)
    if not (len(value) if repeated else source.HasField(name)):
        return
    target = getattr(target, settings) if settings else target
    name = _RENAMED.get(name, name)
    if target.DESCRIPTOR.fields_by_name[name].is_repeated:
        getattr(target, name).extend(value if repeated else [value])
    elif hasattr(value, "DESCRIPTOR"):
        getattr(target, name).CopyFrom(value)
    else:
        setattr(target, name, value)


def _to_v2(old: Any) -> Any:
    """A V1 layer as `layer`: the type as a word, and a `param` for each blob."""
    new = message_class("LayerParameter")()
    known = new.DESCRIPTOR.fields_by_name
    for field, _ in old.ListFields():
        if field.name in known and field.name not in ("type", "param"):
            _copy(old, field.name, new)
    kind = message_class("V1LayerParameter").LayerType.Name(old.type)
    new.type = _V1_TYPES.get(kind, kind.title().replace("_", ""))
    multiples = {"name": old.param, "share_mode": old.blob_share_mode, "lr_mult": old.blobs_lr,
                 "decay_mult": old.weight_decay}  # fmt: skip
    for i in range(max(map(len, multiples.values()))):
        new.param.add(**{name: values[i] for name, values in multiples.items() if i < len(values)})
    for settings in _READERS:
        if old.HasField(settings):
            for name in _MOVED:
                _copy(getattr(old, settings), name, new, "transform_param")
                getattr(new, settings).ClearField(name)
    return new


def _inputs(net: Any, source: str) -> list[None]:
    """`input` and `input_dim` (or `input_shape`) become an Input layer, the first. Gives a place for it."""
    names, sizes, shapes = list(net.input), list(net.input_dim), list(net.input_shape)
    for name in ("input", "input_dim", "input_shape"):
        net.ClearField(name)
    if not names or not (sizes or shapes):
        return []
    if not shapes:
        shapes = [message_class("BlobShape")(dim=sizes[i : i + 4]) for i in range(0, len(sizes), 4)]
    if len(shapes) != len(names) or any(len(shape.dim) != 4 for shape in shapes if sizes):
        raise NetworkError(
            f"the text has {len(names)} inputs and {len(shapes)} shapes for them", file=source,
            hint="Each input needs four input_dim, or one input_shape.",
        )  # fmt: skip
    first = message_class("LayerParameter")(name="input", type="Input", top=names)
    first.input_param.shape.extend(shapes)
    rest = list(net.layer)
    net.ClearField("layer")
    net.layer.extend([first, *rest])
    return [None]


def upgrade_solver(solver: Any, source: str = "solver.prototxt") -> Any:
    """A SolverParameter in today's notation: `solver_type: ADAM` is `type: "Adam"`, and so are nets inside it."""
    new = message_class("SolverParameter")()
    new.CopyFrom(solver)
    if solver.HasField("solver_type"):
        if solver.HasField("type"):
            raise NetworkError(
                "the solver has both `type` and `solver_type`, its name before 2015", file=source,
                field="solver_type", hint="Leave out solver_type.",
            )  # fmt: skip
        new.ClearField("solver_type")
        new.type = SOLVERS[solver.solver_type]
    for name in ("net_param", "train_net_param"):
        if solver.HasField(name):
            getattr(new, name).CopyFrom(upgrade(getattr(solver, name), source))
    for net in new.test_net_param:
        net.CopyFrom(upgrade(net, source))
    return new
