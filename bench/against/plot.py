"""Plots with two logarithmic axes as SVG text: each line has a colour, a dash and a marker, and its name at its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 960, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 300, 18, 56
_LABEL_GAP = 17.0
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3")
_MARKERS = ("circle", "square", "triangle", "diamond", "ring", "cross", "box", "star")
COLOURS = len(_MARKERS)
"""So many lines are told apart by colour and by marker; the page's style sheet names the colours c0 and on."""


@dataclass(frozen=True)
class Spot:
    """A value at a place, with the ends of its spread; all greater than 0."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """A named line through its spots, in the order of x; ``style`` picks its colour, dash and marker."""

    name: str
    spots: tuple[Spot, ...]
    style: int


@dataclass(frozen=True)
class Level:
    """A named value that is the same everywhere, drawn as a thin line from side to side."""

    name: str
    y: float


@dataclass(frozen=True)
class Axes:
    """What the axes say: ``x_ticks`` are places and their texts, ``y_text`` writes a power of ten.

    ``reverse`` puts the largest x on the left.
    """

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_text: Callable[[float], str]
    reverse: bool = False


@dataclass(frozen=True)
class _Frame:
    """Where values lie on the canvas: the logarithms at the edges of each axis."""

    x_low: float
    x_high: float
    y_low: int
    y_high: int
    reverse: bool

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.x_low) / (self.x_high - self.x_low)
        return _LEFT + (1 - share if self.reverse else share) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self.y_low) / (self.y_high - self.y_low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def plot(axes: Axes, lines: Sequence[Line], levels: Sequence[Level] = ()) -> str:
    """Return an SVG picture; raise ValueError where there is nothing to draw, or a value that has no logarithm."""
    frame = _frame(axes, lines, levels)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(axes.title)}">',
        *_grid(axes, frame),
        *(_level(level, frame) for level in levels),
        *(text for line in lines for text in _line(line, frame)),
        *_labels(lines, levels, frame),
        "</svg>",
    ]
    return "\n".join(parts)


def spread_out(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places at least ``gap`` apart and between the bounds if they fit, near the wanted ones, in their order."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    places = [wanted[index] for index in order]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + gap)
    limit = high
    for index in reversed(range(len(places))):
        places[index] = max(min(places[index], limit), low + index * gap)
        limit = places[index] - gap
    found = [0.0] * len(wanted)
    for index, place in zip(order, places, strict=True):
        found[index] = place
    return found


def _frame(axes: Axes, lines: Sequence[Line], levels: Sequence[Level]) -> _Frame:
    spots = [spot for line in lines for spot in line.spots]
    if not spots:
        raise ValueError(f"nothing to draw in {axes.title!r}")
    heights = [value for spot in spots for value in (spot.y, spot.low, spot.high)] + [level.y for level in levels]
    places = [spot.x for spot in spots] + [place for place, _ in axes.x_ticks]
    if min(heights) <= 0 or min(places) <= 0:
        raise ValueError(f"a value of {axes.title!r} is not greater than 0 and has no logarithm")
    low, high = math.floor(math.log10(min(heights))), math.ceil(math.log10(max(heights)))
    left, right = math.log10(min(places)), math.log10(max(places))
    margin = max(0.03 * (right - left), 0.02)
    return _Frame(left - margin, right + margin, low, max(high, low + 1), axes.reverse)


def _grid(axes: Axes, frame: _Frame) -> list[str]:
    """Return the grid, the ticks with their texts, and the axes' names."""
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    parts = []
    for power in range(frame.y_low, frame.y_high + 1):
        y = frame.y(10.0**power)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{right}"/>')
        parts.append(
            f'<text class="tick end" x="{_LEFT - 8}" y="{y + 4:.1f}">{escape(axes.y_text(10.0**power))}</text>'
        )
        if power < frame.y_high and frame.y_high - frame.y_low <= 3:
            minor = "".join(f"M{_LEFT} {frame.y(part * 10.0**power):.1f}H{right}" for part in range(2, 10))
            parts.append(f'<path class="grid minor" d="{minor}"/>')
    for place, text in axes.x_ticks:
        x = frame.x(place)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{bottom}"/>')
        parts.append(f'<text class="tick middle" x="{x:.1f}" y="{bottom + 18}">{escape(text)}</text>')
    middle = (_LEFT + right) / 2
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>')
    parts.append(f'<text class="name middle" x="{middle}" y="{HEIGHT - 14}">{escape(axes.x_label)}</text>')
    height = (_TOP + bottom) / 2
    parts.append(
        f'<text class="name middle" transform="translate(16 {height:.0f}) rotate(-90)">{escape(axes.y_label)}</text>'
    )
    return parts


