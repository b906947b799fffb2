"""The best of the hosts that pass a request's filters, with their weights and what each weigher says of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scheduler.chain import MultiplierOverrides, multiplier_overrides
from engine.scheduler.extra import extra_values
from engine.scheduler.inquiry import Inquiry
from engine.scheduler.judgement import Judgement

Rows = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BestSurvivors:
    """Rows and weights, best first and of equals the first row first; ``raws`` is float64[best, weighers].

    ``ranges`` float64[2, weighers] is each weigher's range over all survivors.
    """

    rows: Rows
    weights: _Floats
    raws: _Floats
    ranges: _Floats
    overrides: MultiplierOverrides


def best_survivors(inquiry: Inquiry, judged: Judgement, limit: int) -> BestSurvivors:
    """Return the ``limit`` best of the hosts that passed; raise FilterFault where nova's weigher would raise."""
    chain, fleet, context = inquiry.chain, inquiry.fleet, inquiry.context
    overrides = multiplier_overrides(chain, fleet)
    request = inquiry.demand.request
    speaks = context.group is not None or chain.weighs_arrays(request)
    if speaks or (overrides.any and not np.isfinite(overrides.by_membership).all()):
        # weighers without a kernel, or weights that may be no number: every host is weighed
        return _of_all(inquiry, judged, limit, overrides)
    rows = np.zeros(min(limit, judged.passed), dtype=np.int64)
    weights = np.zeros(len(rows), dtype=np.float64)
    raws = np.zeros((len(rows), len(chain.weighers)), dtype=np.float64)
    ranges = np.empty((2, len(chain.weighers)), dtype=np.float64)
    chain.explanation_kernels.weigh_best(
        np.array([inquiry.demand.amounts], dtype=np.int64),
        chain.option_values,
        judged.mask,
        judged.passed,
        chain.multipliers,
        overrides.overridden,
        overrides.by_membership,
        fleet.arrays["membership"],
        ranges,
        rows,
        weights,
        raws,
        *(chain.column(fleet, name) for name in chain.weighed_columns),
    )
    return BestSurvivors(rows, weights, raws, ranges, overrides)


def _of_all(inquiry: Inquiry, judged: Judgement, limit: int, overrides: MultiplierOverrides) -> BestSurvivors:
    chain, fleet = inquiry.chain, inquiry.fleet
    survivors = np.flatnonzero(judged.mask)
    extra = extra_values(chain, inquiry.demand.request, inquiry.context, survivors, overrides)
    disabled = np.zeros(len(chain.column_filters), dtype=np.bool_)
    weighing = chain.weigh(fleet, judged.mask, inquiry.demand.amounts, disabled, overrides, extra)
    rows = survivors[np.argsort(-weighing.weights[survivors], kind="stable")[:limit]]
    raws = np.zeros((len(rows), len(chain.weighers)), dtype=np.float64)
    columns = [chain.column(fleet, name) for name in chain.weighed_columns]
    shapes = np.array([inquiry.demand.amounts], dtype=np.int64)
    chain.explanation_kernels.raws_of_rows(shapes, chain.option_values, rows, raws, *columns)
    raws[:, list(chain.extra_weighers)] = extra[:, rows].T
    return BestSurvivors(rows, weighing.weights[rows], raws, weighing.ranges, overrides)
