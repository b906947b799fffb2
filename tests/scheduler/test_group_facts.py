"""A group's facts are those of its hosts, without what is each host's own."""

from __future__ import annotations

import pytest

from engine.inventory.fact_groups import FACT_COLUMNS
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate
from engine.scheduler.facets import attributes_seen, metadata_seen, zones_seen
from engine.scheduler.group_facts import GroupFacts
from engine.scheduler.request_facts import PROFILE_ATTRIBUTES, RequestFacts
from tests.builders import host_table


def table() -> HostTable:
    hosts = [{"availability_zone": "az1", "aggregates": ["rack"], "hypervisor_version": 8002002}, {}]
    return host_table(hosts, aggregates=[Aggregate("a", "a", frozenset({"h0"}), {"availability_zone": "az2"})])


def group_of(fleet: HostTable, row: int) -> GroupFacts:
    profile, membership, units, metrics = (int(fleet.columns[name][row]) for name in FACT_COLUMNS)
    return GroupFacts(fleet, (profile, membership, units, metrics))


@pytest.mark.parametrize("row", [0, 1])
def test_a_group_has_the_facts_that_its_hosts_have(row: int) -> None:
    fleet = table()
    group, host = group_of(fleet, row), RequestFacts(fleet, row)
    assert (group.profile, group.units, group.metrics) == (host.profile, host.units, host.metrics)
    assert group.aggregates == host.aggregates
    assert group.known_zones() == {"az1", "az2"}
    for name in PROFILE_ATTRIBUTES:
        assert group.get_attribute(name) == host.get_attribute(name)
    for see in (attributes_seen, metadata_seen, zones_seen):
        assert see(group) == see(host)


def test_what_is_a_hosts_own_is_unknown_of_a_group() -> None:
    group = group_of(table(), 0)
    assert [group.get_attribute(name) for name in ("host", "uuid", "host_ip", "service")] == [None] * 4
    with pytest.raises(KeyError):
        group.get_attribute("no such attribute")


def test_what_filters_see_leaves_out_what_decides_nothing() -> None:
    fleet = table()
    first, second = group_of(fleet, 0), group_of(fleet, 1)
    assert zones_seen(first) == ("az1", frozenset({"az2"}))
    assert metadata_seen(first) == ((("availability_zone", "az2"),),)
    assert metadata_seen(second) == ()
    assert attributes_seen(first) != attributes_seen(second)
