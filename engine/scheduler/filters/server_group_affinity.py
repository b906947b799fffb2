"""ServerGroupAffinityFilter: the group's host, once it has one (nova.scheduler.filters.affinity_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.registry import sparse_filter
from engine.scheduler.sparse import EVERYTHING, Only, SelectionContext, Verdict


@sparse_filter("ServerGroupAffinityFilter", reason="not where the affinity group is")
def server_group_affinity(request: RequestSpec, context: SelectionContext) -> Verdict:
    """Return the rows of the group's hosts, or every row while the group has none.

    Hosts that the fleet does not have count too: a group that has no others fits nowhere.
    """
    group = context.group
    if group is None or group.policy != "affinity" or not group.has_hosts:
        return EVERYTHING
    return Only(frozenset(group.host_rows))
