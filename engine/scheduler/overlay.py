"""Overlays: requests answered from what class views share with others, and the few hosts about which they differ.

Server groups, hints, forced and ignored hosts, NUMA cells and PCI devices concern a request alone, but most of what
decides does not: amounts, text and weighers' ranges. What leaves out few hosts asks the view without them; what leaves
few hosts weighs these alone; what adds to few hosts' weights weighs these and the view's best exactly; and filters of
states are asked about the hosts that decide. What none of it fits goes the general way (see WeighedSelection).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from engine.inventory.table import HostTable
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.demand import Demand
from engine.scheduler.destination import destination_rows, is_forced, names_cell_or_nodes, names_few, rows_named
from engine.scheduler.faults import FilterFault
from engine.scheduler.few_hosts import passing_columns, weights_of
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.multi_create import select_many
from engine.scheduler.no_valid_host import no_valid_host
from engine.scheduler.registry import Filter
from engine.scheduler.request_claims import RequestClaims
from engine.scheduler.sparse import Only, OwnRows, SelectionContext, own_rows_of
from engine.scheduler.static_mask import depends_on_usage
from engine.scheduler.true_survivors import TrueSurvivors, values_of
from engine.scheduler.views import Leading, ViewStore
from engine.scheduler.weighed_selection import Kept

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_NO_ROWS: Rows = np.empty(0, dtype=np.int64)
_MOST_ALONE = 1024
"""So many hosts are weighed alone; more go the general way."""
_MOST_LEFT_OUT = 4096
_FEW = 256
_ROUNDING = 2.0**-40
"""The part of the sum of all multipliers that no rounding of a weight comes near."""
_MOST_PICKS = 256
"""So many of a view's best are looked through for what is wanted of them."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The hosts that decide, in nova's order, and their weights; ``is_all`` where no other host passed."""

    rows: Rows
    weights: Floats
    is_all: bool


class Overlays:
    """Answers one selector's requests that a class view alone does not answer."""

    def __init__(self, table: HostTable, chain: Chain, views: ViewStore) -> None:
        self.table = table
        self.chain = chain
        self.views = views
        self.survivors = TrueSurvivors(views)
        self.places_many = True
        """Whether several instances go to their own kernel, which takes long to compile; if not, the general way."""
        self.few_hosts = _FEW
        """In a fleet of so few hosts state filters are asked about every one."""

    def select(
        self,
        kept: Kept,
        demand: Demand,
        context: SelectionContext,
        *,
        alternates: int,
        own_rows: OwnRows = (),
        members: Sequence[bool] | None = None,
        claim: bool = True,
    ) -> list[Selection] | None:
        """Return a host for each instance, claimed if ``claim``; None where every host has to be weighed.

        ``context.group`` grows by the instances that count as new there. Raises NoValidHostError.
        """
        if demand.request.num_instances > 1:
            if own_rows or not self.places_many:
                return None
            return select_many(
                self.table, self.chain, kept, demand, context, alternates=alternates, members=members, claim=claim
            )
        context.own_rows = own_rows_of(own_rows, 0)
        inquiry = make_inquiry(self.chain, self.table, demand, context, kept.states)
        if not _may_overlay(inquiry, kept):
            return None
        request = demand.request
        left_out, only = self._named(inquiry)
        if only is None and self.table.host_count <= self.few_hosts and _states(inquiry) and not is_forced(request):
            # to ask and weigh each is quicker than to look for those that decide
            only = self.table.present_rows()
        wanted = 1 + alternates
        try:
            if only is not None:
                left = np.setdiff1d(only, left_out) if len(left_out) else only
                return self._among(inquiry, kept, left, wanted, members, claim=claim)
            if len(left_out) > _MOST_LEFT_OUT or is_forced(request):
                return None
            slot = self._slot(inquiry)
        except FilterFault:
            # which host is asked first decides whether nova raises
            return None
        while wanted <= _MOST_PICKS:
            ranked = self._ranked(inquiry, kept, slot, left_out, wanted)
            if ranked is None:
                return None
            selection = self._choose(inquiry, ranked, 1 + alternates, members, claim=claim)
            if selection is not None:
                return [selection]
            wanted *= 4
        return None

    def _named(self, inquiry: Inquiry) -> tuple[Rows, Rows | None]:
        """Return the rows that the request and its sparse filters leave out, and those they leave, None for all."""
        request = inquiry.demand.request
        only = destination_rows(self.table, request) if names_few(request) else None
        left_out = rows_named(self.table, request.ignore_hosts) if request.ignore_hosts else _NO_ROWS
        for plugin in inquiry.filters:
            if plugin.kind == "sparse":
                verdict = plugin.body(request, inquiry.context)
                named = _array(verdict.rows)
                if isinstance(verdict, Only):
                    only = np.sort(named) if only is None else np.intersect1d(only, named)
                elif len(named):
                    left_out = np.union1d(left_out, named)
        return left_out, only

    def _slot(self, inquiry: Inquiry) -> int:
        """Return the slot of the request's class, of which the filters that candidates decide in place of are none."""
        request, amounts = inquiry.demand.request, inquiry.demand.amounts
        key, asked = self.chain.class_key(request, amounts), _asked(inquiry)
        if len(asked) == len(inquiry.filters):
            return self.views.slot(key, request, amounts)
        return self.views.slot((key, *[item.name for item in asked]), request, amounts, asked)

    # -- few hosts -----------------------------------------------------------------------------------------------------

    def _among(
        self, inquiry: Inquiry, kept: Kept, rows: Rows, wanted: int, members: Sequence[bool] | None, *, claim: bool
    ) -> list[Selection] | None:
        """Return the choice among ``rows``, ascending, each asked and weighed; None where there are too many."""
        if len(rows) > _MOST_ALONE:
            return None
        rows = rows[self.table.columns["present"][rows] == 1]
        request, amounts = inquiry.demand.request, inquiry.demand.amounts
        if len(rows):
            mask = kept.texts.values(_asked(inquiry), request, amounts)
            assert mask is not None
            rows = passing_columns(inquiry, rows[mask[rows] == 1])
        for plugin in _states(inquiry):
            rows = rows[inquiry.verdicts.passes(inquiry.fit, plugin, rows)]
        if not len(rows):
            raise no_valid_host(inquiry, 0)
        weights = weights_of(inquiry, rows, kept.overrides)
        order = np.argsort(-weights, kind="stable")
        selection = self._choose(inquiry, _Ranked(rows[order], weights[order], True), wanted, members, claim=claim)
        assert selection is not None
        return [selection]

    # -- nearly all hosts ----------------------------------------------------------------------------------------------

    def _ranked(self, inquiry: Inquiry, kept: Kept, slot: int, left_out: Rows, wanted: int) -> _Ranked | None:
        """Return the ``wanted`` best of the class that pass, best first; None where a view cannot tell."""
        shape = self.views.shape(inquiry.demand.amounts)
        states = _states(inquiry)
        values = self._sparse_values(inquiry)
        if states:
            if values:
                return None
            found = self.survivors.leading(inquiry, slot, shape, states, left_out, wanted)
        elif values:
            return self._with_values(inquiry, slot, shape, left_out, values, wanted)
        else:
            found = self.views.leading(slot, shape, without=left_out, picks=wanted)
        return None if found is None else _Ranked(found.rows, found.weights, len(found.rows) < wanted)

    def _sparse_values(self, inquiry: Inquiry) -> dict[int, dict[int, float]]:
        """Return what sparse weighers that count say of rows, by their place in the chain."""
        chain, request = self.chain, inquiry.demand.request
        found = {}
        for index in chain.extra_weighers:
            weigher = chain.weighers[index]
            if weigher.kind == "sparse" and chain.multipliers[index] != 0.0:
                values = weigher.body(request, inquiry.context)
                if any(values.values()):
                    found[index] = dict(values)
        return found

    def _with_values(
        self, inquiry: Inquiry, slot: int, shape: int, left_out: Rows, values: dict[int, dict[int, float]], wanted: int
    ) -> _Ranked | None:
        """Return the best where sparse weighers add to few rows' weights; None where a view cannot tell.

        All other rows get the same on top of their weight, so that the view's order is theirs but for rounding.
        """
        named = _array({row for rows in values.values() for row in rows})
        named = named[~np.isin(named, left_out)]
        if len(named) > _MOST_PICKS:
            return None
        for picks in (wanted + 2, wanted + len(named) + 8, _MOST_PICKS):
            found = self.views.leading(slot, shape, without=left_out, picks=picks)
            is_all = len(found.rows) < picks
            if found.survivors < 2:
                return _Ranked(found.rows, found.weights, is_all)
            mine = np.array([row for row in named.tolist() if self.views.passes(slot, row)], dtype=np.int64)
            ranges = _ranges(values, mine, others=found.survivors > len(mine))
            others = ~np.isin(found.rows, mine)
            if is_all or self._is_told(found.weights[others], values, ranges, wanted):
                rows = np.unique(np.concatenate([found.rows[others], mine]))
                weights = self._exact(inquiry, rows, found, values, ranges)
                order = np.argsort(-weights, kind="stable")
                order = order if is_all else order[:wanted]
                return _Ranked(rows[order], weights[order], is_all)
        return None

    def _is_told(
        self, weights: Floats, values: dict[int, dict[int, float]], ranges: dict[int, tuple[float, float]], wanted: int
    ) -> bool:
        """Return whether no row after the last of ``weights``, the best of a view, belongs to the ``wanted`` best.

        Those rows weigh less in any order of summing where the gap is beyond rounding. Where sparse weighers are summed
        last, a row's weight is a function of the view's that never falls: it is enough that the next lower number
        comes out lower, for of rows that weigh the same the view has the first.
        """
        if len(weights) < wanted:
            return False
        last = float(weights[wanted - 1])
        most = float(np.abs(self.chain.multipliers).sum() + np.abs(weights).max())
        if last - float(weights[-1]) > most * _ROUNDING:
            return True
        if max(self.chain.view_weighers, default=-1) > min(values):
            return False
        totals = [last, float(np.nextafter(last, -np.inf))]
        for index, (low, high) in sorted(ranges.items()):
            if high != low:
                totals = [total + self.chain.multipliers[index] * ((0.0 - low) / (high - low)) for total in totals]
        return bool(totals[1] < totals[0])

    def _exact(
        self,
        inquiry: Inquiry,
        rows: Rows,
        found: Leading,
        values: dict[int, dict[int, float]],
        ranges: dict[int, tuple[float, float]],
    ) -> Floats:
        """Return float64[rows]: their weights, summed in the chain's order under the ranges of all survivors."""
        chain = self.chain
        place_of = {index: place for place, index in enumerate(chain.view_weighers)}
        weights = np.zeros(len(rows), dtype=np.float64)
        for index in sorted([*place_of, *values]):
            if index in values:
                mine = np.array([values[index].get(row, 0.0) for row in rows.tolist()], dtype=np.float64)
                low, high = ranges[index]
            else:
                mine = values_of(inquiry, rows, index)
                low, high = float(found.low[place_of[index]]), float(found.high[place_of[index]])
            if high != low:
                weights += chain.multipliers[index] * ((mine - low) / (high - low))
        return weights

    # -- the choice ----------------------------------------------------------------------------------------------------

    def _choose(
        self, inquiry: Inquiry, ranked: _Ranked, wanted: int, members: Sequence[bool] | None, *, claim: bool
    ) -> Selection | None:
        """Return the first that takes the instance, and as its alternates the best others of its cell.

        None where more hosts have to be known first. Raises NoValidHostError.
        """
        claims = RequestClaims(self.table)
        rows = ranked.rows.tolist()
        offers = ((at, claims.offer(inquiry, row)) for at, row in enumerate(rows))
        chosen, given = next((item for item in offers if item[1] is not None), (-1, None))
        if given is None:
            if ranked.is_all:
                raise no_valid_host(inquiry, 0)
            return None
        row = rows[chosen]
        cells, profiles = self.table.cell_of_profile, self.table.columns["profile"]
        alike = (at for at in range(len(rows)) if at != chosen and cells[profiles[rows[at]]] == cells[profiles[row]])
        others = list(islice(alike, wanted - 1))
        if len(others) < wanted - 1 and not ranked.is_all:
            return None
        if claim:
            self.table.apply(row, 1, given.amounts, given.assignment)
        group = inquiry.context.group
        if group is not None:
            # an instance put where it already is was counted there before
            is_new = row not in inquiry.context.own_rows
            group.add(row, is_member=is_new and (members is None or members[0]))
        return Selection(
            row,
            float(ranked.weights[chosen]),
            tuple(rows[at] for at in others),
            tuple(ranked.weights[others].tolist()),
            given.assignment,
        )


