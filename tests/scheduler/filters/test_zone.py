"""The host is in the wanted zone by its own record or an aggregate's, compared exactly."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate
from tests.builders import first_step, host_table, only, passing, request

NAME = "ZoneFilter"


HOSTS = [{"availability_zone": "az1"}, {"availability_zone": "az2"}, {}]


@pytest.mark.parametrize(
    ("zone", "passes"),
    [
        ("", {"h0", "h1", "h2"}),
        ("az1", {"h0"}),
        ("AZ1", {"h0", "h1", "h2"}),
        ("nova", {"h0", "h1", "h2"}),
        ("az1,az2", {"h0", "h1", "h2"}),
    ],
)
def test_a_zone_that_nobody_names_restricts_nothing(zone: str, passes: set[str]) -> None:
    assert passing(NAME, HOSTS, request(availability_zone=zone)) == passes


def test_an_aggregate_makes_a_zone() -> None:
    aggregates = [
        Aggregate("a", "zone", frozenset({"h2"}), {"availability_zone": "az3"}),
        Aggregate("b", "racks", frozenset({"h0"}), {"rack": "az3"}),
    ]
    assert passing(NAME, HOSTS, request(availability_zone="az3"), aggregates=aggregates) == {"h2"}
    assert passing(NAME, HOSTS, request(availability_zone="az1"), aggregates=aggregates) == {"h0"}


def test_an_empty_zone_has_no_hosts() -> None:
    aggregates = [Aggregate("a", "zone", metadata={"availability_zone": "az3"})]
    assert passing(NAME, HOSTS, request(availability_zone="az3"), aggregates=aggregates) == set()


def test_metadata_is_not_split_at_commas() -> None:
    aggregates = [Aggregate("a", "zone", frozenset({"h2"}), {"availability_zone": "az3,az4"})]
    assert passing(NAME, HOSTS, request(availability_zone="az3"), aggregates=aggregates) == {"h0", "h1", "h2"}


def test_a_zone_goes_with_its_last_host() -> None:
    table = host_table(HOSTS)
    chain = only(filters=[NAME])
    spec = request(availability_zone="az2")
    assert first_step(chain, table, spec).rows.tolist() == [1]
    table.delete(["h1"])
    assert sorted(first_step(chain, table, spec).rows.tolist()) == [0, 2]
