"""Which networks and ports a new server gets: they exist, the project may use them, and its quota has room."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from engine.boot.api.cloud_errors import worded
from engine.boot.api.create_body import NetworkBody
from engine.boot.api.recent_answers import RecentAnswers
from engine.boot.messages import Caller
from engine.boot.openstack import Clouds
from engine.boot.openstack.errors import CloudNotFound
from engine.rest.access import Access
from engine.rest.errors import BadRequest, Conflict, Forbidden

Requested: TypeAlias = dict[str, Any]
"""As the record has it: ``network_id``, ``port_id``, ``fixed_ip``, ``tag``."""


async def check_networks(
    clouds: Clouds,
    recent: RecentAnswers,
    who: Caller,
    access: Access,
    asked: Sequence[NetworkBody] | Literal["auto", "none"] | None,
    *,
    least: int,
    most: int,
) -> tuple[list[Requested], int]:
    """Return the requested networks of each server, and how many servers, ``most`` or fewer, the port quota allows.

    Raises BadRequest, Conflict or Forbidden, in nova's words.
    """
    if asked == "none":
        return [], most
    if asked in (None, "auto") or not asked:
        quota, networks = await asyncio.gather(_ports_left(clouds, recent, who), _usable(clouds, who))
        if len(networks) > 1:
            raise Conflict("Multiple possible networks found, use a Network ID to be more specific.")
        requested = [_requested(network_id=network["id"]) for network in networks]
        return requested, _within(quota, len(requested), least, most)
    assert not isinstance(asked, str)
    for entry in asked:
        _check_entry(entry, most)
    wanted = sorted({entry.uuid for entry in asked if entry.uuid and not entry.port})
    ports = [entry.port for entry in asked if entry.port]
    if len(set(ports)) < len(ports):
        raise BadRequest("Duplicate port: a port can be given once only.")
    new_ports = sum(1 for entry in asked if not entry.port)
    found = await asyncio.gather(
        _ports_left(clouds, recent, who) if new_ports else _unlimited(),
        _named(clouds, recent, who, access, wanted),
        *(_given_port(clouds, who, port) for port in ports),
        *(_address_is_free(clouds, who, entry) for entry in asked if entry.fixed_ip and not entry.port),
    )
    requested = [
        _requested(
            network_id="" if entry.port else entry.uuid or "",
            port_id=entry.port or "",
            fixed_ip="" if entry.port else entry.fixed_ip or "",
            tag=entry.tag or "",
        )
        for entry in asked
    ]
    quota = found[0]
    return requested, _within(quota, new_ports, least, most)


def _check_entry(entry: NetworkBody, most: int) -> None:
    """Refuse an entry that names nothing, or what several servers cannot share."""
    if not entry.port and not entry.uuid:
        raise BadRequest("Invalid input for field/attribute networks. Each must have a 'uuid' or a 'port'.")
    if entry.port and entry.fixed_ip:
        raise BadRequest(
            f"Specified Fixed IP '{entry.fixed_ip}' cannot be used with port '{entry.port}': the two cannot be "
            "specified together."
        )
    if most > 1 and entry.port:
        raise BadRequest(
            "Unable to launch multiple instances with a single configured port ID. "
            "Please launch your instance one by one with different ports."
        )
    if most > 1 and entry.fixed_ip:
        raise BadRequest("max_count cannot be greater than 1 if an fixed_ip is specified.")


async def _named(clouds: Clouds, recent: RecentAnswers, who: Caller, access: Access, wanted: Sequence[str]) -> None:
    """Refuse networks that the caller cannot see, that have no subnet, or that are external and not the project's."""
    if not wanted:
        return
    with worded(CloudNotFound, BadRequest(f"Network {', '.join(wanted)} could not be found.")):
        asked = ("networks", tuple(wanted), who.token)
        networks = await recent.get(asked, lambda: clouds.networks.list_networks(who, id=list(wanted)))
    known = {network["id"]: network for network in networks}
    missing = [network_id for network_id in wanted if network_id not in known]
    if missing:
        raise BadRequest(f"Network {', '.join(missing)} could not be found.")
    for network_id in wanted:
        network = known[network_id]
        if not network.get("subnets"):
            raise BadRequest(f"Network {network_id} requires a subnet in order to boot instances on.")
        if network.get("router:external") and not network.get("shared") and not access.is_admin:
            raise Forbidden(f"It is not allowed to create an interface on external network {network_id}")


async def _usable(clouds: Clouds, who: Caller) -> list[dict[str, Any]]:
    """Return the networks that servers of the project may be on when none is named."""
    with worded(CloudNotFound, BadRequest("Networks could not be found.")):
        networks = await clouds.networks.list_networks(who)
    own = [network for network in networks if network.get("project_id", network.get("tenant_id")) == who.project_id]
    shared = [network for network in networks if network.get("shared") and network not in own]
    return [network for network in own + shared if network.get("subnets") and not network.get("router:external")]


async def _given_port(clouds: Clouds, who: Caller, port_id: str) -> None:
    """Refuse a port that does not exist, is in use, or has no address."""
    with worded(CloudNotFound, BadRequest(f"Port id {port_id} could not be found.")):
        port = await clouds.networks.get_port(who, port_id)
    if port.get("device_id"):
        raise Conflict(f"Port {port_id} is still in use.")
    if not port.get("fixed_ips"):
        raise BadRequest(f"Port {port_id} requires a FixedIP in order to be used.")


async def _address_is_free(clouds: Clouds, who: Caller, entry: NetworkBody) -> None:
    """Refuse an address that a port which the caller can see has already."""
    with worded(CloudNotFound, BadRequest(f"Network {entry.uuid} could not be found.")):
        ports = await clouds.networks.list_ports(who, network_id=entry.uuid, fixed_ips=f"ip_address={entry.fixed_ip}")
    for port in ports:
        if any(fixed.get("ip_address") == entry.fixed_ip for fixed in port.get("fixed_ips", ())):
            raise BadRequest(
                f"Fixed IP {entry.fixed_ip} is already in use on instance {port.get('device_id') or 'of another port'}."
            )


async def _ports_left(clouds: Clouds, recent: RecentAnswers, who: Caller) -> int | None:
    """Return how many more ports the project may have; None: any number.

    A recent answer serves as a hint: the network service itself holds the quota when the ports are made.
    """
    with worded(CloudNotFound, BadRequest("The quota of ports could not be found.")):
        asked = ("ports left", who.project_id, who.token)
        return await recent.get(asked, lambda: clouds.networks.port_quota_left(who, who.project_id))


async def _unlimited() -> None:
    """Return what a quota without limit is, for a request that makes no port."""


def _within(quota: int | None, ports_each: int, least: int, most: int) -> int:
    """Return how many servers a port quota allows; raise Forbidden when those are too few."""
    if quota is None or ports_each == 0:
        return most
    allowed = min(most, quota // ports_each)
    if allowed < least:
        raise Forbidden("Maximum number of ports exceeded")
    return allowed


def _requested(*, network_id: str = "", port_id: str = "", fixed_ip: str = "", tag: str = "") -> Requested:
    return {"network_id": network_id, "port_id": port_id, "fixed_ip": fixed_ip, "tag": tag}
