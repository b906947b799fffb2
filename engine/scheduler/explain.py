"""Explain: why hosts pass or fail a request, what survivors weigh term by term, what the nearest would need to fit.

Works on a fleet as it is, claims nothing, and asks every filter about every host, where a selection stops at the first
refusal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain, MultiplierOverrides, Weighing, multiplier_overrides
from engine.scheduler.demand import Demand, demand_of
from engine.scheduler.destination import destination_rows, is_restricted
from engine.scheduler.extra import extra_values
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.kernel_plan import is_column
from engine.scheduler.registry import Filter, Weigher
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.single_filter import passes_filter
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts

RESTRICTION = "RequestedHosts"
"""The name under which hosts are counted that the request itself leaves out: ignored, not forced, not the requested
destination."""


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


@dataclass(frozen=True, slots=True)
class Term:
    """One weigher's share of a host's weight: multiplier * normalised."""

    weigher: str
    raw: float
    normalized: float
    multiplier: float

    @property
    def weight(self) -> float:
        """What the weigher adds to the host's weight."""
        return self.multiplier * self.normalized


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
    return {item.filter: item.removed for item in _rejections(_judge(inquiry))}


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
    demand = demand_of(request, fleet, chain.options)
    request = demand.request
    judged = _judge(make_inquiry(chain, fleet, demand, context, StateVerdicts(fleet)))
    passed: npt.NDArray[np.bool_] = np.logical_and.reduce(judged.passes, axis=0)
    survivors = judged.rows[passed]
    place = {int(row): index for index, row in enumerate(judged.rows.tolist())} if hosts else {}
    return Explanation(
        hosts_total=len(judged.rows),
        passed=len(survivors),
        rejections=_rejections(judged),
        verdicts={row: _verdicts(chain, fleet, request, judged, place[row]) for row in hosts},
        weighed=_weighed(chain, fleet, demand, context, survivors, weighed_limit),
        nearest=_nearest(chain, fleet, demand, judged, passed, nearest_limit),
    )


@dataclass(frozen=True, slots=True)
class _Judgement:
    """Every filter's verdict on every host: ``passes`` is bool[filters, hosts] for the hosts in ``rows``."""

    names: list[str]
    filters: list[Filter | None]
    rows: npt.NDArray[np.int64]
    passes: npt.NDArray[np.bool_]


def _judge(inquiry: Inquiry) -> _Judgement:
    chain, fleet, request = inquiry.chain, inquiry.fleet, inquiry.demand.request
    rows = fleet.present_rows()
    names: list[str] = []
    filters: list[Filter | None] = []
    passes: list[npt.NDArray[np.bool_]] = []
    if is_restricted(request):
        names.append(RESTRICTION)
        filters.append(None)
        passes.append(np.isin(rows, destination_rows(fleet, request)))
    bits = chain.verdicts(fleet, inquiry.demand.amounts)
    for plugin in inquiry.filters:
        names.append(plugin.name)
        filters.append(plugin)
        passes.append(passes_filter(plugin, inquiry, rows, bits, fault_fails=True))
    return _Judgement(names, filters, rows, np.array(passes, dtype=np.bool_).reshape(len(names), len(rows)))


def _rejections(judged: _Judgement) -> tuple[Rejection, ...]:
    left = np.ones(len(judged.rows), dtype=np.bool_)
    counted = []
    for name, plugin, passes in zip(judged.names, judged.filters, judged.passes, strict=True):
        removed = int((left & ~passes).sum())
        left &= passes
        counted.append(Rejection(name, removed, int(left.sum()), _reason(plugin)))
    return tuple(counted)


def _reason(plugin: Filter | None) -> str:
    return "not among the hosts the request allows" if plugin is None else plugin.reason


def _change(chain: Chain, fleet: Fleet, request: RequestSpec, plugin: Filter | None, row: int) -> str:
    if plugin is None or plugin.change is None:
        return _reason(plugin)
    return plugin.change(RequestFacts(fleet, row), request, chain.options)