def _may_overlay(inquiry: Inquiry, kept: Kept) -> bool:
    """Whether a request differs from its class by rows, states and sparse weighers only."""
    chain, request = inquiry.chain, inquiry.demand.request
    options = chain.options
    return not (
        options.nova_quirks
        or options.host_subset_size != 1
        or options.shuffle_best_same_weighed_hosts
        or kept.overrides.any
        or inquiry.context.offers is not None
        or inquiry.beyond_columns is not None
        or names_cell_or_nodes(request)
        or chain.weighs_arrays(request)
        or any(
            (item.kind != "text" and inquiry.exempt(item) is not False)
            or (item.kind == "text" and depends_on_usage(item, request))
            for item in inquiry.filters
        )
    )


def _ranges(values: dict[int, dict[int, float]], named: Rows, *, others: bool) -> dict[int, tuple[float, float]]:
    """Return each sparse weigher's range over ``named`` rows, and the ``others`` that it does not speak of."""
    found = {}
    for index, by_row in values.items():
        held = [by_row.get(row, 0.0) for row in named.tolist()] + ([0.0] if others else [])
        found[index] = min(held), max(held)
    return found


def _asked(inquiry: Inquiry) -> list[Filter]:
    """Return the filters that run and are not left to candidates."""
    return [item for item in inquiry.filters if inquiry.exempt(item) is False]


def _states(inquiry: Inquiry) -> list[Filter]:
    return [item for item in inquiry.filters if item.kind == "state"]


def _array(rows: Iterable[int]) -> Rows:
    return np.array(sorted(rows), dtype=np.int64)
