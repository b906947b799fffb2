"""GpuBestFitWeigher: prefers hosts that have the least CPU and GPU left once the instance is there; Berth's own.

It is the BestFit that Weng et al. (USENIX ATC'23, "Beware of Fragmentation") compare theirs with: what is left of each
resource is a part of what the largest host has, each counts half, and the score is a whole number from 0 to 100.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.model.request_spec import RequestSpec
from engine.scheduler.gpu_shares import GpuShares
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import array_weigher
from engine.scheduler.sparse import SelectionContext


@array_weigher("GpuBestFitWeigher", multiplier="gpu_best_fit_weight_multiplier", of_nova=False)
def gpu_best_fit(
    request: RequestSpec,
    context: SelectionContext,
    options: SchedulerOptions,
    rows: npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return for each host how little of it would be left, from 0 to 100."""
    fleet = context.fleet
    shares = GpuShares.of(context, options)
    ask, largest = shares.ask(request, fleet, options), shares.largest(fleet)
    vcpus = fleet.columns["vcpu_free"][rows] - float(ask.vcpus)
    gpu = shares.free(fleet, rows).sum(axis=1, dtype=np.int64) - float(sum(ask.amounts))
    left = vcpus / max(largest.vcpus, 1.0) * 0.5 + gpu / max(largest.host_gpu, 1) * 0.5
    return np.asarray(np.trunc((1.0 - left) * 100.0))
