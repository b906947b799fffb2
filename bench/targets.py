"""What the figures are aimed at: each target with the figure that tells how it stands, by the size of the fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.report import SECONDS, number, spread_text

FigureInfo = Mapping[str, Any]
Of = Literal["value", "rate", "ratio", "times"]
"""What of a figure counts: its value, how many a second (of a time), value / floor, or floor / value."""

SIZES = ("10k", "100k", "1M")


@dataclass(frozen=True)
class Target:
    """One row: where its figures come from (``{hosts}`` in ``workload`` is the size), and the aim at each size.

    ``unit`` is what the row shows; ``at_least`` says that more is better. A figure in another unit of time, or in MiB
    where MB is aimed at, is brought to it.
    """

    label: str
    bench: str
    workload: str
    of: Of
    unit: str
    aims: tuple[float | None, float | None, float | None]
    at_least: bool


TARGETS = (
    Target(
        "decision and claim in memory, 64 live classes, spread",
        "class views",
        "{hosts}, 64 classes, spread",
        "rate",
        "/s",
        (300_000, 100_000, 50_000),
        at_least=True,
    ),
    Target(
        "the same, pack",
        "class views",
        "{hosts}, 64 classes, pack",
        "rate",
        "/s",
        (200_000, 70_000, 30_000),
        at_least=True,
    ),
    Target(
        "the same, one class, many instances",
        "class views",
        "{hosts}, 1 classes, spread",
        "rate",
        "/s",
        (1_000_000, 500_000, 250_000),
        at_least=True,
    ),
    Target(
        "class never seen, beside a live one (a scan) / vectorised read",
        "full scan",
        "{hosts}, generated, beside a live class",
        "ratio",
        "",
        (2, 2, 2),
        at_least=False,
    ),
    Target(
        "the same, nothing known of any host",
        "full scan",
        "{hosts}, generated",
        "ratio",
        "",
        (2, 2, 2),
        at_least=False,
    ),
    Target(
        "gRPC stream, durable, client included",
        "stream",
        "{hosts}, 16 flavors",
        "value",
        "/s",
        (200_000, 100_000, 40_000),
        at_least=True,
    ),
    Target(
        "gRPC unary, 64 in flight / empty handler",
        "unary",
        "{hosts}, 64 in flight, calls",
        "ratio",
        "",
        (0.85, 0.85, 0.8),
        at_least=True,
    ),
    Target("explain, all hosts and filters", "explain", "{hosts}", "value", "ms", (0.1, 1, 10), at_least=False),
    Target(
        "nova's filters and weighers / ours, same request",
        "selection against nova",
        "{hosts}, default filters, asked again",
        "times",
        "",
        (50_000, None, None),
        at_least=True,
    ),
    Target(
        "start to SERVING, kernels compiled before",
        "start-up",
        "{hosts}, kernels cached",
        "value",
        "s",
        (1, 1.5, 5),
        at_least=False,
    ),
    Target(
        "resident memory with 100 warm classes",
        "memory",
        "{hosts}, 100 warm classes",
        "value",
        "MB",
        (250, 350, 1000),
        at_least=False,
    ),
    Target(
        "what-if: creates and deletes replayed",
        "what-if replay",
        "{hosts} hosts, 1M instances",
        "value",
        "/s",
        (300_000, 200_000, None),
        at_least=True,
    ),
    Target(
        "what-if: fork of a fleet, ready to claim on",
        "what-if fork",
        "{hosts} hosts",
        "value",
        "ms",
        (None, None, 15),
        at_least=False,
    ),
    Target(
        "what-if: every single host fails, the fleet 80 % full",
        "what-if fail",
        "{hosts} hosts, 80% full",
        "value",
        "s",
        (60, None, None),
        at_least=False,
    ),
)
_IN_BYTES = {"MB": 1e6, "MiB": 2.0**20, "GB": 1e9, "GiB": 2.0**30}


@dataclass(frozen=True)
class Standing:
    """How one target stands at one size: what was measured, its spread, the aim."""

    value: float
    spread: tuple[float, float] | None
    aim: float | None
    at_least: bool

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None without one."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.at_least else self.value <= self.aim


def standing(target: Target, size: str, figures: Iterable[FigureInfo]) -> Standing | None:
    """Return how a target stands at a size, by the last such figure; None where it was not measured."""
    workload = target.workload.format(hosts=size)
    found = [item for item in figures if (item["bench"], item["workload"]) == (target.bench, workload)]
    if not found:
        return None
    figure = found[-1]
    value = shown(target, figure, figure["value"])
    if value is None:
        return None
    ends = [end for end in (shown(target, figure, end) for end in figure.get("spread") or ()) if end is not None]
    spread = (min(ends), max(ends)) if ends else None
    return Standing(value, spread, target.aims[SIZES.index(size)], target.at_least)


def shown(target: Target, figure: FigureInfo, value: float) -> float | None:
    """Return a value of the figure as the target counts it; None where the figure has no such thing."""
    unit, floor = figure["unit"], figure.get("floor")
    if target.of == "ratio":
        return value / floor if floor else None
    if target.of == "times":
        return floor / value if floor else None
    if target.of == "rate":
        return value if unit == "/s" else 1 / (value * SECONDS[unit])
    for sizes in (SECONDS, _IN_BYTES):
        if unit in sizes and target.unit in sizes:
            return value * sizes[unit] / sizes[target.unit]
    return value


def headline(figures: Sequence[FigureInfo], targets: Sequence[Target] = TARGETS) -> list[tuple[str, ...]]:
    """Return a heading and a row a target: at each size what was measured, its spread, the aim, and if it is met."""
    rows: list[tuple[str, ...]] = [("", *(f"{size} hosts" for size in SIZES))]
    for target in targets:
        cells = (_cell(target, size, standing(target, size, figures)) for size in SIZES)
        rows.append((target.label, *cells))
    return rows


def _cell(target: Target, size: str, found: Standing | None) -> str:
    aim = target.aims[SIZES.index(size)]
    sign = "≥" if target.at_least else "≤"
    aimed = "" if aim is None else f"aim {sign} {_text(aim, target)}"
    if found is None:
        return f"not measured<br>{aimed}" if aimed else ""
    spread = f"<br>{spread_text(found.spread)}" if found.spread else ""
    met = {True: ": met", False: ": **not met**", None: ""}[found.met]
    return f"**{_text(found.value, target)}**{spread}" + (f"<br>{aimed}{met}" if aimed else "")


def _text(value: float, target: Target) -> str:
    return f"{number(value)}{'' if target.unit in ('', '/s') else ' '}{target.unit}"
