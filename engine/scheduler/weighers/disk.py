"""DiskWeigher: prefers hosts with more disk free (nova.scheduler.weights.disk)."""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("DiskWeigher", multiplier="disk_weight_multiplier", minval=0.0)
def disk(free_disk_gb: int) -> int:
    """Return the GiB of disk free, without the allocation ratio.

    nova weighs MiB, which after division by the largest is the same.
    """
    return free_disk_gb
