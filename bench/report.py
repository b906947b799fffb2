"""The table at the end of a run: every figure beside its floor, their ratio and what is aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""The units of time, in seconds."""


@dataclass(frozen=True)
class Figure:
    """One result: a value and the floor measured between its rounds, both in ``unit``.

    ``aim`` says what is hoped for, of the ratio value / floor unless it names a unit; ``note`` is what else was seen.
    ``spread`` is the least and the most of the middle half of the rounds (their quartiles), in ``unit``.
    """

    bench: str
    workload: str
    value: float
    unit: str
    floor: float | None = None
    aim: str = ""
    note: str = ""
    spread: tuple[float, float] | None = None

    @property
    def ratio(self) -> float | None:
        """The value divided by its floor."""
        return None if self.floor is None else self.value / self.floor

    def as_info(self) -> dict[str, Any]:
        """Return the figure for pytest-benchmark's ``extra_info``."""
        return asdict(self) | {"ratio": self.ratio}


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the middle half of some values."""
    low, high = np.percentile(values, (25, 75))
    return float(low), float(high)


def with_rounds(figure: Figure, rounds_s: Sequence[float]) -> Figure:
    """Return a figure with the spread of a benchmark's rounds, if it has none and is made of their median.

    It is where the median round holds a whole number of what the figure counts or times: 1 024 decisions, one scan.
    """
    if figure.spread is not None or not rounds_s or figure.value <= 0:
        return figure
    median_s = float(np.median(rounds_s))
    is_rate = figure.unit == "/s"
    if not is_rate and figure.unit not in SECONDS:
        return figure
    many = median_s * figure.value if is_rate else median_s / (figure.value * SECONDS[figure.unit])
    if round(many) < 1 or abs(many - round(many)) > 1e-9 * many:
        return figure
    shares = sorted(end / median_s for end in quartiles(rounds_s))
    low, high = (figure.value / share if is_rate else figure.value * share for share in shares)
    return replace(figure, spread=(min(low, high), max(low, high)))


def number(value: float | None) -> str:
    """Return a number with three or four figures, thousands set apart."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def spread_text(spread: Sequence[float] | None) -> str:
    """Return a spread as its ends, said once where they look alike, and nothing where there is none."""
    if spread is None:
        return ""
    low, high = (number(end) for end in spread)
    return low if low == high else f"{low} to {high}"


def report_lines(figures: Sequence[Figure]) -> list[str]:
    """Return the table's lines."""
    heads = ("benchmark", "workload", "value", "spread", "floor", "unit", "ratio", "aim", "note")
    rows = [
        (
            item.bench,
            item.workload,
            number(item.value),
            spread_text(item.spread),
            number(item.floor),
            item.unit,
            number(item.ratio),
            item.aim,
            item.note,
        )
        for item in figures
    ]
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    to_the_right = {2, 3, 4, 6}
    return [
        "  ".join(
            text.rjust(width) if place in to_the_right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]
