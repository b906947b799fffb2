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
        (near("10.1.2.3", "/-1"), "AddrFormatError"),
        (near("10.1.2.3", "/"), "AddrFormatError"),
        (near("10.1.2.3", "/255.0.255.0"), "AddrFormatError"),
        (near("10.1.2.3", "/24/8"), "ValueError"),
        (near("fe80::1%eth0", "/64"), "AddrFormatError"),
        (near("010.1.2.3"), "AddrFormatError"),
        (near(" 10.1.2.3"), "AddrFormatError"),
        (near("10.1.2.3", "/" + "9" * 5000), "AddrFormatError"),
        (near("10.1.2.3", "/8", "/16"), "TypeError"),
        ({"build_near_host_ip": ("10.1.2.3", "10.1.2.4")}, "TypeError"),
        ({"build_near_host_ip": ("10.1.2.3",), "cidr": ()}, "TypeError"),
    ],
)
def test_hints_that_make_no_network_have_no_host_and_fail_novas_request(
    hints: dict[str, tuple[str, ...]], error: str
) -> None:
    spec = request(scheduler_hints=hints)
    assert passing(NAME, HOSTS, spec) == set()
    with pytest.raises(FilterFault) as caught:
        passing(NAME, HOSTS, spec, nova_quirks=True)
    assert caught.value.nova_exception == error
    picture = host_table(HOSTS).snapshot()
    explanation = explain(only(filters=[NAME]), picture, spec, SelectionContext(picture))
    assert all(change.startswith("other hints: ") for _, (change,) in explanation.nearest)


@pytest.mark.parametrize("cidr", ["/ 24", "/24 ", "/+24", "/2_4", "/024", "/٢٤", "/24\n"])
def test_a_length_is_whatever_python_reads_as_a_number_as_in_nova(cidr: str) -> None:
    for nova_quirks in (False, True):
        assert passing(NAME, HOSTS[:4], request(scheduler_hints=near("10.1.2.3", cidr)), nova_quirks=nova_quirks) == {
            "h0"
        }


@pytest.mark.parametrize(
    ("host_ip", "error"),
    [
        ("", "TypeError"),
        ("host.example", "AddrFormatError"),
        ("10.1.2", "AddrFormatError"),
        ("10.1.2.9/32", "ValueError"),
        ("fe80::1%eth0", "AddrFormatError"),
        (" 10.1.2.9", "AddrFormatError"),
    ],
)
def test_a_host_whose_address_is_none_is_in_no_network_and_fails_novas_request(host_ip: str, error: str) -> None:
    hosts = [{"host_ip": "10.1.2.9"}, {"host_ip": host_ip}]
    spec = request(scheduler_hints=near("10.1.2.3"))
    assert passing(NAME, hosts, spec) == {"h0"}
    with pytest.raises(FilterFault) as caught:
        passing(NAME, hosts, spec, nova_quirks=True)
    assert caught.value.nova_exception == error


def test_an_explanation_says_the_network_and_the_address() -> None:
    picture = host_table(HOSTS).snapshot()
    spec = request(scheduler_hints=near("10.1.2.3"))
    changes = dict(explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest)
    assert changes[1] == ("an address in 10.1.2.0/24 instead of 10.1.3.9",)
    assert changes[4] == ("an address in 10.1.2.0/24 instead of none",)
