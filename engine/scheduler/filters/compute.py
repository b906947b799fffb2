"""ComputeFilter: the compute service is enabled and its heartbeat recent (nova.scheduler.filters.compute_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    columns = facts.fleet.columns
    if columns["service_disabled"][facts.row]:
        return facts.enabling
    if columns["service_forced_down"][facts.row]:
        return "the compute service no longer forced down"
    return f"a heartbeat of the compute service within {options.service_down_time} s"


@column_filter("ComputeFilter", reason="the compute service is disabled or down", once_per_request=True, change=_change)
def compute(service_up: int) -> bool:
    """Return whether the service counts as up; the table keeps the column at its clock (see inventory.services)."""
    return service_up != 0