def _level(level: Level, frame: _Frame) -> str:
    return f'<path class="level" d="M{_LEFT} {frame.y(level.y):.1f}H{WIDTH - _RIGHT}"/>'


def _line(line: Line, frame: _Frame) -> list[str]:
    """Return a line, the spread of its spots, and their markers."""
    style = line.style % COLOURS
    at = [(frame.x(spot.x), frame.y(spot.y), spot) for spot in line.spots]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in at)
    spreads = "".join(f"M{x:.1f} {frame.y(spot.low):.1f}V{frame.y(spot.high):.1f}" for x, _, spot in at)
    dash = f' stroke-dasharray="{_DASHES[style]}"' if _DASHES[style] else ""
    return [
        f'<g class="c{style}">',
        f'<path class="spread" d="{spreads}"/>',
        f'<path class="line" d="M{path}"{dash}/>',
        *(_marker(_MARKERS[style], x, y) for x, y, _ in at),
        "</g>",
    ]


def _marker(kind: str, x: float, y: float) -> str:
    """Return a marker of about nine pixels around a point."""
    shapes = {
        "square": "M-4-4H4V4H-4Z",
        "triangle": "M0-5L5 4H-5Z",
        "diamond": "M0-5.5L5.5 0L0 5.5L-5.5 0Z",
        "cross": "M-4-4L4 4M4-4L-4 4",
        "box": "M-4-4H4V4H-4Z",
        "star": "M0-5V5M-5 0H5M-3.5-3.5L3.5 3.5M3.5-3.5L-3.5 3.5",
    }
    if kind in ("circle", "ring"):
        return f'<circle class="{"mark" if kind == "circle" else "hollow"}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    look = "mark" if kind in ("square", "triangle", "diamond") else "hollow"
    return f'<path class="{look}" transform="translate({x:.1f} {y:.1f})" d="{shapes[kind]}"/>'


def _labels(lines: Sequence[Line], levels: Sequence[Level], frame: _Frame) -> list[str]:
    """Return each line's and each level's name to the right of its end, moved apart where they would meet."""
    edge = WIDTH - _RIGHT
    ends = [
        *((frame.x(line.spots[-1].x), frame.y(line.spots[-1].y), line.name, line.style % COLOURS) for line in lines),
        *((float(edge), frame.y(level.y), level.name, None) for level in levels),
    ]
    heights = spread_out([y for _, y, _, _ in ends], _LABEL_GAP, _TOP + 4.0, HEIGHT - _BOTTOM - 2.0)
    parts = []
    for (x, y, name, style), height in zip(ends, heights, strict=True):
        left = edge + 26
        parts.append(f'<path class="leader" d="M{x + 7:.1f} {y:.1f}L{left - 14} {height:.1f}"/>')
        if style is None:
            parts.append(f'<path class="level" d="M{left - 11} {height:.1f}H{left + 3}"/>')
            parts.append(f'<text class="label" x="{left + 6}" y="{height + 4:.1f}">{escape(name)}</text>')
        else:
            parts.append(f'<g class="c{style}">{_marker(_MARKERS[style], left - 4, height)}</g>')
            parts.append(f'<text class="label" x="{left + 6}" y="{height + 4:.1f}">{escape(name)}</text>')
    return parts
