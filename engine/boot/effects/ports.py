"""The ports of an instance: made or taken, bound to its host, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.boot.effects.errors import (
    BuildAbort,
    PortBindingFailed,
    Reschedule,
    UndoFailed,
    failure_of,
    no_free_address,
)
from engine.boot.effects.together import all_settled
from engine.boot.messages import Caller
from engine.boot.openstack import CallTrace, CloudConflict, CloudError, CloudNotFound, Clouds
from engine.v1 import instance_pb2 as v1

_SEVERAL = "Multiple possible networks found, use a Network ID to be more specific."
_DEFAULT_ZONE = "nova"
_UNBOUND = ("", "unbound")
_REVISED = 412
_BINDING_TRIES = 5


@dataclass(frozen=True)
class _Build:
    """For which instance, for whom and where ports are wanted."""

    clouds: Clouds
    instance: v1.Instance
    who: Caller | None
    host: str
    trace: CallTrace | None

    @property
    def owner(self) -> str:
        """The ports' ``device_owner``: by it the network service knows that nova-api wants their events."""
        return f"compute:{self.instance.availability_zone or _DEFAULT_ZONE}"


async def allocate(
    clouds: Clouds,
    instance: v1.Instance,
    who: Caller | None,
    host: str,
    *,
    resume: bool = False,
    trace: CallTrace | None = None,
) -> list[v1.NetworkInterface]:
    """Return the instance's interfaces in the order asked for, each port made in the user's name and bound to ``host``.

    ``resume``: ports that an interrupted try made are taken over. When one fails, the ports made are deleted and the
    given ones unbound before the failure is raised: PortBindingFailed, another Reschedule, or BuildAbort.
    """
    build = _Build(clouds, instance, who, host, trace)
    try:
        requested = await _requested(build)
        if not requested:
            return []
        found = await _found(build) if resume else []
        groups = await _security_group_ids(build)
        taken = _matched(requested, found)
        await all_settled(clouds.networks.delete_port(port["id"], trace=trace) for port in found)
        return await all_settled(
            _port(build, request, port, groups) for request, port in zip(requested, taken, strict=True)
        )
    except CloudError as error:
        await _roll_back(build)
        raise failure_of("network", error) from error
    except (BuildAbort, PortBindingFailed):
        await _roll_back(build)
        raise
    except (KeyError, TypeError) as error:
        await _roll_back(build)
        raise Reschedule(f"The network service answered in a form that is not neutron's: {error!r}.") from error


async def release(clouds: Clouds, instance: v1.Instance) -> None:
    """Delete the ports that were made for an instance and give the given ones back, as the service user.

    Finds them by the instance's uuid, so that also those count of which no record tells. Raises UndoFailed.
    """
    try:
        ports = await clouds.networks.list_ports(None, device_id=instance.uuid)
    except CloudError as error:
        raise UndoFailed([f"the ports of instance {instance.uuid} could not be listed: {error.message}"]) from error
    given = _given(instance)
    outcomes = await asyncio.gather(
        *(
            clouds.networks.unbind_port(port["id"]) if port["id"] in given else clouds.networks.delete_port(port["id"])
            for port in ports
            if port["id"] in given or _project_of(port) == instance.project_id
        ),
        return_exceptions=True,
    )
    problems = []
    for outcome in outcomes:
        if isinstance(outcome, CloudError):
            problems.append(f"a port of instance {instance.uuid} is left: {outcome.message}")
        elif isinstance(outcome, BaseException):
            raise outcome
    if problems:
        raise UndoFailed(problems)


async def _roll_back(build: _Build) -> None:
    """Undo; what cannot be undone now is found again by whoever undoes the whole build."""
    try:
        await release(build.clouds, build.instance)
    except UndoFailed:
        return


async def _requested(build: _Build) -> Sequence[v1.RequestedNetwork]:
    """Return what was asked for, with the project's only network where none was named."""
    requested = build.instance.requested_networks
    if all(request.network_id or request.port_id for request in requested):
        return requested
    networks = await build.clouds.networks.list_networks(build.who, trace=build.trace)
    if len(networks) > 1:
        raise BuildAbort(_SEVERAL)
    only = [v1.RequestedNetwork(network_id=network["id"]) for network in networks]
    return [named for request in requested for named in ([request] if request.network_id or request.port_id else only)]


async def _found(build: _Build) -> list[dict[str, Any]]:
    """Return the ports that an earlier try made for the instance, but nobody else's that only say so."""
    given = _given(build.instance)
    ports = await build.clouds.networks.list_ports(None, device_id=build.instance.uuid, trace=build.trace)
    return [port for port in ports if port["id"] not in given and _project_of(port) == build.instance.project_id]


