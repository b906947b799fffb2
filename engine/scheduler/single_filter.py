"""One filter asked alone about some hosts, whatever its kind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.registry import Filter
from engine.scheduler.sparse import Only, SelectionContext
from engine.scheduler.static_mask import passes_text_filter

Bits = npt.NDArray[np.uint32]


def passes_filter(
    plugin: Filter,
    chain: Chain,
    fleet: Fleet,
    rows: npt.NDArray[np.int64],
    request: RequestSpec,
    context: SelectionContext,
    bits: Bits,
    *,
    fault_fails: bool = False,
) -> npt.NDArray[np.bool_]:
    """Return, for each of ``rows``, whether the host passes ``plugin``, one of the chain's filters.

    ``bits`` are ``chain.verdicts`` for the request. Where nova's filter would raise, FilterFault is raised, or the host
    fails if ``fault_fails``.
    """
    if plugin.kind == "column":
        rejected = (bits[rows] >> np.uint32(chain.column_filters.index(plugin))) & 1
        return np.asarray(rejected == 0)
    if plugin.kind == "text":
        return passes_text_filter(plugin, fleet, rows, request, chain.options, fault_fails=fault_fails)
    verdict = plugin.body(request, context)
    named = np.isin(rows, np.fromiter(verdict.rows, dtype=np.int64, count=len(verdict.rows)))
    return named if isinstance(verdict, Only) else ~named
