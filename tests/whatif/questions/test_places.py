"""Groups of hosts that fail together: hosts, racks, zones and aggregates, in the fleet's order."""

from __future__ import annotations

import numpy as np
import pytest

from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.whatif.questions.places import HostGroups, Kind, first_of_each, host_groups
from tests.builders import host_table

HOSTS = [
    {"availability_zone": "az2", "aggregates": ["rack-2", "fast"]},
    {"availability_zone": "az1", "aggregates": ["rack-1"]},
    {"aggregates": ["fast"]},
    {"availability_zone": "az2", "aggregates": ["rack-1", "rack-2"]},
]


@pytest.fixture
def table() -> HostTable:
    return host_table(HOSTS)


def _groups(table: HostTable, kind: Kind, prefix: str = "rack") -> HostGroups:
    return host_groups(table, table.present_rows(), kind, rack_prefix=prefix, default_zone="nova")


def _members(groups: HostGroups) -> dict[str, list[int]]:
    return {name: groups.rows_of([number]).tolist() for number, name in enumerate(groups.names)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("host", {"h0": [0], "h1": [1], "h2": [2], "h3": [3]}),
        ("zone", {"az2": [0, 3], "az1": [1], "nova": [2]}),
        ("rack", {"rack-2": [0, 3], "rack-1": [1, 3]}),
        ("aggregate", {"rack-2": [0, 3], "fast": [0, 2], "rack-1": [1, 3]}),
    ],
)
def test_every_kind_has_its_groups(table: HostTable, kind: Kind, expected: dict[str, list[int]]) -> None:
    assert _members(_groups(table, kind)) == expected


def test_an_aggregate_that_names_zones_puts_its_hosts_there() -> None:
    aggregate = Aggregate("u", "a", frozenset({"h1", "h2"}), {"availability_zone": "az1, az9"})
    table = host_table(HOSTS, aggregates=[aggregate])
    assert _members(_groups(table, "zone")) == {"az2": [0, 3], "az1": [1, 2], "az9": [1, 2]}


def test_another_prefix_makes_other_racks(table: HostTable) -> None:
    assert _members(_groups(table, "rack", "fa")) == {"fast": [0, 2]}
    assert len(_groups(table, "rack", "none-")) == 0


def test_only_rows_asked_about_are_in_groups(table: HostTable) -> None:
    groups = host_groups(table, np.array([1, 3]), "aggregate", rack_prefix="rack", default_zone="nova")
    assert _members(groups) == {"rack-1": [1, 3], "rack-2": [3]}


@pytest.mark.parametrize("kind", ["host", "zone", "rack", "aggregate"])
def test_no_hosts_make_no_groups(kind: Kind) -> None:
    table = HostTable()
    groups = _groups(table, kind)
    assert len(groups) == 0
    assert first_of_each(groups, table.present_rows()).tolist() == []


def test_rows_of_several_groups_come_once(table: HostTable) -> None:
    assert _groups(table, "rack").rows_of([0, 1]).tolist() == [0, 1, 3]


def test_sums_are_over_each_groups_hosts(table: HostTable) -> None:
    values = np.array([[1, 10, 100, 1000], [0, 0, 0, 5]])
    groups = _groups(table, "aggregate")
    sums = dict(zip(groups.names, groups.sums(values).T.tolist(), strict=True))
    assert sums == {"rack-2": [1001, 5], "fast": [101, 0], "rack-1": [1010, 5]}


def test_the_first_group_of_a_host_is_its_own(table: HostTable) -> None:
    groups = _groups(table, "rack")
    assert first_of_each(groups, table.present_rows()).tolist() == [0, 1, -1, 0]
