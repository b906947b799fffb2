"""One filter asked alone about some hosts, whatever its kind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.scheduler.inquiry import Inquiry
from engine.scheduler.registry import Filter
from engine.scheduler.sparse import Only
from engine.scheduler.static_mask import passes_text_filter

Rows = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint32]


def passes_filter(
    plugin: Filter, inquiry: Inquiry, rows: Rows, bits: Bits, *, fault_fails: bool = False
) -> npt.NDArray[np.bool_]:
    """Return, for each of ``rows``, whether the host passes ``plugin``, one of the chain's filters.

    ``bits`` are ``chain.verdicts`` for the demand; only column filters read them. Where nova's filter would raise,
    FilterFault is raised, or the host fails if ``fault_fails``.
    """
    exempt = inquiry.exempt(plugin)
    if isinstance(exempt, bool):
        return np.ones(len(rows), dtype=np.bool_) if exempt else _passes(plugin, inquiry, rows, bits, fault_fails)
    passes = exempt[rows]
    passes[~passes] = _passes(plugin, inquiry, rows[~passes], bits, fault_fails)
    return passes


def _passes(plugin: Filter, inquiry: Inquiry, rows: Rows, bits: Bits, fault_fails: bool) -> npt.NDArray[np.bool_]:
    chain, request = inquiry.chain, inquiry.demand.request
    if plugin.kind == "column":
        rejected = (bits[rows] >> np.uint32(chain.column_filters.index(plugin))) & 1
        return np.asarray(rejected == 0)
    if plugin.kind == "text":
        return passes_text_filter(plugin, inquiry.fleet, rows, request, chain.options, fault_fails=fault_fails)
    if plugin.kind == "state":
        return inquiry.verdicts.passes(inquiry.fit, plugin, rows, fault_fails=fault_fails)
    verdict = plugin.body(request, inquiry.context)
    named = np.isin(rows, np.fromiter(verdict.rows, dtype=np.int64, count=len(verdict.rows)))
    return named if isinstance(verdict, Only) else ~named
