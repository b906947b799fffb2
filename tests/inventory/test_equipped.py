"""Devices in the table: states after claims, releases and reports are those computed from scratch."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConflictError, InvalidFileError, NotFoundError
from engine.fitting.pci import total
from engine.inventory.check import check_invariants
from engine.inventory.devices import DeviceState
from engine.inventory.export import fleet_rows
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, assigned_amounts
from engine.model.assignment import Assignment
from engine.model.candidates import SHARES, Candidate, Provider
from engine.model.numa import GuestCell, GuestNuma
from engine.model.pci import PciTaken
from tests.builders import fleet, host_table
from tests.devices import cell, child, inventory, numa, pci, pool, tree

AMOUNTS = Amounts(1, 256, 1, 1, 256, 1)


def facts(row: int) -> dict[str, str]:
    """A host with devices of each kind; its provider of VGPUs is called by its row."""
    cells = numa(cell(0, 8), cell(1, 8))
    return {**cells, **pci(pool(3, 0), pool(2, 1)), **tree(child(f"gpu{row}", {"VGPU": 8}), CUSTOM_FOO=4)}


HOST = facts(0)
HOSTS = [facts(row) for row in range(3)]


def guest(host_cell: int, cpu: int, memory_mb: int = 256) -> GuestNuma:
    pinning = ((0, 100 * host_cell + cpu),)
    fitted = GuestCell(0, frozenset(), frozenset({0}), memory_mb, None, "dedicated", None, host_cell, pinning)
    return GuestNuma((fitted,))


def shared_guest(host_cell: int, memory_mb: int) -> GuestNuma:
    return GuestNuma((GuestCell(0, frozenset({0, 1}), frozenset(), memory_mb, host_cell=host_cell),))


def taken(number: int, node: int) -> PciTaken:
    return PciTaken(pool(0, node), number)


def candidate(**by_class: tuple[str, int]) -> Candidate:
    return Candidate(tuple(sorted((uuid, ((name, amount),)) for name, (uuid, amount) in by_class.items())))


def test_a_claim_changes_every_state_and_its_release_brings_the_old_ones_back() -> None:
    table = host_table(HOSTS[:2])
    uuid = table.identity.uuids[0]
    before = table.device_state(0)
    assignment = Assignment(guest(1, 2), (taken(2, 0),), candidate(VGPU=("gpu0", 3), CUSTOM_FOO=(uuid, 1)))
    table.apply(0, 1, AMOUNTS, assignment)
    host = table.numa(0)
    assert host is not None
    assert host.cells[1].pinned_cpus == {102}
    assert [item.count for item in table.pci_pools(0)] == [1, 2]
    assert table.columns["pci_devices"][:2].tolist() == [3, 5]
    found = table.tree(0)
    assert found is not None
    assert [dict(item.used) for item in found.providers] == [
        {"CUSTOM_FOO": 1, "VCPU": 1, "MEMORY_MB": 256, "DISK_GB": 1},
        {"VGPU": 3},
    ]
    assert [item.parent for item in found.providers] == ["", uuid]
    assert table.device_state(1) == before
    assert check_invariants(table) == []
    table.apply(0, -1, AMOUNTS, assignment)
    assert table.device_state(0) == before
    assert not table.devices.holdings


def test_giving_back_what_is_not_held_is_refused_and_changes_nothing() -> None:
    table = host_table([HOST])
    with pytest.raises(ConflictError, match="h0"):
        table.apply(0, -1, AMOUNTS, Assignment(guest(0, 1)))
    assert table.columns["vcpu_used"][0] == 0
    assert check_invariants(table) == []


def test_a_snapshot_keeps_its_states() -> None:
    table = host_table([HOST])
    picture = table.snapshot()
    table.apply(0, 1, AMOUNTS, Assignment(guest(0, 1), (taken(1, 1),)))
    later = table.snapshot()
    table.apply(0, -1, AMOUNTS, Assignment(guest(0, 1), (taken(1, 1),)))
    assert total(picture.pci_pools(0)) == 5
    assert total(later.pci_pools(0)) == 4
    assert later.devices.holdings[0].assignments
    assert not picture.devices.holdings
    assert check_invariants(later) == check_invariants(picture) == []


def test_a_report_replaces_the_base_and_what_is_held_stays_on_top() -> None:
    table = host_table([HOST])
    table.apply(0, 1, AMOUNTS, Assignment(guest(0, 1), (taken(1, 0),), candidate(VGPU=("gpu0", 3))))
    again = {**numa(cell(0, 8, usage_mb=512)), **pci(pool(9, 0)), **tree(child("gpu0", {"VGPU": 2}, used=1))}
    table.upsert(fleet([again]))
    host = table.numa(0)
    assert host is not None
    assert host.cells[0].memory_usage_mb == 512 + 256
    assert table.columns["pci_devices"][0] == 8
    found = table.tree(0)
    assert found is not None
    assert dict(found.providers[1].used) == {"VGPU": 4}
    reported = table.host(0)
    assert (reported.numa, reported.pci_devices) == (table.devices.holdings[0].base.numa, 9)
    assert reported.children[0].used == (("VGPU", 1),)
    assert check_invariants(table) == []
    table.upsert(fleet([{}]))
    assert table.device_state(0) == DeviceState()
    assert check_invariants(table) == []


def test_what_is_exported_is_what_was_reported() -> None:
    table = host_table([HOST, {}, {**HOST, **tree(child("other", {"VGPU": 1}))}])
    rows = np.arange(3)
    before = fleet_rows(table, rows)
    table.apply(0, 1, AMOUNTS, Assignment(guest(0, 1), (taken(1, 0),), candidate(VGPU=("gpu0", 3))))
    after = fleet_rows(table.snapshot(), rows)
    assert after.equals(before)
    assert before["pci_devices"].to_pylist() == [5, 0, 5]
    again = HostTable()
    again.upsert(after)
    assert [again.host(row) for row in range(3)] == [table.host(row) for row in range(3)]


def test_assignments_come_back_all_at_once() -> None:
    table, again = host_table(HOSTS), host_table(HOSTS)
    pairs = [(0, Assignment(guest(0, 1))), (2, Assignment(guest(1, 1), (taken(1, 1),))), (0, Assignment(guest(0, 2)))]
    for row, assignment in pairs:
        table.apply(row, 1, AMOUNTS, assignment)
    generation = again.generation
    again.restore_assignments(pairs)
    assert again.generation > generation
    assert [again.device_state(row) for row in range(3)] == [table.device_state(row) for row in range(3)]
    assert again.devices.holdings == table.devices.holdings


def test_many_at_once_is_one_after_another() -> None:
    table, again = host_table(HOSTS[:2]), host_table(HOSTS[:2])
    assignment = Assignment(guest(0, 1))
    table.apply_many(np.array([0, 1, 1]), 1, np.array([AMOUNTS] * 3), {1: assignment})
    for row, its in ((0, None), (1, assignment), (1, None)):
        again.apply(row, 1, AMOUNTS, its)
    assert [table.device_state(row) for row in range(2)] == [again.device_state(row) for row in range(2)]
    assert table.columns["vcpu_used"][:2].tolist() == again.columns["vcpu_used"][:2].tolist() == [1, 2]
    assert check_invariants(table) == []


SHARED = Provider("nfs", "storage", inventories=(("DISK_GB", inventory(100)),), aggregates=frozenset({"agg"}))


def test_sharing_providers_count_what_is_taken_of_them() -> None:
    table = host_table([{}])
    table.set_sharing([SHARED])
    assert SHARES in table.sharing["nfs"].traits
    assignment = Assignment(candidate=candidate(DISK_GB=("nfs", 30)))
    picture = table.snapshot()
    table.apply(0, 1, AMOUNTS, assignment)
    assert table.sharing["nfs"].used == (("DISK_GB", 30),)
    assert picture.sharing["nfs"].used == ()
    table.set_sharing([Provider("nfs", used=(("DISK_GB", 5),))])
    assert table.sharing["nfs"].used == (("DISK_GB", 35),)
    with pytest.raises(ConflictError, match="nfs"):
        table.delete_sharing(["nfs"])
    table.apply(0, -1, AMOUNTS, assignment)
    table.delete_sharing(["nfs"])
    assert not table.sharing
    with pytest.raises(NotFoundError, match="nfs"):
        table.delete_sharing(["nfs"])


def test_rows_that_share_or_nest_the_classes_of_columns_are_told() -> None:
    table = host_table([{}, tree(child("a", {"VGPU": 1})), tree(child("b", {"VCPU": 4})), {"aggregates": ["shared"]}])
    found = table.beyond_columns
    assert found is not None
    assert np.flatnonzero(found).tolist() == [2]
    uuid = next(uuid for uuid, item in table.aggregates.items() if item.name == "shared")
    table.set_sharing([Provider("nfs", inventories=SHARED.inventories, aggregates=frozenset({uuid}))])
    found = table.beyond_columns
    assert found is not None
    assert np.flatnonzero(found).tolist() == [2, 3]
    assert [item.uuid for item in table.sharing_with(3)] == ["nfs"]
    assert table.sharing_with(0) == ()
    assert host_table([{}]).beyond_columns is None


def test_amounts_are_those_that_the_hosts_own_inventory_gives() -> None:
    own = Candidate((("me", (("MEMORY_MB", 256), ("VCPU", 2))), ("nfs", (("DISK_GB", 9),))))
    assert assigned_amounts(AMOUNTS, Assignment(candidate=own), "me") == Amounts(2, 256, 0, 1, 256, 1)
    assert assigned_amounts(AMOUNTS, Assignment(guest(0, 1)), "me") == AMOUNTS
    assert assigned_amounts(AMOUNTS, None, "me") == AMOUNTS


def test_numberings_do_not_grow_without_bound_under_churn() -> None:
    table = host_table(HOSTS[:2])
    picture = table.snapshot()
    table.apply(1, 1, AMOUNTS, Assignment(guest(0, 7)))
    for number in range(4000):
        assignment = Assignment(guest(number % 2, number % 5, 1 + number))
        table.apply(0, 1, AMOUNTS, assignment)
        table.apply(0, -1, AMOUNTS, assignment)
    assert len(table.devices.numas) < 2100
    assert check_invariants(table) == check_invariants(picture) == []
    assert table.device_state(0) == picture.device_state(0)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("numa_topology", "{"),
        ("numa_topology", '{"cells": []}'),
        ("numa_topology", '{"cells": [{"id": 0, "cpuset": [-1], "memory": 1}]}'),
        ("numa_topology", '{"cells": [{"id": 0, "cpuset": ["0"], "memory": 1}]}'),
        ("numa_topology", '{"cells": [{"id": 0, "cpuset": [0], "memory": 1, "colour": 3}]}'),
        ("pci_device_pools", '[{"vendor_id": "8086", "product_id": "1", "count": -1}]'),
        ("pci_device_pools", '[{"vendor_id": "8086", "product_id": "1", "count": 99999999999}]'),
        ("resource_providers", '{"providers": [{"uuid": ""}]}'),
        ("resource_providers", '{"inventories": {"lower": {"total": 1}}}'),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_by_column_and_row(column: str, text: str) -> None:
    with pytest.raises(InvalidFileError, match=f"column {column}, row 2"):
        fleet([{}, {column: text}])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_states_after_any_history_are_those_computed_from_scratch(seed: int) -> None:
    rng = random.Random(seed)
    table = host_table(HOSTS)
    held: list[tuple[int, Assignment]] = []
    reports: list[dict[str, Any]] = list(HOSTS)
    for _ in range(30):
        kind = rng.random()
        if kind < 0.5:
            row = rng.randrange(3)
            assignment = Assignment(
                rng.choice(
                    (
                        None,
                        guest(rng.randrange(2), rng.randrange(8)),
                        shared_guest(rng.randrange(3), rng.randrange(1, 999)),
                    )
                ),
                rng.choice(((), (taken(1, rng.randrange(2)),))),
                rng.choice((None, candidate(VGPU=(f"gpu{row}", rng.randint(1, 3))))),
            )
            table.apply(row, 1, AMOUNTS, assignment)
            held.append((row, assignment))
        elif kind < 0.8 and held:
            row, assignment = held.pop(rng.randrange(len(held)))
            table.apply(row, -1, AMOUNTS, assignment)
        elif kind < 0.95:
            row = rng.randrange(3)
            report = {**facts(row), **rng.choice(({}, numa(cell(0, 4), cell(1, 8)), pci(pool(9, 1))))}
            reports[row] = report
            table.upsert(fleet([{"host_id": f"h{row}", **report}]))
        else:
            table.snapshot()
    scratch = host_table(reports)
    scratch.restore_assignments(sorted(held, key=lambda item: item[0]))
    assert [normal(table, row) for row in range(3)] == [normal(scratch, row) for row in range(3)]
    assert check_invariants(table) == []


def normal(table: HostTable, row: int) -> object:
    """A row's state, whatever the order of its pools: one that comes back stands behind the others."""
    state = table.device_state(row)
    return state.numa, sorted(state.pools or (), key=repr), state.tree
