"""WeighedSelection: one request answered the general way, every host weighed before each instance is placed.

This is nova.scheduler.manager's own loop: filter, weigh, order, claim, consume, and again for the next instance, with
the hosts that survived, in the order they were left in. It answers whatever a class view cannot.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.table import HostTable
from engine.model.selection import Selection
from engine.scheduler.chain import Chain, MultiplierOverrides
from engine.scheduler.demand import Demand
from engine.scheduler.destination import destination_rows
from engine.scheduler.extra import extra_values
from engine.scheduler.faults import FilterFault
from engine.scheduler.inquiry import AMOUNT_FILTERS, make_inquiry
from engine.scheduler.lazy_survivors import LazySurvivors
from engine.scheduler.lazy_weighing import LazyWeighing, may_be_lazy
from engine.scheduler.never_reported import check_weighable
from engine.scheduler.no_valid_host import no_valid_host
from engine.scheduler.registry import Filter
from engine.scheduler.request_claims import RequestClaims
from engine.scheduler.single_filter import Bits, passes_filter
from engine.scheduler.sparse import Only, OwnRows, SelectionContext, own_rows_of
from engine.scheduler.state_verdicts import StateVerdicts
from engine.scheduler.static_mask import depends_on_usage
from engine.scheduler.text_masks import TextMasks
from engine.scheduler.weight_order import in_weight_order

Rows = npt.NDArray[np.int64]
_NO_BITS: Bits = np.empty(0, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Step:
    """The hosts as weighed before one choice: rows in order, best first, and their weights."""

    rows: Rows
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a selector keeps between requests.

    The multipliers that aggregates override, zeros for idle extra weighers, and what filters said of texts and states.
    """

    overrides: MultiplierOverrides
    zeros: npt.NDArray[np.float64]
    texts: TextMasks
    states: StateVerdicts


