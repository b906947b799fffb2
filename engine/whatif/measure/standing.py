"""Which hosts pass what a claim cannot change of a chain: texts, services' states, the hosts a request names."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.destination import destination_rows, is_restricted
from engine.scheduler.faults import FilterFault
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.registry import Filter
from engine.scheduler.select import Selector
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.static_mask import depends_on_usage, passes_text_filter
from engine.whatif.measure.meters import METERS, UNITS, is_fixed

Mask = npt.NDArray[np.uint8]

_NO_AMOUNTS: Final = Amounts(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Uint8 a row, 1 where a host passes; requests of equal ``key`` have the same ``mask``."""

    key: Hashable
    mask: Mask


class Standings:
    """The standing masks of one table under one chain as facts are now, each made once."""

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self._bits: npt.NDArray[np.uint32] | None = None
        self._kept: list[Mask] = []
        self._made: dict[Hashable, Mask] = {}

    def of(self, request: RequestSpec) -> Standing:
        """Return which hosts pass the filters that a claim cannot change; asks none of NUMA cells, devices or groups.

        Where nova's filter would raise, the host fails. Raises InvalidRequestError for one that contradicts itself.
        """
        chain, table = self.selector.chain, self.selector.table
        demand = self.selector.demand(request)
        if demand.refusal:
            return Standing("refused", np.zeros(len(table.columns["present"]), dtype=np.uint8))
        inquiry = make_inquiry(chain, table, demand, SelectionContext(table), self.selector.verdicts)
        always: list[Filter] = []
        unless_beyond: list[Filter] = []
        for plugin in inquiry.filters:
            if plugin.kind == "text" and plugin.name not in METERS and not depends_on_usage(plugin, demand.request):
                exempt = inquiry.exempt(plugin)
                if exempt is False:
                    always.append(plugin)
                elif exempt is not True:
                    unless_beyond.append(plugin)
        texts = self._texts(inquiry, [*always, *unless_beyond])
        beyond = self._texts(inquiry, always) if unless_beyond else texts
        fixed = sum(1 << chain.column_filters.index(item) for item in inquiry.filters if is_fixed(item))
        misfits = self._misfits(inquiry)
        key: Hashable = (id(texts), id(beyond), fixed, misfits, id(request) if is_restricted(demand.request) else 0)
        mask = self._made.get(key)
        if mask is None:
            mask = self._made[key] = self._mask(inquiry, texts, beyond, fixed, misfits)
            # what a key is made of must not make way for another array
            self._kept += [texts, beyond]
        return Standing(key, mask)

    def _mask(self, inquiry: Inquiry, texts: Mask, beyond: Mask, fixed: int, misfits: tuple[int, ...]) -> Mask:
        """Return the mask of what texts, fixed columns (bits of a verdict) and steps (codes of units) leave."""
        table, demand = self.selector.table, inquiry.demand
        others = inquiry.beyond_columns
        mask = texts.copy()
        if misfits:
            mask[np.isin(table.columns["units"], misfits)] = 0
        if others is not None:
            mask[others] = beyond[others]
        mask &= table.columns["present"]
        if fixed:
            mask[(self._verdicts(demand.amounts) & np.uint32(fixed)) != 0] = 0
        if is_restricted(demand.request):
            named = np.zeros_like(mask)
            named[destination_rows(table, demand.request)] = 1
            mask &= named
        return mask

    def _misfits(self, inquiry: Inquiry) -> tuple[int, ...]:
        """Return the codes of the units of which an amount asked for is no multiple, as long as that is a filter's."""
        if not any(item.name == UNITS for item in inquiry.filters):
            return ()
        amounts = inquiry.demand.amounts
        return tuple(
            code
            for code, item in enumerate(self.selector.table.units.values)
            if any(
                amount % step
                for amount, (_, _, step) in zip(amounts[:3], (item.vcpu, item.memory_mb, item.disk_gb), strict=True)
            )
        )

    def _verdicts(self, amounts: Amounts) -> npt.NDArray[np.uint32]:
        """Return the verdicts of the column filters; those that are fixed do not depend on the amounts."""
        if self._bits is None:
            self._bits = self.selector.chain.verdicts(self.selector.table, amounts)
        return self._bits

    def _texts(self, inquiry: Inquiry, filters: list[Filter]) -> Mask:
        table, demand = self.selector.table, inquiry.demand
        try:
            # none of these filters looks at amounts, so that requests of any share what is kept
            values = self.selector.views.texts.values(filters, demand.request, _NO_AMOUNTS)
            assert values is not None
        except FilterFault:
            left = table.present_rows()
            for plugin in filters:
                passes = passes_text_filter(
                    plugin, table, left, demand.request, inquiry.chain.options, fault_fails=True
                )
                left = left[passes]
            values = np.zeros(len(table.columns["present"]), dtype=np.uint8)
            values[left] = 1
        return values
