"""CrossCellWeigher: an instance that may leave its cell stays there if it can (nova.scheduler.weights.cross_cell)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import array_weigher
from engine.scheduler.sparse import SelectionContext


def _asks(request: RequestSpec) -> bool:
    destination = request.requested_destination
    return destination is not None and bool(destination.cell) and destination.allow_cross_cell_move


@array_weigher("CrossCellWeigher", multiplier="cross_cell_move_weight_multiplier", applies=_asks)
def cross_cell(
    request: RequestSpec,
    context: SelectionContext,
    options: SchedulerOptions,
    rows: npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return 1 for hosts of the requested cell and -1 for all others."""
    destination = request.requested_destination
    assert destination is not None
    fleet = context.fleet
    by_profile = np.array([1.0 if item.cell == destination.cell else -1.0 for item in fleet.profiles.values])
    return by_profile[fleet.columns["profile"][rows]]
