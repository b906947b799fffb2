"""AggregateIoOpsFilter: fewer operations are in progress than the host's aggregates allow.

The rule is that of nova.scheduler.filters.io_ops_filter.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_columns import aggregate_column
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    limit = aggregate_column(facts.fleet, "aggregate_max_io_ops_per_host", options)[facts.row]
    return f"fewer than {limit} operations in progress, not {facts.fleet.columns['num_io_ops'][facts.row]}"


@column_filter(
    "AggregateIoOpsFilter", reason="too many I/O-heavy operations in progress for its aggregates", change=_change
)
def aggregate_io_ops(num_io_ops: int, aggregate_max_io_ops_per_host: int) -> bool:
    """Return whether fewer operations are in progress than the least max_io_ops_per_host of the host's aggregates.

    The option stands in where they name none, or one that is no whole number.
    """
    return num_io_ops < aggregate_max_io_ops_per_host
