"""A comparison as rows of text, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence

from bench.against.results import AGAIN, CLAIM, FIRST, LABELS, Comparison, spread_of_times, time_text
from bench.report import number
from bench.workloads import count_text

Rows = Sequence[tuple[str, ...]]
"""A heading, and rows as long as it."""


def time_rows(run: Comparison, chain: str) -> Rows:
    """Return a heading and, a contender a row, what a decision takes: the median, and its spread in brackets."""
    hosts = _hosts(run, chain)
    rows: list[tuple[str, ...]] = [("a decision takes", *(f"{count_text(many)} hosts" for many in hosts))]
    for name, label in LABELS.items():
        found = run.of(chain, name)
        if found:
            cells = (
                f"{time_text(found[many].median_s)} ({spread_of_times(found[many].spread_s)})" if many in found else ""
                for many in hosts
            )
            rows.append((label, *cells))
    return rows


def ratio_rows(run: Comparison) -> Rows:
    """Return a heading and, a chain and a way of Berth's a row, how many times as long nova takes."""
    hosts = sorted({item.hosts for item in run.timings})
    rows: list[tuple[str, ...]] = [
        ("nova takes so many times as long", *(f"{count_text(many)} hosts" for many in hosts))
    ]
    for chain in run.chains:
        for name in (FIRST, AGAIN, CLAIM):
            found = run.ratios(chain, name)
            if found:
                rows.append((f"{chain}: {LABELS[name]}", *(_ratio(found.get(many)) for many in hosts)))
    return rows


def floor_rows(run: Comparison) -> Rows:
    """Return a heading and the floors: median, and the middle half."""
    return [("floor", "median", "middle half")] + [
        (item.name, time_text(item.median_s), spread_of_times(item.spread_s)) for item in run.floors
    ]


def case_rows(run: Comparison) -> Rows:
    """Return a heading and what was asked of all, with what nova's host states took beside it."""
    return [("chain", "hosts", "hosts that pass", "nova's host states, not compared")] + [
        (
            item.chain,
            number(item.hosts),
            number(item.passing),
            spread_of_times((min(item.states_s), max(item.states_s))),
        )
        for item in run.cases
    ]


def ratio_lines(run: Comparison) -> list[str]:
    """Return the run for a terminal: times by chain, ratios, floors."""
    tables = [*(time_rows(run, chain) for chain in run.chains), ratio_rows(run), floor_rows(run), case_rows(run)]
    titles = [*run.chains, "ratios", "floors", "what was asked"]
    return [line for title, rows in zip(titles, tables, strict=True) for line in ("", title, *aligned(rows))]


def aligned(rows: Rows) -> list[str]:
    """Return rows as lines, the first column to the left and the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            text.rjust(width) if place else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _hosts(run: Comparison, chain: str) -> list[int]:
    return sorted({item.hosts for item in run.timings if item.chain == chain})


def _ratio(found: tuple[float, float, float] | None) -> str:
    if found is None:
        return ""
    median, low, high = found
    return f"{number(median)} ({number(low)} to {number(high)})"
