"""SimpleCIDRAffinityFilter: the host's address is in a network around a given one.

The rule is that of nova.scheduler.filters.affinity_filter.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from engine.scheduler.hints import hint
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_NEAR = "build_near_host_ip"
_CIDR = "cidr"
_DEFAULT_CIDR = ("/24",)
_SCOPE = "%"
"""What sets off the interface of an address that is valid on one link only: nova takes none such."""


def _asks(request: RequestSpec) -> bool:
    return bool(hint(request, _NEAR))


def _attributes(request: RequestSpec) -> frozenset[str]:
    return frozenset({"host_ip"})


def _cidr(request: RequestSpec) -> tuple[str, ...]:
    return tuple(request.scheduler_hints.get(_CIDR, _DEFAULT_CIDR))


def _network(request: RequestSpec) -> IPv4Network | IPv6Network:
    """Return the network that the hints name; bits of the host part are dropped. Raises FilterFault where nova raises.

    As in nova, whatever Python reads as a whole number is a length (``/ 24``, ``/+8``); a mask is one too.
    """
    near, cidr = hint(request, _NEAR), _cidr(request)
    if len(near) != 1 or len(cidr) != 1:
        raise FilterFault(f"the hints {_NEAR} and {_CIDR} take one value each", nova_exception="TypeError")
    text = near[0] + cidr[0]
    address, *lengths = text.split("/")
    # what is no number may still be a mask
    with suppress(ValueError):
        lengths = [str(int(item)) for item in lengths]
    if _SCOPE not in address:
        with suppress(ValueError):
            return ip_network("/".join([address, *lengths]), strict=False)
    raise FilterFault(
        f"the hints {_NEAR} {near[0]!r} and {_CIDR} {cidr[0]!r} make no network such as 10.1.2.3 and /24",
        nova_exception="ValueError" if len(lengths) > 1 and _is_address(address) else "AddrFormatError",
    )


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return _SCOPE not in text and ip_address(text) is not None
    return False


def _address(facts: RequestFacts) -> IPv4Address | IPv6Address:
    """Return the host's address; raise FilterFault where it has none or reports something else."""
    text = facts.get_attribute("host_ip")
    if text is None:
        raise FilterFault("the host reports no address", nova_exception="TypeError")
    if _SCOPE not in str(text):
        with suppress(ValueError):
            return ip_address(str(text))
    raise FilterFault(
        f"the host reports {text!r}, which is no address",
        nova_exception="ValueError" if "/" in str(text) else "AddrFormatError",
    )


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
    """Return whether the host's address is in the network; raise FilterFault for hints or an address that are none."""
    network = _network(request)
    return _address(facts) in network
