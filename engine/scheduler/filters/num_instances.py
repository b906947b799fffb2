"""NumInstancesFilter: the host runs fewer instances than it may (nova.scheduler.filters.num_instances_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    return (
        f"fewer than {options.max_instances_per_host} instances, not {facts.fleet.columns['num_instances'][facts.row]}"
    )


@column_filter("NumInstancesFilter", reason="as many instances as it may run", change=_change)
def num_instances(num_instances: int, max_instances_per_host: int) -> bool:
    """Return whether fewer than max_instances_per_host instances run."""
    return num_instances < max_instances_per_host
