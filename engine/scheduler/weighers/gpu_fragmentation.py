"""GpuFragmentationWeigher: prefers hosts whose GPUs an instance fragments the least; Berth's own.

Fragmentation gradient descent of Weng et al. (USENIX ATC'23, "Beware of Fragmentation"): what a host has free of its
GPUs is fragmented as far as typical requests cannot use it, and the host is best of which that grows the least.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.model.request_spec import RequestSpec
from engine.scheduler.fragmentation import FragmentationScores
from engine.scheduler.gpu_shares import GpuShares
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import array_weigher
from engine.scheduler.sparse import SelectionContext


def _configured(options: SchedulerOptions) -> bool:
    return bool(options.gpu_typical_requests)


@array_weigher(
    "GpuFragmentationWeigher",
    multiplier="gpu_fragmentation_weight_multiplier",
    configured=_configured,
    of_nova=False,
)
def gpu_fragmentation(
    request: RequestSpec,
    context: SelectionContext,
    options: SchedulerOptions,
    rows: npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return for each host how little the instance would fragment it, a whole number from 0 to 100."""
    shares = GpuShares.of(context, options)
    key = ("GPU fragmentation", options.gpu_resource_class, options.gpu_typical_requests)
    scores = context.kept.get(key)
    if scores is None:
        scores = context.kept[key] = FragmentationScores(shares, options.gpu_typical_requests)
    found: npt.NDArray[np.float64] = scores.of(context.fleet, shares.ask(request, context.fleet, options), rows)
    return found
