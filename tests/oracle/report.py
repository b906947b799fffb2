"""The report on a run: counts by family, why cases are unsupported, and the first differences in full."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.oracle.runner import Outcome

_COLUMNS = ("cases", "supported", "equal", "different", "unsupported", "checks")
_DIFFERENCES_A_CASE = 5


def summary(outcomes: Iterable[Outcome]) -> dict[str, Counter[str]]:
    """Return the counts by ``kind/family``, and of all."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        for name in (f"{outcome.case.kind}/{outcome.case.family}", "all"):
            row = counts.setdefault(name, Counter())
            row["cases"] += 1
            row["supported" if outcome.supported else "unsupported"] += 1
            row["checks"] += outcome.checks
            if outcome.differences:
                row["different"] += 1
            elif outcome.supported:
                row["equal"] += 1
    return counts


def reasons(outcomes: Iterable[Outcome]) -> Counter[str]:
    """Return how many cases each missing filter, weigher or feature keeps out."""
    return Counter(reason for outcome in outcomes for reason in outcome.reasons)


def as_text(outcomes: Sequence[Outcome], details: int) -> str:
    """Return the report for a reader."""
    counts = summary(outcomes)
    width = max(len(name) for name in counts)
    lines = [f"{'':{width}}" + "".join(f"{column:>13}" for column in _COLUMNS)]
    lines += [
        f"{name:{width}}" + "".join(f"{counts[name][column]:>13}" for column in _COLUMNS)
        for name in [*sorted(set(counts) - {"all"}), "all"]
    ]
    missing = reasons(outcomes).most_common()
    if missing:
        lines += ["", "unsupported for want of"]
        lines += [f"{many:>6}  {reason}" for reason, many in missing]
    different = [outcome for outcome in outcomes if outcome.differences]
    for outcome in different[:details]:
        kind = "supported" if outcome.supported else "unsupported: filters alone"
        lines += ["", f"{outcome.case.kind}/{outcome.case.name} ({kind}), {len(outcome.differences)} differences"]
        for difference in outcome.differences[:_DIFFERENCES_A_CASE]:
            lines += [f"  {difference.what}", f"    Berth {difference.ours}", f"    nova  {difference.theirs}"]
    if len(different) > details:
        lines += ["", f"and {len(different) - details} more cases that differ"]
    worst = max(outcome.worst_error for outcome in outcomes)
    lines += ["", f"worst relative error of a weight: {worst:.1e}"]
    return "\n".join(lines)


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return the report for a program."""
    cases: list[dict[str, Any]] = [
        {
            "kind": outcome.case.kind,
            "name": outcome.case.name,
            "unsupported": list(outcome.reasons),
            "checks": outcome.checks,
            "differences": [
                {"what": item.what, "ours": item.ours, "theirs": item.theirs} for item in outcome.differences
            ],
        }
        for outcome in outcomes
    ]
    return json.dumps(
        {
            "summary": {name: {column: row[column] for column in _COLUMNS} for name, row in summary(outcomes).items()},
            "missing": dict(reasons(outcomes).most_common()),
            "worst_relative_error": max(outcome.worst_error for outcome in outcomes),
            "cases": cases,
        },
        indent=1,
    )
