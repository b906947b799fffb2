"""Hosts for several instances of one request, chosen one after the other by a kernel that looks at what changed.

It answers what nova.scheduler.manager's loop would (see WeighedSelection, which asks every host again before each
instance), for requests that columns, text and a server group's own rule decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.demand import Demand
from engine.scheduler.destination import destination_rows, is_restricted
from engine.scheduler.faults import FilterFault
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.no_valid_host import no_valid_host
from engine.scheduler.request_claims import RequestClaims
from engine.scheduler.sparse import GroupState, Only, SelectionContext
from engine.scheduler.static_mask import depends_on_usage
from engine.scheduler.weighed_selection import Kept

_ANTI_AFFINITY, _AFFINITY = "ServerGroupAntiAffinityFilter", "ServerGroupAffinityFilter"
_GROUP_FILTERS = frozenset({_ANTI_AFFINITY, _AFFINITY})
_HARD_POLICIES = frozenset({"anti-affinity", "affinity"})

Mask = npt.NDArray[np.uint8]


def _no_rows() -> npt.NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _GroupRule:
    """What a server group's policy makes of hosts that earlier instances of the request were given.

    ``most_members``: a host with so many leaves, 0 for no such rule; ``sticks``: the first host is the only one from
    then on. ``rows`` hold members beforehand, so many as ``counts`` say.
    """

    most_members: int = 0
    sticks: bool = False
    rows: npt.NDArray[np.int64] = field(default_factory=_no_rows)
    counts: npt.NDArray[np.int64] = field(default_factory=_no_rows)


_NO_RULE = _GroupRule()


def select_many(
    table: HostTable,
    chain: Chain,
    kept: Kept,
    demand: Demand,
    context: SelectionContext,
    *,
    alternates: int,
    members: Sequence[bool] | None = None,
    claim: bool = True,
) -> list[Selection] | None:
    """Return a host for each instance, claimed in the table if ``claim``; None where every host has to be weighed.

    ``context.group`` grows by the instances placed, of which ``members`` tells which count as its members. ``kept`` is
    what the selector keeps between requests. Raises NoValidHostError, with nothing left claimed.
    """
    inquiry = make_inquiry(chain, table, demand, context, kept.states)
    if not _is_for_kernel(inquiry, kept):
        return None
    mask = _mask(inquiry, kept)
    if mask is None:
        return None
    request, group = demand.request, context.group
    many = request.num_instances
    rule = _NO_RULE if group is None else _rule(group, [item.name for item in inquiry.filters])
    running = set(inquiry.filters)
    enabled = np.array([item in running for item in chain.column_filters], dtype=np.bool_)
    again = np.array([item in running and not item.once_per_request for item in chain.column_filters], dtype=np.bool_)
    counted = np.ones(many, dtype=np.int64) if members is None else np.array(members[:many], dtype=np.int64)
    rows = np.empty(many, dtype=np.int64)
    weights = np.empty(many, dtype=np.float64)
    cells = table.cell_of_profile
    spare_rows = np.full((int(cells.max(initial=0)) + 1, alternates), -1, dtype=np.int64)
    spare_weights = np.empty(spare_rows.shape, dtype=np.float64)
    placed = chain.multi_create_kernels.place_many(
        mask,
        0,
        np.array([demand.amounts], dtype=np.int64),
        chain.option_values,
        enabled,
        again,
        chain.view_multipliers,
        many,
        "CapacityFilter" in chain.options.placement_filters and not request.is_rebuild,
        rule.most_members,
        rule.sticks,
        rule.rows,
        rule.counts,
        counted,
        cells,
        table.arrays["profile"],
        rows,
        weights,
        alternates,
        spare_rows,
        spare_weights,
        *chain.columns(table),
    )
    chosen = rows[:placed].tolist()
    if group is not None:
        for row, is_member in zip(chosen, counted.tolist(), strict=False):
            group.add(row, is_member=bool(is_member))
    if placed < many:
        raise _refusal(table, inquiry, chosen)
    if claim:
        table.apply_many(rows, 1, np.tile(np.array(demand.amounts, dtype=np.int64), (many, 1)))
    spares = _spares(cells[table.columns["profile"][rows]].tolist(), spare_rows, spare_weights)
    return [Selection(*item) for item in zip(chosen, weights.tolist(), *spares, strict=True)]


def warm(table: HostTable, chain: Chain) -> None:
    """Compile or load the kernel, by running it once on nothing."""
    nothing = np.empty(0, dtype=np.int64)
    flags = np.zeros(len(chain.column_filters), dtype=np.bool_)
    chain.multi_create_kernels.place_many(
        np.zeros(len(table.columns["present"]), dtype=np.uint8),
        0,
        np.array([Amounts(1, 1, 1, 1, 1, 1)], dtype=np.int64),
        chain.option_values,
        flags,
        flags,
        chain.view_multipliers,
        1,
        True,
        0,
        False,
        nothing,
        nothing,
        np.ones(1, dtype=np.int64),
        table.cell_of_profile,
        table.arrays["profile"],
        np.empty(1, dtype=np.int64),
        np.empty(1, dtype=np.float64),
        0,
        np.empty((1, 0), dtype=np.int64),
        np.empty((1, 0), dtype=np.float64),
        *chain.columns(table),
    )


def _is_for_kernel(inquiry: Inquiry, kept: Kept) -> bool:
    """Whether columns, text that usage does not change and a group's hard policy decide about every host."""
    chain, request, context = inquiry.chain, inquiry.demand.request, inquiry.context
    options, group = chain.options, context.group
    return not (
        options.nova_quirks
        or options.host_subset_size != 1
        or options.shuffle_best_same_weighed_hosts
        or kept.overrides.any
        or context.offers is not None
        or context.own_rows
        or inquiry.beyond_columns is not None
        or (group is not None and group.policy not in _HARD_POLICIES)
        or chain.weighs_arrays(request)
        or any(
            item.kind == "state"
            or (item.kind == "sparse" and not (item.once_per_request or item.name in _GROUP_FILTERS))
            or (item.kind == "text" and depends_on_usage(item, request))
            for item in inquiry.filters
        )
    )


