"""ServerGroupSoftAntiAffinityWeigher: prefers hosts with fewer group members (nova.scheduler.weights.affinity)."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.request_spec import RequestSpec
from engine.scheduler.registry import sparse_weigher
from engine.scheduler.sparse import SelectionContext


def _asks(request: RequestSpec) -> bool:
    return bool(request.instance_group)


@sparse_weigher("ServerGroupSoftAntiAffinityWeigher", multiplier="soft_anti_affinity_weight_multiplier", applies=_asks)
def server_group_soft_anti_affinity(request: RequestSpec, context: SelectionContext) -> Mapping[int, float]:
    """Return minus the number of members on each row that holds any."""
    group = context.group
    if group is None or group.policy != "soft-anti-affinity":
        return {}
    return {row: -float(members) for row, members in group.member_counts.items()}
