"""Which hosts state filters are asked about before all can be weighed: those that decide the weighers' ranges."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scheduler.chain import MultiplierOverrides, Weighing
from engine.scheduler.demand import CANDIDATES
from engine.scheduler.inquiry import Inquiry
from engine.scheduler.lazy_survivors import LazySurvivors
from engine.scheduler.registry import Filter

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.uint8]

_FEW = 64
"""So many hosts are asked about at once rather than one by one."""


def may_be_lazy(inquiry: Inquiry, filters: Sequence[Filter]) -> bool:
    """Return whether nothing but the best hosts, and the range of each weigher, has to be known of the survivors.

    ``filters`` are those that run before the first instance. With nova's quirks every host is asked, as in nova.
    """
    request, options, sharing = inquiry.demand.request, inquiry.chain.options, inquiry.fleet.sharing
    # what is taken of a sharing provider would be missing when a host is asked about later
    consumed = bool(sharing) and request.num_instances > 1 and any(item.name == CANDIDATES for item in filters)
    return (
        any(item.kind == "state" for item in filters)
        and not options.nova_quirks
        and options.host_subset_size == 1
        and not options.shuffle_best_same_weighed_hosts
        and inquiry.context.offers is None
        and not inquiry.chain.weighs_arrays(request)
        and not consumed
    )


@dataclass(frozen=True, slots=True)
class LazyWeighing:
    """One weighing of ``rows``, which are in the running but for the state filters ``states``.

    A filter that runs once a request is not asked again about the rows ``chosen`` for it. ``extra_values`` makes
    the values of the extra weighers for a mask.
    """

    inquiry: Inquiry
    overrides: MultiplierOverrides
    states: Sequence[Filter]
    rows: Rows
    chosen: Collection[int]
    extra_values: Callable[[Mask], npt.NDArray[np.float64]]

    def survivors(self) -> LazySurvivors:
        """Return the rows with as much known of them as the weighers' ranges take."""
        known = self._known()
        survivors = LazySurvivors(self.rows, known, self._ask)
        if (known < 0).sum() <= _FEW:
            survivors.ask_all()
            return survivors
        mask = self._mask(survivors.running)
        survivors.settle([self._weighed(mask, alone=index).weights[self.rows] for index in self._telling()])
        telling = self._telling()
        ranges = [self._weighed(self._mask(rows)).ranges[:, telling] for rows in (survivors.passing, survivors.running)]
        if not np.array_equal(ranges[0], ranges[1]):
            # normalised values may be equal where the values are not
            survivors.ask_all()
        return survivors

    def _concerned(self, plugin: Filter, rows: Rows) -> npt.NDArray[np.bool_]:
        if not (plugin.once_per_request and self.chosen):
            return np.ones(len(rows), dtype=np.bool_)
        return ~np.isin(rows, list(self.chosen))

    def _ask(self, rows: Rows) -> npt.NDArray[np.bool_]:
        passes = np.ones(len(rows), dtype=np.bool_)
        for plugin in self.states:
            left = passes & self._concerned(plugin, rows)
            passes[left] = self.inquiry.verdicts.passes(self.inquiry.fit, plugin, rows[left])
        return passes

    def _known(self) -> npt.NDArray[np.int8]:
        """Return, for each row, 1 or 0 where the verdicts of all filters are kept, -1 else."""
        known = np.ones(len(self.rows), dtype=np.int8)
        for plugin in self.states:
            verdicts = self.inquiry.verdicts.known(self.inquiry.fit, plugin, self.rows)
            verdicts[~self._concerned(plugin, self.rows)] = 1
            known = np.where((known == 0) | (verdicts == 0), np.int8(0), np.minimum(known, verdicts))
        return known

    def _telling(self) -> list[int]:
        """Return the places of the weighers that add to weights."""
        overridden = self.overrides.overridden
        return [index for index, factor in enumerate(self.inquiry.chain.multipliers) if factor or overridden[index]]

    def _mask(self, rows: Rows) -> Mask:
        mask = np.zeros(len(self.inquiry.fleet.columns["present"]), dtype=np.uint8)
        mask[rows] = 1
        return mask

    def _weighed(self, mask: Mask, *, alone: int | None = None) -> Weighing:
        """Return the weighing of the rows in ``mask``, by one weigher ``alone`` its normalised values."""
        chain, many = self.inquiry.chain, len(self.inquiry.chain.weighers)
        factors = chain.multipliers if alone is None else np.eye(1, many, alone)[0]
        plain = MultiplierOverrides(np.zeros(many, dtype=np.bool_), np.empty((many, 0), dtype=np.float64))
        none = np.zeros(len(chain.column_filters), dtype=np.bool_)
        amounts = self.inquiry.demand.amounts
        return chain.weigh(self.inquiry.fleet, mask, amounts, none, plain, self.extra_values(mask), factors)
