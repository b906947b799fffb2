"""From a canonical fleet table to columns: what is derived, what is shared, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pytest

from engine.errors import InvalidHostError
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.ingest import FleetColumns, fleet_columns
from engine.inventory.schema import NO_HEARTBEAT
from engine.model.limits import MAX_AMOUNT
from tests.builders import HostFacts, fleet


def columns(*hosts: HostFacts) -> FleetColumns:
    return fleet_columns(fleet(hosts))


def changed(host: HostFacts) -> pa.Table:
    """A canonical table with values put in behind the checks that come before."""
    table = fleet([{}, {}])
    for name, value in host.items():
        field = FLEET_SCHEMA.field(name)
        values = [table[name][0].as_py(), value]
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    return table


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ({"memory_mb": 10**9, "ram_allocation_ratio": 3.0}, "memory_mb times its allocation ratio"),
        ({"vcpus": 100, "cpu_allocation_ratio": float("inf")}, "vcpus times its allocation ratio"),
        ({"vcpus": 100, "cpu_allocation_ratio": float("nan")}, "vcpus times its allocation ratio"),
        ({"vcpus": MAX_AMOUNT + 1, "cpu_allocation_ratio": 0.1}, "vcpus is"),
        ({"disk_gb_reserved": -1}, "disk_gb_reserved"),
        ({"disk_gb_reserved": 1_001}, "disk_gb times its allocation ratio"),
        ({"local_gb_used": MAX_AMOUNT}, "disk_gb in use"),
        ({"memory_mb_used": -1}, "memory_mb in use"),
        ({"free_ram_mb": -MAX_AMOUNT - 1}, "base_free_ram_mb"),
        ({"disk_available_least_gb": -MAX_AMOUNT - 1}, "base_free_disk_gb"),
        ({"num_instances": -1}, "base_num_instances"),
        ({"num_io_ops": MAX_AMOUNT + 1}, "num_io_ops"),
        ({"failed_builds": -1}, "failed_builds"),
        ({"hypervisor_version": -1}, "hypervisor_version"),
    ],
)
def test_an_amount_that_no_column_can_hold_is_refused_by_name(host: Mapping[str, object], said: str) -> None:
    with pytest.raises(InvalidHostError) as caught:
        fleet_columns(changed(host))
    assert said in caught.value.message
    assert caught.value.details["host_id"] == "h1"


def test_the_largest_capacity_is_accepted() -> None:
    found = columns({"memory_mb": 10**9, "ram_allocation_ratio": 2.0})
    assert found.numbers["memory_mb_total"].tolist() == [10**9]


def test_free_amounts_are_derived_where_the_hypervisor_reports_none() -> None:
    found = columns(
        {"memory_mb": 100, "memory_mb_reserved": 10, "memory_mb_used": 20, "ram_allocation_ratio": 5.0},
        {"memory_mb": 100, "memory_mb_used": 120},
        {"free_ram_mb": 0, "free_disk_gb": -3},
    )
    assert found.numbers["base_free_ram_mb"].tolist() == [70, -20, 0]
    assert found.numbers["base_free_disk_gb"].tolist() == [1000, 1000, -3]


@pytest.mark.parametrize(
    ("free", "least", "expected"), [(5, None, 5), (None, 7, 7), (5, 7, 5), (7, 5, 5), (7, -5, -5), (None, 2000, 1000)]
)
def test_the_least_available_disk_caps_the_free_disk(free: int | None, least: int | None, expected: int) -> None:
    found = columns({"free_disk_gb": free, "disk_available_least_gb": least})
    assert found.numbers["base_free_disk_gb"].tolist() == [expected]


def test_a_missing_heartbeat_is_told_from_a_time() -> None:
    found = columns({}, {"last_seen_up_us": 0})
    assert found.numbers["last_seen_up_us"].tolist() == [NO_HEARTBEAT, 0]


def test_hosts_with_the_same_text_facts_share_a_profile() -> None:
    found = columns(
        {"traits": ["B", "A"], "stats": '{"b": "2", "a": "1"}'},
        {"traits": ["A"]},
        {"traits": ["B", "A"], "stats": '{"b": "2", "a": "1"}', "vcpus": 99},
    )
    codes = found.profile_codes.tolist()
    assert codes[0] == codes[2] != codes[1]
    profile, traits = found.profiles[codes[0]]
    assert traits == ("A", "B")
    assert profile.stats == (("a", "1"), ("b", "2"))
    assert profile.supported_instances == (("x86_64", "kvm", "hvm"), ("x86_64", "qemu", "hvm"))


def test_aggregates_and_units_have_codes_of_their_own() -> None:
    found = columns({"aggregates": ["b", "a", "b"]}, {"vcpus_max_unit": 4}, {"aggregates": ["a", "b"]})
    assert [found.aggregate_names[code] for code in found.membership_codes.tolist()] == [("a", "b"), (), ("a", "b")]
    units = [found.units[code] for code in found.unit_codes.tolist()]
    assert [item.vcpu for item in units] == [(1, 16, 1), (1, 4, 1), (1, 16, 1)]
    assert units[0].disk_gb == (1, 1000, 1)


def test_reasons_are_kept_only_where_there_is_one() -> None:
    found = columns({"disabled": True, "disabled_reason": "memory test"}, {"disabled": True})
    assert found.disabled_reasons == {0: "memory test"}
    assert found.numbers["service_disabled"].tolist() == [1, 1]


def test_no_hosts_make_no_columns_longer_than_nothing() -> None:
    found = fleet_columns(FLEET_SCHEMA.empty_table())
    assert found.host_ids == []
    assert {len(values) for values in found.numbers.values()} == {0}
    assert found.profiles == []
