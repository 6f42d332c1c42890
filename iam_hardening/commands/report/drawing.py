"""Where things go in the drawing of who reaches what: three columns, a band per account.

Everything goes from left to right, from who by edge of what to what they are then. A library for graphs was
looked at (grandalf, pydot with Graphviz): they know no bands, or are no Python.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from iam_hardening.claims.access_graph import AccessGraph, Edge, Node

_WIDTH, _LINE, _PADDING = 254, 17, 9
_GAP_BETWEEN, _GAP_BELOW = 150, 14
_MARGIN, _BAND_HEAD, _BAND_GAP = 20, 34, 16
# Of the fonts that systems have; a text that is longer is cut, and whole in the table below the drawing.
_CHARACTER, _CHARACTERS = 6.6, 32
# Said by a green line (the legend says so), and by every line into Vault.
_NOT_WRITTEN = ("MFA", "with MFA", "Vault policy")
_PILL_HEIGHT = 20


@dataclass(frozen=True, kw_only=True)
class Line:
    y: float
    text: str
    whole: str


@dataclass(frozen=True, kw_only=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    title: str
    lines: tuple[Line, ...] = ()

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, kw_only=True)
class Pill:
    """A label on an edge; `x` and `y` are its middle."""

    x: float
    y: float
    width: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Arrow:
    path: str
    asks: str
    pill: Pill | None


@dataclass(frozen=True, kw_only=True)
class Drawing:
    width: float
    height: float
    bands: tuple[Box, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def draw(access_graph: AccessGraph) -> Drawing:
    width = 2 * _MARGIN + 3 * _WIDTH + 2 * _GAP_BETWEEN
    top = 0.0
    bands: list[Box] = []
    boxes: dict[str, Box] = {}
    for account in access_graph.accounts:
        here = [node for node in access_graph.nodes if node.account == account.name]
        bottom = top + _BAND_HEAD
        for step, nodes in groupby(sorted(here, key=lambda node: node.step), lambda node: node.step):
            y = top + _BAND_HEAD
            for node in nodes:
                boxes[node.id] = _box(node, _MARGIN + step * (_WIDTH + _GAP_BETWEEN), y)
                y += boxes[node.id].height + _GAP_BELOW
            bottom = max(bottom, y)
        bands.append(Box(x=0, y=top, width=width, height=bottom - top, title=account.title))
        top = bottom + _BAND_GAP
    return Drawing(
        width=width,
        height=top - _BAND_GAP,
        bands=tuple(bands),
        boxes=tuple(boxes.values()),
        arrows=tuple(_arrows(access_graph.edges, boxes)),
    )


def _box(node: Node, x: float, y: float) -> Box:
    texts = (node.title, *node.details)
    lines = tuple(
        Line(y=y + _PADDING + _LINE * (number + 0.75), text=_cut(text), whole=text)
        for number, text in enumerate(texts)
    )
    height = 2 * _PADDING + _LINE * len(texts)
    return Box(x=x, y=y, width=_WIDTH, height=height, title=node.title, lines=lines)


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"


def _arrows(edges: Sequence[Edge], boxes: dict[str, Box]) -> Iterator[Arrow]:
    """Straight to the last gap, and bent there. A label is where its line is alone: at the beginning of a
    node's only edge, else once at the end, where all the edges to one node meet."""
    sources = Counter(edge.source for edge in edges)
    labelled: set[tuple[str, str]] = set()
    pills: list[Pill] = []
    for edge in edges:
        source, target = boxes[edge.source], boxes[edge.target]
        x1, y1, x2, y2 = source.x + source.width, source.middle, target.x - 8, target.middle
        bent, bend = target.x - _GAP_BETWEEN, _GAP_BETWEEN / 2
        path = f"M{x1:g} {y1:g}H{bent:g}C{bent + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"
        text = _cut(edge.label)
        width = len(text) * _CHARACTER + 14
        pill = None
        alone = sources[edge.source] == 1
        if edge.label not in _NOT_WRITTEN and (alone or (edge.target, text) not in labelled):
            labelled.add((edge.target, text))
            x, y = (x1 + 8 + width / 2, y1) if alone else (x2 - 8 - width / 2, y2)
            pill = _on_no_other(Pill(x=x, y=y, width=width, text=text), pills)
            pills.append(pill)
        yield Arrow(path=path, asks=edge.asks.replace(" ", "-"), pill=pill)


def _on_no_other(pill: Pill, others: Sequence[Pill]) -> Pill:
    """Moved down as far as it has to be."""
    while any(
        abs(pill.x - other.x) < (pill.width + other.width) / 2 and abs(pill.y - other.y) < _PILL_HEIGHT
        for other in others
    ):
        pill = replace(pill, y=pill.y + 1)
    return pill
