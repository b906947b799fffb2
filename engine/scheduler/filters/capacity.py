"""CapacityFilter: enough of every class is left (placement, used + amount <= (total - reserved) * ratio)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import column_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.translate import requested_amounts

_CLASSES = (("vcpu_free", "vCPUs"), ("memory_mb_free", "MiB of memory"), ("disk_gb_free", "GiB of disk"))


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    amounts = requested_amounts(request)
    free = [int(facts.fleet.columns[column][facts.row]) for column, _ in _CLASSES]
    return ", ".join(
        f"{amount - left} more {unit} free ({left} of the {amount} asked for)"
        for amount, left, (_, unit) in zip(amounts[:3], free, _CLASSES, strict=True)
        if amount and left < amount
    )


@column_filter("CapacityFilter", reason="not enough vCPUs, memory or disk left", once_per_request=True, change=_change)
def capacity(
    vcpu_free: int,
    memory_mb_free: int,
    disk_gb_free: int,
    requested_vcpu: int,
    requested_memory_mb: int,
    requested_disk_gb: int,
) -> bool:
    """Return whether what is asked of each class still fits.

    A class that is not asked for never stops a host, even an overfull one.
    """
    return (
        (requested_vcpu == 0 or vcpu_free >= requested_vcpu)
        and (requested_memory_mb == 0 or memory_mb_free >= requested_memory_mb)
        and (requested_disk_gb == 0 or disk_gb_free >= requested_disk_gb)
    )
