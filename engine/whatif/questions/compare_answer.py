"""What a comparison shows: each side's figures, and lines of each measure over time, a line a side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import BarPlot, Cell, Column, LinePlot, Plot, ResultTable, Series
from engine.whatif.measure.observations import RESOURCES
from engine.whatif.questions.phrases import counted
from engine.whatif.questions.runs import Counts
from engine.whatif.questions.watching import Watched
from engine.whatif.wording import duration_text

_WORDS: Final = {"vcpu": "vCPUs", "memory_mb": "memory", "disk_gb": "disk"}


@dataclass(frozen=True, slots=True)
class Side:
    """One side: what it sets, what its run came to and showed, and how many decisions differ from the first side's."""

    name: str
    values: Mapping[str, Any]
    counts: Counts
    moved: int
    first_refusal_s: float | None
    watched: Watched
    decided_otherwise: int


def figures(sides: Sequence[Side]) -> dict[str, Any]:
    """Return the figures of each side, and between what their refusals lie."""
    percents = [side.counts.refused_percent for side in sides]
    return {
        "refused_percent": percents[0],
        "least_refused_percent": min(percents),
        "most_refused_percent": max(percents),
        "best": sides[percents.index(min(percents))].name,
        "sides": [_side_figures(side) for side in sides],
    }


def _side_figures(side: Side) -> dict[str, Any]:
    """Return a side's figures; parts are of what the hosts may give out, from 0 to 1, ``mean`` over the samples."""
    watched = side.watched
    return {
        "name": side.name,
        "set": dict(side.values),
        "requests": side.counts.requests,
        "refused": side.counts.refused,
        "refused_percent": side.counts.refused_percent,
        "lost": side.counts.lost,
        "moved": side.moved,
        "first_refusal_s": side.first_refusal_s,
        "utilisation_peak": _by_resource(watched.used.max(axis=0)),
        "utilisation_mean": _by_resource(watched.used.mean(axis=0)),
        "stranded_peak": _by_resource(watched.stranded.max(axis=0)),
        "stranded_mean": _by_resource(watched.stranded.mean(axis=0)),
        "fragmentation_mean": _mean(watched.fragmented),
        "fragmentation_at_end": _number(watched.fragmented[-1]),
        "hosts_used_peak": int(watched.hosts_used.max()),
        "hosts_used_mean": float(watched.hosts_used.mean()),
        "decided_otherwise": side.decided_otherwise,
    }


def headline(sides: Sequence[Side]) -> str:
    """Return one sentence: which side refuses fewest, against the first."""
    first = sides[0]
    best = min(sides, key=lambda side: side.counts.refused + side.counts.lost)
    if all(_refused(side) == _refused(first) for side in sides):
        fewest = min(sides, key=lambda side: side.watched.hosts_used.max())
        peaks = {int(side.watched.hosts_used.max()) for side in sides}
        refused = f"All {len(sides)} sides refuse {_percent(first)}"
        if len(peaks) == 1:
            return f"{refused}, on as many hosts"
        return (
            f"{refused}; {fewest.name!r} uses the fewest hosts, {counted(int(fewest.watched.hosts_used.max()), 'host')}"
        )
    if best is first:
        worst = max(sides, key=_refused)
        return f"{first.name!r} refuses fewest, {_percent(first)}, and {worst.name!r} most, {_percent(worst)}"
    return f"{best.name!r} refuses fewest, {_percent(best)}, against {_percent(first)} of {first.name!r}"


