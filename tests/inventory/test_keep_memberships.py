from __future__ import annotations

import pyarrow as pa

from engine.inventory.export import fleet_rows, keep_memberships
from engine.inventory.fleet_file import normalise_fleet
from engine.inventory.table import HostTable
from engine.model.aggregate import Aggregate

RACK = Aggregate("6f1d2a1c-0000-4000-8000-000000000001", "rack-1", frozenset({"a", "b"}))


def fleet_of(*hosts: dict) -> pa.Table:
    return normalise_fleet(pa.Table.from_pylist(list(hosts)), source="test")


def host(host_id: str, **facts: object) -> dict:
    return {"host_id": host_id, "vcpus": 8, "memory_mb": 1024, **facts}


def table_with_rack() -> HostTable:
    table = HostTable()
    table.upsert(fleet_of(host("a"), host("b"), host("c")))
    table.set_aggregate(RACK)
    return table


def names_of(table: HostTable, host_id: str) -> list[str]:
    code = int(table.columns["membership"][table.row(host_id)])
    return [item.name for item in table.membership_aggregates(code)]


def test_an_update_that_names_no_aggregates_leaves_known_hosts_in_theirs():
    table = table_with_rack()
    table.upsert(keep_memberships(fleet_of(host("a", vcpus=16), host("c"), host("d")), table))
    assert names_of(table, "a") == ["rack-1"]
    assert names_of(table, "c") == names_of(table, "d") == []
    assert table.columns["vcpu_total"][table.row("a")] == 16


def test_an_update_that_names_aggregates_replaces_them():
    table = table_with_rack()
    table.upsert(
        keep_memberships(fleet_of(host("a", aggregates=["ssd"]), host("b", aggregates=["rack-1", "ssd"])), table)
    )
    assert names_of(table, "a") == ["ssd"]
    assert sorted(names_of(table, "b")) == ["rack-1", "ssd"]


def test_nothing_is_copied_where_nothing_has_to_be_kept():
    table = table_with_rack()
    update = fleet_of(host("c"), host("new"))
    assert keep_memberships(update, table) is update
    assert fleet_rows(table, table.present_rows())["aggregates"].to_pylist() == [["rack-1"], ["rack-1"], []]
