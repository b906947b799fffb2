"""A table's rows as a fleet table are the fleet it was made from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.inventory.export import fleet_rows
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.generate import generate_fleet
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from tests.builders import fleet


def settled(table: pa.Table) -> list[dict[str, Any]]:
    """The hosts with what may be written in more than one way written in one, and derived amounts filled in."""
    hosts = table.to_pylist()
    for host in hosts:
        host["traits"] = sorted(set(host["traits"]))
        host["aggregates"] = sorted(set(host["aggregates"]))
        host["stats"] = json.loads(host["stats"] or "{}")
        free_ram = host["memory_mb"] - host["memory_mb_reserved"] - host["memory_mb_used"]
        host["free_ram_mb"] = free_ram if host["free_ram_mb"] is None else host["free_ram_mb"]
        if host["free_disk_gb"] is None:
            host["free_disk_gb"] = host["disk_gb"] - host["disk_gb_reserved"] - host["local_gb_used"]
        least = host.pop("disk_available_least_gb")
        if least is not None:
            host["free_disk_gb"] = min(host["free_disk_gb"], least)
    return hosts


def all_rows(table: HostTable) -> pa.Table:
    return fleet_rows(table, np.arange(table.rows))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_generated_fleet_comes_back(seed):
    generated = generate_fleet(700, seed)
    table = HostTable()
    table.upsert(generated)
    exported = all_rows(table)
    assert exported.schema == FLEET_SCHEMA
    exported.validate(full=True)
    assert settled(exported) == settled(generated)


def test_an_exported_fleet_makes_the_same_table_again():
    first, second = HostTable(), HostTable()
    first.upsert(generate_fleet(500, 3))
    first.refresh_services(1, 60_000_000)
    second.upsert(all_rows(first))
    second.refresh_services(1, 60_000_000)
    assert [second.host(row) for row in range(500)] == [first.host(row) for row in range(500)]
    for name, values in first.columns.items():
        if name not in ("generation", "profile", "units", "membership"):
            assert np.array_equal(values, second.columns[name]), name


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
hosts_of = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "vcpus": st.integers(1, 1000),
            "memory_mb_used": st.integers(0, 1000),
            "free_ram_mb": st.integers(-1000, 1000),
            "disk_available_least_gb": st.integers(-10, 2000),
            "num_instances": st.integers(0, 9),
            "cpu_allocation_ratio": st.floats(0.1, 16),
            "memory_mb_step_size": st.integers(1, 64),
            "availability_zone": texts,
            "cell": texts,
            "cpu_info": texts,
            "disabled": st.booleans(),
            "disabled_reason": texts,
            "traits": st.lists(st.sampled_from(["HW_A", "HW_B", "CUSTOM_C"]), max_size=3, unique=True),
            "aggregates": st.lists(st.sampled_from(["r1", "r2", "ssd"]), max_size=3, unique=True),
            "stats": st.dictionaries(texts, texts, max_size=2).map(json.dumps),
            "last_seen_up_us": st.integers(0, 2**61),
        },
    ),
    min_size=1,
    max_size=6,
)


@given(hosts=hosts_of)
@settings(max_examples=120, deadline=None)
def test_any_fleet_comes_back(hosts):
    given_fleet = fleet(hosts)
    table = HostTable()
    table.upsert(given_fleet)
    assert settled(all_rows(table)) == settled(given_fleet)


def test_what_is_held_is_not_part_of_a_hosts_facts():
    table = HostTable()
    table.upsert(fleet([{"vcpus_used": 2}]))
    before = settled(all_rows(table))
    table.apply(0, 1, Amounts(4, 1024, 10, 4, 1024, 10))
    assert settled(all_rows(table)) == before


def test_rows_are_given_in_the_order_asked_for():
    table = HostTable()
    table.upsert(fleet([{}, {"vcpus": 2}, {"vcpus": 3}]))
    assert fleet_rows(table, np.array([2, 0]))["host_id"].to_pylist() == ["h2", "h0"]
    assert fleet_rows(table, np.empty(0, dtype=np.int64)).num_rows == 0
