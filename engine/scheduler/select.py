"""Selection: the hosts for the instances of one request, decided as nova.scheduler.manager does and claimed meanwhile.

A request for one instance that only columns and text concern is answered from its class view. Everything else (several
instances, server groups, forced hosts, random choices, multipliers that aggregates override) goes the general way:
every host is weighed for each instance.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from engine.errors import NoValidHostError
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain, MultiplierOverrides, multiplier_overrides
from engine.scheduler.destination import destination_rows, is_forced, is_restricted
from engine.scheduler.explain import rejection_counts
from engine.scheduler.extra import extra_values
from engine.scheduler.faults import FilterFault
from engine.scheduler.registry import Filter
from engine.scheduler.single_filter import passes_filter
from engine.scheduler.sparse import GroupState, ImageCounts, Only, SelectionContext
from engine.scheduler.static_mask import depends_on_usage, text_mask
from engine.scheduler.views import DEFAULT_BUDGET_BYTES, ViewStore

Rows = npt.NDArray[np.int64]
_NO_ROWS: Mapping[str, int] = MappingProxyType({})
_NO_COUNTS: ImageCounts = MappingProxyType({})

_PICKS_AN_ALTERNATE = 4
"""How many hosts a view picks for each alternate in a fleet of several cells, where those of other cells drop out."""


@dataclass(frozen=True, slots=True)
class Step:
    """The hosts as weighed before one choice: rows in order, best first, and their weights."""

    rows: Rows
    weights: npt.NDArray[np.float64]


@dataclass(slots=True)
class _Progress:
    """One request under way: the rows still in the running, in nova's order, and what was chosen."""

    order: Rows
    step: Step | None = None
    chosen: list[tuple[int, float]] = field(default_factory=list)


