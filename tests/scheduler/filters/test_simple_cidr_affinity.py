"""The host's address is in the network that the hints make."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "SimpleCIDRAffinityFilter"
HOSTS = [
    {"host_ip": "10.1.2.9"},
    {"host_ip": "10.1.3.9"},
    {"host_ip": "10.9.9.9"},
    {"host_ip": "fd00::7"},
    {},
]


def near(address: str, *cidr: str) -> dict[str, tuple[str, ...]]:
    hints: dict[str, tuple[str, ...]] = {"build_near_host_ip": (address,)}
    return hints | ({"cidr": cidr} if cidr else {})


@pytest.mark.parametrize(
    ("hints", "passes"),
    [
        (near("10.1.2.3"), {"h0"}),
        (near("10.1.2.3", "/16"), {"h0", "h1"}),
        (near("10.1.2.3", "/8"), {"h0", "h1", "h2"}),
        (near("10.1.2.3", "/255.255.254.0"), {"h0", "h1"}),
        (near("10.1.2.9", ""), {"h0"}),
        (near("10.1.2.8", ""), set()),
        (near("fd00::1", "/64"), {"h3"}),
        (near("0.0.0.0", "/0"), {"h0", "h1", "h2"}),
        (near(""), {"h0", "h1", "h2", "h3", "h4"}),
        ({"cidr": ("/8",)}, {"h0", "h1", "h2", "h3", "h4"}),
    ],
)
def test_host_bits_do_not_count_and_24_bits_do_by_default(hints: dict[str, tuple[str, ...]], passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(scheduler_hints=hints)) == passes


@pytest.mark.parametrize(
    ("hints", "error"),
    [
        (near("10.1.2"), "AddrFormatError"),
        (near("host", "/24"), "AddrFormatError"),
        (near("10.1.2.3", "24"), "AddrFormatError"),
        (near("10.1.2.3", "/33"), "AddrFormatError"),
        (near("10.1.2.3", "/8", "/16"), "TypeError"),
        ({"build_near_host_ip": ("10.1.2.3", "10.1.2.4")}, "TypeError"),
        ({"build_near_host_ip": ("10.1.2.3",), "cidr": ()}, "TypeError"),
    ],
)
def test_hints_that_make_no_network_fail_the_request_as_in_nova(hints: dict[str, tuple[str, ...]], error: str) -> None:
    spec = request(scheduler_hints=hints)
    with pytest.raises(FilterFault) as caught:
        passing(NAME, HOSTS, spec)
    assert caught.value.nova_exception == error
    picture = host_table(HOSTS).snapshot()
    explanation = explain(only(filters=[NAME]), picture, spec, SelectionContext(picture))
    assert all(change.startswith("other hints: ") for _, (change,) in explanation.nearest)


def test_an_explanation_says_the_network_and_the_address() -> None:
    picture = host_table(HOSTS).snapshot()
    spec = request(scheduler_hints=near("10.1.2.3"))
    changes = dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)
    assert changes[1] == ("an address in 10.1.2.0/24 instead of 10.1.3.9",)
    assert changes[4] == ("an address in 10.1.2.0/24 instead of none",)
