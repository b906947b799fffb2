"""How a decision's cost grows with what a fleet and its requests are like, from bench/test_growth.py's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["classes", "share", "taken"]
"""What grows: live classes, the share of hosts that pass (in percent), the share of the capacity taken (in percent)."""


@dataclass(frozen=True)
class Point:
    """The seconds of a decision and its claim at one place of one line: the median, and the ends of its spread."""

    kind: Kind
    line: str
    x: float
    seconds: float
    low_s: float
    high_s: float

    def as_info(self) -> dict[str, Any]:
        """Return the point for pytest-benchmark's ``extra_info``."""
        return asdict(self)


def points_of(results: Mapping[str, Any]) -> tuple[Point, ...]:
    """Return the points in a file of pytest-benchmark's results; one without any has none."""
    return tuple(
        Point(**point) for item in results.get("benchmarks", ()) for point in item["extra_info"].get("growth", ())
    )


def lines_of(points: Sequence[Point], kind: Kind) -> dict[str, list[Point]]:
    """Return the points of one kind by the line they are on, each in the order of x."""
    found: dict[str, list[Point]] = {}
    for point in points:
        if point.kind == kind:
            found.setdefault(point.line, []).append(point)
    return {line: sorted(many, key=lambda point: point.x) for line, many in found.items()}
