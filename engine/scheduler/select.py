"""Selection: the hosts for the instances of one request, decided as nova.scheduler.manager does and claimed meanwhile.

A request for one instance that only columns and text concern is answered from its class view. Everything else (several
instances, server groups, forced hosts, random choices, multipliers that aggregates override) goes the general way:
every host is weighed for each instance.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from engine.errors import InvalidRequestError
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.candidates import Candidate
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain, MultiplierOverrides, multiplier_overrides
from engine.scheduler.demand import Demand, demand_of
from engine.scheduler.destination import is_restricted
from engine.scheduler.faults import FilterFault
from engine.scheduler.inquiry import make_inquiry
from engine.scheduler.never_reported import fails_weighing
from engine.scheduler.no_valid_host import no_valid_host
from engine.scheduler.overlay import Overlays
from engine.scheduler.sparse import GroupState, ImageCounts, OwnRows, SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts
from engine.scheduler.text_masks import TextMasks
from engine.scheduler.views import DEFAULT_BUDGET_BYTES, ViewStore
from engine.scheduler.weighed_selection import Kept, Step, WeighedSelection

__all__ = ["Selector", "Step"]

_NO_ROWS: Mapping[str, int] = MappingProxyType({})
_NO_COUNTS: ImageCounts = MappingProxyType({})
_MOST_KNOWN = 1024


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a request; the request is kept too, so that no other one takes its identity.

    ``class_key`` is that of the class whose view can answer it, None where none can.
    """

    request: RequestSpec
    demand: Demand
    class_key: Hashable


