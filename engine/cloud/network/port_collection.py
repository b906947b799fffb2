"""Ports as they are read: their attributes, who sees them, and the filters of their own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select

from engine.cloud.network.binding import vif_details_of
from engine.cloud.network.collection import Collection, Document
from engine.cloud.network.policy import is_privileged
from engine.cloud.network.schema import addresses, port_groups, ports
from engine.cloud.network.tags import tag_filters
from engine.rest.access import Access
from engine.rest.errors import BadRequest


def _complete(_: Connection, documents: Sequence[Document]) -> None:
    for document in documents:
        document |= {
            "binding:vif_details": vif_details_of(document["binding:vif_type"]),
            "ip_allocation": "immediate" if document["fixed_ips"] else "none",
        }


def _with_addresses(wanted: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that ``fixed_ips=ip_address=A`` and ``fixed_ips=subnet_id=S`` stand for."""
    held: dict[str, list[str]] = {}
    for text in wanted:
        name, separator, value = text.partition("=")
        if not separator or name not in ("ip_address", "subnet_id"):
            raise BadRequest(
                f"Invalid input for operation: fixed_ips '{text[:100]}' is neither ip_address=A nor subnet_id=S.",
                kind="InvalidInput",
            )
        held.setdefault(name, []).append(value)
    conditions: list[ColumnElement[bool]] = []
    if "subnet_id" in held:
        conditions.append(addresses.c.subnet_id.in_(held["subnet_id"]))
    if "ip_address" in held:
        packed = [_packed(text) for text in held["ip_address"]]
        conditions.append(addresses.c.address.in_([one for one in packed if one is not None]))
    return ports.c.id.in_(select(addresses.c.port_id).where(*conditions))


def _packed(text: str) -> bytes | None:
    try:
        return ipaddress.ip_address(text).packed
    except ValueError:
        return None


def _in_groups(wanted: Sequence[str]) -> ColumnElement[bool]:
    return ports.c.id.in_(select(port_groups.c.port_id).where(port_groups.c.group_id.in_(list(wanted))))


PORTS = Collection(
    plural="ports",
    table=ports,
    columns={
        "id": ports.c.id,
        "name": ports.c.name,
        "network_id": ports.c.network_id,
        "project_id": ports.c.project_id,
        "mac_address": ports.c.mac_address,
        "admin_state_up": ports.c.admin_state_up,
        "status": ports.c.status,
        "device_id": ports.c.device_id,
        "device_owner": ports.c.device_owner,
        "fixed_ips": ports.c.fixed_ips,
        "allowed_address_pairs": ports.c.allowed_address_pairs,
        "extra_dhcp_opts": ports.c.extra_dhcp_opts,
        "security_groups": ports.c.security_groups,
        "description": ports.c.description,
        "binding:vnic_type": ports.c.vnic_type,
        "binding:profile": ports.c.profile,
        "binding:host_id": ports.c.host_id,
        "binding:vif_type": ports.c.vif_type,
        "port_security_enabled": ports.c.port_security_enabled,
        "tags": ports.c.tags,
        "created_at": ports.c.created_at,
        "updated_at": ports.c.updated_at,
        "revision_number": ports.c.revision_number,
    },
    kind="PortNotFound",
    missing="Port {} could not be found.",
    restricted=frozenset({"binding:host_id", "binding:vif_type", "binding:vif_details", "binding:profile"}),
    complete=_complete,
    filters={"fixed_ips": _with_addresses, "security_groups": _in_groups, **tag_filters(ports)},
)


def visible_ports(access: Access) -> ColumnElement[bool] | None:
    """Return the condition for the ports a caller sees: its project's; None: all."""
    return None if is_privileged(access) else ports.c.project_id == access.project_id
