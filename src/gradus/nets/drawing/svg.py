"""A graph as SVG, complete in itself: no style sheet, script or font from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from gradus.core.network import Graph, Node
from gradus.nets.drawing.layout import Point, arrange
from gradus.nets.drawing.words import lines, printable, short

DIRECTIONS = ("TB", "BT", "LR", "RL")

LINE, LETTER, INSIDE, MARGIN, TITLE = 15.0, 7.1, 10.0, 24.0, 34.0  # pixels; LETTER is the mean width at 12 pixels
FONT = "font-family='system-ui, sans-serif' font-size='12'"

# The fill of a box by what its layer is for; the first family whose word is in the type counts.
_FILLS = (
    ("Data", "#e3e3f5"), ("Input", "#e3e3f5"), ("Loss", "#f8d9d6"), ("Accuracy", "#f8d9d6"),
    ("Convolution", "#d8e8f8"), ("Pooling", "#fbe6cc"), ("InnerProduct", "#e6dcf4"),
    ("LRN", "#dff0dc"), ("BatchNorm", "#dff0dc"), ("Scale", "#dff0dc"),
)  # fmt: skip
_OTHER = "#f3f3ef"


def svg(graph: Graph, direction: str = "TB") -> str:
    """The graph, read from top to bottom unless the direction is another of DIRECTIONS."""
    texts = [lines(node) for node in graph.nodes]
    sizes = [(max(map(len, text)) * LETTER + 2 * INSIDE, len(text) * LINE + INSIDE) for text in texts]
    number = {node.name: index for index, node in enumerate(graph.nodes)}
    ends = [(number[edge.source], number[edge.target]) for edge in graph.edges]
    across = direction in ("LR", "RL")
    layout = arrange([(h, w) for w, h in sizes] if across else sizes, ends)
    turn = _turn(direction, layout.height)
    edges = [
        _edge([turn(point) for point in points], edge.blob, across=across)
        for edge, points in zip(graph.edges, layout.edges, strict=True)
    ]
    boxes = [
        _box(node, text, size, turn(spot))
        for node, text, size, spot in zip(graph.nodes, texts, sizes, layout.boxes, strict=True)
    ]
    width, height = (layout.height, layout.width) if across else (layout.width, layout.height)
    return _page(_title(graph), [*edges, *boxes], width, height)


def _page(title: str, drawn: Sequence[str], width: float, height: float) -> str:
    width = max(width, len(title) * LETTER * 1.3)
    return "\n".join([
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width + 2 * MARGIN:.0f}' "
        f"height='{height + 2 * MARGIN + TITLE:.0f}' {FONT}>",
        "<defs><marker id='tip' viewBox='0 0 8 8' refX='8' refY='4' markerWidth='7' markerHeight='7' orient='auto'>"
        "<path d='M0 0 8 4 0 8z' fill='#777'/></marker></defs>",
        "<rect width='100%' height='100%' fill='#fff'/>",
        f"<text x='{MARGIN}' y='{MARGIN + 6}' font-size='15' font-weight='600'>{escape(title)}</text>",
        f"<g transform='translate({MARGIN} {MARGIN + TITLE})'>", *drawn, "</g>", "</svg>", "",
    ])  # fmt: skip


def _title(graph: Graph) -> str:
    counts = f", {short(graph.parameters)} parameters" if graph.parameters else ""
    work = f", {short(graph.multiply_adds)} multiply-adds" if graph.multiply_adds else ""
    return printable(f"{graph.name or 'network'}: {len(graph.nodes)} layers{counts}{work}")


def _turn(direction: str, length: float) -> Callable[[Point], Point]:
    """From the layout's coordinates to the picture's; `length` is the layout's height."""
    turns: dict[str, Callable[[Point], Point]] = {
        "TB": lambda p: p,
        "BT": lambda p: (p[0], length - p[1]),
        "LR": lambda p: (p[1], p[0]),
        "RL": lambda p: (length - p[1], p[0]),
    }
    return turns[direction]


def _box(node: Node, text: Sequence[str], size: tuple[float, float], spot: Point) -> str:
    (width, height), (x, y) = size, spot
    fill = next((colour for word, colour in _FILLS if word in node.type), _OTHER)
    where = f"line {node.line}" if node.line else ""
    said = [node.name, where, *(f"{name}: {value}" for name, value in node.settings.items())]
    title = "\n".join(printable(row) for row in said if row)
    top = y - height / 2
    rows = "".join(
        f"<text x='{x:.1f}' y='{top + INSIDE / 2 + LINE * (i + 0.78):.1f}' text-anchor='middle' "
        f"{'font-weight' if i == 0 else 'fill'}='{600 if i == 0 else '#444'}'>{escape(row)}</text>"
        for i, row in enumerate(text)
    )
    return (
        f"<g><title>{escape(title)}</title>"
        f"<rect x='{x - width / 2:.1f}' y='{top:.1f}' width='{width:.1f}' height='{height:.1f}' rx='6' "
        f"fill='{fill}' stroke='#888'/>{rows}</g>"
    )


def _edge(points: Sequence[Point], blob: str, *, across: bool) -> str:
    """A smooth line that leaves its box and reaches the other one straight."""
    x, y = points[0]
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in points[1:]:
        half_x, half_y = (x + to_x) / 2, (y + to_y) / 2
        bend = (half_x, y, half_x, to_y) if across else (x, half_y, to_x, half_y)
        path.append("C" + " ".join(f"{number:.1f}" for number in (*bend, to_x, to_y)))
        x, y = to_x, to_y
    return (
        f"<path d='{' '.join(path)}' fill='none' stroke='#777' marker-end='url(#tip)'>"
        f"<title>{escape(printable(blob))}</title></path>"
    )
