"""The deploy.prototxt of a net: pictures in, scores out, for Caffe and for those who read its files.

What reads data becomes an Input; what needs labels goes, but for the losses that hold a prediction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gradus.nets.caffe.schema import copied, message_class
from gradus.nets.caffe.text.prototxt import Definition, print_text

# Losses that compute scores first: the layer that does only that.
SCORES = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid", "InfogainLoss": "Softmax"}
_TRAINING = (
    "include",
    "exclude",
    "phase",
    "loss_weight",
    "propagate_down",
    "loss_param",
    "blobs",
    "infogain_loss_param",
)
PREDICTION = "prob"


def deploy_text(name: str, definitions: Iterable[Definition], shapes: Mapping[str, list[tuple[int, ...]]]) -> str:
    """The text of a net that only predicts.

    `definitions` are those of the phase TEST; `shapes` are the shapes of what comes in by the layer that reads it:
    its first top stays, as an Input for one item, the others are labels.
    """
    net = message_class("NetParameter")(name=name)
    gone: set[str] = set()  # tops that nobody gives any more
    for definition in definitions:
        given = definition.message
        message = copied(given, *_TRAINING)
        if given.type != "Input" and given.name in shapes:
            net.layer.append(_input(message, shapes[given.name][0]))
            gone.update(given.top[1:])
        elif given.type in SCORES and message.bottom[0] not in gone:
            net.layer.append(_scores(message))
            gone.update(given.top)
        elif given.type == "Silence" or gone.intersection(message.bottom):
            gone.update(set(given.top) - set(message.bottom))
        else:
            net.layer.append(message)
    predictions = [layer for layer in net.layer if layer.top[:1] == [PREDICTION]]
    for layer in predictions if len(predictions) > 1 else ():
        layer.top[0] = layer.name
    return print_text(net)


def _input(message: Any, shape: tuple[int, ...]) -> Any:
    """The first top of a data layer, one item at a time."""
    new = message_class("LayerParameter")(name=message.name, type="Input", top=message.top[:1])
    new.input_param.shape.add(dim=[1, *shape[1:]])
    return new


def _scores(message: Any) -> Any:
    """What a loss computes before it looks at the labels."""
    new = message_class("LayerParameter")(
        name=message.name, type=SCORES[message.type], bottom=message.bottom[:1], top=[PREDICTION]
    )
    if message.HasField("softmax_param"):
        new.softmax_param.CopyFrom(message.softmax_param)
    return new
