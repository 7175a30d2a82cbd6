"""One all-in-one prototxt becomes three nets, as DIGITS derives them (inventory 5.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from gradus.core.errors import NetworkError
from gradus.core.network import NetworkInput, Phase
from gradus.nets.caffe.schema import copied, message_class
from gradus.nets.caffe.text.prototxt import Definition, parse_network, print_text
from gradus.nets.caffe.text.rules import RULES, STATES, TEST, TRAIN, included
from gradus.nets.sources import Sources

DEFAULT_BATCH = 16  # DIGITS' where neither the form nor the text says one
LABELLED: tuple[Phase, ...] = ("train", "val")
_SCORED = ("SoftmaxWithLoss", "Accuracy")
_READERS = (
    "HDF5Data", "ImageData", "MemoryData", "WindowData", "DummyData", "AnnotatedData", "VideoData", "HDF5Output",
)  # fmt: skip

# Texts come from anyone who may train here, and are run with the server's rights.
_FILES = (
    "infogain_loss_param.source", "detection_evaluate_param.name_size_file",
    "detection_output_param.save_file",
    *(f"detection_output_param.save_output_param.{name}" for name in (
        "name_size_file", "label_map_file", "output_directory",
    )),
)  # fmt: skip


@dataclass(slots=True)
class Derived:
    """The layers of each phase, data layers first, with all that the dataset fills in."""

    name: str
    layers: dict[Phase, list[Definition]]
    batch: dict[Phase, int]
    batch_proposed: int | None
    crop_size: int | None
    mirror: bool
    scale: float
    given: NetworkInput
    source: str = "network.prototxt"
    warnings: list[str] = field(default_factory=list)


def derive(text: str, given: NetworkInput, source: str = "network.prototxt") -> Derived:
    """The three nets of a text for one dataset; what cannot be one is a NetworkError with its line."""
    net, definitions = parse_network(text, source)
    if not definitions:
        raise NetworkError("the network has no layers", file=source, line=1, hint="Write at least one layer.")
    for definition in definitions:
        _refuse_readers(definition)
    old = not any(
        rule.stage or rule.not_stage for d in definitions for rule in [*d.message.include, *d.message.exclude]
    )
    chosen = _choose(definitions, old=old)
    filled = {id(d): _fill_classes(d, given.classes) for layers in chosen.values() for d in layers}
    layers: dict[Phase, list[Definition]] = {
        phase: [f for d in ds if (f := filled[id(d)]) is not None] for phase, ds in chosen.items()
    }
    data: dict[Phase, Definition | None] = {phase: _data_layer(layers[phase], phase) for phase in LABELLED}
    image = _image_name(layers["deploy"], data["train"] or data["val"])
    derived = _settings(net, data, given, source)
    for phase in LABELLED:
        rest = [d for d in layers[phase] if d.message.type not in ("Data", "Input")]
        layers[phase] = [_filled_data(data, phase, image, derived), *rest]
    rest = [d for d in layers["deploy"] if d.message.type not in ("Data", "Input")]
    rest = _end_in_softmax(rest) if old else rest
    layers["deploy"] = [_input(image, derived), *rest]
    _check_deploy(layers["deploy"], source)
    derived.layers = layers
    return derived


def _refuse_readers(definition: Definition) -> None:
    if definition.message.type in _READERS:
        raise definition.error(
            "cannot read or write data in a model that is trained on a dataset", at="type",
            hint="Use a layer of type Data without a source, or none: the dataset is filled in.",
        )  # fmt: skip
    for name in (*_FILES, *(() if definition.message.type == "Data" else ("transform_param.mean_file",))):
        settings, _, field = name.rpartition(".")
        owner = definition.message
        for part in settings.split("."):
            owner = getattr(owner, part)
        if getattr(owner, field):
            raise definition.error(
                f"names a file in {field}, and a model's network opens none",
                at=name,
                hint="Give it as a further input.",
            )
    p = definition.message.data_param
    for name in ("source", "backend"):
        if definition.message.type == "Data" and p.HasField(name):
            raise definition.error(
                f"must not set {name}: the dataset is filled in", at=f"data_param.{name}", hint="Remove that line."
            )


def _choose(definitions: list[Definition], *, old: bool) -> dict[Phase, list[Definition]]:
    """The layers of each phase by rules, or (in texts that know no stages) by the prefixes of early DIGITS."""
    chosen: dict[Phase, list[Definition]] = {"train": [], "val": [], "deploy": []}
    for definition in definitions:
        message = definition.message
        phases: Iterable[Phase] = chosen
        prefix = next((p for p in ("train_", "deploy_") if old and message.name.startswith(p)), "")
        if prefix:
            phases = ("train", "val") if prefix == "train_" else ("deploy",)
            definition = replace(definition, message=copied(message))
            definition.message.name = message.name[len(prefix) :]
        for phase in phases:
            if included(STATES[phase], message.include, message.exclude):
                chosen[phase].append(definition)
    return chosen


def _fill_classes(definition: Definition, classes: int) -> Definition | None:
    """Open InnerProducts give the classes; an accuracy over more guesses than classes goes."""
    message = definition.message
    if message.type == "Accuracy" and message.accuracy_param.top_k > classes:
        return None
    if message.type != "InnerProduct" or message.inner_product_param.HasField("num_output"):
        return definition
    message = copied(message)
    message.inner_product_param.num_output = classes
    return replace(definition, message=message)


def _data_layer(layers: list[Definition], phase: str) -> Definition | None:
    found = [d for d in layers if d.message.type == "Data"]
    if len(found) > 1:
        raise found[1].error(
            f'is a second data layer in the {phase} phase; the first is "{found[0].name}"', at="type",
            hint='Give each an include rule: include { phase: TRAIN } or include { phase: TEST }.',
        )  # fmt: skip
    return found[0] if found else None


def _image_name(deploy: list[Definition], data: Definition | None) -> str:
    """How the pictures are called: as in the data layer, else as in an Input layer, else `data`."""
    if data is not None and data.message.top:
        return str(data.message.top[0])
    inputs = [d.message.top[0] for d in deploy if d.message.type == "Input" and d.message.top]
    return str([*inputs, "data"][0])


def _transform(definition: Definition | None, name: str) -> Any:
    """A transform setting, from its place or from the one it had before 2014; None where it is unset."""
    if definition is None:
        return None
    for part in (definition.message.transform_param, definition.message.data_param):
        if part.HasField(name):
            return getattr(part, name)
    return None


def _settings(net: Any, data: dict[Phase, Definition | None], given: NetworkInput, source: str) -> Derived:
    train, val = data["train"], data["val"]
    crop = given.crop_size or _transform(train, "crop_size") or _transform(val, "crop_size") or None
    if crop and (crop > given.width or crop > given.height):
        message = f"crops to {crop}x{crop} pixels, more than the pictures' {given.width}x{given.height}"
        hint = "Use a dataset with larger pictures, a smaller crop size, or another network."
        if train is not None and not given.crop_size:
            raise train.error(message, at="transform_param.crop_size", hint=hint)
        raise NetworkError(f"the network {message}", field="crop_size", file=source, hint=hint)
    proposed = {phase: d.message.data_param.batch_size or None if d is not None else None for phase, d in data.items()}
    batch: dict[Phase, int] = {p: given.batch_size or proposed[p] or DEFAULT_BATCH for p in LABELLED}
    batch["deploy"] = 1
    scale = _transform(train, "scale")
    return Derived(
        name=net.name, layers={}, batch=batch, batch_proposed=proposed["train"], crop_size=crop,
        mirror=bool(_transform(train, "mirror")), scale=1.0 if scale is None else scale, given=given, source=source,
    )  # fmt: skip


def _filled_data(data: dict[Phase, Definition | None], phase: Phase, image: str, derived: Derived) -> Definition:
    """The phase's data layer with batch and crop; one is made where the text has none."""
    found = data[phase]
    if found is not None:
        message = copied(found.message)
    else:
        other = data["train"] or data["val"]
        tops = list(other.message.top) if other is not None else [image, "label"]
        message = message_class("LayerParameter")(name=f"{phase}-data", type="Data", top=tops)
        if derived.scale != 1:
            message.transform_param.scale = derived.scale
    message.data_param.batch_size = derived.batch[phase]
    for name in ("scale", "mirror", "crop_size", "mean_file"):
        if message.data_param.HasField(name):
            if name != "mean_file" and not message.transform_param.HasField(name):
                setattr(message.transform_param, name, getattr(message.data_param, name))
            message.data_param.ClearField(name)
    if message.HasField("transform_param"):
        message.transform_param.ClearField("mean_file")
        message.transform_param.ClearField("mean_value")
    if derived.crop_size:
        message.transform_param.crop_size = derived.crop_size
    return replace(found, message=message) if found else Definition(message, None, derived.source)


