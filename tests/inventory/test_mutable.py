"""A snapshot shares its columns until they are written, and never changes."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConflictError, HostInUseError
from engine.inventory.check import check_invariants
from engine.inventory.fleet import Fleet
from engine.inventory.ingest import fleet_columns
from engine.inventory.schema import BLOCK_ROWS
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts
from engine.model.aggregate import Aggregate
from tests.builders import NOW_US, SECOND_US, fleet, host_table

AMOUNTS = Amounts(1, 2, 3, 4, 5, 6)

Operation = Callable[[HostTable, int], None]


def upsert(table: HostTable, number: int) -> None:
    facts = {"vcpus": number + 1, "availability_zone": f"az{number}", "aggregates": [f"rack-{number}"]}
    table.upsert(fleet([{"host_id": f"h{number}", "disabled_reason": f"reason {number}", **facts}]))


def upsert_many(table: HostTable, number: int) -> None:
    table.upsert(fleet([{"host_id": f"m{index}"} for index in range(BLOCK_ROWS)]))


def apply(table: HostTable, number: int) -> None:
    if table.rows:
        table.apply(number % table.rows, 1, AMOUNTS)


def apply_many(table: HostTable, number: int) -> None:
    if table.rows:
        table.apply_many(np.array([number % table.rows] * 2), 1, np.array([AMOUNTS] * 2))


def delete(table: HostTable, number: int) -> None:
    if table.find(f"h{number}") is not None:
        try:
            table.delete([f"h{number}"])
        except HostInUseError:
            table.set_numbers(np.array([table.row(f"h{number}")]), "failed_builds", np.array([number]))


def retire(table: HostTable, number: int) -> None:
    # a host beyond the last row, so that the rows between are nobody's
    columns = fleet_columns(fleet([{"host_id": f"late{table.rows + number}"}]))
    table.upsert_columns(columns, np.array([table.rows + number]))


def set_aggregate(table: HostTable, number: int) -> None:
    hosts = frozenset(sorted(table.identity.row_of)[:number])
    try:
        table.set_aggregate(Aggregate("uuid", f"rack-{number}", hosts, {"availability_zone": f"zone{number}"}))
    except ConflictError:
        delete_aggregate(table, number)


def delete_aggregate(table: HostTable, number: int) -> None:
    if "uuid" in table.aggregates:
        table.delete_aggregate("uuid")


def heartbeat(table: HostTable, number: int) -> None:
    if table.rows:
        table.heartbeat(np.array([number % table.rows]), np.array([NOW_US + number * SECOND_US]))


def refresh(table: HostTable, number: int) -> None:
    table.refresh_services(NOW_US + number * 10 * SECOND_US, 15 * SECOND_US)


OPERATIONS: list[Operation] = [
    upsert,
    upsert_many,
    apply,
    apply_many,
    delete,
    retire,
    set_aggregate,
    delete_aggregate,
    heartbeat,
    refresh,
]


def content(picture: Fleet) -> dict[str, object]:
    """Everything a reader can see of a fleet, copied."""
    rows = picture.present_rows().tolist()
    return {
        "columns": {name: values.tolist() for name, values in picture.columns.items()},
        "arrays": {name: values.tolist() for name, values in picture.arrays.items()},
        "rows": picture.rows,
        "generation": picture.generation,
        "identity": copy.deepcopy(picture.identity),
        "hosts": [picture.host(row) for row in rows],
        "aggregates": copy.deepcopy(picture.aggregates),
        "memberships": [picture.membership_aggregates(int(picture.columns["membership"][row])) for row in rows],
        "members": {uuid: picture.aggregate_host_rows(uuid).tolist() for uuid in picture.aggregates},
        "zones": picture.zones,
    }


@given(st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 4), st.booleans()), max_size=25))
@settings(deadline=None, max_examples=60)
def test_snapshots_never_change_whatever_happens_later(steps: list[tuple[Operation, int, bool]]) -> None:
    table = host_table([{}, {"aggregates": ["rack-9"]}])
    kept = []
    for operation, number, take in steps:
        if take:
            picture = table.snapshot()
            kept.append((picture, content(picture)))
            assert kept[-1][1] == content(table)
        operation(table, number)
        assert not check_invariants(table)
    for picture, then in kept:
        assert content(picture) == then


def test_a_snapshot_cannot_be_written() -> None:
    picture = host_table([{}]).snapshot()
    for values in picture.columns.values():
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0


def test_a_snapshot_costs_no_column_and_the_first_write_only_its_own() -> None:
    table = host_table([{}])
    picture = table.snapshot()
    assert all(np.shares_memory(picture.columns[name], values) for name, values in table.columns.items())
    table.set_numbers(np.array([0]), "num_io_ops", np.array([3]))
    copied = {name for name, values in table.columns.items() if not np.shares_memory(picture.columns[name], values)}
    assert copied == {"num_io_ops", "generation"}
    written = table.columns["num_io_ops"]
    table.set_numbers(np.array([0]), "num_io_ops", np.array([4]))
    assert table.columns["num_io_ops"] is written


def test_a_snapshot_counts_the_changes_before_it() -> None:
    table = host_table([{}])
    picture = table.snapshot()
    then = table.generation
    table.apply(0, 1, AMOUNTS)
    assert (picture.generation, table.generation) == (then, then + 1)
    assert (picture.host_count, picture.rows) == (1, 1)


def test_growth_keeps_what_there_is_and_makes_whole_blocks() -> None:
    table = host_table([{}])
    table.reserve(1)
    assert {len(values) for values in table.columns.values()} == {BLOCK_ROWS}
    table.reserve(BLOCK_ROWS + 1)
    assert {len(values) for values in table.columns.values()} == {2 * BLOCK_ROWS}
    assert table.host_count == 1
    assert table.arrays["present"] is table.columns["present"]


def test_touching_nothing_is_no_change() -> None:
    table = host_table([{}])
    before = (table.generation, table.facts_revision)
    table.touch(np.empty(0, dtype=np.int64), facts=True)
    assert (table.generation, table.facts_revision) == before
