"""What a replay looks like over time: use, refusals, free slots, fragments, stranded amounts, a heat map of hosts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import HeatMap, LinePlot, Plot, Series
from engine.whatif.decisions import Cause, Decisions, Reason
from engine.whatif.measure.observations import Floats, Observations
from engine.whatif.questions.replay_tables import REASONS
from engine.whatif.wording import duration_text
from engine.whatif.world import World

_TIME: Final = "time"
_INTERVALS: Final = 100
_RESOURCES: Final = ("vCPUs", "memory", "disk")


def flavor_labels(world: World, codes: tuple[int, ...]) -> tuple[str, ...]:
    """Return what to call requests: by their flavors, and where two have the same, by their place as well."""
    names = [world.requests[code].flavor.name for code in codes]
    return tuple(
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    )


def replay_plots(decisions: Decisions, seen: Observations, names: tuple[str, ...], end_s: float) -> tuple[Plot, ...]:
    """Return the plots of a replay that ended at ``end_s``; ``names`` are those of the requests shown."""
    plots: list[Plot] = [_use(seen)]
    refusals = _refusals(decisions, end_s)
    if refusals is not None:
        plots.append(refusals)
    plots.append(LinePlot("Instances", _TIME, "instances", (_line("instances", seen.times_s, seen.instances),)))
    if names:
        plots.append(LinePlot("Free slots, each flavor alone", _TIME, "instances", _known(names, seen, seen.slots)))
        plots.append(
            LinePlot(
                "Lost to fragments",
                _TIME,
                "part of the slots that free totals promise",
                _known(names, seen, seen.lost_to_fragments),
                is_share=True,
                note="By the resource that is scarcest by the totals: what is free of it in pieces too small.",
            )
        )
    plots.append(_stranded(seen))
    if seen.heat.values.size:
        plots.append(_heat(seen))
    return tuple(plots)


def _use(seen: Observations) -> LinePlot:
    series = [_line(name, seen.times_s, seen.shares[:, place]) for place, name in enumerate(_RESOURCES)]
    series += [_line(name, seen.times_s, seen.share_of(name)) for name in seen.more]
    return LinePlot("Use of each resource", _TIME, "part in use", tuple(series), is_share=True)


def _stranded(seen: Observations) -> LinePlot:
    series = tuple(_line(name, seen.times_s, seen.stranded_shares[:, place]) for place, name in enumerate(_RESOURCES))
    note = "What is free on hosts where none of the workload's flavors fits any more."
    return LinePlot("Stranded resources", _TIME, "part of the capacity", series, is_share=True, note=note)


def _refusals(decisions: Decisions, end_s: float) -> LinePlot | None:
    """Return refusals by reason in intervals of the run, None where there were none."""
    refused = decisions.refused & (decisions.causes == Cause.CREATE)
    if not refused.any():
        return None
    times, reasons = decisions.times_s[refused], decisions.reasons[refused]
    width = end_s / _INTERVALS if end_s > 0 else 1.0
    places = np.clip((times / width).astype(np.int64), 0, _INTERVALS - 1)
    starts = np.arange(_INTERVALS, dtype=np.float64) * width
    series = tuple(
        _line(
            REASONS[Reason(reason)].name,
            starts,
            np.bincount(places[reasons == reason], minlength=_INTERVALS),
        )
        for reason in np.unique(reasons).tolist()
    )
    label = f"refused per {duration_text(width)}"
    return LinePlot("Refusals by what most hosts lacked", _TIME, label, series, is_stacked=True)


def _line(name: str, x: Floats, y: npt.NDArray[Any]) -> Series:
    """Return a line of plain numbers, so that equal answers compare as equal."""
    return Series(name, tuple(x.tolist()), tuple(y.astype(np.float64).tolist()))


def _known(names: tuple[str, ...], seen: Observations, values: Floats) -> tuple[Series, ...]:
    """Return a line a flavor through what was counted of it."""
    lines = []
    for place, name in enumerate(names):
        known = ~np.isnan(values[:, place])
        lines.append(_line(name, seen.times_s[known], values[known, place]))
    return tuple(lines)


def _heat(seen: Observations) -> HeatMap:
    heat = seen.heat
    return HeatMap(
        "Hosts over time",
        _TIME,
        "hosts",
        tuple(duration_text(time) for time in heat.times_s.tolist()),
        heat.labels,
        tuple(tuple(row) for row in np.clip(heat.values, 0.0, 1.0).tolist()),
        note="The mean use of each host's fullest resource.",
    )
