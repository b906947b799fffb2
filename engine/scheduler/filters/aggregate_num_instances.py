"""AggregateNumInstancesFilter: the host runs fewer instances than its aggregates allow.

The rule is that of nova.scheduler.filters.num_instances_filter.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_columns import aggregate_column
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    limit = aggregate_column(facts.fleet, "aggregate_max_instances_per_host", options)[facts.row]
    return f"fewer than {limit} instances, not {facts.fleet.columns['num_instances'][facts.row]}"


@column_filter("AggregateNumInstancesFilter", reason="as many instances as its aggregates allow", change=_change)
def aggregate_num_instances(num_instances: int, aggregate_max_instances_per_host: int) -> bool:
    """Return whether fewer instances run than the least max_instances_per_host of the host's aggregates.

    The option stands in where they name none, or one that is no whole number.
    """
    return num_instances < aggregate_max_instances_per_host
