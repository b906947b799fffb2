"""Arithmetic with ranges of addresses, all as integers and with both ends: what a pool leaves free."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Cidr: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Range(NamedTuple):
    """The addresses from ``first`` to ``last``, both included."""

    first: int
    last: int

    def overlaps(self, other: Range) -> bool:
        """Whether the two have an address in common."""
        return self.first <= other.last and other.first <= self.last

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.first <= address <= self.last


def usable(cidr: Cidr) -> Range:
    """Return the addresses of a network that a device may have: not its own, and in IPv4 not the broadcast address."""
    first, last = int(cidr.network_address), int(cidr.broadcast_address)
    if cidr.num_addresses <= 2:
        return Range(first, last)
    return Range(first + 1, last - 1 if cidr.version == 4 else last)


def default_pools(cidr: Cidr, gateway: Address | None) -> list[Range]:
    """Return all usable addresses of a network but the gateway's."""
    return without([usable(cidr)], [] if gateway is None else [int(gateway)])


def without(ranges: Iterable[Range], taken: Iterable[int]) -> list[Range]:
    """Return what is left of sorted, disjoint ``ranges`` when the sorted addresses ``taken`` are cut out."""
    left = []
    following = iter(taken)
    address = next(following, None)
    for first, last in ranges:
        start = first
        while address is not None and address <= last:
            if address >= start:
                if address > start:
                    left.append(Range(start, address - 1))
                start = address + 1
            address = next(following, None)
        if start <= last:
            left.append(Range(start, last))
    return left


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return sorted ranges with those that touch each other made one."""
    found: list[Range] = []
    for part in sorted(ranges):
        if found and part.first <= found[-1].last + 1:
            found[-1] = Range(found[-1].first, max(found[-1].last, part.last))
        else:
            found.append(part)
    return found


def packed(address: int, version: int) -> bytes:
    """Return an address as bytes in network order."""
    return address.to_bytes(4 if version == 4 else 16, "big")


def address_text(address: int, version: int) -> str:
    """Return an address as people write it."""
    return str(ipaddress.IPv4Address(address) if version == 4 else ipaddress.IPv6Address(address))


def eui64(cidr: Cidr, mac: str) -> int:
    """Return the address that a device with a MAC gives itself in a /64 (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes([octets[0] ^ 0x02]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return int(cidr.network_address) | int.from_bytes(interface, "big")
