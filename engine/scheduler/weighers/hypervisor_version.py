"""HypervisorVersionWeigher: prefers hosts with a newer hypervisor (nova.scheduler.weights.hypervisor_version)."""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("HypervisorVersionWeigher", multiplier="hypervisor_version_weight_multiplier")
def hypervisor_version(hypervisor_version: int) -> int:
    """Return the hypervisor's version number."""
    return hypervisor_version