def _matched(requested: Sequence[v1.RequestedNetwork], found: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """Return for each request the port that an earlier try made for it, or None; ``found`` keeps what nobody wants."""
    matched: list[dict[str, Any] | None] = [None] * len(requested)
    # who wants a certain address goes first: another request would be content with any
    for position in sorted(range(len(requested)), key=lambda position: not requested[position].fixed_ip):
        request = requested[position]
        port = None if request.port_id else next((port for port in found if _answers(port, request)), None)
        if port is not None:
            found.remove(port)
            matched[position] = port
    return matched


def _answers(port: dict[str, Any], request: v1.RequestedNetwork) -> bool:
    addresses = [address.get("ip_address") for address in port.get("fixed_ips", ())]
    return port.get("network_id") == request.network_id and (not request.fixed_ip or request.fixed_ip in addresses)


async def _security_group_ids(build: _Build) -> list[str]:
    """Return the ids of the groups asked for, by name or id; none when only the default, which ports have anyway."""
    asked = list(dict.fromkeys(build.instance.security_groups))
    if asked in ([], ["default"]):
        return []
    project = build.instance.project_id
    groups = await build.clouds.networks.list_security_groups(
        build.who, fields=["id", "name"], tenant_id=project, trace=build.trace
    )
    ids = []
    for name in asked:
        matching = [group["id"] for group in groups if group["id"] == name]
        matching = matching or [group["id"] for group in groups if group.get("name") == name]
        if not matching:
            raise BuildAbort(f"Security group {name} not found for project {project}.")
        if len(matching) > 1:
            raise BuildAbort(f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
        ids.append(matching[0])
    return list(dict.fromkeys(ids))


async def _port(
    build: _Build, request: v1.RequestedNetwork, taken: dict[str, Any] | None, groups: list[str]
) -> v1.NetworkInterface:
    """Return the interface of one request: its port given, taken over or made, then bound."""
    networks = build.clouds.networks
    if request.port_id:
        port = await _given_port(build, request.port_id)
        network = await networks.remembered_network(None, port["network_id"], trace=build.trace)
    else:
        network = await networks.remembered_network(build.who, request.network_id, trace=build.trace)
        port = taken or await _made_port(build, request, network, groups)
    if not _is_bound(port, build):
        port = await (_bound_given(build, port) if request.port_id else _bound(build, port))
    vif_type = port.get("binding:vif_type") or ""
    if vif_type == "binding_failed":
        raise PortBindingFailed(port["id"])
    return v1.NetworkInterface(
        port_id=port["id"],
        network_id=port["network_id"],
        network_name=network.get("name") or "",
        mac_address=port["mac_address"],
        addresses=[
            v1.FixedAddress(address=address["ip_address"], subnet_id=address.get("subnet_id") or "")
            for address in port.get("fixed_ips", ())
        ],
        vif_type=vif_type,
        mtu=network.get("mtu") or 0,
        preexisting=bool(request.port_id),
        tag=request.tag,
    )


async def _bound(build: _Build, port: dict[str, Any], *, revision: int | None = None) -> dict[str, Any]:
    request_id = build.who.request_id if build.who else ""
    return await build.clouds.networks.bind_port(
        port["id"],
        build.host,
        build.instance.uuid,
        build.owner,
        revision=revision,
        request_id=request_id,
        trace=build.trace,
    )


async def _bound_given(build: _Build, port: dict[str, Any]) -> dict[str, Any]:
    """Bind the user's own port and return it; of several instances that were given it, the first one has it.

    Raises BuildAbort when another has it. A service that counts no revisions cannot tell.
    """
    for _ in range(_BINDING_TRIES):
        try:
            return await _bound(build, port, revision=port.get("revision_number"))
        except CloudError as error:
            if error.status != _REVISED:
                raise
        port = await _given_port(build, port["id"])
        if _is_bound(port, build):
            return port
    raise Reschedule(f"Port {port['id']} changed time and again while it was to be bound.")


def _is_bound(port: dict[str, Any], build: _Build) -> bool:
    """Whether an earlier try bound the port to this host already."""
    return (
        port.get("device_id") == build.instance.uuid
        and port.get("binding:host_id") == build.host
        and port.get("device_owner") == build.owner
        and port.get("binding:vif_type") not in (*_UNBOUND, "binding_failed", None)
    )


async def _given_port(build: _Build, port_id: str) -> dict[str, Any]:
    """Return the user's own port; raise BuildAbort when it is gone or another instance has it."""
    try:
        port = await build.clouds.networks.get_port(build.who, port_id, trace=build.trace)
    except CloudNotFound as error:
        raise BuildAbort(f"Port id {port_id} could not be found.") from error
    if port.get("device_id") not in ("", None, build.instance.uuid):
        raise BuildAbort(f"Port {port_id} is still in use.")
    return port


async def _made_port(
    build: _Build, request: v1.RequestedNetwork, network: dict[str, Any], groups: list[str]
) -> dict[str, Any]:
    """Make a port in the user's name and return it."""
    body: dict[str, Any] = {
        "device_id": build.instance.uuid,
        "network_id": request.network_id,
        "admin_state_up": True,
        "tenant_id": build.instance.project_id,
    }
    if request.fixed_ip:
        body["fixed_ips"] = [{"ip_address": request.fixed_ip}]
    if groups:
        if not network.get("port_security_enabled", True) or not network.get("subnets"):
            raise BuildAbort(
                "Network requires port_security_enabled and subnet associated in order to apply security groups."
            )
        body["security_groups"] = groups
    try:
        return await build.clouds.networks.create_port(build.who, body, trace=build.trace)
    except CloudConflict as error:
        if no_free_address(error):
            raise BuildAbort(
                "Failed to allocate the network(s) with error No fixed IP addresses available for network: "
                f"{request.network_id}, not rescheduling."
            ) from error
        raise


def _given(instance: v1.Instance) -> set[str]:
    """Return the ids of the ports that are the user's own."""
    asked = {request.port_id for request in instance.requested_networks if request.port_id}
    return asked | {interface.port_id for interface in instance.interfaces if interface.preexisting}


def _project_of(port: dict[str, Any]) -> str:
    return port.get("project_id") or port.get("tenant_id") or ""
