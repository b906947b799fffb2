"""WeighedSelection: one request answered the general way, every host weighed before each instance is placed.

This is nova.scheduler.manager's own loop: filter, weigh, order, claim, consume, and again for the next instance, with
the hosts that survived, in the order they were left in. It answers whatever a class view cannot.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import NoValidHostError
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain, MultiplierOverrides
from engine.scheduler.destination import destination_rows, is_forced
from engine.scheduler.explain import rejection_counts
from engine.scheduler.extra import extra_values
from engine.scheduler.faults import FilterFault
from engine.scheduler.registry import Filter
from engine.scheduler.single_filter import passes_filter
from engine.scheduler.sparse import Only, SelectionContext
from engine.scheduler.static_mask import depends_on_usage, text_mask

Rows = npt.NDArray[np.int64]
_CAPACITY = ("vcpu_free", "memory_mb_free", "disk_gb_free")


@dataclass(frozen=True, slots=True)
class Step:
    """The hosts as weighed before one choice: rows in order, best first, and their weights."""

    rows: Rows
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weighers:
    """What weighing needs beside the chain: the multipliers aggregates override, and zeros for idle extra weighers."""

    overrides: MultiplierOverrides
    zeros: npt.NDArray[np.float64]


class WeighedSelection:
    """One request under way on one table; ``context.group`` grows as instances are placed."""

    def __init__(
        self,
        table: HostTable,
        chain: Chain,
        rng: random.Random,
        weighers: Weighers,
        request: RequestSpec,
        amounts: Amounts,
        context: SelectionContext,
    ) -> None:
        self.table = table
        self.chain = chain
        self.rng = rng
        self.weighers = weighers
        self.request = request
        self.amounts = amounts
        self.context = context
        self._order: Rows = np.empty(0, dtype=np.int64)
        self._step = Step(self._order, np.empty(0, dtype=np.float64))
        self._chosen: list[tuple[int, float]] = []

    def run(
        self, alternates: int, *, members: Sequence[bool] | None, claim: bool, steps: list[Step] | None
    ) -> list[Selection]:
        """Return a host for each instance, claimed in the table if ``claim``; on failure nothing is left claimed.

        Raises NoValidHostError, and FilterFault where nova's own filter or weigher would raise.
        """
        request, group = self.request, self.context.group
        self._order = self._first_order()
        try:
            for number in range(request.num_instances):
                self._choose(number, steps)
                if group is not None:
                    group.add(self._chosen[-1][0], is_member=members is None or members[number])
            if request.num_instances > 1 and alternates:
                # nova weighs once more as for the last instance, which by now is where it was put
                self.context.own_rows |= {self._chosen[-1][0]}
                self._weigh(request.num_instances - 1)
        except BaseException:
            self._take_back(claims=True)
            raise
        spare = self._alternates(alternates)
        self._take_back(claims=not claim)
        return [Selection(row, weight, *spare[row]) for row, weight in self._chosen]

    # -- filtering -----------------------------------------------------------------------------------------------------

    def _filters(self, number: int) -> list[Filter]:
        """Return the filters that run before the choice for instance ``number``."""
        placement_only = is_forced(self.request)
        return [
            item
            for item in self.chain.applies(self.request)
            if not (number > 0 and item.once_per_request)
            and (not placement_only or item.name in self.chain.options.placement_filters)
        ]

    def _first_order(self) -> Rows:
        """Return the rows that the request's own restrictions and its text filters leave, ascending."""
        filters = self._filters(0)
        return self._passing_text(filters, filters, destination_rows(self.table, self.request))

    def _passing_text(self, filters: Sequence[Filter], asked: Sequence[Filter], rows: Rows) -> Rows:
        """Return those of ``rows``, in their order, that pass the text filters among ``asked``, some of ``filters``."""
        try:
            mask = text_mask(asked, self.table, self.request, self.chain.options, rows)
            return np.asarray(rows[mask[rows] == 1])
        except FilterFault:
            # nova fails the request only if the host still stood when the filter's turn came: ask in its order
            bits = self.chain.verdicts(self.table, self.amounts)
            for plugin in filters:
                rows = rows[passes_filter(plugin, self.chain, self.table, rows, self.request, self.context, bits)]
            return rows

    # -- weighing and choosing -----------------------------------------------------------------------------------------

    def _choose(self, number: int, steps: list[Step] | None) -> None:
        """Claim for one instance the best row that still takes it; raise NoValidHostError where none does."""
        self._weigh(number)
        step = self._step
        if steps is not None:
            steps.append(step)
        for place in range(len(step.rows)):
            row = int(step.rows[place])
            if self._takes(row):
                self.table.apply(row, 1, self.amounts)
                self._chosen.append((row, float(step.weights[place])))
                self._count_build(row, 1)
                return
        raise no_valid_host(self.chain, self.table, self.request, self.context, len(self._chosen))

    def _weigh(self, number: int) -> None:
        """Filter and weigh the rows in the running, and leave them in nova's order."""
        filters = self._filters(number)
        if number > 0:
            again = [item for item in filters if item.kind == "text" and depends_on_usage(item, self.request)]
            if again:
                self._order = self._passing_text(filters, again, self._order)
        mask = np.zeros(len(self.table.columns["present"]), dtype=np.uint8)
        mask[self._order] = 1
        for plugin in filters:
            if plugin.kind == "sparse":
                self._apply_sparse(plugin, mask)
        enabled = np.array([item in filters for item in self.chain.column_filters], dtype=np.bool_)
        if self.chain.weighs_arrays(self.request):
            self.chain.reject(self.table, mask, self.amounts, enabled)
        overrides = self.weighers.overrides
        weighing = self.chain.weigh(self.table, mask, self.amounts, enabled, overrides, self._extra(mask))
        order = self._order[mask[self._order] == 1]
        # Stable and descending: ties keep the order of the step before, as Python's sorted(reverse=True) does.
        order = order[np.argsort(-weighing.weights[order], kind="stable")]
        self._order = self._randomised(order, weighing.weights)
        self._step = Step(self._order, weighing.weights[self._order])

    def _apply_sparse(self, plugin: Filter, mask: npt.NDArray[np.uint8]) -> None:
        verdict = plugin.body(self.request, self.context)
        rows = np.fromiter(verdict.rows, dtype=np.int64, count=len(verdict.rows))
        if isinstance(verdict, Only):
            kept = mask[rows]
            mask[:] = 0
            mask[rows] = kept
        else:
            mask[rows] = 0

    def _extra(self, mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Return the extra weighers' values for the rows in ``mask``, float64[extra weighers, rows]."""
        if self.context.group is None and not self.chain.weighs_arrays(self.request):
            return self.weighers.zeros
        rows = np.flatnonzero(mask)
        return extra_values(self.chain, self.request, self.context, rows, self.weighers.overrides)

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

    # -- claims --------------------------------------------------------------------------------------------------------

    def _takes(self, row: int) -> bool:
        """Whether a claim on the row would succeed: placement's capacity, less what earlier instances took."""
        if "CapacityFilter" not in self.chain.options.placement_filters:
            return True
        columns = self.table.columns
        return all(
            not amount or columns[name][row] >= amount
            for name, amount in zip(_CAPACITY, self.amounts[: len(_CAPACITY)], strict=True)
        )

    def _count_build(self, row: int, change: int) -> None:
        """Count a build in progress on the row, for the rest of this request: afterwards the host reports its own."""
        (num_io_ops,) = self.table.own(["num_io_ops"])
        num_io_ops[row] += change
        self.table.touch(np.array([row]), facts=False)

    def _take_back(self, *, claims: bool) -> None:
        """Stop counting this request's builds, and give back its claims as well where ``claims``."""
        for row, _ in self._chosen:
            self._count_build(row, -1)
            if claims:
                self.table.apply(row, -1, self.amounts)

    def _alternates(self, many: int) -> dict[int, tuple[tuple[int, ...], tuple[float, ...]]]:
        """Return, by chosen row, the best rows of its cell that no instance was given and their weights.

        Every instance of a cell shares them.
        """
        taken = {row for row, _ in self._chosen}
        if not many:
            return dict.fromkeys(taken, ((), ()))
        step = self._step
        cells = self.table.cell_of_profile[self.table.columns["profile"][step.rows]]
        found = {}
        for row in taken:
            cell = self.table.cell_of_profile[self.table.columns["profile"][row]]
            places = np.flatnonzero(cells == cell)[: many + len(taken)].tolist()
            spare = [place for place in places if int(step.rows[place]) not in taken][:many]
            found[row] = (tuple(step.rows[spare].tolist()), tuple(step.weights[spare].tolist()))
        return found


def no_valid_host(
    chain: Chain, table: HostTable, request: RequestSpec, context: SelectionContext, placed: int
) -> NoValidHostError:
    """Return the error for a request that no host can take, with how many hosts each filter removed."""
    rejections = rejection_counts(chain, table, request, context)
    total = table.host_count
    last = next((name for name, removed in reversed(list(rejections.items())) if removed), None)
    where = f"the last were removed by {last}" if last else "there is none in the fleet"
    want = f"{request.num_instances} instances of " if request.num_instances > 1 else ""
    return NoValidHostError(
        f"no valid host for {want}{request.flavor.name or 'the request'} among {total}"
        + (f" after {placed} instances were placed" if placed else "")
        + f": {where}",
        rejections=rejections,
        hosts_total=total,
        placed=placed,
    )
