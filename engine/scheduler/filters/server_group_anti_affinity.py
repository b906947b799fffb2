"""ServerGroupAntiAffinityFilter: no more members of the group on a host than its rule allows.

The rule is that of nova.scheduler.filters.affinity_filter.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.registry import sparse_filter
from engine.scheduler.sparse import EVERYTHING, AllBut, SelectionContext, Verdict


@sparse_filter("ServerGroupAntiAffinityFilter", reason="holds a member of the anti-affinity group already")
def server_group_anti_affinity(request: RequestSpec, context: SelectionContext) -> Verdict:
    """Return all rows but those with max_server_per_host members; the row where the instance itself is passes."""
    group = context.group
    if group is None or group.policy != "anti-affinity":
        return EVERYTHING
    full = {row for row, members in group.member_counts.items() if members >= group.max_server_per_host}
    return AllBut(frozenset(full - context.own_rows))
