"""CPUWeigher: prefers hosts with more vCPUs free (nova.scheduler.weights.cpu)."""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("CPUWeigher", multiplier="cpu_weight_multiplier", minval=0.0)
def cpu(cpu_free: float) -> float:
    """Return the vCPUs left under the allocation ratio."""
    return cpu_free
