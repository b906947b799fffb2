"""What becomes of a port: made with all that it holds, changed and bound, and taken away again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from engine.cloud.network.binding import vif_type_for
from engine.cloud.network.collection import Document
from engine.cloud.network.creation import changed_values, check_quota, standard_values
from engine.cloud.network.deps import Deps
from engine.cloud.network.events import forget_events
from engine.cloud.network.fixed_ips import change_all, give_all_back, take_all
from engine.cloud.network.mac import checked_mac, new_mac
from engine.cloud.network.networks import NETWORKS
from engine.cloud.network.plugging import ACTIVE, BINDING_FAILED, DOWN, is_pluggable
from engine.cloud.network.policy import is_privileged, not_allowed, owner_project, require_privileged
from engine.cloud.network.port_bodies import NewPort, PortChange, address_pairs, dhcp_options
from engine.cloud.network.port_collection import PORTS
from engine.cloud.network.port_groups import check_security, checked_groups, set_groups
from engine.cloud.network.schema import networks, ports
from engine.cloud.network.security_groups import default_group
from engine.rest.access import Access

_OF_SERVICES = "network:"
_ADMIN_ONLY = ("host_id", "profile")
_DELETE = delete(ports).where(ports.c.id == bindparam("gone"))
_NETWORK = select(
    networks.c.id,
    networks.c.project_id,
    networks.c.shared,
    networks.c.router_external,
    networks.c.port_security_enabled,
).where(networks.c.id == bindparam("network"))


def waits_for_agent(port: Document) -> bool:
    """Whether a port is one that the agent has yet to plug."""
    return port["status"] == DOWN and _is_pluggable(port)


def _is_pluggable(port: Document) -> bool:
    return is_pluggable(port["binding:vif_type"], port["admin_state_up"], port["device_owner"])


def create_port(connection: Connection, access: Access, wanted: NewPort, deps: Deps) -> Document:
    """Make a port with its MAC, addresses, groups and binding, and return it; raises what neutron raises."""
    require_privileged(access, "create_port", wanted, _ADMIN_ONLY)
    _check_device_owner(access, wanted.device_owner, "create_port")
    network = _usable_network(connection, access, wanted.network_id)
    values: dict[str, Any] = standard_values(owner_project(access, wanted.project_id, wanted.tenant_id))
    project_id, port_id = values["project_id"], values["id"]
    check_quota(connection, "port", project_id, deps.default_quotas)
    if wanted.mac_address is None:
        mac = new_mac(connection, network.id)
    else:
        mac = checked_mac(connection, network.id, wanted.mac_address)
    secured = network.port_security_enabled if wanted.port_security_enabled is None else wanted.port_security_enabled
    if wanted.security_groups is not None:
        groups = checked_groups(connection, access, wanted.security_groups, project_id)
    elif secured and not wanted.device_owner.startswith(_OF_SERVICES):
        groups = [default_group(connection, project_id)]
    else:
        groups = []
    check_security(secured, groups, wanted.allowed_address_pairs)
    host = wanted.host_id or ""
    values |= {
        "name": wanted.name,
        "description": wanted.description,
        "network_id": network.id,
        "mac_address": mac,
        "admin_state_up": wanted.admin_state_up,
        "status": DOWN,
        "device_id": wanted.device_id,
        "device_owner": wanted.device_owner,
        "fixed_ips": take_all(connection, network.id, port_id, mac, wanted.fixed_ips),
        "security_groups": groups,
        "port_security_enabled": secured,
        "allowed_address_pairs": address_pairs(wanted.allowed_address_pairs, mac),
        "extra_dhcp_opts": dhcp_options(wanted.extra_dhcp_opts),
        "host_id": host,
        "vif_type": vif_type_for(host, wanted.vnic_type, deps.faults),
        "vnic_type": wanted.vnic_type,
        "profile": wanted.profile or {},
    }
    connection.execute(ports.insert(), values)
    set_groups(connection, port_id, [], groups)
    return PORTS.written(connection, values)


def change_port(
    connection: Connection, access: Access, found: Document, change: PortChange, deps: Deps
) -> tuple[Document, bool]:
    """Change a port, and return it and whether the agent is to plug it; raises what neutron raises."""
    require_privileged(access, "update_port", change, (*_ADMIN_ONLY, "mac_address"))
    values = _changes(connection, access, found, change)
    binding = _binding(found, values, deps)
    connection.execute(update(ports).where(ports.c.id == found["id"]).values(changed_values(ports, values | binding)))
    changed = PORTS.find(connection, found["id"], None)
    # one that waited before is with the agent already, unless it was bound anew
    waited = waits_for_agent(found) and "vif_type" not in binding
    return changed, waits_for_agent(changed) and not waited


def remove_port(connection: Connection, found: Document) -> None:
    """Delete a port, free what it held, and drop what was still to be told of it."""
    give_all_back(connection, found["network_id"], found["fixed_ips"])
    forget_events(connection, found["id"])
    connection.execute(_DELETE, {"gone": found["id"]})


def _usable_network(connection: Connection, access: Access, network_id: str) -> Any:
    """Return the network of a new port; raise NotFound or Forbidden when the caller may not use it."""
    network = connection.execute(_NETWORK, {"network": network_id}).one_or_none()
    if network is None:
        raise NETWORKS.not_found(network_id)
    if not is_privileged(access) and network.project_id != access.project_id and not network.shared:
        if network.router_external:
            raise not_allowed("create_port")
        raise NETWORKS.not_found(network_id)
    return network


def _check_device_owner(access: Access, device_owner: str, rule: str) -> None:
    if device_owner.startswith(_OF_SERVICES) and not is_privileged(access):
        raise not_allowed(f"{rule}:device_owner")


def _changes(connection: Connection, access: Access, found: Document, change: PortChange) -> dict[str, Any]:
    """Return the columns that a change sets, its addresses and groups already taken; binding is left as asked."""
    values = change.given("fixed_ips", "security_groups", "allowed_address_pairs", "extra_dhcp_opts", "mac_address")
    given = change.model_fields_set
    if values.get("device_owner", found["device_owner"]) != found["device_owner"]:
        _check_device_owner(access, values["device_owner"], "update_port")
    if values.get("port_security_enabled", True) is None:
        del values["port_security_enabled"]
    mac = found["mac_address"]
    if change.mac_address is not None and change.mac_address.lower() != mac:
        mac = checked_mac(connection, found["network_id"], change.mac_address)
        values["mac_address"] = mac
    secured = (found | values)["port_security_enabled"]
    groups = found["security_groups"]
    if "security_groups" in given:
        groups = checked_groups(connection, access, change.security_groups or [], found["project_id"])
        set_groups(connection, found["id"], found["security_groups"], groups)
        values["security_groups"] = groups
    pairs = found["allowed_address_pairs"]
    if "allowed_address_pairs" in given:
        pairs = values["allowed_address_pairs"] = address_pairs(change.allowed_address_pairs, mac)
    check_security(secured, groups, pairs)
    if "extra_dhcp_opts" in given:
        changed = {option.opt_name for option in change.extra_dhcp_opts or ()}
        kept = [option for option in found["extra_dhcp_opts"] if option["opt_name"] not in changed]
        values["extra_dhcp_opts"] = kept + dhcp_options(change.extra_dhcp_opts)
    if change.fixed_ips is not None:
        values["fixed_ips"] = change_all(
            connection, found["network_id"], found["id"], mac, found["fixed_ips"], change.fixed_ips
        )
    return values


def _binding(found: Document, values: dict[str, Any], deps: Deps) -> dict[str, Any]:
    """Return the columns that follow from a change: how the port is bound now, and whether it is down."""
    for name, empty in (("host_id", ""), ("profile", {})):
        if name in values and values[name] is None:
            values[name] = empty
    before = {"host_id": found["binding:host_id"], "vnic_type": found["binding:vnic_type"]}
    after: dict[str, Any] = found | before | values
    host, vnic_type = after["host_id"], after["vnic_type"]
    vif_type = found["binding:vif_type"]
    binding: dict[str, Any] = {}
    moved = (host, vnic_type) != (before["host_id"], before["vnic_type"])
    if moved or ("host_id" in values and vif_type == BINDING_FAILED):
        vif_type = vif_type_for(host, vnic_type, deps.faults)
        binding = {"vif_type": vif_type, "status": DOWN}
    if found["status"] == ACTIVE and not is_pluggable(vif_type, after["admin_state_up"], after["device_owner"]):
        binding["status"] = DOWN
    return binding
