"""What a drawn layer says: its name, type, settings, output shapes, parameters and multiply-adds."""

from __future__ import annotations

from gradus.core.network import Node

_SHOWN = {
    "num_output": "", "kernel_size": "kernel ", "kernel_h": "kernel height ", "kernel_w": "kernel width ",
    "stride": "stride ", "pad": "pad ", "dilation": "dilation ", "group": "groups ", "pool": "", "operation": "",
    "dropout_ratio": "ratio ", "local_size": "size ",
}  # fmt: skip


def lines(node: Node) -> list[str]:
    """The lines in a box, the name first; what is not known is left out."""
    shown = [f"{words}{node.settings[name]}" for name, words in _SHOWN.items() if name in node.settings]
    counts = [
        f"{short(count)} {what}"
        for count, what in ((node.parameters, "parameters"), (node.multiply_adds, "multiply-adds"))
        if count
    ]
    said = [
        node.name,
        ": ".join([node.type, ", ".join(shown)]) if shown else node.type,
        *([" and ".join("×".join(map(str, shape)) or "a number" for shape in node.shapes)] if node.shapes else []),
        *([", ".join(counts)] if counts else []),
    ]
    return [printable(line) for line in said]


def printable(text: str) -> str:
    """Without the characters that a picture's file must not hold."""
    return "".join(c if c.isprintable() else "?" for c in text)


def short(count: int) -> str:
    """A count in at most four digits: 61.1 M."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 999.5 * size else f"{count / size:.0f} {unit}"
    return str(count)
