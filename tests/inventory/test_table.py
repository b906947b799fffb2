"""Hosts come, change and go: what is held stays held, rows are never used again, and every change has a generation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import HostInUseError, InvalidHostError, UnknownHostError
from engine.inventory.check import check_invariants
from engine.inventory.identity import IdentityTexts
from engine.inventory.ingest import fleet_columns
from engine.inventory.schema import BLOCK_ROWS, COLUMNS, LEAF_ROWS
from engine.inventory.table import HostTable
from engine.inventory.texts import TextColumn
from engine.inventory.usage import Amounts
from engine.model.host import HostService
from tests.builders import NOW_US, SECOND_US, fleet, host_table

AMOUNTS = Amounts(2, 512, 20, 2, 512, 20)
DOWN_US = 60 * SECOND_US


def host_ids(table: HostTable) -> list[str]:
    return [table.identity.host_ids[row] for row in table.present_rows().tolist()]


def test_an_empty_table_has_no_hosts_and_no_zones() -> None:
    table = HostTable()
    assert (table.host_count, len(table), table.generation, table.zones) == (0, 0, 0, frozenset())
    assert not check_invariants(table)


def test_hosts_get_rows_in_their_order() -> None:
    table = HostTable()
    done = table.upsert(fleet([{}, {}, {}]))
    assert (done.added, done.changed, done.rows.tolist()) == (3, 0, [0, 1, 2])
    done = table.upsert(fleet([{"host_id": "new"}, {"host_id": "h1"}]))
    assert (done.added, done.changed, done.rows.tolist()) == (1, 1, [3, 1])
    assert host_ids(table) == ["h0", "h1", "h2", "new"]
    assert table.row("new") == 3
    assert not check_invariants(table)


def test_a_host_comes_back_as_it_was_given() -> None:
    table = host_table(
        [
            {
                "uuid": "00000000-0000-4000-8000-000000000001",
                "nodename": "node",
                "vcpus": 8,
                "vcpus_reserved": 1,
                "vcpus_used": 2,
                "cpu_allocation_ratio": 2.5,
                "memory_mb_max_unit": 99,
                "free_ram_mb": 7,
                "num_instances": 3,
                "availability_zone": "az1",
                "traits": ["CUSTOM_A", "CUSTOM_B"],
                "stats": '{"k": "v"}',
                "host_ip": "192.0.2.1",
                "disabled": True,
                "disabled_reason": "memory test",
                "last_seen_up_us": NOW_US,
            }
        ]
    )
    host = table.host(0)
    assert (host.host_id, host.nodename, host.host_ip, host.availability_zone) == ("h0", "node", "192.0.2.1", "az1")
    assert host.uuid == "00000000-0000-4000-8000-000000000001"
    vcpu = host.inventories["VCPU"]
    assert (vcpu.total, vcpu.reserved, vcpu.allocation_ratio, vcpu.largest_unit) == (8, 1, 2.5, 8)
    assert host.inventories["MEMORY_MB"].max_unit == 99
    assert (host.vcpus_used, host.free_ram_mb, host.num_instances) == (2, 7, 3)
    assert host.traits == {"CUSTOM_A", "CUSTOM_B"}
    assert host.stats == {"k": "v"}
    assert host.service == HostService(True, "memory test", False, NOW_US)


def test_berths_own_allocations_do_not_show_in_the_record() -> None:
    table = host_table([{"vcpus_used": 1, "num_instances": 1}])
    before = table.host(0)
    table.apply(0, 1, AMOUNTS)
    assert table.host(0) == before


def test_what_is_held_stays_when_the_facts_change() -> None:
    table = host_table([{}, {}])
    table.apply(0, 1, AMOUNTS)
    table.apply(0, 1, AMOUNTS)
    facts = {
        "vcpus": 3,
        "vcpus_reserved": 1,
        "vcpus_used": 1,
        "cpu_allocation_ratio": 1.5,
        "memory_mb": 2000,
        "memory_mb_used": 100,
        "ram_allocation_ratio": 1.0,
        "free_ram_mb": 900,
        "local_gb_used": 30,
        "num_instances": 5,
    }
    table.upsert(fleet([facts]))
    held = {name: table.columns[name][0].item() for name in table.columns}
    # capacity: floor((3 - 1) * 1.5) = 3 vCPUs, 1 used beside Berth and 4 by it
    assert (held["vcpu_used"], held["vcpu_free"]) == (5, -2)
    assert (held["vcpus_used"], held["cpu_free"]) == (5, 3 * 1.5 - 5)
    assert (held["memory_mb_used"], held["memory_mb_free"]) == (1124, 876)
    assert (held["free_ram_mb"], held["base_free_ram_mb"]) == (900 - 1024, 900)
    assert (held["disk_gb_used"], held["disk_gb_free"], held["free_disk_gb"]) == (70, 930, 930)
    assert (held["num_instances"], held["base_num_instances"]) == (7, 5)
    assert not check_invariants(table)

    table.apply(0, -1, AMOUNTS)
    table.apply(0, -1, AMOUNTS)
    fresh = host_table([facts])
    for column in COLUMNS:
        if column.name not in ("generation", "profile", "units"):
            assert table.columns[column.name][0] == fresh.columns[column.name][0], column.name


def test_an_update_that_breaks_a_rule_applies_nothing() -> None:
    table = host_table([{}, {}])
    before = {name: values.tolist() for name, values in table.columns.items()}
    bad = fleet([{"vcpus": 9}, {"memory_mb": 10**9}])
    place = bad.schema.get_field_index("ram_allocation_ratio")
    bad = bad.set_column(place, bad.schema.field(place), [[1.0, 5.0]])
    with pytest.raises(InvalidHostError):
        table.upsert(bad)
    assert {name: values.tolist() for name, values in table.columns.items()} == before
    assert host_ids(table) == ["h0", "h1"]


def test_the_table_grows_by_whole_blocks() -> None:
    table = host_table([{"host_id": f"a{index}"} for index in range(BLOCK_ROWS)])
    table.apply(5, 1, AMOUNTS)
    table.upsert(fleet([{"host_id": f"b{index}"} for index in range(BLOCK_ROWS + 1)]))
    assert {len(values) for values in table.columns.values()} == {3 * BLOCK_ROWS}
    assert table.columns["num_instances"][5] == 1
    assert table.host_count == table.rows == 2 * BLOCK_ROWS + 1
    assert not check_invariants(table)


def test_a_change_is_noted_of_its_rows_alone() -> None:
    table = host_table([{"host_id": f"a{index}"} for index in range(3 * BLOCK_ROWS)])
    before = table.journal.leaf_revision.copy()
    table.set_numbers(np.array([BLOCK_ROWS]), "failed_builds", np.array([7]))
    assert table.columns["failed_builds"][BLOCK_ROWS] == 7
    assert np.flatnonzero(table.journal.leaf_revision != before).tolist() == [BLOCK_ROWS // LEAF_ROWS]
    assert table.columns["generation"][BLOCK_ROWS] == table.generation


def test_only_facts_move_the_facts_revision() -> None:
    table = host_table([{}])
    before = table.facts_revision
    table.apply(0, 1, AMOUNTS)
    table.set_numbers(np.array([0]), "num_io_ops", np.array([7]))
    assert table.facts_revision == before
    table.upsert(fleet([{}]))
    assert table.facts_revision > before


# -- removal -----------------------------------------------------------------------------------------------------------


def test_a_host_that_holds_something_is_not_removed_nor_any_other_with_it() -> None:
    table = host_table([{}, {}, {}])
    table.apply(1, 1, AMOUNTS)
    with pytest.raises(HostInUseError) as caught:
        table.delete(["h0", "h1"])
    assert caught.value.details == {"host_id": "h1", "held": "1"}
    assert host_ids(table) == ["h0", "h1", "h2"]
    table.apply(1, -1, AMOUNTS)
    assert table.delete(["h0", "h1"]).tolist() == [0, 1]


def test_foreign_instances_do_not_keep_a_host() -> None:
    table = host_table([{"num_instances": 5, "vcpus_used": 5}])
    table.delete(["h0"])
    assert table.host_count == 0


def test_an_unknown_host_stops_a_removal() -> None:
    table = host_table([{}])
    with pytest.raises(UnknownHostError):
        table.delete(["h0", "nobody"])
    assert table.host_count == 1


def test_a_row_is_never_used_again() -> None:
    table = host_table([{}, {}])
    assert table.delete(["h0", "h0"]).tolist() == [0]
    assert table.find("h0") is None
    with pytest.raises(UnknownHostError):
        table.row("h0")
    assert table.upsert(fleet([{"availability_zone": "az1"}])).rows.tolist() == [2]
    assert host_ids(table) == ["h1", "h0"]
    assert table.columns["num_instances"][2] == 0
    assert [name for _, name in table.removed] == ["h0"]
    assert table.columns["generation"][0] == table.removed[0][0]
    assert not check_invariants(table)


def test_a_removed_host_leaves_its_zone_and_its_reason_behind() -> None:
    table = host_table([{"availability_zone": "az1", "disabled": True, "disabled_reason": "old"}, {}])
    assert table.zones == {"az1"}
    table.delete(["h0"])
    assert table.zones == frozenset()
    table.upsert(fleet([{}]))
    assert table.host(2).service == HostService()


def test_rows_set_aside_at_a_restart_stay_nobodys() -> None:
    table = HostTable()
    names = TextColumn(["gone", "h1", "", "", "h0", "", "late"])
    rows = np.array([4, 1])
    table.name_rows(IdentityTexts(names, names, names, names), rows)
    assert table.upsert_columns(fleet_columns(fleet([{}, {}]), named=True), rows, named=True).added == 0
    assert host_ids(table) == ["h1", "h0"]
    assert table.identity.host_ids == ["gone", "h1", "", "", "h0", "", "late"]
    assert table.find("gone") is None
    assert table.upsert(fleet([{"host_id": "gone"}])).rows.tolist() == [7]
    assert not check_invariants(table)


# -- service states ----------------------------------------------------------------------------------------------------


def up(table: HostTable) -> list[int]:
    return table.columns["service_up"][: table.rows].tolist()


def test_states_follow_the_clock_and_only_changed_hosts_get_a_generation() -> None:
    table = host_table([{"last_seen_up_us": NOW_US}, {"last_seen_up_us": NOW_US + 5}, {}])
    assert up(table) == [1, 1, 1]
    before = table.generation
    table.refresh_services(NOW_US + DOWN_US, DOWN_US)
    assert table.generation == before
    table.refresh_services(NOW_US + DOWN_US + 1, DOWN_US)
    assert up(table) == [0, 1, 1]
    assert [row for row in range(3) if table.columns["generation"][row] > before] == [0]
    table.refresh_services(NOW_US, DOWN_US)
    assert up(table) == [1, 1, 1]


def test_a_heartbeat_brings_a_host_up_at_the_next_look() -> None:
    table = host_table([{"last_seen_up_us": NOW_US - 2 * DOWN_US}, {}])
    assert up(table) == [0, 1]
    table.heartbeat(np.array([0]), np.array([NOW_US]))
    table.refresh_services(NOW_US, DOWN_US)
    assert up(table) == [1, 1]


def test_no_heartbeats_are_no_change() -> None:
    table = host_table([{}])
    before = table.generation
    table.heartbeat(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    table.refresh_services(NOW_US, DOWN_US)
    assert table.generation == before
    assert up(table) == [1]


def test_disabling_a_host_shows_at_the_next_look() -> None:
    table = host_table([{}])
    table.upsert(fleet([{"disabled": True}]))
    table.refresh_services(NOW_US, DOWN_US)
    assert up(table) == [0]


beats = st.tuples(st.just("beat"), st.integers(0, 2), st.integers(0, 40))
looks = st.tuples(st.just("look"), st.integers(5, 9), st.integers(0, 40))


@given(st.lists(st.one_of(beats, looks), max_size=30))
@settings(deadline=None)
def test_the_states_are_never_stale_whatever_beats_and_looks_came_before(events: list[tuple[str, int, int]]) -> None:
    table = host_table([{"last_seen_up_us": 0}, {"last_seen_up_us": 20}, {}])
    seen: dict[int, int | None] = {0: 0, 1: 20, 2: None}
    for kind, number, time in events:
        if kind == "beat":
            seen[number] = time
            table.heartbeat(np.array([number]), np.array([time]))
        else:
            table.refresh_services(time, number)
            assert up(table) == [int(beat is None or abs(time - beat) <= number) for beat in seen.values()]
