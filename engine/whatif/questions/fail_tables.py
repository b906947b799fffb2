"""The tables that tell of failures: how many there are and are absorbed, and the worst, each with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from engine.whatif.answer import Cell, Column, ResultTable
from engine.whatif.questions.phrases import counted, number
from engine.whatif.questions.rehearsals import Failures

LISTED: Final = 1000
"""Failures that are not absorbed and are listed by name; the decisions have all."""


def summary_of(item: Failures) -> dict[str, Any]:
    """Return the counts of one kind and number together."""
    return {
        "kind": item.groups.kind,
        "together": item.together,
        "failures": item.absorbed + int((item.lost > 0).sum()),
        "tried": len(item.sets),
        "absorbed": item.absorbed,
        "not_absorbed": int((item.lost > 0).sum()),
        "not_absorbed_in_any_order": int((item.least > 0).sum()),
        "displaced_mean": float(item.displaced.mean()) if len(item.sets) else 0.0,
        "displaced_at_most": int(item.displaced.max(initial=0)),
        "lost_at_most": int(item.lost.max(initial=0)),
    }


def may_fail(any_of: dict[str, int]) -> str:
    """Return how many of each kind may fail together, as part of a sentence."""
    parts = [
        f"any single {kind}" if many == 1 else f"any {counted(many, kind)} together"
        for kind, many in any_of.items()
        if many
    ]
    return f"{' or '.join(parts)} may fail"


def failure_tables(
    failures: Sequence[Failures], any_of: dict[str, int], bad: Sequence[tuple[Failures, int]]
) -> tuple[ResultTable, ...]:
    """Return the tables: all kinds and numbers together, and ``bad``, the failures not absorbed, the worst first."""
    summary = ResultTable(
        "Failures",
        (
            Column("what fails"),
            Column("failures"),
            Column("absorbed"),
            Column("not absorbed"),
            Column("absorbed in no order"),
            Column("displaced, mean", decimals=1),
            Column("displaced, most"),
            Column("lost, most"),
        ),
        tuple(_summary_row(item) for item in failures),
        note="Absorbed in no order: there is no room for all of them, whichever instance comes first"
        + ("; what is displaced is of those that had to be tried" if any(item.proven for item in failures) else "")
        + (f"; {may_fail(any_of)}." if any(any_of.values()) else "."),
    )
    columns = (
        Column("what fails"),
        Column("kind"),
        Column("displaced"),
        Column("rebuilt"),
        Column("lost"),
        Column("lost in the other order"),
        Column("lost in any order"),
        Column("verdict"),
    )
    if not bad:
        return (summary,)
    rows = tuple(_row(item, entry) for item, entry in bad[:LISTED])
    more = len(bad) - len(rows)
    worst = ResultTable("The worst failures", columns, rows[:10])
    note = f"{number(more)} more are not listed; the decisions have all." if more else ""
    return summary, worst, ResultTable("Failures that are not absorbed", columns, rows, note, is_detail=True)


def _summary_row(item: Failures) -> tuple[Cell, ...]:
    found = summary_of(item)
    kind = item.groups.kind
    return (
        f"one {kind}" if item.together == 1 else f"{item.together} {kind}s together",
        found["failures"],
        found["absorbed"],
        found["not_absorbed"],
        found["not_absorbed_in_any_order"],
        found["displaced_mean"],
        found["displaced_at_most"],
        found["lost_at_most"],
    )


def _row(item: Failures, entry: int) -> tuple[Cell, ...]:
    displaced, lost = int(item.displaced[entry]), int(item.lost[entry])
    otherwise, least = int(item.lost_otherwise[entry]), int(item.least[entry])
    if least:
        verdict = f"no room: {number(least)} at least are lost in any order"
    elif not otherwise:
        verdict = "absorbed in the other order"
    else:
        verdict = "in neither order; another may do"
    return item.name(entry), item.groups.kind, displaced, displaced - lost, lost, otherwise, least, verdict
