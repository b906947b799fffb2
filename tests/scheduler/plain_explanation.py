"""An explanation worked out plainly: each filter asked about every host in arrays, everything sorted, all weighed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain, MultiplierOverrides, Weighing
from engine.scheduler.demand import demand_of
from engine.scheduler.destination import destination_rows, is_restricted
from engine.scheduler.explain import RESTRICTION, Explanation, Rejection, Term, Verdict
from engine.scheduler.extra import extra_values
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.kernel_plan import is_column
from engine.scheduler.registry import Filter, Weigher
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.single_filter import passes_filter
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts

_Rows = npt.NDArray[np.int64]
_Passes = npt.NDArray[np.bool_]


def plain_explanation(
    chain: Chain,
    fleet: Fleet,
    request: RequestSpec,
    context: SelectionContext,
    overrides: MultiplierOverrides,
    *,
    hosts: Sequence[int] = (),
    weighed_limit: int = 10,
    nearest_limit: int = 5,
) -> Explanation:
    """Return what ``explain`` has to answer, the multipliers being those that the fleet's aggregates set."""
    inquiry = make_inquiry(chain, fleet, demand_of(request, fleet, chain.options), context, StateVerdicts(fleet))
    rows = fleet.present_rows()
    names: list[str] = []
    filters: list[Filter | None] = []
    verdicts: list[_Passes] = []
    if is_restricted(inquiry.demand.request):
        names.append(RESTRICTION)
        filters.append(None)
        verdicts.append(np.isin(rows, destination_rows(fleet, inquiry.demand.request)))
    bits = chain.verdicts(fleet, inquiry.demand.amounts)
    for plugin in inquiry.filters:
        names.append(plugin.name)
        filters.append(plugin)
        verdicts.append(passes_filter(plugin, inquiry, rows, bits, fault_fails=True))
    passes = np.array(verdicts, dtype=np.bool_).reshape(len(names), len(rows))
    passed: _Passes = np.logical_and.reduce(passes, axis=0)
    left = np.ones(len(rows), dtype=np.bool_)
    rejections = []
    for name, plugin_, each in zip(names, filters, passes, strict=True):
        removed = int((left & ~each).sum())
        left &= each
        rejections.append(Rejection(name, removed, int(left.sum()), _reason(plugin_)))
    place = {int(row): index for index, row in enumerate(rows.tolist())}
    told = {
        row: tuple(
            Verdict(name, bool(each[place[row]]), "" if each[place[row]] else _change(inquiry, plugin_, row))
            for name, plugin_, each in zip(names, filters, passes, strict=True)
        )
        for row in hosts
    }
    return Explanation(
        hosts_total=len(rows),
        passed=int(passed.sum()),
        rejections=tuple(rejections),
        verdicts=told,
        weighed=_weighed(inquiry, rows[passed], overrides, weighed_limit),
        nearest=_nearest(inquiry, filters, rows, passes, nearest_limit),
    )


def _reason(plugin: Filter | None) -> str:
    return "not among the hosts the request allows" if plugin is None else plugin.reason


def _change(inquiry: Inquiry, plugin: Filter | None, row: int) -> str:
    if plugin is None or plugin.change is None:
        return _reason(plugin)
    return plugin.change(RequestFacts(inquiry.fleet, row), inquiry.demand.request, inquiry.chain.options)


def _nearest(
    inquiry: Inquiry, filters: Sequence[Filter | None], rows: _Rows, passes: _Passes, limit: int
) -> tuple[tuple[int, tuple[str, ...]], ...]:
    failing = np.flatnonzero(~np.logical_and.reduce(passes, axis=0))
    failures = (~passes[:, failing]).sum(axis=0)
    shortfall = np.zeros(len(failing), dtype=np.float64)
    columns = inquiry.fleet.columns
    for column, amount in zip(("vcpu_free", "memory_mb_free", "disk_gb_free"), inquiry.demand.amounts[:3], strict=True):
        if amount:
            shortfall += np.maximum(0.0, amount - columns[column][rows[failing]]) / amount
    order = failing[np.lexsort((rows[failing], shortfall, failures))[:limit]]
    return tuple(
        (
            int(rows[index]),
            tuple(
                dict.fromkeys(
                    _change(inquiry, plugin, int(rows[index]))
                    for plugin, each in zip(filters, passes, strict=True)
                    if not each[index]
                )
            ),
        )
        for index in order.tolist()
    )


def _weighed(
    inquiry: Inquiry, survivors: _Rows, overrides: MultiplierOverrides, limit: int
) -> tuple[tuple[int, float, tuple[Term, ...]], ...]:
    if not len(survivors) or not limit:
        return ()
    chain, fleet, amounts = inquiry.chain, inquiry.fleet, inquiry.demand.amounts
    mask = np.zeros(len(fleet.columns["present"]), dtype=np.uint8)
    mask[survivors] = 1
    extra = extra_values(chain, inquiry.demand.request, inquiry.context, survivors, overrides)
    disabled = np.zeros(len(chain.column_filters), dtype=np.bool_)
    weighing = chain.weigh(fleet, mask, amounts, disabled, overrides, extra)
    order = survivors[np.argsort(-weighing.weights[survivors], kind="stable")[:limit]]
    return tuple(
        (row, float(weighing.weights[row]), _terms(inquiry, weighing, overrides, extra, row)) for row in order.tolist()
    )


def _terms(
    inquiry: Inquiry, weighing: Weighing, overrides: MultiplierOverrides, extra: npt.NDArray[np.float64], row: int
) -> tuple[Term, ...]:
    chain, fleet = inquiry.chain, inquiry.fleet
    membership = int(fleet.columns["membership"][row])
    terms = []
    for index, weigher in enumerate(chain.weighers):
        raw = (
            _raw(chain, fleet, weigher, inquiry.demand.amounts, row)
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
    arguments = [
        chain.column(fleet, name)[row].item()
        if is_column(name)
        else getattr(amounts if name in Amounts._fields else chain.options, name)
        for name in weigher.parameters
    ]
    raw = float(weigher.body(*arguments))
    return raw if weigher.minval is None else max(raw, weigher.minval)