class Selector:
    """Selects and claims on one table under one chain; the generator decides where nova's options ask for chance."""

    def __init__(
        self, table: HostTable, chain: Chain, rng: random.Random, *, view_budget_bytes: int = DEFAULT_BUDGET_BYTES
    ) -> None:
        self.table = table
        self.chain = chain
        self.rng = rng
        self._texts = TextMasks(table, chain.options)
        self.views = ViewStore(table, chain, self._texts, budget_bytes=view_budget_bytes)
        self.overlays = Overlays(table, chain, self.views)
        self.verdicts = StateVerdicts(table)
        self._zeros = np.empty((0, 0), dtype=np.float64)
        self._kept_by_weighers: dict[Hashable, Any] = {}
        self._known: dict[int, _Known] = {}
        self._known_at = -1
        self._overrides: tuple[int, MultiplierOverrides] | None = None

    @property
    def overrides(self) -> MultiplierOverrides:
        """The multipliers that aggregates override, for the table's present facts; made anew only when they changed.

        They are the chain's as well, so they are kept here: selectors with other chains may share the table.
        """
        facts = self.table.facts_revision
        if self._overrides is None or self._overrides[0] != facts:
            self._overrides = (facts, multiplier_overrides(self.chain, self.table))
        return self._overrides[1]

    def warm(self) -> None:
        """Compile or load the kernels that place single instances, by running each once on nothing."""
        nothing = np.empty(0, dtype=np.int64)
        self.views.place(nothing, nothing, claim=False)
        amounts = Amounts(1, 1, 1, 1, 1, 1)
        mask = np.zeros(len(self.table.columns["present"]), dtype=np.uint8)
        enabled = np.ones(len(self.chain.column_filters), dtype=np.bool_)
        kept = self._kept()
        self.chain.weigh(self.table, mask, amounts, enabled, kept.overrides, kept.zeros)
        self.chain.verdicts(self.table, amounts)

    @property
    def is_deterministic(self) -> bool:
        """True when no option asks for a random choice of hosts."""
        options = self.chain.options
        return options.host_subset_size == 1 and not options.shuffle_best_same_weighed_hosts

    def demand(self, request: RequestSpec) -> Demand:
        """Return what a request demands, kept for the same request object until facts change.

        Raises InvalidRequestError as ``demand_of`` does.
        """
        return self._know(request).demand

    def uses_view(self, request: RequestSpec, group: GroupState | None) -> bool:
        """True when a class view can answer the request."""
        if group is not None:
            return False
        try:
            return self._know(request).class_key is not None
        except InvalidRequestError:
            # whoever asks for hosts is told
            return False

    def _know(self, request: RequestSpec) -> _Known:
        """Return what is known of a request, found out anew when facts have changed."""
        if self._known_at != self.table.facts_revision or len(self._known) >= _MOST_KNOWN:
            self._known.clear()
            self._known_at = self.table.facts_revision
        known = self._known.get(id(request))
        if known is None:
            demand = demand_of(request, self.table, self.chain.options)
            key = self.chain.class_key(demand.request, demand.amounts) if self._has_view(request, demand) else None
            known = self._known[id(request)] = _Known(request, demand, key)
        return known

    def _has_view(self, request: RequestSpec, demand: Demand) -> bool:
        """Whether a class view can answer a request, as long as it is of no server group."""
        return (
            request.num_instances == 1
            and not is_restricted(request)
            and self.is_deterministic
            and demand.plain
            and not self.overrides.any
            and not self.chain.weighs_arrays(demand.request)
            and self.chain.has_class(demand.request)
            and self.table.beyond_columns is None
            and not fails_weighing(self.chain, self.table)
        )

    def select(
        self,
        request: RequestSpec,
        *,
        group: GroupState | None = None,
        own_rows: OwnRows = (),
        instance_rows: Mapping[str, int] = _NO_ROWS,
        image_counts: ImageCounts = _NO_COUNTS,
        offers: Mapping[int, Sequence[Candidate]] | None = None,
        members: Sequence[bool] | None = None,
        claim: bool = True,
        steps: list[Step] | None = None,
    ) -> list[Selection]:
        """Return a host for each instance, all claimed in the table if ``claim``.

        Otherwise, or on failure, nothing is left claimed. ``group`` grows by the instances claimed; ``members`` tells
        which of them count as its members (all by default; nova counts only those whose uuid the group already lists).
        ``own_rows`` are the rows where each instance already is; ``instance_rows``, ``image_counts`` and ``offers`` are
        those of SelectionContext.
        ``steps``, where given, receives the hosts as weighed before each choice.
        Raises NoValidHostError when fewer hosts than instances are found, FilterFault where nova's filter would raise.
        """
        known = self._know(request)
        demand = known.demand
        alternates = self.chain.options.max_attempts - 1 if request.alternates is None else request.alternates
        if steps is None and offers is None and group is None and known.class_key is not None:
            # A view asks text filters about every host; a fault on one that nova would not have asked about is none.
            with contextlib.suppress(FilterFault):
                return self._select_from_view(known, alternates, claim=claim)
        joined = None if group is None else group.copy()
        context = SelectionContext(
            self.table,
            joined,
            instance_rows=instance_rows,
            image_counts=image_counts,
            offers=offers,
            kept=self._kept_by_weighers,
            chance=self.rng,
        )
        if steps is None:
            found = self.overlays.select(
                self._kept(), demand, context, alternates=alternates, own_rows=own_rows, members=members, claim=claim
            )
            if found is not None:
                if claim and group is not None and joined is not None:
                    group.member_counts, group.host_rows = joined.member_counts, joined.host_rows
                return found
        weighed = WeighedSelection(self.table, self.chain, self.rng, self._kept(), demand, context, own_rows)
        selections = weighed.run(alternates, members=members, claim=claim, steps=steps)
        if claim and group is not None and joined is not None:
            group.member_counts, group.host_rows = joined.member_counts, joined.host_rows
        return selections

    def assign(self, row: int, request: RequestSpec) -> Selection | None:
        """Return what one instance would be given of one host as it is now, None where it does not fit; claims nothing.

        Asked are the filters of NUMA cells and PCI devices that the chain has, and for candidates; not those of columns
        and texts, nor whether the host's own inventory has room where that decides alone.
        """
        context = SelectionContext(self.table, chance=self.rng)
        fit = make_inquiry(self.chain, self.table, self.demand(request), context, self.verdicts).fit
        if not all(fit.passes(plugin, row) for plugin in fit.filters):
            return None
        assigned = fit.assign(row)
        return None if assigned is None else Selection(row, 0.0, assignment=assigned.assignment)

    def _select_from_view(self, known: _Known, alternates: int, *, claim: bool) -> list[Selection]:
        demand = known.demand
        slot = self.views.slot(known.class_key, demand.request, demand.amounts)
        shape = self.views.shape(demand.amounts)
        placed = self.views.place(np.array([slot]), np.array([shape]), picks=1 + alternates, claim=claim)
        rows, weights = placed.rows[0].tolist(), placed.weights[0].tolist()
        if rows[0] < 0:
            context = SelectionContext(self.table)
            raise no_valid_host(make_inquiry(self.chain, self.table, demand, context, self.verdicts), 0)
        found = sum(row >= 0 for row in rows)
        return [Selection(rows[0], weights[0], tuple(rows[1:found]), tuple(weights[1:found]))]

    def _kept(self) -> Kept:
        """Return what is kept between requests; of zeros, as touching fresh memory costs more than reading it."""
        shape = (len(self.chain.extra_weighers), len(self.table.columns["present"]))
        if self._zeros.shape != shape:
            self._zeros = np.zeros(shape, dtype=np.float64)
        return Kept(self.overrides, self._zeros, self._texts, self.verdicts)
