"""What an instance takes of a host's columns, and that it all comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.inventory.check import check_invariants
from engine.inventory.schema import COLUMNS
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.flavor import Flavor
from engine.model.limits import MAX_DISK_GB
from tests.builders import host_table

HOSTS = [
    {"vcpus": 10, "cpu_allocation_ratio": 1.1},
    {"vcpus": 3, "cpu_allocation_ratio": 1 / 3, "num_instances": 4},
    {"disk_gb": 0, "free_ram_mb": -7},
]
CHANGING = [column.name for column in COLUMNS if column.name != "generation"]

amounts = st.builds(Amounts, *[st.integers(0, 10_000)] * 6)
claims = st.lists(st.tuples(st.integers(0, len(HOSTS) - 1), amounts), min_size=1, max_size=20)


def content(table: HostTable) -> dict[str, list[float]]:
    return {name: table.columns[name].tolist() for name in CHANGING}


def test_one_instance_changes_exactly_what_it_takes() -> None:
    table = host_table(HOSTS)
    before = {name: table.columns[name][0].item() for name in CHANGING}
    table.apply(0, 1, Amounts(2, 512, 21, 2, 512, 20))
    after = {name: table.columns[name][0].item() for name in CHANGING}
    assert {name: after[name] - before[name] for name in CHANGING if after[name] != before[name]} == {
        "vcpu_used": 2,
        "vcpu_free": -2,
        "memory_mb_used": 512,
        "memory_mb_free": -512,
        "disk_gb_used": 21,
        "disk_gb_free": -21,
        "vcpus_used": 2,
        "cpu_free": after["cpu_free"] - before["cpu_free"],
        "free_ram_mb": -512,
        "free_disk_gb": -20,
        "num_instances": 1,
    }
    assert after["cpu_free"] == 10 * 1.1 - 2


@given(claims)
@settings(deadline=None)
def test_taking_back_in_any_order_restores_every_column_exactly(taken: list[tuple[int, Amounts]]) -> None:
    table = host_table(HOSTS)
    before = content(table)
    for row, amount in taken:
        table.apply(row, 1, amount)
    assert not check_invariants(table)
    for row, amount in sorted(taken):
        table.apply(row, -1, amount)
    assert content(table) == before
    assert table.generation >= 2 * len(taken)


@given(claims)
@settings(deadline=None)
def test_many_at_once_equals_one_after_the_other(taken: list[tuple[int, Amounts]]) -> None:
    singly, at_once = host_table(HOSTS), host_table(HOSTS)
    for row, amount in taken:
        singly.apply(row, 1, amount)
    rows = np.array([row for row, _ in taken], dtype=np.int64)
    many = np.array([amount for _, amount in taken], dtype=np.int64)
    before, noted = at_once.generation, at_once.journal.leaf_revision[0]
    at_once.apply_many(rows, 1, many)
    assert content(at_once) == content(singly)
    assert at_once.generation == before + 1
    assert set(at_once.columns["generation"][rows].tolist()) == {before + 1}
    assert at_once.journal.leaf_revision[0] > noted
    at_once.apply_many(rows, -1, many)
    assert content(at_once) == content(host_table(HOSTS))


def test_nothing_at_once_changes_nothing() -> None:
    table = host_table(HOSTS)
    before = table.generation
    table.apply_many(np.empty(0, dtype=np.int64), 1, np.empty((0, 6), dtype=np.int64))
    assert table.generation == before


@pytest.mark.parametrize(
    ("flavor", "is_bfv", "expected"),
    [
        (Flavor("a", 2, 512, 10), False, (2, 512, 10, 2, 512, 10)),
        (Flavor("a", 2, 512, 10, 5, 1), False, (2, 512, 16, 2, 512, 15)),
        (Flavor("a", 2, 512, 10, 5, 1024), False, (2, 512, 16, 2, 512, 15)),
        (Flavor("a", 2, 512, 10, 5, 1025), False, (2, 512, 17, 2, 512, 15)),
        # from a volume: placement is not asked for the root disk, the compute node counts it all the same
        (Flavor("a", 2, 512, 10, 5), True, (2, 512, 5, 2, 512, 15)),
        (Flavor("a", 0, 512), False, (0, 512, 0, 0, 512, 0)),
    ],
)
def test_swap_and_volumes_count_for_placement_only(flavor: Flavor, is_bfv: bool, expected: tuple[int, ...]) -> None:
    assert flavor_amounts(flavor, is_bfv=is_bfv) == expected


def test_resources_leave_out_what_is_not_asked_for() -> None:
    assert Amounts(0, 512, 0, 0, 512, 3).resources == {"MEMORY_MB": 512}


def test_disks_that_together_pass_the_limit_are_refused() -> None:
    flavor = Flavor("huge", 1, 1, MAX_DISK_GB, 1)
    with pytest.raises(InvalidRequestError):
        flavor_amounts(flavor)
    with pytest.raises(InvalidRequestError):
        flavor_amounts(flavor, is_bfv=True)
