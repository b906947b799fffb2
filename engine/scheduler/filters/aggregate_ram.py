"""AggregateRamFilter: enough memory is free under its aggregates' allocation ratio.

The rule is that of nova.scheduler.filters.ram_filter up to nova 21: later novas leave it to placement's MEMORY_MB.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_columns import aggregate_column
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    columns = facts.fleet.columns
    total, free = int(columns["memory_mb_total"][facts.row]), int(columns["free_ram_mb"][facts.row])
    ratio = float(aggregate_column(facts.fleet, "aggregate_ram_allocation_ratio", options)[facts.row])
    memory_mb = request.flavor.memory_mb
    if memory_mb > total:
        return f"{memory_mb} MiB of memory in all, not {total}: an instance is not overcommitted against itself"
    short = memory_mb - (total * ratio - (total - free))
    return f"{short:g} more MiB of memory free ({total - free} of {total} * {ratio:g} in use)"


@column_filter(
    "AggregateRamFilter",
    reason="not enough memory free under its aggregates' allocation ratio",
    change=_change,
    removed_in=22,
)
def aggregate_ram(
    memory_mb_total: int, free_ram_mb: int, aggregate_ram_allocation_ratio: float, flavor_memory_mb: int
) -> bool:
    """Return whether the memory fits into total * ratio - used, and into the total.

    The ratio is the least ram_allocation_ratio of the host's aggregates, its own where they name none.
    """
    usable = memory_mb_total * aggregate_ram_allocation_ratio - (memory_mb_total - free_ram_mb)
    return flavor_memory_mb <= memory_mb_total and usable >= flavor_memory_mb
