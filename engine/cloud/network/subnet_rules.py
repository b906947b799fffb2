"""The rules of a subnet's addresses: what a CIDR, a gateway, a pool, a route and an IPv6 mode may be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from engine.cloud.network.ranges import Address, Cidr, Range, address_text, usable
from engine.rest.errors import BadRequest, Conflict

_WRITTEN = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
_MOST_POOLS = 1000


def invalid(what: str) -> BadRequest:
    """Return neutron's refusal of input."""
    return BadRequest(f"Invalid input for operation: {what}.", kind="InvalidInput")


def parsed_cidr(text: str, field: str = "cidr") -> Cidr:
    """Return the network that a CIDR names, host bits cleared; raise BadRequest for what is none."""
    refusal = BadRequest(f"Invalid input for {field}. Reason: '{text[:100]}' is not a valid IP subnet.")
    if not _WRITTEN.fullmatch(text):
        raise refusal
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise refusal from error


def parsed_ip(text: str, field: str) -> Address:
    """Return an address; raise BadRequest for what is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise BadRequest(f"Invalid input for {field}. Reason: '{text[:100]}' is not a valid IP address.") from error
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise BadRequest(f"Invalid input for {field}. Reason: '{text[:100]}' has a scope.")
    return address


def check_cidr(cidr: Cidr, *, enable_dhcp: bool) -> None:
    """Raise BadRequest for a network that cannot serve as a subnet."""
    if cidr.prefixlen == 0:
        raise invalid("0 is not allowed as CIDR prefix length")
    if not enable_dhcp:
        return
    if cidr.prefixlen > cidr.max_prefixlen - 2:
        raise invalid("Subnet has a prefix length that is incompatible with DHCP service enabled")
    if cidr.is_multicast:
        raise invalid("Multicast IP subnet is not supported if enable_dhcp is True")
    if cidr.is_loopback:
        raise invalid("Loopback IP subnet is not supported if enable_dhcp is True")


def check_overlap(cidr: Cidr, others: Iterable[str], network_id: str) -> None:
    """Raise BadRequest when a network has a subnet (``others``: CIDRs) with addresses of the new one."""
    for text in others:
        other = ipaddress.ip_network(text)
        # networks of different versions do not overlap
        if other.version == cidr.version and cidr.overlaps(other):
            raise invalid(f"Requested subnet with cidr: {cidr} for network: {network_id} overlaps with another subnet")


def default_gateway(cidr: Cidr) -> Address | None:
    """Return the gateway of a subnet whose maker named none: the first address, if there is room for one."""
    return None if cidr.num_addresses == 1 else cidr.network_address + 1


def check_gateway(cidr: Cidr, gateway: Address) -> None:
    """Raise BadRequest for a gateway that cannot be one: of the other version, or the network's own address."""
    if gateway.version != cidr.version:
        raise invalid(f"gateway_ip '{gateway}' does not match the ip_version '{cidr.version}'")
    if gateway in cidr and int(gateway) not in usable(cidr):
        raise invalid("Gateway is not valid on subnet")


def checked_pools(cidr: Cidr, given: Sequence[tuple[str, str]]) -> list[Range]:
    """Return pools, sorted; raise BadRequest for one that is none or is not of the subnet, Conflict for overlaps."""
    if len(given) > _MOST_POOLS:
        raise invalid(f"a subnet has at most {_MOST_POOLS} allocation pools")
    pools = []
    for start_text, end_text in given:
        start, end = parsed_ip(start_text, "allocation_pools"), parsed_ip(end_text, "allocation_pools")
        name = f"{start}-{end}"
        if start.version != cidr.version or end.version != cidr.version or int(start) > int(end):
            raise BadRequest(f"The allocation pool {name} is not valid.", kind="InvalidAllocationPool")
        pool = Range(int(start), int(end))
        if pool.first not in usable(cidr) or pool.last not in usable(cidr):
            raise BadRequest(
                f"The allocation pool {name} spans beyond the subnet cidr {cidr}.", kind="OutOfBoundsAllocationPool"
            )
        pools.append(pool)
    pools.sort()
    for before, after in pairwise(pools):
        if before.overlaps(after):
            names = " ".join(pool_text(pool, cidr.version) for pool in (before, after))
            raise Conflict(
                f"Found overlapping allocation pools: {names} for subnet cidr {cidr}.",
                kind="OverlappingAllocationPools",
            )
    return pools


def check_gateway_is_outside(gateway: Address | None, pools: Iterable[Range], version: int) -> None:
    """Raise Conflict when a pool would give out the gateway's address."""
    for pool in pools:
        if gateway is not None and int(gateway) in pool:
            raise Conflict(
                f"Gateway ip {gateway} conflicts with allocation pool {pool_text(pool, version)}.",
                kind="GatewayConflictWithAllocationPools",
            )


def as_written(pools: Iterable[Range], version: int) -> list[dict[str, str]]:
    """Return pools as they are written on the wire."""
    return [{"start": address_text(first, version), "end": address_text(last, version)} for first, last in pools]


def pool_text(pool: Range, version: int) -> str:
    """Return a pool as neutron's messages name it."""
    return f"{address_text(pool.first, version)}-{address_text(pool.last, version)}"


def check_ipv6_modes(cidr: Cidr, ra_mode: str | None, address_mode: str | None, *, enable_dhcp: bool) -> None:
    """Raise BadRequest for IPv6 modes that do not go together, or not with the subnet."""
    if not (ra_mode or address_mode):
        return
    if cidr.version == 4:
        raise invalid("ipv6_ra_mode or ipv6_address_mode cannot be set when ip_version is not 6")
    if not enable_dhcp:
        raise invalid("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False")
    if ra_mode and address_mode and ra_mode != address_mode:
        raise invalid(
            f"ipv6_ra_mode set to '{ra_mode}' with ipv6_address_mode set to '{address_mode}' is not valid. "
            "If both attributes are set, they must be the same value"
        )
    if (address_mode or ra_mode) != "dhcpv6-stateful" and cidr.prefixlen != 64:
        raise invalid(
            f"Invalid CIDR {cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, "
            "which requires the prefix to be /64"
        )


def checked_routes(given: Sequence[tuple[str, str]], version: int) -> list[dict[str, str]]:
    """Return host routes as they are written; raise BadRequest for what is none."""
    routes = []
    for destination_text, nexthop_text in given:
        destination = parsed_cidr(destination_text, "host_routes")
        nexthop = parsed_ip(nexthop_text, "host_routes")
        if destination.version != version or nexthop.version != version:
            raise invalid(f"host_routes '{destination}' via '{nexthop}' does not match the ip_version '{version}'")
        routes.append({"destination": str(destination), "nexthop": str(nexthop)})
    if len({(route["destination"], route["nexthop"]) for route in routes}) != len(routes):
        raise BadRequest("Invalid input for host_routes. Reason: Duplicate hostroute.")
    return routes


def checked_nameservers(given: Sequence[str]) -> list[str]:
    """Return name servers as they are written; raise BadRequest for what is no address or is there twice."""
    servers = [str(parsed_ip(text, "dns_nameservers")) for text in given]
    if len(set(servers)) != len(servers):
        raise BadRequest("Invalid input for dns_nameservers. Reason: Duplicate nameserver.")
    return servers