class WeighedSelection:
    """One demand under way on one table; ``context.group`` grows as instances are placed.

    ``own_rows`` are the rows where each of the instances already is.
    """

    def __init__(
        self,
        table: HostTable,
        chain: Chain,
        rng: random.Random,
        kept: Kept,
        demand: Demand,
        context: SelectionContext,
        own_rows: OwnRows = (),
    ) -> None:
        self.table = table
        self.chain = chain
        self.rng = rng
        self.kept = kept
        self.demand = demand
        self.context = context
        self.own_rows = own_rows
        self.inquiry = make_inquiry(chain, table, demand, context, kept.states)
        self._order: Rows = np.empty(0, dtype=np.int64)
        self._weights = np.empty(0, dtype=np.float64)
        self._step = Step(self._order, self._weights)
        self._claims = RequestClaims(table)
        self._lazy = False
        self._survivors = LazySurvivors.of_nobody()

    def run(
        self, alternates: int, *, members: Sequence[bool] | None, claim: bool, steps: list[Step] | None
    ) -> list[Selection]:
        """Return a host for each instance, claimed in the table if ``claim``; on failure nothing is left claimed.

        Raises NoValidHostError, and FilterFault where nova's own filter or weigher would raise.
        """
        many, group = self.demand.request.num_instances, self.context.group
        self.context.own_rows = own_rows_of(self.own_rows, 0)
        try:
            self._order = self._first_order()
            self._lazy = steps is None and may_be_lazy(self.inquiry, self._filters(0))
            for number in range(many):
                self.context.own_rows = own_rows_of(self.own_rows, number)
                self._choose(number, steps)
                if group is not None:
                    row = self._claims.chosen[-1].row
                    # an instance put where it already is was counted there before
                    is_new = row not in self.context.own_rows
                    group.add(row, is_member=is_new and (members is None or members[number]))
            if many > 1 and alternates:
                if group is not None:
                    # nova weighs once more as for the last instance, which by now is where it was put
                    self.context.own_rows |= {self._claims.chosen[-1].row}
                self._weigh(many - 1)
        except BaseException:
            self._claims.finish(keep=False)
            raise
        spare = self._alternates(alternates)
        self._claims.finish(keep=claim)
        return [
            Selection(item.row, item.weight, *spare[item.row], assignment=item.assigned.assignment)
            for item in self._claims.chosen
        ]

    # -- filtering -----------------------------------------------------------------------------------------------------

    def _filters(self, number: int) -> list[Filter]:
        """Return the filters that run before the choice for instance ``number``."""
        return [item for item in self.inquiry.filters if not (number > 0 and item.once_per_request)]

    def _first_order(self) -> Rows:
        """Return the rows that the request's own restrictions and its text filters leave, ascending."""
        filters = self._filters(0)
        rows = destination_rows(self.table, self.demand.request)
        if self.chain.options.nova_quirks and any(item.kind == "state" for item in filters):
            # filters of devices may raise as well as those of text
            return self._passing_in_turn(filters, rows)
        return self._passing_text(filters, filters, rows)

    def _passing_text(self, filters: Sequence[Filter], asked: Sequence[Filter], rows: Rows) -> Rows:
        """Return those of ``rows``, in their order, that pass the text filters among ``asked``, some of ``filters``."""
        inquiry = self.inquiry
        texts = [item for item in asked if item.kind == "text"]
        simple = [item for item in texts if inquiry.exempt(item) is False]
        try:
            left = self.kept.texts.passing(simple, inquiry.demand.request, inquiry.demand.amounts, rows)
            for plugin in texts:
                if plugin not in simple:
                    left = left[passes_filter(plugin, inquiry, left, _NO_BITS)]
        except FilterFault:
            return self._passing_in_turn(filters, rows)
        return left

    def _passing_in_turn(self, filters: Sequence[Filter], rows: Rows) -> Rows:
        """Return those of ``rows`` that pass every one of ``filters``, asked in nova's order.

        nova fails the request only if the host still stood when the turn came of the filter that raises over it.
        """
        bits = self.chain.verdicts(self.table, self.inquiry.demand.amounts)
        for plugin in filters:
            rows = rows[passes_filter(plugin, self.inquiry, rows, bits)]
        return rows

    # -- weighing and choosing -----------------------------------------------------------------------------------------

    def _choose(self, number: int, steps: list[Step] | None) -> None:
        """Claim for one instance the best row that still takes it; raise NoValidHostError where none does."""
        self._weigh(number)
        step = self._step
        if steps is not None:
            steps.append(step)
        for row in self._passing_in_order():
            chosen = self._claims.claim(self.inquiry, row, float(self._weights[row]))
            if chosen is not None:
                if chosen.assigned.next_numa != self.inquiry.demand.request.numa:
                    self.inquiry = self.inquiry.with_numa(chosen.assigned.next_numa)
                return
        raise no_valid_host(self.inquiry, len(self._claims.chosen))

    def _weigh(self, number: int) -> None:
        """Filter and weigh the rows in the running, and leave them in nova's order."""
        filters = self._filters(number)
        demand = self.inquiry.demand
        if number > 0:
            again = [item for item in filters if item.kind == "text" and depends_on_usage(item, demand.request)]
            if again:
                self._order = self._passing_text(filters, again, self._order)
        mask = np.zeros(len(self.table.columns["present"]), dtype=np.uint8)
        mask[self._order] = 1
        for plugin in filters:
            if plugin.kind == "sparse":
                self._apply_sparse(plugin, mask)
        enabled = np.array([item in filters for item in self.chain.column_filters], dtype=np.bool_)
        states = [item for item in (self._filters(0) if self._lazy else filters) if item.kind == "state"]
        if states or self.chain.weighs_arrays(demand.request) or self.inquiry.beyond_columns is not None:
            self._reject(mask, enabled)
            enabled[:] = False
        if self._lazy:
            rows = self._order[mask[self._order] == 1]
            lazy = LazyWeighing(self.inquiry, self.kept.overrides, states, rows, self._claims.rows, self._extra)
            self._survivors = lazy.survivors()
            mask[rows] = 0
            # of some of these nothing is known: they are asked when their turn comes
            mask[self._survivors.running] = 1
        else:
            for plugin in states:
                rows = self._order[mask[self._order] == 1]
                mask[rows[~self.inquiry.verdicts.passes(self.inquiry.fit, plugin, rows)]] = 0
        overrides = self.kept.overrides
        weighing = self.chain.weigh(self.table, mask, demand.amounts, enabled, overrides, self._extra(mask))
        order = self._order[mask[self._order] == 1]
        check_weighable(self.chain, self.table, order)
        # ties keep the order of the step before
        self._order = self._randomised(in_weight_order(order, weighing.weights), weighing.weights)
        self._weights = weighing.weights
        self._step = Step(self._order, self._weights[self._order])

    def _passing_in_order(self) -> Iterator[int]:
        """Yield the rows of the step that pass every filter, best first."""
        start, many = 0, 1
        while start < len(self._step.rows):
            part = self._step.rows[start : start + many]
            yield from (part[self._survivors.passes(part)] if self._lazy else part).tolist()
            start, many = start + many, many * 2

    def _reject(self, mask: npt.NDArray[np.uint8], enabled: npt.NDArray[np.bool_]) -> None:
        """Filter ``mask`` by the enabled column filters, but not by amounts where other providers give them too."""
        beyond = self.inquiry.beyond_columns
        if beyond is None:
            self.chain.reject(self.table, mask, self.inquiry.demand.amounts, enabled)
            return
        of_amounts = np.array([item.name in AMOUNT_FILTERS for item in self.chain.column_filters], dtype=np.bool_)
        kept = mask.copy()
        self.chain.reject(self.table, mask, self.inquiry.demand.amounts, enabled)
        self.chain.reject(self.table, kept, self.inquiry.demand.amounts, enabled & ~of_amounts)
        mask[beyond] = kept[beyond]

    def _apply_sparse(self, plugin: Filter, mask: npt.NDArray[np.uint8]) -> None:
        verdict = plugin.body(self.inquiry.demand.request, self.context)
        rows = np.fromiter(verdict.rows, dtype=np.int64, count=len(verdict.rows))
        if isinstance(verdict, Only):
            kept = mask[rows]
            mask[:] = 0
            mask[rows] = kept
        else:
            mask[rows] = 0

    def _extra(self, mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Return the extra weighers' values for the rows in ``mask``, float64[extra weighers, rows]."""
        request = self.inquiry.demand.request
        if self.context.group is None and not self.chain.weighs_arrays(request):
            return self.kept.zeros
        rows = np.flatnonzero(mask)
        return extra_values(self.chain, request, self.context, rows, self.kept.overrides)

    def _randomised(self, order: Rows, weights: npt.NDArray[np.float64]) -> Rows:
        """Return a sorted list after shuffle_best_same_weighed_hosts and host_subset_size."""
        options = self.chain.options
        size = min(options.host_subset_size, len(order))
        if size <= 1 and not (options.shuffle_best_same_weighed_hosts and len(order)):
            return order
        rows = order.tolist()
        if options.shuffle_best_same_weighed_hosts:
            equals = int((weights[order] == weights[order[0]]).sum())
            leading = rows[:equals]
            self.rng.shuffle(leading)
            rows[:equals] = leading
        if size > 1:
            rows.insert(0, rows.pop(self.rng.randrange(size)))
        return np.array(rows, dtype=np.int64)

    def _alternates(self, many: int) -> dict[int, tuple[tuple[int, ...], tuple[float, ...]]]:
        """Return, by chosen row, the best rows of its cell that no instance was given and their weights.

        Every instance of a cell shares them.
        """
        taken = self._claims.rows
        if not many:
            return dict.fromkeys(taken, ((), ()))
        cell_of, profiles = self.table.cell_of_profile, self.table.columns["profile"]
        spare: dict[int, list[int]] = {int(cell_of[profiles[row]]): [] for row in taken}
        short = len(spare)
        for row in self._passing_in_order():
            mine = spare.get(int(cell_of[profiles[row]]))
            if mine is None or row in taken or len(mine) == many:
                continue
            if self.inquiry.fit.offers_anything(row):
                mine.append(row)
                short -= len(mine) == many
                if not short:
                    break
        found = {}
        for row in taken:
            rows = spare[int(cell_of[profiles[row]])]
            found[row] = (tuple(rows), tuple(self._weights[rows].tolist()))
        return found
