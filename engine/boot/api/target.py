"""Where a new server may go: its availability zone, a host that an administrator names, and its scheduler hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.boot.api.create_body import ServerBody
from engine.boot.api.deps import Deps
from engine.boot.api.scheduler_calls import ask
from engine.boot.store.aggregates import ZONE_KEY, list_aggregates
from engine.errors import NotFoundError
from engine.rest.access import Access
from engine.rest.errors import BadRequest
from engine.v1.inventory_pb2 import Host


@dataclass(frozen=True)
class Target:
    """What the request says of where its servers go; empty text stands for nothing said.

    ``force_host``: the zone's host, for which no filter is run; ``requested_host``: one for which they are run.
    """

    zone: str = ""
    force_host: str = ""
    force_node: str = ""
    requested_host: str = ""
    requested_node: str = ""
    group: str = ""
    hints: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return it as the instance's ``scheduling`` has it."""
        named = {
            "force_host": self.force_host,
            "force_node": self.force_node,
            "requested_host": self.requested_host,
            "requested_node": self.requested_node,
            "group": self.group,
        }
        hints = {name: list(values) for name, values in self.hints.items()}
        return {"hints": hints} | {name: value for name, value in named.items() if value}


async def target_of(deps: Deps, access: Access, body: ServerBody, hints: Mapping[str, Sequence[str]]) -> Target:
    """Return the target; raise BadRequest for a zone or host that is not there, Forbidden for what admins may only."""
    zone, _, place = (body.availability_zone or "").partition(":")
    force_host, _, force_node = place.partition(":")
    if place:
        access.require_admin("os_compute_api:servers:create:forced_host")
    if body.host or body.hypervisor_hostname:
        access.require_admin("compute:servers:create:requested_destination")
        if place:
            raise BadRequest("Specifying both an availability zone with a host and a host is not possible.")
    if zone and not await _zone_is_known(deps, zone):
        raise BadRequest("The requested availability zone is not available")
    requested_host, requested_node = body.host or "", body.hypervisor_hostname or ""
    if force_host or force_node:
        host = await _host(deps, force_host, force_node)
        force_host, force_node = host.host_id, force_node and _node(host)
    elif requested_host or requested_node:
        host = await _host(deps, requested_host, requested_node)
        requested_host, requested_node = host.host_id, requested_node and _node(host)
    groups = hints.get("group", ())
    if len(groups) > 1:
        raise BadRequest("Invalid input for field/attribute group. There can be one group only.")
    return Target(
        zone=zone,
        force_host=force_host,
        force_node=force_node,
        requested_host=requested_host,
        requested_node=requested_node,
        group=groups[0] if groups else "",
        hints={name: values for name, values in hints.items() if name != "group"},
    )


async def _zone_is_known(deps: Deps, zone: str) -> bool:
    """Whether hosts are in a zone: by the aggregates here, by default, or as the scheduler knows its hosts."""
    if zone == deps.settings.scheduler.default_availability_zone:
        return True
    aggregates = await deps.store.read(list_aggregates)
    if any(aggregate.zone == zone and aggregate.hosts for aggregate in aggregates):
        return True
    # hosts and aggregates that others told the scheduler of
    page = await ask(deps, deps.scheduler.list_hosts, availability_zone=zone, page_size=1)
    if page.hosts:
        return True
    known = await ask(deps, deps.scheduler.list_aggregates)
    return any(one.host_ids and one.metadata.get(ZONE_KEY) == zone for one in known.aggregates)


async def _host(deps: Deps, host: str, node: str) -> Host:
    """Return the host of a name or, without one, of a node's name; raise BadRequest when there is none."""
    missing = BadRequest(f"Compute host {host or node} could not be found.")
    try:
        found = (await ask(deps, deps.scheduler.get_host, host or node)).host
    except NotFoundError as error:
        raise missing from error
    if node and _node(found) != node:
        raise missing
    return found


def _node(host: Host) -> str:
    return host.nodename or host.host_id
