"""Addresses of a subnet: taken, given back, and free again, each in a few look-ups however large the subnet is.

What is free is kept as ranges that never touch each other, so the lowest free address is the start of the first range.
All of it happens inside one transaction of the database's only writer: two ports never get the same address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from engine.cloud.network.ranges import Cidr, Range, address_text, eui64, joined, packed, usable, without
from engine.cloud.network.schema import OLDEST_FIRST, addresses, free_ranges, subnets
from engine.rest.errors import BadRequest, Conflict

_AUTOMATIC = ("slaac", "dhcpv6-stateless")

_SUBNETS = select(
    subnets.c.id, subnets.c.ip_version, subnets.c.cidr, subnets.c.allocation_pools, subnets.c.ipv6_address_mode
)
_SUBNETS_OF = _SUBNETS.where(subnets.c.network_id == bindparam("network")).order_by(OLDEST_FIRST)
_SUBNET = _SUBNETS.where(subnets.c.id == bindparam("subnet"))

_OF_SUBNET = free_ranges.c.subnet_id == bindparam("subnet")
_RANGES = select(free_ranges.c.first, free_ranges.c.last)
_FIRST_FREE = _RANGES.where(_OF_SUBNET).order_by(free_ranges.c.first).limit(1)
_RANGE_BELOW = (
    _RANGES.where(_OF_SUBNET, free_ranges.c.first <= bindparam("address")).order_by(free_ranges.c.first.desc()).limit(1)
)
_RANGE_FROM = _RANGES.where(_OF_SUBNET, free_ranges.c.first == bindparam("address"))
_IS_RANGE = (_OF_SUBNET, free_ranges.c.first == bindparam("start"))
_MOVE_START = update(free_ranges).where(*_IS_RANGE).values(first=bindparam("new_first"))
_MOVE_END = update(free_ranges).where(*_IS_RANGE).values(last=bindparam("new_last"))
_DROP_RANGE = delete(free_ranges).where(*_IS_RANGE)
_HOLDER = select(addresses.c.port_id).where(
    addresses.c.subnet_id == bindparam("subnet"), addresses.c.address == bindparam("address")
)
_GIVE_UP = delete(addresses).where(
    addresses.c.subnet_id == bindparam("subnet"), addresses.c.address == bindparam("taken")
)


@dataclass(frozen=True)
class Subnet:
    """What allocation needs to know of a subnet."""

    id: str
    version: int
    cidr_text: str
    pools: Sequence[dict[str, str]]
    address_mode: str | None

    @cached_property
    def cidr(self) -> Cidr:
        """The network of the subnet."""
        return ipaddress.ip_network(self.cidr_text)

    @property
    def is_automatic(self) -> bool:
        """Whether devices make their addresses here out of their MACs."""
        return self.address_mode in _AUTOMATIC

    def has(self, address: int, version: int) -> bool:
        """Whether an address is one that a device may have here."""
        return version == self.version and address in usable(self.cidr)

    def pools_have(self, address: int) -> bool:
        """Whether an address is one that is given out here."""
        return any(address in pool for pool in as_ranges(self.pools))


def as_ranges(pools: Sequence[dict[str, str]]) -> list[Range]:
    """Return pools as they are written on the wire as ranges."""
    return [Range(int(ipaddress.ip_address(pool["start"])), int(ipaddress.ip_address(pool["end"]))) for pool in pools]


def subnets_of(connection: Connection, network_id: str) -> list[Subnet]:
    """Return the subnets of a network, oldest first."""
    return [_subnet(row) for row in connection.execute(_SUBNETS_OF, {"network": network_id})]


def subnet_of(connection: Connection, subnet_id: str) -> Subnet:
    """Return a subnet that is there."""
    return _subnet(connection.execute(_SUBNET, {"subnet": subnet_id}).one())


def _subnet(row: Iterable[Any]) -> Subnet:
    return Subnet(*row)


def take_next(connection: Connection, subnet: Subnet, port_id: str) -> str | None:
    """Give a port the lowest free address of a subnet and return it; None when there is none."""
    free = connection.execute(_FIRST_FREE, {"subnet": subnet.id}).one_or_none()
    if free is None:
        return None
    address = int.from_bytes(free.first, "big")
    if free.first == free.last:
        connection.execute(_DROP_RANGE, {"subnet": subnet.id, "start": free.first})
    else:
        following = packed(address + 1, subnet.version)
        connection.execute(_MOVE_START, {"subnet": subnet.id, "start": free.first, "new_first": following})
    _hold(connection, subnet, free.first, port_id)
    return address_text(address, subnet.version)


def take_given(connection: Connection, subnet: Subnet, address: int, port_id: str) -> str:
    """Give a port a certain address of a subnet and return it; raise Conflict when another port has it."""
    key = packed(address, subnet.version)
    if connection.execute(_HOLDER, {"subnet": subnet.id, "address": key}).first() is not None:
        raise Conflict(
            f"IP address {address_text(address, subnet.version)} already allocated in subnet {subnet.id}",
            kind="IpAddressAlreadyAllocated",
        )
    free = connection.execute(_RANGE_BELOW, {"subnet": subnet.id, "address": key}).one_or_none()
    if free is not None and free.last >= key:
        _cut(connection, subnet, free.first, free.last, address)
    _hold(connection, subnet, key, port_id)
    return address_text(address, subnet.version)


def take_own(connection: Connection, subnet: Subnet, mac: str, port_id: str) -> str:
    """Give a port the address that its device makes out of its MAC (RFC 4862); raise Conflict when it is taken."""
    return take_given(connection, subnet, eui64(subnet.cidr, mac), port_id)


def give_back(connection: Connection, subnet: Subnet, address: str) -> None:
    """Make an address free again."""
    number = int(ipaddress.ip_address(address))
    key = packed(number, subnet.version)
    connection.execute(_GIVE_UP, {"subnet": subnet.id, "taken": key})
    if not subnet.pools_have(number):
        return
    after = packed(number + 1, subnet.version) if number + 1 < 2**subnet.cidr.max_prefixlen else None
    right = connection.execute(_RANGE_FROM, {"subnet": subnet.id, "address": after}).one_or_none() if after else None
    left = connection.execute(_RANGE_BELOW, {"subnet": subnet.id, "address": key}).one_or_none()
    if right is not None:
        connection.execute(_DROP_RANGE, {"subnet": subnet.id, "start": right.first})
    last = key if right is None else right.last
    if left is not None and int.from_bytes(left.last, "big") + 1 == number:
        connection.execute(_MOVE_END, {"subnet": subnet.id, "start": left.first, "new_last": last})
    else:
        connection.execute(free_ranges.insert(), {"subnet_id": subnet.id, "first": key, "last": last})


def lay_out(connection: Connection, subnet: Subnet) -> None:
    """Work out anew what is free of a subnet's pools, after the pools were set."""
    connection.execute(delete(free_ranges).where(_OF_SUBNET), {"subnet": subnet.id})
    held = select(addresses.c.address).where(addresses.c.subnet_id == subnet.id).order_by(addresses.c.address)
    taken = (int.from_bytes(address, "big") for address in connection.execute(held).scalars())
    rows = [
        {"subnet_id": subnet.id, "first": packed(first, subnet.version), "last": packed(last, subnet.version)}
        for first, last in without(joined(as_ranges(subnet.pools)), taken)
    ]
    if rows:
        connection.execute(free_ranges.insert(), rows)


