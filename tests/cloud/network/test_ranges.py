from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cloud.network.ranges import Range, default_pools, eui64, joined, usable, without


def test_a_network_keeps_its_own_and_its_broadcast_address() -> None:
    assert usable(ipaddress.ip_network("10.0.0.0/29")) == Range(0x0A000001, 0x0A000006)


def test_ipv6_has_no_broadcast_address() -> None:
    assert usable(ipaddress.ip_network("2001:db8::/126")).last == int(ipaddress.ip_address("2001:db8::3"))


@pytest.mark.parametrize("cidr", ["10.0.0.0/31", "10.0.0.0/32", "2001:db8::/127"])
def test_the_smallest_networks_are_all_usable(cidr: str) -> None:
    network = ipaddress.ip_network(cidr)
    assert usable(network) == Range(int(network[0]), int(network[-1]))


def test_pools_leave_the_gateway_out_wherever_it_is() -> None:
    network = ipaddress.ip_network("10.0.0.0/29")
    assert default_pools(network, ipaddress.ip_address("10.0.0.3")) == [
        Range(0x0A000001, 0x0A000002),
        Range(0x0A000004, 0x0A000006),
    ]


def test_an_address_out_of_a_mac() -> None:
    made = eui64(ipaddress.ip_network("2001:db8::/64"), "fa:16:3e:12:34:56")
    assert str(ipaddress.ip_address(made)) == "2001:db8::f816:3eff:fe12:3456"


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)), max_size=6),
    st.sets(st.integers(0, 70), max_size=20),
)
def test_what_is_left_is_what_is_in_the_ranges_and_not_taken(parts: list[tuple[int, int]], taken: set[int]) -> None:
    ranges = joined(Range(first, first + length) for first, length in parts)
    left = without(ranges, sorted(taken))
    expected = {number for first, length in parts for number in range(first, first + length + 1)} - taken
    assert [number for first, last in left for number in range(first, last + 1)] == sorted(expected)
    assert joined(left) == left
