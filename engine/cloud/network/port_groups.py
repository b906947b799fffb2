"""Which security groups a port is in: checked, defaulted, and set."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select

from engine.cloud.network.policy import is_privileged
from engine.cloud.network.schema import port_groups, security_groups
from engine.cloud.network.security_groups import SECURITY_GROUPS
from engine.rest.access import Access
from engine.rest.errors import BadRequest

_LEAVE = delete(port_groups).where(
    port_groups.c.group_id == bindparam("group"), port_groups.c.port_id == bindparam("port")
)


def checked_groups(connection: Connection, access: Access, wanted: Sequence[str], project_id: str) -> list[str]:
    """Return groups without repetitions; raise NotFound for one that neither caller nor port's project has."""
    ids = list(dict.fromkeys(wanted))
    query = select(security_groups.c.id).where(security_groups.c.id.in_(ids))
    if not is_privileged(access):
        query = query.where(security_groups.c.project_id.in_([access.project_id, project_id]))
    found = set(connection.execute(query).scalars())
    for group_id in ids:
        if group_id not in found:
            raise SECURITY_GROUPS.not_found(group_id)
    return ids


def check_security(secured: bool, groups: Sequence[str], pairs: Sequence[object] | None) -> None:
    """Raise BadRequest for groups or address pairs on a port without port security."""
    if secured:
        return
    if groups:
        raise BadRequest(
            "Port security must be enabled and port must have an IP address in order to use security groups.",
            kind="PortSecurityAndIPRequiredForSecurityGroups",
        )
    if pairs:
        raise BadRequest(
            "Port Security must be enabled in order to have allowed address pairs on a port.",
            kind="AddressPairAndPortSecurityRequired",
        )


def set_groups(connection: Connection, port_id: str, before: Sequence[str], after: Sequence[str]) -> None:
    """Record that a port left groups and joined others."""
    left = [{"group": group_id, "port": port_id} for group_id in before if group_id not in after]
    joined = [{"group_id": group_id, "port_id": port_id} for group_id in after if group_id not in before]
    if left:
        connection.execute(_LEAVE, left)
    if joined:
        connection.execute(port_groups.insert(), joined)
