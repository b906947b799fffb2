"""What a forecast shows: when the wall is met, and bands of refusals and use over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import Column, LinePlot, Plot, ResultTable, Series
from engine.whatif.measure.observations import RESOURCES
from engine.whatif.questions.phrases import counted, number
from engine.whatif.scenario.questions import ForecastTable
from engine.whatif.wording import duration_text

_WORDS: Final = {"vcpu": "vCPUs", "memory_mb": "memory", "disk_gb": "disk"}
_PERCENTILES: Final = (10, 50, 90)
_UNITS_S: Final = (("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0))

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resample:
    """What one run showed: ``requests`` and ``refused`` int64[windows]; ``used`` float64[times, 3] at ``times_s``."""

    requests: npt.NDArray[np.int64]
    refused: npt.NDArray[np.int64]
    times_s: Floats
    used: Floats


class Forecast:
    """The runs of a forecast; ``edges`` are the beginnings of the windows, and the horizon."""

    def __init__(self, asked: ForecastTable, edges: Floats, runs: Sequence[Resample]) -> None:
        self.asked = asked
        self.edges = edges
        self.runs = runs

    @cached_property
    def percents(self) -> Floats:
        """float64[runs, windows]: what was refused of what a window asked for, 0 where it asked for nothing."""
        requests = np.array([run.requests for run in self.runs], dtype=np.float64)
        refused = np.array([run.refused for run in self.runs], dtype=np.float64)
        shares: Floats = np.divide(refused, requests, out=np.zeros_like(refused), where=requests > 0)
        return 100.0 * shares

    @cached_property
    def walls_s(self) -> Floats:
        """float64[runs]: when the first window begins in which too many are refused, infinite where none does."""
        beyond = self.percents > self.asked.wall_percent
        first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), len(self.edges) - 1)
        return np.append(self.edges[:-1], np.inf)[first]

    def wall_s(self, percentile: int) -> float | None:
        """Return when so many percent of the runs have met the wall; None where fewer do until the horizon."""
        rank = max(0, int(np.ceil(percentile / 100 * len(self.runs))) - 1)
        found = float(np.sort(self.walls_s)[rank])
        return found if np.isfinite(found) else None

    @property
    def no_wall_percent(self) -> float:
        """How many of the runs meet no wall."""
        return 100.0 * float(np.isinf(self.walls_s).mean())

    def headline(self) -> str:
        """Return one sentence that answers the question."""
        runs, horizon = counted(len(self.runs), "run"), _span(self.asked.horizon)
        wall = f"more than {self.asked.wall_percent:g} % refused within {_span(self.asked.window)}"
        if np.isinf(self.walls_s).all():
            return f"No wall within {horizon}: none of {runs} has {wall}"
        median, early, late = self.wall_s(50), self.wall_s(10), self.wall_s(90)
        if median is None:
            met, first = int(np.isfinite(self.walls_s).sum()), float(self.walls_s.min())
            return (
                f"The wall is met in {number(met)} of {runs} within {horizon}, {_after(first)} at the earliest: {wall}"
            )
        at_latest = f"beyond {horizon}" if late is None else _after(late)
        band = f"{_after(early or 0.0)} in the first tenth, {at_latest} in the last"
        return f"The wall is met {_after(median)} in the median of {runs} ({band}): {wall}"

    def figures(self) -> dict[str, Any]:
        """Return the figures; times are seconds from the start, None for one beyond the horizon."""
        requests = np.array([run.requests.sum() for run in self.runs])
        refused = np.array([run.refused.sum() for run in self.runs])
        totals = 100.0 * np.divide(refused, requests, out=np.zeros(len(requests)), where=requests > 0)
        peaks = np.array([run.used.max(axis=0) for run in self.runs])
        return {
            **{f"wall_p{percentile}_s": self.wall_s(percentile) for percentile in _PERCENTILES},
            "no_wall_percent": self.no_wall_percent,
            "wall_percent": self.asked.wall_percent,
            "runs": len(self.runs),
            "horizon_s": self.asked.horizon,
            "window_s": self.asked.window,
            "requests_median": float(np.median(requests)),
            "refused_median": float(np.median(refused)),
            "refused_percent_median": float(np.median(totals)),
            "walls_s": [float(wall) if np.isfinite(wall) else None for wall in self.walls_s],
            "utilisation_peak_median": dict(zip(RESOURCES, np.median(peaks, axis=0).tolist(), strict=True)),
            "windows": [
                {
                    "start_s": start,
                    "refused_percent_p10": low,
                    "refused_percent_p50": middle,
                    "refused_percent_p90": high,
                }
                for start, low, middle, high in zip(self.edges[:-1].tolist(), *self._band(self.percents), strict=True)
            ],
        }

    def tables(self) -> tuple[ResultTable, ...]:
        """Return when the wall is met, and each run."""
        walls = ResultTable(
            "When the wall is met",
            (Column("runs"), Column("wall")),
            tuple((f"{percentile} % have met it", _when(self.wall_s(percentile))) for percentile in _PERCENTILES),
            f"{self.no_wall_percent:g} % of {counted(len(self.runs), 'run')} meet none within the horizon of "
            f"{_span(self.asked.horizon)}. The wall is where the first {_span(self.asked.window)} begins in which more "
            f"than {self.asked.wall_percent:g} % of what is asked for are refused.",
        )
        rows = tuple(
            (index, _when(float(wall)), int(run.requests.sum()), int(run.refused.sum()))
            for index, (wall, run) in enumerate(zip(self.walls_s, self.runs, strict=True))
        )
        columns = (Column("run"), Column("wall"), Column("requests"), Column("refused"))
        return walls, ResultTable("Each run", columns, rows, is_detail=True)

    def plots(self) -> tuple[Plot, ...]:
        """Return refusals a window and the use of each resource, medians with bands from 10 to 90 %."""
        starts = self.edges[:-1].tolist()
        low, middle, high = self._band(self.percents)
        limit = Series("wall", (0.0, self.asked.horizon), (self.asked.wall_percent,) * 2)
        refused = Series("refused, median and 10-90 %", starts, middle, low, high)
        plots: list[Plot] = [LinePlot("Refused in each window", "time", "refused, %", (refused, limit))]
        met = np.searchsorted(np.sort(self.walls_s), self.edges, side="right") / len(self.runs)
        share = Series("runs that have met the wall", self.edges.tolist(), met.tolist())
        plots.append(LinePlot("Runs that have met the wall", "time", "runs", (share,), is_share=True))
        used = np.array([run.used for run in self.runs])
        times = self.runs[0].times_s.tolist()
        series = []
        for index, name in enumerate(RESOURCES):
            if used[:, :, index].any():
                low, middle, high = self._band(used[:, :, index])
                series.append(Series(_WORDS[name], times, middle, low, high))
        if series:
            title = "Utilisation, median and 10-90 % of the runs"
            plots.append(LinePlot(title, "time", "used", tuple(series), is_share=True))
        return tuple(plots)

    def _band(self, values: Floats) -> tuple[list[float], list[float], list[float]]:
        """Return the 10 %, 50 % and 90 % quantiles over the runs, which come first."""
        low, middle, high = np.percentile(values, _PERCENTILES, axis=0)
        return low.tolist(), middle.tolist(), high.tolist()


def _when(wall_s: float | None) -> str | None:
    """Return when a wall is met as a cell says it, None for one that is not."""
    if wall_s is None or not np.isfinite(wall_s):
        return None
    return f"after {duration_text(wall_s)}" if wall_s > 0 else "at once"


def _after(seconds: float) -> str:
    """Return when something is, as a part of a sentence."""
    return f"after {_span(seconds)}" if seconds > 0 else "at once"


def _span(seconds: float) -> str:
    """Return a duration in the largest unit of which there is one at least."""
    for unit, length in _UNITS_S:
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