def _mask(inquiry: Inquiry, kept: Kept) -> Mask | None:
    """Return uint8 a row: 1 where the request's own restrictions, its text filters and its hints leave the host.

    None where a filter has no answer for a host: who is asked first then decides.
    """
    request, amounts = inquiry.demand.request, inquiry.demand.amounts
    try:
        if is_restricted(request):
            rows = destination_rows(inquiry.fleet, request)
            mask = np.zeros(len(inquiry.fleet.columns["present"]), dtype=np.uint8)
            mask[kept.texts.passing(inquiry.filters, request, amounts, rows)] = 1
        else:
            shared = kept.texts.values(inquiry.filters, request, amounts)
            if shared is None:
                return None
            mask = shared
    except FilterFault:
        return None
    for plugin in inquiry.filters:
        if plugin.kind == "sparse":
            verdict = plugin.body(request, inquiry.context)
            named = np.fromiter(verdict.rows, dtype=np.int64, count=len(verdict.rows))
            if isinstance(verdict, Only):
                passing = mask[named]
                mask = np.zeros_like(mask)
                mask[named] = passing
            elif len(named):
                mask = mask.copy()
                mask[named] = 0
    return mask


def _rule(group: GroupState, filters: Sequence[str]) -> _GroupRule:
    """Return what a group's policy asks, as far as its filter is among those that run."""
    if group.policy == "anti-affinity" and _ANTI_AFFINITY in filters:
        rows = np.fromiter(group.member_counts, dtype=np.int64, count=len(group.member_counts))
        counts = np.fromiter(group.member_counts.values(), dtype=np.int64, count=len(group.member_counts))
        return _GroupRule(most_members=group.max_server_per_host, rows=rows, counts=counts)
    return _GroupRule(sticks=group.policy == "affinity" and _AFFINITY in filters and not group.has_hosts)


def _refusal(table: HostTable, inquiry: Inquiry, chosen: Sequence[int]) -> Exception:
    """Return the error for a request of which only the instances put on ``chosen`` found a host."""
    claims = RequestClaims(table)
    try:
        for row in chosen:
            claims.claim(inquiry, row, 0.0)
        return no_valid_host(inquiry, len(chosen))
    finally:
        claims.finish(keep=False)


def _spares(
    cells: Sequence[int], rows: npt.NDArray[np.int64], weights: npt.NDArray[np.float64]
) -> tuple[list[tuple[int, ...]], list[tuple[float, ...]]]:
    """Return the alternates and their weights for each of ``cells``, which its instances share."""
    of_cell = {}
    for cell in set(cells):
        found = int((rows[cell] >= 0).sum())
        of_cell[cell] = tuple(rows[cell, :found].tolist()), tuple(weights[cell, :found].tolist())
    return [of_cell[cell][0] for cell in cells], [of_cell[cell][1] for cell in cells]
