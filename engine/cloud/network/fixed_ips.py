"""The fixed addresses of a port: as asked for by subnet, by address or not at all, taken and changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pydantic import Field
from sqlalchemy import Connection

from engine.cloud.network.allocation import (
    Subnet,
    give_back,
    parsed_address,
    subnets_of,
    take_given,
    take_next,
    take_own,
)
from engine.cloud.network.creation import Attributes
from engine.cloud.network.ranges import address_text
from engine.rest.errors import BadRequest, Conflict

MOST_PER_PORT = 5
Held: TypeAlias = dict[str, str]


class FixedIp(Attributes):
    """An address asked for: of a subnet, a certain one, or a certain one of a subnet."""

    subnet_id: str | None = Field(default=None, max_length=64)
    ip_address: str | None = Field(default=None, max_length=64)


def take_all(
    connection: Connection, network_id: str, port_id: str, mac: str, wanted: Sequence[FixedIp] | None
) -> list[Held]:
    """Return the addresses that a new port was given; ``wanted`` None: one of each IP version its network has.

    Raises BadRequest for what the network's subnets do not have and Conflict for what is taken or used up.
    """
    subnets = subnets_of(connection, network_id)
    if wanted is None:
        return _take_any(connection, network_id, subnets, port_id, mac)
    return _take_wanted(connection, network_id, subnets, port_id, mac, wanted, held=())


def change_all(
    connection: Connection, network_id: str, port_id: str, mac: str, held: Sequence[Held], wanted: Sequence[FixedIp]
) -> list[Held]:
    """Return the addresses of a port that has ``held`` and is to have ``wanted``; what fits both is kept."""
    return _take_wanted(connection, network_id, subnets_of(connection, network_id), port_id, mac, wanted, held)


def give_all_back(connection: Connection, network_id: str, held: Sequence[Held]) -> None:
    """Make the addresses of a port free again."""
    if held:
        by_id = {subnet.id: subnet for subnet in subnets_of(connection, network_id)}
        for one in held:
            give_back(connection, by_id[one["subnet_id"]], one["ip_address"])


def _take_any(connection: Connection, network_id: str, subnets: Sequence[Subnet], port_id: str, mac: str) -> list[Held]:
    taken = []
    for version in (4, 6):
        choices = [subnet for subnet in subnets if subnet.version == version and not subnet.is_automatic]
        for subnet in choices:
            address = take_next(connection, subnet, port_id)
            if address is not None:
                taken.append(_held(subnet, address))
                break
        else:
            if choices:
                raise _used_up(network_id)
    taken += [_held(subnet, take_own(connection, subnet, mac, port_id)) for subnet in subnets if subnet.is_automatic]
    return taken


def _take_wanted(
    connection: Connection,
    network_id: str,
    subnets: Sequence[Subnet],
    port_id: str,
    mac: str,
    wanted: Sequence[FixedIp],
    held: Sequence[Held],
) -> list[Held]:
    if len(wanted) > MOST_PER_PORT:
        raise BadRequest(
            "Invalid input for operation: Exceeded maximum amount of fixed ips per port.", kind="InvalidInput"
        )
    choices = [_choice(subnets, network_id, one) for one in wanted]
    left = list(held)
    result: list[Held | None] = [None] * len(choices)
    # certain addresses first, so that nothing else is given what was asked for by name
    order = sorted(range(len(choices)), key=lambda index: choices[index][1] is None)
    for index in order:
        subnet, address = choices[index]
        text = None if address is None else address_text(address, subnet.version)
        kept = next((one for one in left if one["subnet_id"] == subnet.id and text in (None, one["ip_address"])), None)
        if kept is not None:
            left.remove(kept)
            result[index] = kept
    by_id = {subnet.id: subnet for subnet in subnets}
    for one in left:
        give_back(connection, by_id[one["subnet_id"]], one["ip_address"])
    for index in order:
        if result[index] is None:
            subnet, address = choices[index]
            result[index] = _held(subnet, _take(connection, network_id, subnet, address, port_id, mac))
    return [one for one in result if one is not None]


def _take(connection: Connection, network_id: str, subnet: Subnet, address: int | None, port_id: str, mac: str) -> str:
    if address is not None:
        return take_given(connection, subnet, address, port_id)
    if subnet.is_automatic:
        return take_own(connection, subnet, mac, port_id)
    text = take_next(connection, subnet, port_id)
    if text is None:
        raise _used_up(network_id)
    return text


def _choice(subnets: Sequence[Subnet], network_id: str, wanted: FixedIp) -> tuple[Subnet, int | None]:
    """Return the subnet that a wish means, and the address if it names one; raise BadRequest."""
    if not wanted.subnet_id and not wanted.ip_address:
        raise BadRequest(
            "Invalid input for operation: IP allocation requires subnet_id or ip_address.", kind="InvalidInput"
        )
    named = next((subnet for subnet in subnets if subnet.id == wanted.subnet_id), None)
    if wanted.subnet_id and named is None:
        raise BadRequest(
            f"Invalid input for operation: Failed to create port on network {network_id}, because fixed_ips included "
            f"invalid subnet {wanted.subnet_id}.",
            kind="InvalidInput",
        )
    if not wanted.ip_address:
        assert named is not None
        return named, None
    address, version = parsed_address(wanted.ip_address)
    subnet = named or next((one for one in subnets if one.has(address, version)), None)
    if subnet is None:
        raise BadRequest(
            f"IP address {wanted.ip_address} is not a valid IP for any of the subnets on the specified network.",
            kind="InvalidIpForNetwork",
        )
    if not subnet.has(address, version):
        raise BadRequest(
            f"IP address {wanted.ip_address} is not a valid IP for the specified subnet.", kind="InvalidIpForSubnet"
        )
    if subnet.is_automatic:
        raise BadRequest(
            f"IPv6 address {wanted.ip_address} can not be directly assigned to a port on subnet {subnet.id} as the "
            "subnet is configured for automatic addresses",
            kind="AllocationOnAutoAddressSubnet",
        )
    return subnet, address


def _held(subnet: Subnet, address: str) -> Held:
    return {"subnet_id": subnet.id, "ip_address": address}


def _used_up(network_id: str) -> Conflict:
    return Conflict(f"No more IP addresses available on network {network_id}.", kind="IpAddressGenerationFailure")
