"""SimpleCIDRAffinityFilter: the host's address is in a network around a given one.

The rule is that of nova.scheduler.filters.affinity_filter.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from engine.scheduler.hints import hint
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_NEAR = "build_near_host_ip"
_CIDR = "cidr"
_DEFAULT_CIDR = ("/24",)


def _asks(request: RequestSpec) -> bool:
    return bool(hint(request, _NEAR))


def _attributes(request: RequestSpec) -> frozenset[str]:
    return frozenset({"host_ip"})


def _cidr(request: RequestSpec) -> tuple[str, ...]:
    return tuple(request.scheduler_hints.get(_CIDR, _DEFAULT_CIDR))


def _network(request: RequestSpec) -> IPv4Network | IPv6Network:
    """Return the network that the hints name; bits of the host part are dropped. Raises FilterFault where nova does."""
    near, cidr = hint(request, _NEAR), _cidr(request)
    if len(near) != 1 or len(cidr) != 1:
        raise FilterFault(f"the hints {_NEAR} and {_CIDR} take one value each", nova_exception="TypeError")
    try:
        return ip_network(near[0] + cidr[0], strict=False)
    except ValueError:
        raise FilterFault(
            f"the hints {_NEAR} {near[0]!r} and {_CIDR} {cidr[0]!r} make no network such as 10.1.2.3 and /24",
            nova_exception="AddrFormatError",
        ) from None


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    try:
        network = _network(request)
    except FilterFault as fault:
        return f"other hints: {fault.message}"
    return f"an address in {network} instead of {facts.get_attribute('host_ip') or 'none'}"


@text_filter(
    "SimpleCIDRAffinityFilter",
    reason="its address is not in the network around build_near_host_ip",
    reads=(),
    request_key=lambda request, options: (hint(request, _NEAR), _cidr(request)) if _asks(request) else None,
    attributes=_attributes,
    once_per_request=True,
    applies=_asks,
    change=_change,
)
def simple_cidr_affinity(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host's address is in the network; a host without an address is in none."""
    network = _network(request)
    address = facts.get_attribute("host_ip")
    try:
        return ip_address(str(address)) in network
    except ValueError:
        return False