def _input(image: str, derived: Derived) -> Definition:
    given, crop = derived.given, derived.crop_size
    message = message_class("LayerParameter")(name="input", type="Input", top=[image])
    message.input_param.shape.add(dim=[1, given.channels, crop or given.height, crop or given.width])
    return Definition(message, None, derived.source)


def _end_in_softmax(layers: list[Definition]) -> list[Definition]:
    """A text without stages: its losses and accuracies go, the last loss becomes a Softmax, dead branches go."""
    losses = [d for d in layers if d.message.type == "SoftmaxWithLoss"]
    layers = [d for d in layers if d.message.type not in _SCORED]
    if any(d.message.type == "Softmax" for d in layers) or not losses:
        return layers
    last = losses[-1]
    top = "prob" if not any("prob" in d.message.top for d in layers) else f"{last.name}-prob"
    message = message_class("LayerParameter")(name=top, type="Softmax", top=[top], bottom=last.message.bottom[:1])
    if last.message.softmax_param.HasField("axis"):
        message.softmax_param.axis = last.message.softmax_param.axis
    needed, kept = set(message.bottom), []
    for definition in reversed(layers):
        if needed.intersection(definition.message.top):
            kept.append(definition)
            needed.update(definition.message.bottom)
    return [*reversed(kept), replace(last, message=message)]


