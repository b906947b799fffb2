"""What failures look like: the worst ones as bars, how many instances they displace, where they are in the fleet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from engine.whatif.answer import BarPlot, HeatMap, Plot
from engine.whatif.questions.phrases import number
from engine.whatif.questions.rehearsals import Failures

_BINS: Final = 20
_MOST_COLUMNS: Final = 120
_MOST_ROWS: Final = 60


def failure_plots(failures: Sequence[Failures], worst: Sequence[tuple[Failures, int]]) -> tuple[Plot, ...]:
    """Return the plots of failures, of which ``worst`` are those that lose most, each an entry of one of them."""
    plots: list[Plot] = []
    if worst:
        plots.append(_worst(worst))
    for item in failures:
        if item.together == 1 and len(item.groups) > 1:
            if len(item.groups) <= _BINS:
                plots.append(_each(item))
            else:
                plots.append(_displaced(item))
                if item.lost.any():
                    plots.append(_where(item))
    return tuple(plots)


def _worst(worst: Sequence[tuple[Failures, int]]) -> BarPlot:
    rebuilt = tuple(float(item.displaced[entry] - item.lost[entry]) for item, entry in worst)
    lost = tuple(float(item.lost[entry]) for item, entry in worst)
    return BarPlot(
        "The worst failures",
        "instances",
        tuple(item.name(entry) for item, entry in worst),
        ("rebuilt", "lost"),
        (rebuilt, lost),
        is_stacked=True,
    )


def _each(item: Failures) -> BarPlot:
    return BarPlot(
        f"What each {item.groups.kind}'s failure displaces",
        "instances",
        item.groups.names,
        ("rebuilt", "lost"),
        (tuple((item.displaced - item.lost).astype(float).tolist()), tuple(item.lost.astype(float).tolist())),
        is_stacked=True,
    )


def _displaced(item: Failures) -> BarPlot:
    """Return how many groups displace how many instances, those that are absorbed and those that are not apart."""
    width = max(1, math.ceil((int(item.displaced.max(initial=0)) + 1) / _BINS))
    bins = item.displaced // width
    many = int(bins.max(initial=0)) + 1
    labels = [
        str(low) if width == 1 else f"{number(low)}-{number(low + width - 1)}" for low in range(0, many * width, width)
    ]
    absorbed = np.bincount(bins[item.lost == 0], minlength=many)
    others = np.bincount(bins[item.lost > 0], minlength=many)
    return BarPlot(
        f"Instances that a {item.groups.kind}'s failure displaces",
        f"{item.groups.kind}s",
        tuple(labels),
        ("absorbed", "not absorbed"),
        (tuple(absorbed.astype(float).tolist()), tuple(others.astype(float).tolist())),
        is_stacked=True,
    )


def _where(item: Failures) -> HeatMap:
    """Return the share of its instances that each group would lose, the worst group of those in a cell."""
    groups = len(item.groups)
    columns = min(_MOST_COLUMNS, math.ceil(math.sqrt(2 * groups)))
    each = math.ceil(groups / (columns * _MOST_ROWS))
    cells = math.ceil(groups / each)
    rows = math.ceil(cells / columns)
    lost = np.zeros(rows * columns * each)
    lost[:groups] = item.lost / np.maximum(item.displaced, 1)
    by_cell = lost.reshape(rows * columns, each)
    worst = by_cell.argmax(axis=1)
    values = by_cell.max(axis=1)
    values[cells:] = np.nan
    texts = []
    for cell in range(rows * columns):
        group = cell * each + int(worst[cell])
        found = cell < cells and group < groups
        texts.append(f"{item.groups.names[group]}: {item.lost[group]} of {item.displaced[group]} lost" if found else "")
    kind = item.groups.kind
    return HeatMap(
        f"Share of its instances that each {kind} would lose",
        f"{kind}s in the fleet's order" + (f", {each} a cell" if each > 1 else ""),
        "",
        tuple(str(number_ + 1) for number_ in range(columns)),
        tuple(item.groups.names[min(row * columns * each, groups - 1)] for row in range(rows)),
        tuple(tuple(row) for row in values.reshape(rows, columns).tolist()),
        tuple(tuple(texts[row * columns : (row + 1) * columns]) for row in range(rows)),
        note=f"A row begins with the {kind} at its left.",
    )
