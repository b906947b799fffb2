"""NumInstancesWeigher: spreads or packs by number of instances, when given a multiplier.

The rule is that of nova.scheduler.weights.num_instances.
"""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("NumInstancesWeigher", multiplier="num_instances_weight_multiplier")
def num_instances(num_instances: int) -> int:
    """Return the instances on the host."""
    return num_instances
