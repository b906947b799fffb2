"""What pairs of runs say about two sides: the ratio of their speeds, an interval for it, and a verdict in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from bench.report import number

Verdict = Literal["faster", "slower", "no difference", "too few rounds"]

FEWEST_PAIRS = 4
"""With fewer pairs, all of them point the same way too often by chance alone."""
_RESAMPLES = 10_000
_CONFIDENCE = 95.0


@dataclass(frozen=True, order=True)
class FigureName:
    """One figure of one benchmark; more is better where its unit is a rate."""

    bench: str
    workload: str
    unit: str

    @property
    def is_rate(self) -> bool:
        """Whether more is better."""
        return self.unit.endswith("/s")


@dataclass(frozen=True)
class Compared:
    """One figure on both sides, a value a run in the order of the pairs; ``gain`` above 1 says that head is better."""

    name: FigureName
    base: tuple[float, ...]
    head: tuple[float, ...]
    gain: float
    low: float
    high: float
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Return the figure as JSON has it."""
        return {**asdict(self.name), **{key: value for key, value in asdict(self).items() if key != "name"}}


def compared(name: FigureName, base: Sequence[float], head: Sequence[float], *, margin: float, seed: int) -> Compared:
    """Return what pairs of runs say; a gain within ``margin`` of 1 is no difference.

    The gain is the geometric mean of the pairs' ratios: the two runs of a pair follow each other, so what slows the
    machine for a while slows both. Its interval comes from drawing pairs again, with replacement.
    Raises ValueError where the sides have not as many values, or one is not greater than 0.
    """
    if len(base) != len(head) or not base:
        raise ValueError(f"{name.bench}, {name.workload}: {len(base)} runs of base and {len(head)} of head")
    if min(*base, *head) <= 0:
        raise ValueError(f"{name.bench}, {name.workload}: a value that is not greater than 0 has no ratio")
    sign = 1 if name.is_rate else -1
    logs = sign * np.log(np.array(head) / np.array(base))
    drawn = np.random.default_rng(seed).integers(0, len(logs), (_RESAMPLES, len(logs)))
    rest = (100 - _CONFIDENCE) / 2
    low, high = np.exp(np.percentile(logs[drawn].mean(axis=1), (rest, 100 - rest))).tolist()
    gain = math.exp(float(logs.mean()))
    return Compared(name, tuple(base), tuple(head), gain, low, high, _verdict(len(logs), low, high, margin))


def _verdict(pairs: int, low: float, high: float, margin: float) -> Verdict:
    if pairs < FEWEST_PAIRS:
        return "too few rounds"
    if low > 1 + margin:
        return "faster"
    if high < 1 / (1 + margin):
        return "slower"
    return "no difference"


def compared_all(
    base: Mapping[FigureName, Sequence[float]],
    head: Mapping[FigureName, Sequence[float]],
    *,
    margin: float,
    seed: int = 0,
) -> list[Compared]:
    """Return each figure that both sides have, in the order of base."""
    return [compared(name, base[name], head[name], margin=margin, seed=seed) for name in base if name in head]


def verdict_lines(figures: Sequence[Compared]) -> list[str]:
    """Return a table: least and median of each side, the gain with its interval, the verdict."""
    heads = ("benchmark", "workload", "unit", "base", "median", "head", "median", "gain", "95 % of it", "verdict")
    rows = [heads, *(_row(item) for item in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    return [
        "  ".join(
            text.rjust(width) if 3 <= place <= 7 else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _row(item: Compared) -> tuple[str, ...]:
    best = max if item.name.is_rate else min
    return (
        item.name.bench,
        item.name.workload,
        item.name.unit,
        number(best(item.base)),
        number(statistics.median(item.base)),
        number(best(item.head)),
        number(statistics.median(item.head)),
        f"{item.gain:.3f}",
        f"{item.low:.3f} to {item.high:.3f}",
        item.verdict,
    )
