"""The aggregates that an availability zone stands for."""

from __future__ import annotations

import pytest

from engine.model.aggregate import Aggregate, zone_mark
from engine.scheduler.translate.zones import zone_members
from tests.builders import host_table
from tests.scheduler.translate.asking import A, B, C

AGGREGATES = [
    Aggregate(A, "one", frozenset({"h0"}), {"availability_zone": "az1"}),
    Aggregate(B, "empty", metadata={"availability_zone": "az1"}),
    Aggregate(C, "two", frozenset({"h1"}), {"availability_zone": "az2,az3", "zone": "az4"}),
]


@pytest.mark.parametrize(
    ("zone", "members"),
    [("az1", {A, B}), ("az2,az3", {C}), ("az2", set()), ("az4", set()), ("AZ1", set()), ("nova", set())],
)
def test_metadata_name_a_zone_exactly(zone: str, members: set[str]) -> None:
    assert zone_members(zone, host_table([{}, {}], aggregates=AGGREGATES)) == members


def test_hosts_that_name_a_zone_themselves_are_marked() -> None:
    table = host_table([{"availability_zone": "az1"}, {"availability_zone": "az9"}], aggregates=AGGREGATES)
    assert zone_members("az1", table) == {A, B, zone_mark("az1")}
    assert zone_members("az9", table) == {zone_mark("az9")}
    assert zone_mark("az9") in table.own_provider(1).aggregates


def test_a_change_of_an_aggregate_shows() -> None:
    table = host_table([{}, {}], aggregates=AGGREGATES)
    assert zone_members("az5", table) == set()
    table.set_aggregate(Aggregate(A, "one", frozenset({"h0"}), {"availability_zone": "az5"}))
    assert (zone_members("az5", table), zone_members("az1", table)) == ({A}, {B})
