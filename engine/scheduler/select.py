"""Selection: the hosts for the instances of one request, decided as nova.scheduler.manager does and claimed meanwhile.

A request for one instance that only columns and text concern is answered from its class view. Everything else (several
instances, server groups, forced hosts, random choices, multipliers that aggregates override) goes the general way:
every host is weighed for each instance.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain, MultiplierOverrides, multiplier_overrides
from engine.scheduler.destination import is_restricted
from engine.scheduler.faults import FilterFault
from engine.scheduler.sparse import GroupState, ImageCounts, SelectionContext
from engine.scheduler.views import DEFAULT_BUDGET_BYTES, ViewStore
from engine.scheduler.weighed_selection import Step, WeighedSelection, Weighers, no_valid_host

__all__ = ["Selector", "Step"]

_NO_ROWS: Mapping[str, int] = MappingProxyType({})
_NO_COUNTS: ImageCounts = MappingProxyType({})


class Selector:
    """Selects and claims on one table under one chain; the generator decides where nova's options ask for chance."""

    def __init__(
        self, table: HostTable, chain: Chain, rng: random.Random, *, view_budget_bytes: int = DEFAULT_BUDGET_BYTES
    ) -> None:
        self.table = table
        self.chain = chain
        self.rng = rng
        self.views = ViewStore(table, chain, budget_bytes=view_budget_bytes)
        self._zeros = np.empty((0, 0), dtype=np.float64)

    @property
    def overrides(self) -> MultiplierOverrides:
        """The multipliers that aggregates override, for the table's present facts."""
        return self.table.of_facts("multipliers", lambda: multiplier_overrides(self.chain, self.table))

    def warm(self) -> None:
        """Compile or load the kernels, by running each once on nothing."""
        nothing = np.empty(0, dtype=np.int64)
        self.views.place(nothing, nothing, claim=False)
        amounts = Amounts(1, 1, 1, 1, 1, 1)
        mask = np.zeros(len(self.table.columns["present"]), dtype=np.uint8)
        enabled = np.ones(len(self.chain.column_filters), dtype=np.bool_)
        weighers = self._weighers()
        self.chain.weigh(self.table, mask, amounts, enabled, weighers.overrides, weighers.zeros)
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
        weighed = WeighedSelection(self.table, self.chain, self.rng, self._weighers(), request, amounts, context)
        selections = weighed.run(alternates, members=members, claim=claim, steps=steps)
        if claim and group is not None and joined is not None:
            group.member_counts, group.host_rows = joined.member_counts, joined.host_rows
        return selections

    def _select_from_view(
        self, request: RequestSpec, amounts: Amounts, alternates: int, *, claim: bool
    ) -> list[Selection]:
        slot = self.views.slot(self.chain.class_key(request, amounts), request, amounts)
        shape = self.views.shape(amounts)
        placed = self.views.place(np.array([slot]), np.array([shape]), picks=1 + alternates, claim=claim)
        rows, weights = placed.rows[0].tolist(), placed.weights[0].tolist()
        if rows[0] < 0:
            raise no_valid_host(self.chain, self.table, request, SelectionContext(self.table), 0)
        found = sum(row >= 0 for row in rows)
        return [Selection(rows[0], weights[0], tuple(rows[1:found]), tuple(weights[1:found]))]

    def _weighers(self) -> Weighers:
        """Return what weighing needs; the zeros are kept, as touching fresh memory costs more than reading it."""
        shape = (len(self.chain.extra_weighers), len(self.table.columns["present"]))
        if self._zeros.shape != shape:
            self._zeros = np.zeros(shape, dtype=np.float64)
        return Weighers(self.overrides, self._zeros)
