"""The state of a server group for one request: where its members are now."""

from __future__ import annotations

from engine.inventory.fleet import Fleet
from engine.model.server_group import ServerGroup
from engine.scheduler.sparse import GroupState
from engine.service.book import AllocationBook
from engine.service.convert import consumer_bytes


def group_state(group: ServerGroup, book: AllocationBook, fleet: Fleet) -> GroupState:
    """Return how many members each row holds.

    Members are the instances placed into the group, and those of the uuids it was given that hold something. The hosts
    it was given are hosts of the group besides, also those that are not of this fleet.
    """
    counts = book.group_counts(group.uuid)
    for uuid in group.members:
        entry = book.find(consumer_bytes(uuid, "member_uuids"))
        if entry is not None and entry.held and book.owners[entry.owner].instance_group != group.uuid:
            counts[entry.row] = counts.get(entry.row, 0) + 1
    named = [fleet.find(host_id) for host_id in group.hosts]
    rows = set(counts) | {row for row in named if row is not None}
    return GroupState(
        group.policy, group.max_server_per_host, counts, rows, has_hosts_elsewhere=any(row is None for row in named)
    )
