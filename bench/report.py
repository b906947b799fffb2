"""The table at the end of a run: every figure beside its floor, their ratio and what is aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One result: a value and the floor measured between its rounds, both in ``unit``.

    ``aim`` says what is hoped for, of the ratio value / floor unless it names a unit; ``note`` is what else was seen.
    """

    bench: str
    workload: str
    value: float
    unit: str
    floor: float | None = None
    aim: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value divided by its floor."""
        return None if self.floor is None else self.value / self.floor

    def as_info(self) -> dict[str, Any]:
        """Return the figure for pytest-benchmark's ``extra_info``."""
        return asdict(self) | {"ratio": self.ratio}


def number(value: float | None) -> str:
    """Return a number with three or four figures, thousands set apart."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def report_lines(figures: Sequence[Figure]) -> list[str]:
    """Return the table's lines."""
    heads = ("benchmark", "workload", "value", "floor", "unit", "ratio", "aim", "note")
    rows = [
        (
            item.bench,
            item.workload,
            number(item.value),
            number(item.floor),
            item.unit,
            number(item.ratio),
            item.aim,
            item.note,
        )
        for item in figures
    ]
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    to_the_right = {2, 3, 5}
    return [
        "  ".join(
            text.rjust(width) if place in to_the_right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]