class Selector:
    """Selects and claims on one table under one chain; the generator decides where nova's options ask for chance."""

    def __init__(
        self, table: HostTable, chain: Chain, rng: random.Random, *, view_budget_bytes: int = DEFAULT_BUDGET_BYTES
    ) -> None:
        self.table = table
        self.chain = chain
        self.rng = rng
        self.views = ViewStore(table, chain, budget_bytes=view_budget_bytes)
        self._overrides: tuple[int, MultiplierOverrides] | None = None
        self._cell_of_profile = np.empty(0, dtype=np.int64)
        self._zeros = np.empty((0, 0), dtype=np.float64)

    @property
    def overrides(self) -> MultiplierOverrides:
        """The multipliers that aggregates override, for the table's present facts."""
        revision = self.table.facts_revision
        if self._overrides is None or self._overrides[0] != revision:
            self._overrides = (revision, multiplier_overrides(self.chain, self.table))
        return self._overrides[1]

    def warm(self) -> None:
        """Compile or load the kernels, by running each once on nothing."""
        nothing = np.empty(0, dtype=np.int64)
        self.views.place(nothing, nothing, claim=False)
        amounts = Amounts(1, 1, 1, 1, 1, 1)
        mask = np.zeros(len(self.table.columns["present"]), dtype=np.uint8)
        self.chain.weigh(self.table, mask, amounts, self._enabled(0), self.overrides, self._no_extra())
        self.chain.verdicts(self.table, amounts)

    @property
    def is_deterministic(self) -> bool:
        """True when no option asks for a random choice."""
        options = self.chain.options
        return options.host_subset_size == 1 and not options.shuffle_best_same_weighed_hosts

    def uses_view(self, request: RequestSpec, group: GroupState | None) -> bool:
        """True when a class view can answer the request."""
        return (
            request.num_instances == 1
            and group is None
            and not is_restricted(request)
            and self.is_deterministic
            and not self.overrides.any
            and not self.chain.weighs_arrays(request)
            and self.chain.has_class(request)
        )

    def select(
        self,
        request: RequestSpec,
        *,
        group: GroupState | None = None,
        own_rows: frozenset[int] = frozenset(),
        instance_rows: Mapping[str, int] = _NO_ROWS,
        image_counts: ImageCounts = _NO_COUNTS,
        members: Sequence[bool] | None = None,
        claim: bool = True,
        steps: list[Step] | None = None,
    ) -> list[Selection]:
        """Return a host for each instance, all claimed in the table if ``claim``.

        Otherwise, or on failure, nothing is left claimed. ``group`` grows by the instances claimed; ``members`` tells
        which of them count as its members (all by default; nova counts only those whose uuid the group already lists).
        ``own_rows``, ``instance_rows`` and ``image_counts`` are those of SelectionContext.
        ``steps``, where given, receives the hosts as weighed before each choice.
        Raises NoValidHostError when fewer hosts than instances are found, FilterFault where nova's filter would raise.
        """
        amounts = flavor_amounts(request.flavor, is_bfv=request.is_bfv)
        alternates = self.chain.options.max_attempts - 1 if request.alternates is None else request.alternates
        if steps is None and self.uses_view(request, group):
            # A view asks text filters about every host; a fault on one that nova would not have asked about is none.
            with contextlib.suppress(FilterFault):
                return self._select_from_view(request, amounts, alternates, claim=claim)
        joined = None if group is None else group.copy()
        context = SelectionContext(self.table, joined, own_rows, instance_rows, image_counts)
        return self._select_by_weighing(request, amounts, alternates, context, group, members, claim=claim, steps=steps)

    def _select_from_view(
        self, request: RequestSpec, amounts: Amounts, alternates: int, *, claim: bool
    ) -> list[Selection]:
        slot = self.views.slot(self.chain.class_key(request, amounts), request, amounts)
        shape = self.views.shape(amounts)
        has_cells = bool(alternates) and self._has_cells
        picks = 1 + alternates * (_PICKS_AN_ALTERNATE if has_cells else 1)
        placed = self.views.place(np.array([slot]), np.array([shape]), picks=picks, claim=claim and not has_cells)
        rows, weights = placed.rows[0], placed.weights[0]
        if rows[0] < 0:
            raise self._no_valid_host(request, None, 0)
        spare = 1 + np.flatnonzero(rows[1:] >= 0)
        if has_cells:
            more_to_see = len(spare) == picks - 1
            spare = spare[self._in_cell_of(int(rows[0]), rows[spare])][:alternates]
            if len(spare) < alternates and more_to_see:
                context = SelectionContext(self.table)
                return self._select_by_weighing(
                    request, amounts, alternates, context, None, None, claim=claim, steps=None
                )
            if claim:
                self.table.apply(int(rows[0]), 1, amounts)
        return [Selection(int(rows[0]), float(weights[0]), tuple(rows[spare].tolist()), tuple(weights[spare].tolist()))]

    def _select_by_weighing(
        self,
        request: RequestSpec,
        amounts: Amounts,
        alternates: int,
        context: SelectionContext,
        group: GroupState | None,
        members: Sequence[bool] | None,
        *,
        claim: bool,
        steps: list[Step] | None,
    ) -> list[Selection]:
        joined = context.group
        progress = _Progress(self._first_order(request, amounts, context))
        claimed: list[int] = []
        try:
            for number in range(request.num_instances):
                chosen = self._choose(request, amounts, context, progress, number, steps)
                if chosen is None:
                    raise self._no_valid_host(request, context, len(progress.chosen))  # noqa: TRY301
                row, weight = chosen
                self.table.apply(row, 1, amounts)
                claimed.append(row)
                self._count_build(row, 1)
                progress.chosen.append((row, weight))
                if joined is not None:
                    joined.add(row, is_member=members is None or members[number])
            if request.num_instances > 1 and alternates:
                # nova weighs once more as for the last instance, which by now is where it was put
                context.own_rows |= {claimed[-1]}
                self._weigh(request, amounts, context, progress, request.num_instances - 1)
        except BaseException:
            self._give_back(claimed, amounts)
            raise
        spare = self._alternates(progress, alternates)
        for row in claimed:
            self._count_build(row, -1)
        if not claim:
            for row in claimed:
                self.table.apply(row, -1, amounts)
        elif group is not None and joined is not None:
            group.member_counts, group.host_rows = joined.member_counts, joined.host_rows
        return [Selection(row, weight, *spare[row]) for row, weight in progress.chosen]

    def _first_order(self, request: RequestSpec, amounts: Amounts, context: SelectionContext) -> Rows:
        """Return the rows that the request's own restrictions and its text filters leave, ascending."""
        filters = [item for item in self.chain.applies(request) if self._runs(item, request, 0)]
        rows = destination_rows(self.table, request)
        return self._passing_text(filters, filters, request, amounts, context, rows)

    def _passing_text(
        self,
        filters: Sequence[Filter],
        asked: Sequence[Filter],
        request: RequestSpec,
        amounts: Amounts,
        context: SelectionContext,
        rows: Rows,
    ) -> Rows:
        """Return those of ``rows``, in their order, that pass the text filters among ``asked``, some of ``filters``."""
        try:
            mask = text_mask(asked, self.table, request, self.chain.options, rows)
            return np.asarray(rows[mask[rows] == 1])
        except FilterFault:
            # nova fails the request only if the host still stood when the filter's turn came: ask in its order
            bits = self.chain.verdicts(self.table, amounts)
            for plugin in filters:
                rows = rows[passes_filter(plugin, self.chain, self.table, rows, request, context, bits)]
            return rows

    def _runs(self, plugin: Filter, request: RequestSpec, number: int) -> bool:
        """Whether a filter runs before the choice for instance ``number``."""
        if number > 0 and plugin.once_per_request:
            return False
        return not is_forced(request) or plugin.name in self.chain.options.placement_filters

    def _choose(
        self,
        request: RequestSpec,
        amounts: Amounts,
        context: SelectionContext,
        progress: _Progress,
        number: int,
        steps: list[Step] | None,
    ) -> tuple[int, float] | None:
        """Return the row and weight for one instance: the best that still takes the amounts, None if none does."""
        step = self._weigh(request, amounts, context, progress, number)
        if steps is not None:
            steps.append(step)
        for index in range(len(step.rows)):
            row = int(step.rows[index])
            if self._takes(row, amounts):
                return row, float(step.weights[index])
        return None

    def _weigh(
        self, request: RequestSpec, amounts: Amounts, context: SelectionContext, progress: _Progress, number: int
    ) -> Step:
        """Filter and weigh the rows in the running, and leave them in nova's order."""
        filters = [item for item in self.chain.applies(request) if self._runs(item, request, number)]
        if number > 0:
            again = [item for item in filters if item.kind == "text" and depends_on_usage(item, request)]
            if again:
                progress.order = self._passing_text(filters, again, request, amounts, context, progress.order)
        mask = np.zeros(len(self.table.columns["present"]), dtype=np.uint8)
        mask[progress.order] = 1
        for plugin in filters:
            if plugin.kind == "sparse":
                _apply_sparse(plugin, request, context, mask)
        enabled = np.array([item in filters for item in self.chain.column_filters], dtype=np.bool_)
        if self.chain.weighs_arrays(request):
            self.chain.reject(self.table, mask, amounts, enabled)
        extra = self._extra(request, context, mask)
        weighing = self.chain.weigh(self.table, mask, amounts, enabled, self.overrides, extra)
        order = progress.order[mask[progress.order] == 1]
        # Stable and descending: ties keep the order of the step before, as Python's sorted(reverse=True) does.
        order = order[np.argsort(-weighing.weights[order], kind="stable")]
        progress.order = self._randomise(order, weighing.weights)
        progress.step = Step(progress.order, weighing.weights[progress.order])
        return progress.step

    def _randomise(self, order: Rows, weights: npt.NDArray[np.float64]) -> Rows:
        """Apply shuffle_best_same_weighed_hosts and host_subset_size to a sorted list."""
        options = self.chain.options
        if not len(order):
            return order
        rows = order.tolist()
        if options.shuffle_best_same_weighed_hosts:
            equals = int((weights[order] == weights[order[0]]).sum())
            leading = rows[:equals]
            self.rng.shuffle(leading)
            rows[:equals] = leading
        size = min(options.host_subset_size, len(rows))
        if size > 1:
            rows.insert(0, rows.pop(self.rng.randrange(size)))
        return np.array(rows, dtype=np.int64)

    def _takes(self, row: int, amounts: Amounts) -> bool:
        """Whether a claim on the row would succeed: placement's capacity, less what earlier instances took."""
        if "CapacityFilter" not in self.chain.options.placement_filters:
            return True
        columns = self.table.columns
        return all(
            not amount or columns[name][row] >= amount
            for name, amount in zip(("vcpu_free", "memory_mb_free", "disk_gb_free"), amounts[:3], strict=True)
        )

    def _count_build(self, row: int, change: int) -> None:
        """Count a build in progress on the row, for the rest of this request: afterwards the host reports its own."""
        (num_io_ops,) = self.table.own(["num_io_ops"])
        num_io_ops[row] += change
        self.table.touch(np.array([row]), facts=False)

    def _give_back(self, claimed: list[int], amounts: Amounts) -> None:
        for row in claimed:
            self._count_build(row, -1)
            self.table.apply(row, -1, amounts)

    def _alternates(self, progress: _Progress, many: int) -> dict[int, tuple[tuple[int, ...], tuple[float, ...]]]:
        """Return, by chosen row, the best rows of its cell that no instance was given and their weights.

        Every instance of a cell shares them.
        """
        taken = {row for row, _ in progress.chosen}
        if not many or progress.step is None:
            return dict.fromkeys(taken, ((), ()))
        step = progress.step
        found = {}
        for row in taken:
            places = np.flatnonzero(self._in_cell_of(row, step.rows)) if self._has_cells else np.arange(len(step.rows))
            spare = [place for place in places[: many + len(taken)].tolist() if int(step.rows[place]) not in taken]
            spare = spare[:many]
            found[row] = (tuple(step.rows[spare].tolist()), tuple(step.weights[spare].tolist()))
        return found

    @property
    def _has_cells(self) -> bool:
        """True when hosts are in different cells, so that alternates must be of the chosen host's."""
        profiles = self.table.profiles.values
        if len(self._cell_of_profile) != len(profiles):
            self._cell_of_profile = np.unique([profile.cell for profile in profiles], return_inverse=True)[1]
        return bool(self._cell_of_profile.any())

    def _in_cell_of(self, row: int, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return which of ``rows`` are in a row's cell; ask ``_has_cells`` first."""
        profile = self.table.columns["profile"]
        return np.asarray(self._cell_of_profile[profile[rows]] == self._cell_of_profile[profile[row]])

    def _enabled(self, number: int) -> npt.NDArray[np.bool_]:
        return np.array(
            [number == 0 or not item.once_per_request for item in self.chain.column_filters], dtype=np.bool_
        )

    def _no_extra(self) -> npt.NDArray[np.float64]:
        """Return 0 for every extra weigher and row; the kernel indexes it without looking at its size.

        It is kept, as touching fresh memory costs more than reading it; nothing writes to it.
        """
        shape = (len(self.chain.extra_weighers), len(self.table.columns["present"]))
        if self._zeros.shape != shape:
            self._zeros = np.zeros(shape, dtype=np.float64)
        return self._zeros

    def _extra(
        self, request: RequestSpec, context: SelectionContext, mask: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.float64]:
        """Return the extra weighers' values for the rows in ``mask``, float64[extra weighers, rows]."""
        if context.group is None and not self.chain.weighs_arrays(request):
            return self._no_extra()
        return extra_values(self.chain, request, context, np.flatnonzero(mask), self.overrides)

    def _no_valid_host(self, request: RequestSpec, context: SelectionContext | None, placed: int) -> NoValidHostError:
        context = context or SelectionContext(self.table)
        rejections = rejection_counts(self.chain, self.table, request, context)
        total = self.table.host_count
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


def _apply_sparse(plugin: Filter, request: RequestSpec, context: SelectionContext, mask: npt.NDArray[np.uint8]) -> None:
    verdict = plugin.body(request, context)
    rows = np.fromiter(verdict.rows, dtype=np.int64, count=len(verdict.rows))
    if isinstance(verdict, Only):
        kept = mask[rows]
        mask[:] = 0
        mask[rows] = kept
    else:
        mask[rows] = 0