def _verdicts(chain: Chain, fleet: Fleet, request: RequestSpec, judged: _Judgement, index: int) -> tuple[Verdict, ...]:
    row = int(judged.rows[index])
    return tuple(
        Verdict(name, bool(passes[index]), "" if passes[index] else _change(chain, fleet, request, plugin, row))
        for name, plugin, passes in zip(judged.names, judged.filters, judged.passes, strict=True)
    )


def _nearest(
    chain: Chain, fleet: Fleet, demand: Demand, judged: _Judgement, passed: npt.NDArray[np.bool_], limit: int
) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the hosts that fail the fewest filters, least short of capacity first, and what each would need."""
    failing = np.flatnonzero(~passed)
    if not len(failing) or not limit:
        return ()
    failures = (~judged.passes[:, failing]).sum(axis=0)
    shortfall = _shortfall(fleet, demand.amounts, judged.rows[failing])
    order = failing[np.lexsort((judged.rows[failing], shortfall, failures))[:limit]]
    found = []
    for index in order.tolist():
        row = int(judged.rows[index])
        changes = (
            _change(chain, fleet, demand.request, plugin, row)
            for plugin, passes in zip(judged.filters, judged.passes, strict=True)
            if not passes[index]
        )
        # two filters may ask for the same, such as an enabled service
        found.append((row, tuple(dict.fromkeys(changes))))
    return tuple(found)


def _shortfall(fleet: Fleet, amounts: Amounts, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return, by row, the sum over resource classes of the missing part of what is asked."""
    total = np.zeros(len(rows), dtype=np.float64)
    for column, amount in zip(("vcpu_free", "memory_mb_free", "disk_gb_free"), amounts[:3], strict=True):
        if amount:
            total += np.maximum(0.0, amount - fleet.columns[column][rows]) / amount
    return total


def _weighed(
    chain: Chain,
    fleet: Fleet,
    demand: Demand,
    context: SelectionContext,
    survivors: npt.NDArray[np.int64],
    limit: int,
) -> tuple[tuple[int, float, tuple[Term, ...]], ...]:
    if not len(survivors) or not limit:
        return ()
    mask = np.zeros(len(fleet.columns["present"]), dtype=np.uint8)
    mask[survivors] = 1
    overrides = multiplier_overrides(chain, fleet)
    extra = extra_values(chain, demand.request, context, survivors, overrides)
    disabled = np.zeros(len(chain.column_filters), dtype=np.bool_)
    amounts = demand.amounts
    weighing = chain.weigh(fleet, mask, amounts, disabled, overrides, extra)
    order = survivors[np.argsort(-weighing.weights[survivors], kind="stable")[:limit]]
    return tuple(
        (row, float(weighing.weights[row]), _terms(chain, fleet, amounts, weighing, overrides, extra, row))
        for row in order.tolist()
    )


def _terms(
    chain: Chain,
    fleet: Fleet,
    amounts: Amounts,
    weighing: Weighing,
    overrides: MultiplierOverrides,
    extra: npt.NDArray[np.float64],
    row: int,
) -> tuple[Term, ...]:
    """Return each weigher's share of a row's weight; a lone survivor is not weighed, as in nova."""
    membership = int(fleet.columns["membership"][row])
    terms = []
    for index, weigher in enumerate(chain.weighers):
        raw = (
            _raw(chain, fleet, weigher, amounts, row)
            if weigher.kind == "column"
            else float(extra[chain.extra_weighers.index(index), row])
        )
        low, high = weighing.ranges[:, index].tolist()
        normalized = (raw - low) / (high - low) if weighing.survivors > 1 and high != low else 0.0
        multiplier = (
            overrides.by_membership[index, membership] if overrides.overridden[index] else chain.multipliers[index]
        )
        terms.append(Term(weigher.name, raw, normalized, float(multiplier)))
    return tuple(terms)


def _raw(chain: Chain, fleet: Fleet, weigher: Weigher, amounts: Amounts, row: int) -> float:
    """Return a column weigher's value for one row by its own Python body."""
    arguments = [
        chain.column(fleet, name)[row].item()
        if is_column(name)
        else getattr(amounts if name in Amounts._fields else chain.options, name)
        for name in weigher.parameters
    ]
    raw = float(weigher.body(*arguments))
    return raw if weigher.minval is None else max(raw, weigher.minval)