def _check_deploy(layers: list[Definition], source: str) -> None:
    """Deploy has no losses, and what it gives are probabilities."""
    for definition in layers:
        if definition.message.type in _SCORED:
            raise definition.error(
                "is still there in deploy, where there are no labels", at="type",
                hint='Add exclude { stage: "deploy" } to it.',
            )  # fmt: skip
    consumed = {b for d in layers for b in d.message.bottom if b not in d.message.top}
    if not any(d.message.type == "Softmax" and not consumed.issuperset(d.message.top) for d in layers):
        last = layers[-1]
        bottom = last.message.top[0] if last.message.top else "ip2"
        raise NetworkError(
            "the deploy network does not end in a Softmax, so that it gives no probabilities", file=source,
            line=last.line,
            hint=f'Add layer {{ name: "softmax" type: "Softmax" bottom: "{bottom}" top: "softmax"'
            ' include { stage: "deploy" } }.',
        )  # fmt: skip


def train_val_text(derived: Derived, sources: Sources) -> str:
    """`train_val.prototxt`: both phases in one text that plain Caffe reads, without stages."""
    net = message_class("NetParameter")(name=derived.name)
    train, val = derived.layers["train"], derived.layers["val"] if sources.val else []
    in_train, in_val = {id(d) for d in train}, {id(d) for d in val}
    for definition in _merged(train, val):
        message = copied(definition.message, *RULES)
        if not (id(definition) in in_train and id(definition) in in_val):
            message.include.add(phase=TRAIN if id(definition) in in_train else TEST)
        if message.type == "Data":
            _fill_source(message, sources, train=id(definition) in in_train)
        net.layer.append(message)
    return print_text(net)


def _merged(train: list[Definition], val: list[Definition]) -> list[Definition]:
    """The layers of both phases in an order that keeps each phase's own."""
    merged, i, in_train = [], 0, {id(d) for d in train}
    for definition in train:
        if any(d is definition for d in val[i:]):
            while val[i] is not definition:
                merged += [val[i]] if id(val[i]) not in in_train else []
                i += 1
            i += 1
        merged.append(definition)
    return [*merged, *val[i:]]


def _fill_source(message: Any, sources: Sources, *, train: bool) -> None:
    """Name the database. Caffe transforms nothing of HDF5, so that crop, mean and scale cannot stand there."""
    place = sources.train if train else sources.val or ""
    if sources.hdf5:
        message.type = "HDF5Data"
        message.hdf5_data_param.source = f"{place}/list.txt"
        message.hdf5_data_param.batch_size = message.data_param.batch_size
        message.ClearField("data_param")
        message.ClearField("transform_param")
        return
    message.data_param.source = place
    message.data_param.backend = 1  # LMDB
    if sources.mean_file:
        message.transform_param.mean_file = sources.mean_file
    if sources.mean_values:
        message.transform_param.mean_value.extend(sources.mean_values)


def deploy_text(derived: Derived) -> str:
    """`deploy.prototxt`: an Input and what is needed for a prediction."""
    net = message_class("NetParameter")(name=derived.name)
    net.layer.extend(copied(definition.message, *RULES) for definition in derived.layers["deploy"])
    return print_text(net)
