"""Explain: why hosts pass or fail a request, what survivors weigh term by term, what the nearest would need to fit.

Works on a fleet as it is, claims nothing, and asks every filter about every host, where a selection stops at the first
refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestSpec
from engine.scheduler.best_survivors import best_survivors
from engine.scheduler.chain import Chain
from engine.scheduler.demand import demand_of
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.judgement import RESTRICTION, Judgement, judge
from engine.scheduler.registry import Filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts

__all__ = ["RESTRICTION", "Explanation", "Rejection", "Term", "Verdict", "explain", "rejection_counts"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """How many hosts a filter removed of those the filters before it left, and why."""

    filter: str
    removed: int
    left: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One filter's verdict on one host; ``reason`` says what would have to change where it failed."""

    filter: str
    passed: bool
    reason: str


class Term(NamedTuple):
    """One weigher's share of a host's weight: multiplier * normalised."""

    weigher: str
    raw: float
    normalized: float
    multiplier: float

    @property
    def weight(self) -> float:
        """What the weigher adds to the host's weight."""
        return self.multiplier * self.normalized


_TERM_OF: Callable[[Iterable[object]], Term] = partial(tuple.__new__, Term)
"""Makes a term of its fields in a third of the time, which counts with a hundred of them."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole answer; rows are the fleet's."""

    hosts_total: int
    passed: int
    rejections: tuple[Rejection, ...]
    verdicts: Mapping[int, tuple[Verdict, ...]]
    weighed: tuple[tuple[int, float, tuple[Term, ...]], ...]
    nearest: tuple[tuple[int, tuple[str, ...]], ...]


def rejection_counts(inquiry: Inquiry) -> dict[str, int]:
    """Return how many hosts each filter removed, in the order the filters run."""
    return {item.filter: item.removed for item in _rejections(judge(inquiry))}


def explain(
    chain: Chain,
    fleet: Fleet,
    request: RequestSpec,
    context: SelectionContext,
    *,
    hosts: Sequence[int] = (),
    weighed_limit: int = 10,
    nearest_limit: int = 5,
) -> Explanation:
    """Return why hosts pass or fail.

    Counts cover all hosts, verdicts the rows in ``hosts``, weights the best, and changes the nearest misses.
    """
    inquiry = make_inquiry(chain, fleet, demand_of(request, fleet, chain.options), context, StateVerdicts(fleet))
    judged = judge(inquiry, rows=hosts, nearest=nearest_limit)
    return Explanation(
        hosts_total=judged.hosts_total,
        passed=judged.passed,
        rejections=_rejections(judged),
        verdicts={row: _verdicts(inquiry, judged, row) for row in hosts},
        weighed=_weighed(inquiry, judged, weighed_limit),
        nearest=tuple((row, _changes(inquiry, judged, row, failures)) for row, failures in judged.nearest),
    )


def _rejections(judged: Judgement) -> tuple[Rejection, ...]:
    counted = []
    before = judged.hosts_total
    for name, plugin, left in zip(judged.names, judged.filters, judged.left, strict=True):
        counted.append(Rejection(name, before - left, left, _reason(plugin)))
        before = left
    return tuple(counted)


def _reason(plugin: Filter | None) -> str:
    return "not among the hosts the request allows" if plugin is None else plugin.reason


def _change(inquiry: Inquiry, plugin: Filter | None, row: int) -> str:
    if plugin is None or plugin.change is None:
        return _reason(plugin)
    return plugin.change(RequestFacts(inquiry.fleet, row), inquiry.demand.request, inquiry.chain.options)


def _verdicts(inquiry: Inquiry, judged: Judgement, row: int) -> tuple[Verdict, ...]:
    failures = judged.failures[row]
    found = []
    for place, (name, plugin) in enumerate(zip(judged.names, judged.filters, strict=True)):
        failed = bool(failures >> place & 1)
        found.append(Verdict(name, not failed, _change(inquiry, plugin, row) if failed else ""))
    return tuple(found)


def _changes(inquiry: Inquiry, judged: Judgement, row: int, failures: int) -> tuple[str, ...]:
    """Return what a host that fails would need; two filters may ask for the same, such as an enabled service."""
    failed = (plugin for place, plugin in enumerate(judged.filters) if failures >> place & 1)
    return tuple(dict.fromkeys(_change(inquiry, plugin, row) for plugin in failed))


def _weighed(inquiry: Inquiry, judged: Judgement, limit: int) -> tuple[tuple[int, float, tuple[Term, ...]], ...]:
    """Return the best survivors with their weights and each weigher's share; a lone one is not weighed, as in nova."""
    if not judged.passed or not limit:
        return ()
    chain, fleet = inquiry.chain, inquiry.fleet
    best = best_survivors(inquiry, judged, limit)
    multipliers = chain.multipliers.tolist()
    overridden = np.flatnonzero(best.overrides.overridden).tolist() if best.overrides.any else ()
    names = [item.name for item in chain.weighers]
    low, high = best.ranges
    span = high - low if judged.passed > 1 else np.zeros(len(names), dtype=np.float64)
    normalized = np.zeros_like(best.raws)
    np.divide(best.raws - low, span, out=normalized, where=span != 0.0)
    found = []
    for row, weight, raws, shares in zip(
        best.rows.tolist(), best.weights.tolist(), best.raws.tolist(), normalized.tolist(), strict=True
    ):
        for index in overridden:
            code = fleet.columns["membership"][row]
            multipliers[index] = float(best.overrides.by_membership[index, code])
        found.append((row, weight, tuple(map(_TERM_OF, zip(names, raws, shares, multipliers, strict=True)))))
    return tuple(found)
