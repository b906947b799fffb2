"""What fitting looks like: slots per flavor, what limits them, tiers as bars, the room of each rack as a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import BarPlot, HeatMap, Plot
from engine.whatif.questions.fit_counts import LIMITS, FitCount
from engine.whatif.questions.phrases import number
from engine.whatif.questions.places import HostGroups
from engine.whatif.questions.tiers import Tiered

Numbers = npt.NDArray[np.int64]

_MOST_FLAVORS: Final = 24
_MOST_CELLS: Final = 60
_LIMIT_LABELS: Final = {"vcpu": "vCPUs", "memory_mb": "memory", "disk_gb": "disk", "filtered": "filtered out"}


def fit_plots(counts: Sequence[FitCount], groups: HostGroups, rows: Numbers, tiered: Tiered | None) -> tuple[Plot, ...]:
    """Return the plots of counts of ``rows``; ``groups`` of these hosts are the lines of the heat map."""
    shown = list(counts[:_MOST_FLAVORS])
    names = tuple(count.name for count in shown)
    plots: list[Plot] = []
    if shown:
        plots.append(
            BarPlot(
                "How many more fit, each flavor alone",
                "instances",
                names,
                ("by the chain", "as totals would say"),
                (tuple(float(count.fit) for count in shown), tuple(float(count.naive or 0) for count in shown)),
            )
        )
        limits = [label for label in LIMITS.values() if any(count.limited_by[label] for count in shown)]
        plots.append(
            BarPlot(
                "What stops the next one",
                "hosts",
                names,
                tuple(_LIMIT_LABELS.get(label, label) for label in limits),
                tuple(tuple(float(count.limited_by[label]) for count in shown) for label in limits),
                is_stacked=True,
            )
        )
    if tiered is not None and tiered.tiers:
        plots.append(
            BarPlot(
                "Placed in tiers",
                "instances",
                tuple(str(tier.sizes) for tier in tiered.tiers),
                ("placed",),
                (tuple(float(tier.placed) for tier in tiered.tiers),),
            )
        )
    if shown and len(groups):
        plots.append(_room(shown, groups, rows))
    return tuple(plots)


def _room(counts: Sequence[FitCount], groups: HostGroups, rows: Numbers) -> HeatMap:
    """Return the share of each group's hosts that take one more of each flavor; several groups a line if many."""
    each = math.ceil(len(groups) / _MOST_CELLS)
    lines = [range(first, min(first + each, len(groups))) for first in range(0, len(groups), each)]
    values, texts = [], []
    for line in lines:
        places = np.searchsorted(rows, groups.rows_of(line))
        slots = np.array([count.slots[places] for count in counts])
        room = (slots > 0).sum(axis=1)
        values.append(tuple((room / len(places)).tolist()))
        texts.append(
            tuple(
                f"{number(int(have))} of {number(len(places))} hosts take {number(int(total))} more"
                for have, total in zip(room, slots.sum(axis=1), strict=True)
            )
        )
    names = tuple(
        groups.names[line[0]] if len(line) == 1 else f"{groups.names[line[0]]} to {groups.names[line[-1]]}"
        for line in lines
    )
    return HeatMap(
        f"Share of each {groups.kind}'s hosts that take one more" if each == 1 else "Share of hosts that take one more",
        "flavor",
        groups.kind,
        tuple(count.name for count in counts),
        names,
        tuple(values),
        tuple(texts),
    )
