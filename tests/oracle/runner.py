"""Runs cases and gathers what came of each."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.oracle.cases import Case
from tests.oracle.compare import Comparison, Difference
from tests.oracle.e2e_case import compare_end_to_end, unsupported_end_to_end
from tests.oracle.placement_case import queries
from tests.oracle.reference_case import compare_reference, covers
from tests.oracle.select_case import compare_filters, compare_refusal, compare_selection, compare_weighing
from tests.oracle.support import WEIGHER, unsupported


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case's outcome: why it is unsupported (nothing when it is), what was compared and what differed.

    Of an unsupported case the filters that Berth has are still compared, each alone; where it is for want of a weigher
    only, the chain and the weighers it has are too.
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


def run_cases(cases: Iterable[Case], *, quirks: bool = True) -> Iterator[Outcome]:
    """Yield each case's outcome, of a placement case each query's; ``quirks`` is the option nova_quirks."""
    for case in cases:
        if case.kind == "placement":
            yield from run_queries(case)
        else:
            yield run_case(case, quirks=quirks)


def run_case(case: Case, *, quirks: bool = True) -> Outcome:
    """Return what comes of a nova case; a crash of Berth's is a difference."""
    content = case.content
    comparison = Comparison()
    reasons: list[str] = []
    try:
        if case.kind == "e2e":
            reasons = unsupported_end_to_end(content)
            if not reasons:
                compare_end_to_end(content, comparison, quirks=quirks)
        elif content["expected"].get("numa_error"):
            compare_refusal(content, comparison)
        else:
            reasons = unsupported(content)
            if covers(content):
                compare_reference(content, comparison)
            compare_filters(content, comparison, quirks=quirks)
            if not reasons:
                compare_selection(content, comparison, quirks=quirks)
            elif all(reason.startswith(WEIGHER) for reason in reasons):
                compare_weighing(content, comparison, all_weighers=False, quirks=quirks)
    except Exception:  # whatever it is, it belongs in the report, beside the other cases
        comparison.differences.append(Difference("crash", traceback.format_exc(limit=-4), ""))
    return _outcome(case, reasons, comparison)


def run_queries(case: Case) -> Iterator[Outcome]:
    """Yield what comes of each query of a placement case, as a case of its own."""
    try:
        for name, reason, comparison in queries(case.content):
            query = Case(name, case.kind, case.content["kind"], case.content)
            yield _outcome(query, [reason] if reason else [], comparison)
    except Exception:  # as above
        yield Outcome(case, (), (Difference("crash", traceback.format_exc(limit=-4), ""),), 0, 0.0)


def _outcome(case: Case, reasons: list[str], comparison: Comparison) -> Outcome:
    return Outcome(case, tuple(reasons), tuple(comparison.differences), comparison.checks, comparison.worst_error)