def tables(sides: Sequence[Side]) -> tuple[ResultTable, ...]:
    """Return the sides' main figures, and all of them."""
    shown: list[tuple[Column, Callable[[Side], Cell]]] = [
        (Column("side"), lambda side: side.name),
        (Column("refused", "%", 3), lambda side: side.counts.refused_percent),
        (Column("refused"), lambda side: side.counts.refused + side.counts.lost),
        (Column("first refusal"), lambda side: _after(side.first_refusal_s)),
        *(
            (Column(f"peak {_WORDS[name]}", "%", 1), _percent_of(index, lambda watched: watched.used.max(axis=0)))
            for index, name in enumerate(RESOURCES)
        ),
        (Column("hosts used, peak"), lambda side: int(side.watched.hosts_used.max())),
        (Column("decided otherwise"), lambda side: side.decided_otherwise),
    ]
    more: list[tuple[Column, Callable[[Side], Cell]]] = [
        (Column("side"), lambda side: side.name),
        (Column("moved"), lambda side: side.moved),
        (Column("lost"), lambda side: side.counts.lost),
    ]
    for index, name in enumerate(RESOURCES):
        word = _WORDS[name]
        more += [
            (Column(f"mean {word}", "%", 1), _percent_of(index, lambda watched: watched.used.mean(axis=0))),
            (Column(f"stranded {word}", "%", 1), _percent_of(index, lambda watched: watched.stranded.mean(axis=0))),
        ]
    more.append((Column("fragmentation", "%", 1), lambda side: _times_100(_mean(side.watched.fragmented))))
    note = "A decision is otherwise where the same instance went to another host than on the first side, or to none."
    return _table("Side by side", shown, sides, note), _table("Means over the run", more, sides, is_detail=True)


def plots(sides: Sequence[Side]) -> tuple[Plot, ...]:
    """Return refusals by side, and each measure over time with a line a side."""
    names = tuple(side.name for side in sides)
    percents = tuple(side.counts.refused_percent for side in sides)
    found: list[Plot] = [
        BarPlot("Refused", "refused, %", names, ("refused",), (percents,)),
        _lines("Refused so far", "refused, %", sides, lambda watched: watched.refused_percent),
    ]
    for index, name in enumerate(RESOURCES):
        if any(side.watched.used[:, index].any() for side in sides):
            title = f"Utilisation of {_WORDS[name]}"
            found.append(_lines(title, "used", sides, _column("used", index), is_share=True))
    for index, name in enumerate(RESOURCES):
        if any(side.watched.stranded[:, index].any() for side in sides):
            title = f"Stranded {_WORDS[name]}: free where nothing fits any more"
            found.append(_lines(title, "stranded", sides, _column("stranded", index), is_share=True))
    if any(not np.isnan(side.watched.fragmented).all() for side in sides):
        title = "Fragmentation: slots that free totals promise and no host gives"
        found.append(_lines(title, "lost", sides, lambda watched: watched.fragmented, is_share=True))
    found.append(_lines("Hosts in use", "hosts", sides, lambda watched: watched.hosts_used))
    return tuple(found)


def _lines(
    title: str,
    label: str,
    sides: Sequence[Side],
    read: Callable[[Watched], npt.NDArray[np.float64]],
    *,
    is_share: bool = False,
) -> LinePlot:
    series = tuple(Series(side.name, side.watched.times_s.tolist(), read(side.watched).tolist()) for side in sides)
    return LinePlot(title, "time", label, series, is_share=is_share)


def _column(measure: str, index: int) -> Callable[[Watched], npt.NDArray[np.float64]]:
    def read(watched: Watched) -> npt.NDArray[np.float64]:
        column: npt.NDArray[np.float64] = getattr(watched, measure)[:, index]
        return column

    return read


def _table(
    title: str,
    columns: Sequence[tuple[Column, Callable[[Side], Cell]]],
    sides: Sequence[Side],
    note: str = "",
    *,
    is_detail: bool = False,
) -> ResultTable:
    rows = tuple(tuple(read(side) for _, read in columns) for side in sides)
    return ResultTable(title, tuple(column for column, _ in columns), rows, note, is_detail)


def _percent_of(index: int, read: Callable[[Watched], npt.NDArray[np.float64]]) -> Callable[[Side], Cell]:
    return lambda side: 100.0 * float(read(side.watched)[index])


def _by_resource(parts: npt.NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(RESOURCES, parts.tolist(), strict=True))


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _times_100(value: float | None) -> float | None:
    return None if value is None else 100.0 * value


def _after(time_s: float | None) -> str | None:
    return None if time_s is None else f"after {duration_text(time_s)}"


def _refused(side: Side) -> int:
    return side.counts.refused + side.counts.lost


def _percent(side: Side) -> str:
    return f"{side.counts.refused_percent:.3g} %"