def is_used(connection: Connection, subnet_id: str) -> bool:
    """Whether a port holds an address of a subnet."""
    return connection.execute(select(addresses.c.port_id).where(addresses.c.subnet_id == subnet_id)).first() is not None


def parsed_address(text: str) -> tuple[int, int]:
    """Return an address as a number, and its IP version; raise BadRequest for what is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadRequest(f"Invalid input for ip_address. Reason: '{text[:100]}' is not a valid IP address.") from error
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise BadRequest(f"Invalid input for ip_address. Reason: '{text[:100]}' has a scope.")
    return int(address), address.version


def _cut(connection: Connection, subnet: Subnet, first: bytes, last: bytes, address: int) -> None:
    """Take one address out of a free range."""
    key = packed(address, subnet.version)
    start = {"subnet": subnet.id, "start": first}
    if first == key:
        connection.execute(_DROP_RANGE, start)
    else:
        connection.execute(_MOVE_END, {**start, "new_last": packed(address - 1, subnet.version)})
    if last != key:
        rest = {"subnet_id": subnet.id, "first": packed(address + 1, subnet.version), "last": last}
        connection.execute(free_ranges.insert(), rest)


def _hold(connection: Connection, subnet: Subnet, key: bytes, port_id: str) -> None:
    connection.execute(addresses.insert(), {"subnet_id": subnet.id, "address": key, "port_id": port_id})
