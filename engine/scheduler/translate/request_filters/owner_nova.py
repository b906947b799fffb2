"""Owner: providers that nova manages, not those of another service (nova's owner_nova_filter)."""

from __future__ import annotations

from engine.scheduler.translate.request_filters.asked import Added, Asked

OWNER_NOVA = "OWNER_NOVA"


def owner_nova(asked: Asked) -> Added | None:
    """Return that the host and the providers of the PCI devices that aliases ask for have the owner's trait."""
    request = asked.request
    if not asked.options.owner_nova or OWNER_NOVA in request.root_required:
        return None
    owner = frozenset({OWNER_NOVA})
    aliases = {item.request_id for item in request.pci_requests if item.request_id and not item.requester_id}
    suffixes = (group.suffix for group in request.requested_resources)
    return Added(
        root_required=owner,
        group_required={suffix: owner for suffix in suffixes if suffix.rpartition("-")[0] in aliases},
    )
