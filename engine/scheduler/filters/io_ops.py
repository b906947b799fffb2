"""IoOpsFilter: not too many builds, resizes and snapshots are going on (nova.scheduler.filters.io_ops_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    in_progress = facts.fleet.columns["num_io_ops"][facts.row]
    return f"fewer than {options.max_io_ops_per_host} operations in progress, not {in_progress}"


@column_filter("IoOpsFilter", reason="too many I/O-heavy operations in progress", change=_change)
def io_ops(num_io_ops: int, max_io_ops_per_host: int) -> bool:
    """Return whether fewer operations than max_io_ops_per_host are in progress."""
    return num_io_ops < max_io_ops_per_host
