"""Segments: what carries a network, chosen by an administrator or taken from the tunnel numbers here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from engine.cloud.network.schema import networks
from engine.rest.errors import BadRequest, Conflict

_TUNNELS = ("vxlan", "gre", "geneve")
_MOST_TUNNEL_ID = 2**24 - 1
_MOST_VLAN = 4094
_TUNNEL_MTU = 1450
_PLAIN_MTU = 1500


@dataclass(frozen=True)
class Segment:
    """A network type, the physical network it is on (empty: none), and its number there."""

    network_type: str
    physical_network: str = ""
    segmentation_id: int | None = None

    @property
    def mtu(self) -> int:
        """The largest packet that fits, in bytes, unless the network's maker says another."""
        return _TUNNEL_MTU if self.network_type in _TUNNELS else _PLAIN_MTU


def segment_for(
    connection: Connection, network_type: str | None, physical_network: str | None, segmentation_id: int | None
) -> Segment:
    """Return the segment of a new network: the one that is asked for, or a free tunnel.

    Raises BadRequest for what cannot be and Conflict for what another network has.
    """
    if network_type is None:
        if physical_network or segmentation_id is not None:
            raise _invalid("network_type required")
        return Segment("vxlan", "", _free_number(connection, "vxlan"))
    if network_type in _TUNNELS:
        if physical_network:
            raise _invalid(f"provider:physical_network specified for {network_type} network")
        number = _free_number(connection, network_type) if segmentation_id is None else segmentation_id
        _check_number(number, _MOST_TUNNEL_ID)
        segment = Segment(network_type, "", number)
        taken = Conflict(f"Unable to create the network. The tunnel ID {number} is in use.", kind="TunnelIdInUse")
    elif network_type == "vlan":
        if not physical_network or segmentation_id is None:
            raise _invalid("physical_network and segmentation_id required for VLAN provider network")
        _check_number(segmentation_id, _MOST_VLAN)
        segment = Segment(network_type, physical_network, segmentation_id)
        taken = Conflict(
            f"Unable to create the network. The VLAN {segmentation_id} on physical network {physical_network} is in "
            "use.",
            kind="VlanIdInUse",
        )
    elif network_type == "flat":
        if not physical_network or segmentation_id is not None:
            raise _invalid("physical_network, and no segmentation_id, required for flat provider network")
        segment = Segment(network_type, physical_network)
        taken = Conflict(
            f"Unable to create the flat network. Physical network {physical_network} is in use.",
            kind="FlatNetworkInUse",
        )
    elif network_type == "local":
        if physical_network or segmentation_id is not None:
            raise _invalid("a local network has neither physical_network nor segmentation_id")
        return Segment(network_type)
    else:
        raise _invalid(f"provider:network_type {network_type[:100]!r} is unknown")
    if _is_taken(connection, segment):
        raise taken
    return segment


def _invalid(what: str) -> BadRequest:
    return BadRequest(f"Invalid input for operation: {what}.", kind="InvalidInput")


def _check_number(number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise _invalid(f"segmentation_id out of range (1 through {most})")


def _is_taken(connection: Connection, segment: Segment) -> bool:
    found = connection.execute(
        select(networks.c.id).where(
            networks.c.network_type == segment.network_type,
            networks.c.physical_network == segment.physical_network,
            networks.c.segmentation_id.is_(segment.segmentation_id)
            if segment.segmentation_id is None
            else networks.c.segmentation_id == segment.segmentation_id,
        )
    ).first()
    return found is not None


def _free_number(connection: Connection, network_type: str) -> int:
    """Return the number after the highest, or the lowest gap once the highest is taken."""
    used = select(networks.c.segmentation_id).where(
        networks.c.network_type == network_type, networks.c.physical_network == ""
    )
    highest: int = connection.execute(select(func.max(used.subquery().c.segmentation_id))).scalar() or 0
    if highest < _MOST_TUNNEL_ID:
        return highest + 1
    taken = set(connection.execute(used).scalars())
    free = next((number for number in range(1, _MOST_TUNNEL_ID) if number not in taken), None)
    if free is None:
        raise Conflict(
            "Unable to create the network. No available network found in maximum allowed attempts.",
            kind="NoNetworkAvailable",
        )
    return free
