"""AggregateDiskFilter: enough disk is free under its aggregates' allocation ratio.

The rule is that of nova.scheduler.filters.disk_filter up to nova 21: later novas leave it to placement's DISK_GB.
"""

from __future__ import annotations

from engine.inventory.usage import flavor_amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_columns import aggregate_column
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    columns = facts.fleet.columns
    total, free = int(columns["disk_gb_total"][facts.row]), int(columns["free_disk_gb"][facts.row])
    ratio = float(aggregate_column(facts.fleet, "aggregate_disk_allocation_ratio", options)[facts.row])
    amounts = flavor_amounts(request.flavor, is_bfv=request.is_bfv)
    disk_gb = max(amounts.requested_disk_gb, amounts.flavor_disk_gb)
    if disk_gb > total:
        return f"{disk_gb} GiB of disk in all, not {total}: an instance is not overcommitted against itself"
    short = disk_gb - (total * ratio - (total - free))
    return f"{short:g} more GiB of disk free ({total - free} of {total} * {ratio:g} in use)"


@column_filter(
    "AggregateDiskFilter",
    reason="not enough disk free under its aggregates' allocation ratio",
    change=_change,
    removed_in=22,
)
def aggregate_disk(
    disk_gb_total: int,
    free_disk_gb: int,
    aggregate_disk_allocation_ratio: float,
    requested_disk_gb: int,
    flavor_disk_gb: int,
) -> bool:
    """Return whether root, ephemeral and swap disk fit into total * ratio - used, and into the total.

    Berth counts disk in whole GiB, swap rounded up to them; the root disk counts for an instance on a volume too.
    The ratio is the least disk_allocation_ratio of the host's aggregates, its own where they name none.
    """
    disk_gb = max(requested_disk_gb, flavor_disk_gb)
    usable = disk_gb_total * aggregate_disk_allocation_ratio - (disk_gb_total - free_disk_gb)
    return disk_gb <= disk_gb_total and usable >= disk_gb
