"""AggregateCoreFilter: enough vCPUs are free under its aggregates' allocation ratio.

The rule is that of nova.scheduler.filters.core_filter up to nova 21: later novas leave it to placement's VCPU.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_columns import aggregate_column
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    columns = facts.fleet.columns
    total, used = int(columns["vcpu_total"][facts.row]), int(columns["vcpus_used"][facts.row])
    ratio = float(aggregate_column(facts.fleet, "aggregate_cpu_allocation_ratio", options)[facts.row])
    vcpus = request.flavor.vcpus
    if vcpus > total:
        return f"{vcpus} vCPUs in all, not {total}: an instance is not overcommitted against itself"
    return f"{vcpus - (total * ratio - used):g} more vCPUs free ({used} of {total} * {ratio:g} in use)"


@column_filter(
    "AggregateCoreFilter",
    reason="not enough vCPUs free under its aggregates' allocation ratio",
    change=_change,
    removed_in=22,
)
def aggregate_core(vcpu_total: int, vcpus_used: int, aggregate_cpu_allocation_ratio: float, flavor_vcpus: int) -> bool:
    """Return whether the vCPUs fit into total * ratio - used, and into the total, as no instance overcommits itself.

    A host that reports no vCPUs passes, and one whose limit is not above 0 is asked for what is left alone.
    The ratio is the least cpu_allocation_ratio of the host's aggregates, its own where they name none.
    """
    limit = vcpu_total * aggregate_cpu_allocation_ratio
    fits_alone = limit <= 0 or flavor_vcpus <= vcpu_total
    return vcpu_total == 0 or (fits_alone and limit - vcpus_used >= flavor_vcpus)
