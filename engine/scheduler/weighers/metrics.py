"""MetricsWeigher: prefers hosts by what their monitors measure, as metrics_weight_setting says.

The rule is that of nova.scheduler.weights.metrics.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import metric_column
from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import array_weigher
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.weight_setting import weight_setting


def _configured(options: SchedulerOptions) -> bool:
    return bool(weight_setting(options.metrics_weight_setting))


def _guard(options: SchedulerOptions) -> str | None:
    # without nova's quirks a host that lacks a required metric is none to choose, instead of the end of the request
    return "MetricsFilter" if options.metrics_required and not options.nova_quirks else None


@array_weigher("MetricsWeigher", multiplier="metrics_weight_multiplier", configured=_configured, guard=_guard)
def metrics(
    request: RequestSpec,
    context: SelectionContext,
    options: SchedulerOptions,
    rows: npt.NDArray[np.int64],
    multipliers: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the sum of each host's metrics times their ratios, or metrics_weight_of_unavailable where one is missing.

    A missing one is passed over where its ratio or the host's multiplier is 0. With nova_quirks FilterFault is raised
    for a host that lacks one while metrics_required; without them MetricsFilter has left it out, or it was forced.
    """
    fleet = context.fleet
    values = np.zeros(len(rows), dtype=np.float64)
    summed = np.ones(len(rows), dtype=np.bool_)
    for name, ratio in weight_setting(options.metrics_weight_setting):
        reported = fleet.reports_metric(name)[rows]
        if options.nova_quirks and options.metrics_required and not reported.all():
            host_id = fleet.identity.host_ids[int(rows[np.argmin(reported)])]
            raise FilterFault(
                f"host {host_id!r} does not report the metric {name!r}, which metrics_required asks of every host",
                nova_exception="ComputeHostMetricNotFound",
                host_id=host_id,
                metric=name,
            )
        given = summed & reported
        if given.any():
            values[given] += fleet.columns[metric_column(name)][rows[given]] * ratio
        unavailable = summed & ~reported & (ratio * multipliers != 0.0)
        values[unavailable] = options.metrics_weight_of_unavailable
        summed &= ~unavailable
    return values
