"""The Split layers that Caffe puts in by itself where a blob is used more than once (catalogue 1.6).

Here a tensor may be read as often as one likes; the layers matter to those who list a net's layers and blobs
by name, and to the files that Caffe writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from gradus.nets.caffe.schema import copied, message_class
from gradus.nets.caffe.text.prototxt import Definition

Top = tuple[int, int]  # the layer's place and the top's place in it


def insert_splits(definitions: Sequence[Definition]) -> list[Definition]:
    """The layers with a Split after each top that has more than one reader.

    Its name is `{blob}_{layer}_{top}_split`, its tops have `_0`, `_1` ... behind it. A top with a loss weight
    counts as one more reader, whose part (the first) takes the weight over. Definitions that change are copied.
    """
    readers, sources = _readers(definitions)
    split = {top for top, count in readers.items() if count > 1}
    used: Counter[Top] = Counter({top: 1 for top in split if _loss_weight(definitions, top)})
    result: list[Definition] = []
    for i, definition in enumerate(definitions):
        message = definition.message
        bottoms = [top if top in split else None for top in sources[i]]
        mine = [(i, j) for j in range(len(message.top)) if (i, j) in split]
        if any(bottoms) or mine:
            message = copied(message)
            for place, top in enumerate(bottoms):
                if top is not None:
                    message.bottom[place] = f"{_split_name(definitions, top)}_{used[top]}"
                    used[top] += 1
            for _, j in mine:
                if j < len(message.loss_weight):
                    message.loss_weight[j] = 0
            definition = replace(definition, message=message)
        result.append(definition)
        result += [_split(definitions, top, readers[top]) for top in mine]
    return result


def _readers(definitions: Sequence[Definition]) -> tuple[Counter[Top], list[list[Top | None]]]:
    """How often each top is read, and for each layer which tops its bottoms are (None: nobody's)."""
    latest: dict[str, Top] = {}
    readers: Counter[Top] = Counter()
    sources: list[list[Top | None]] = []
    for i, definition in enumerate(definitions):
        found = [latest.get(name) for name in definition.message.bottom]
        sources.append(found)
        readers.update(top for top in found if top is not None)
        for j, name in enumerate(definition.message.top):
            latest[name] = (i, j)
            if _loss_weight(definitions, (i, j)):
                readers[i, j] += 1
    return readers, sources


def _loss_weight(definitions: Sequence[Definition], top: Top) -> float:
    given = definitions[top[0]].message.loss_weight
    return float(given[top[1]]) if top[1] < len(given) else 0.0


def _split_name(definitions: Sequence[Definition], top: Top) -> str:
    message = definitions[top[0]].message
    return f"{message.top[top[1]]}_{message.name}_{top[1]}_split"


def _split(definitions: Sequence[Definition], top: Top, count: int) -> Definition:
    name = _split_name(definitions, top)
    blob = definitions[top[0]].message.top[top[1]]
    message = message_class("LayerParameter")(name=name, type="Split", bottom=[blob])
    message.top.extend(f"{name}_{k}" for k in range(count))
    if weight := _loss_weight(definitions, top):
        message.loss_weight.extend([weight, *[0.0] * (count - 1)])
    return replace(definitions[top[0]], message=message)
