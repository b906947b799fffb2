"""RAMWeigher: prefers hosts with more memory free (nova.scheduler.weights.ram)."""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("RAMWeigher", multiplier="ram_weight_multiplier", minval=0.0)
def ram(free_ram_mb: int) -> int:
    """Return the MiB of memory free, without the allocation ratio."""
    return free_ram_mb
