"""Runs cases and gathers what came of each."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.oracle.cases import Case
from tests.oracle.compare import Comparison, Difference
from tests.oracle.reference_case import compare_reference, covers
from tests.oracle.select_case import compare_filters, compare_selection
from tests.oracle.support import unsupported


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case's outcome: why it is unsupported (nothing when it is), what was compared and what differed.

    Of an unsupported case the filters that Berth has are still compared, each alone.
    """

    case: Case
    reasons: tuple[str, ...]
    differences: tuple[Difference, ...]
    checks: int
    worst_error: float

    @property
    def supported(self) -> bool:
        """Whether the whole case must come out equal."""
        return not self.reasons


def run_cases(cases: Iterable[Case]) -> Iterator[Outcome]:
    """Yield each case's outcome."""
    for case in cases:
        yield run_case(case)


def run_case(case: Case) -> Outcome:
    """Return what comes of one case; a crash of Berth's is a difference."""
    comparison = Comparison()
    reasons: list[str] = []
    try:
        if case.kind == "select":
            reasons = unsupported(case.content)
            if covers(case.content):
                compare_reference(case.content, comparison)
            compare_filters(case.content, comparison)
            if not reasons:
                compare_selection(case.content, comparison)
    except Exception:  # whatever it is, it belongs in the report, beside the other cases
        comparison.differences.append(Difference("crash", traceback.format_exc(limit=-4), ""))
    return Outcome(case, tuple(reasons), tuple(comparison.differences), comparison.checks, comparison.worst_error)
