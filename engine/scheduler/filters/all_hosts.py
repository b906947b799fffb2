"""AllHostsFilter: every host (nova.scheduler.filters.all_hosts_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


@text_filter("AllHostsFilter", reason="no host fails it", reads=(), request_key=None, once_per_request=True)
def all_hosts(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return True."""
    return True
