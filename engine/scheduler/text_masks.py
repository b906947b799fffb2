"""TextMasks: which hosts pass a request's text filters, kept between requests until facts change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.usage import Amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter
from engine.scheduler.static_mask import depends_on_usage, text_mask

DEFAULT_BUDGET_BYTES = 16 * 1024 * 1024

Rows = npt.NDArray[np.int64]


class TextMasks:
    """The masks of one fleet under one chain's options, within a budget of memory: the oldest in use makes room."""

    def __init__(self, fleet: Fleet, options: SchedulerOptions, *, budget_bytes: int = DEFAULT_BUDGET_BYTES) -> None:
        self.fleet = fleet
        self.options = options
        self.budget_bytes = budget_bytes
        self._masks: OrderedDict[Hashable, npt.NDArray[np.uint8]] = OrderedDict()
        self._made_at = -1

    def passing(self, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts, rows: Rows) -> Rows:
        """Return those of ``rows``, in their order, that pass the text filters among ``filters``.

        Nothing is kept of a part of the fleet, nor of filters that compare with usage, which every claim changes.
        Raises FilterFault where nova's filter would raise and nova's quirks are on.
        """
        asked = [item for item in filters if item.kind == "text"]
        if len(rows) < self.fleet.host_count or any(depends_on_usage(item, request) for item in asked):
            mask = text_mask(asked, self.fleet, request, self.options, rows)
        else:
            mask = self._kept(asked, request, amounts)
        return np.asarray(rows[mask[rows] == 1])

    def _kept(self, filters: Sequence[Filter], request: RequestSpec, amounts: Amounts) -> npt.NDArray[np.uint8]:
        """Return the mask of all hosts for a kind of request, made where there is none yet."""
        if self._made_at != self.fleet.facts_revision:
            self._masks.clear()
            self._made_at = self.fleet.facts_revision
        options = self.options
        read = [None if item.request_key is None else item.request_key(request, options) for item in filters]
        key = (amounts, *[(item.name, keys) for item, keys in zip(filters, read, strict=True)])
        mask = self._masks.get(key)
        if mask is None:
            mask = self._masks[key] = text_mask(filters, self.fleet, request, options)
        self._masks.move_to_end(key)
        while len(self._masks) > max(2, self.budget_bytes // len(mask)):
            self._masks.popitem(last=False)
        return mask
