"""Which hosts pass a request's text filters: one call of a filter for each combination of the facts it reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.inventory.fact_groups import distinct
from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import Filter
from engine.scheduler.request_facts import ATTRIBUTE_COLUMNS, PROFILE_ATTRIBUTES, ROW_ATTRIBUTES, RequestFacts


def text_mask(
    filters: Iterable[Filter],
    fleet: Fleet,
    request: RequestSpec,
    options: SchedulerOptions,
    rows: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.uint8]:
    """Return uint8 a row: 1 for those of ``rows`` (every host by default) that pass every text filter.

    Each filter is tried on what the one before left.
    """
    mask = np.zeros(len(fleet.columns["present"]), dtype=np.uint8)
    left = fleet.present_rows() if rows is None else rows
    for plugin in filters:
        if plugin.kind == "text":
            left = left[passes_text_filter(plugin, fleet, left, request, options)]
    mask[left] = 1
    return mask


def passes_text_filter(
    plugin: Filter,
    fleet: Fleet,
    rows: npt.NDArray[np.int64],
    request: RequestSpec,
    options: SchedulerOptions,
    *,
    fault_fails: bool = False,
) -> npt.NDArray[np.bool_]:
    """Return, for each of ``rows``, whether the host passes.

    A host about which the filter cannot say fails it; with nova_quirks, where nova's filter would raise, FilterFault is
    raised unless ``fault_fails``.
    """
    if not len(rows):
        return np.empty(0, dtype=np.bool_)
    keys: list[npt.NDArray[Any]] = [fleet.columns[group][rows] for group in plugin.reads]
    if plugin.hosts is not None:
        named = [row for name in plugin.hosts(options) if (row := fleet.find(name)) is not None]
        keys.append(np.where(np.isin(rows, named), rows, -1))
    for name in sorted(_beyond_profile(plugin, request)):
        if name in ROW_ATTRIBUTES:
            keys.append(rows)
        elif name in ATTRIBUTE_COLUMNS:
            keys.append(fleet.columns[ATTRIBUTE_COLUMNS[name]][rows])
    first, codes = distinct(keys, len(rows))
    verdicts = np.empty(len(first), dtype=np.bool_)
    # in the hosts' order, so that where several hosts have no answer the fault is that of the first, as in nova
    for number in np.argsort(first).tolist():
        index = int(first[number])
        try:
            verdicts[number] = plugin.body(RequestFacts(fleet, int(rows[index])), request, options)
        except FilterFault:
            if options.nova_quirks and not fault_fails:
                raise
            verdicts[number] = False
    return verdicts[codes]


def depends_on_usage(plugin: Filter, request: RequestSpec) -> bool:
    """True when a text filter's verdict may change with usage, so that it must not be kept."""
    return bool(_beyond_profile(plugin, request))


def _beyond_profile(plugin: Filter, request: RequestSpec) -> frozenset[str]:
    """Return the attributes that a text filter reads for this request beyond those that the profile decides."""
    if plugin.attributes is None:
        return frozenset()
    return plugin.attributes(request) - PROFILE_ATTRIBUTES
