"""Hosts join and leave aggregates; names and uuids stay one to one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConflictError, UnknownAggregateError, UnknownHostError
from engine.inventory.check import check_invariants
from engine.inventory.fleet import Fleet
from engine.model.aggregate import Aggregate
from tests.builders import fleet, host_table


def members(table: Fleet, uuid: str) -> list[int]:
    return table.aggregate_host_rows(uuid).tolist()


def aggregates_of(table: Fleet, row: int) -> set[str]:
    return {item.name for item in table.membership_aggregates(int(table.columns["membership"][row]))}


def test_hosts_join_and_leave() -> None:
    table = host_table([{}, {}, {}])
    table.set_aggregate(Aggregate("a", "first", frozenset({"h0", "h1"}), {"rack": "1"}))
    table.set_aggregate(Aggregate("b", "second", frozenset({"h1", "h2"})))
    assert members(table, "a") == [0, 1]
    assert [aggregates_of(table, row) for row in range(3)] == [{"first"}, {"first", "second"}, {"second"}]
    table.set_aggregate(Aggregate("a", "first", frozenset({"h2"})))
    assert [aggregates_of(table, row) for row in range(3)] == [set(), {"second"}, {"first", "second"}]
    assert table.aggregates["a"].metadata == {}
    assert not check_invariants(table)


def test_only_hosts_that_join_or_leave_get_a_generation() -> None:
    table = host_table([{}, {}, {}])
    table.set_aggregate(Aggregate("a", "first", frozenset({"h0", "h1"})))
    before = table.generation
    table.set_aggregate(Aggregate("a", "first", frozenset({"h1", "h2"})))
    assert [row for row in range(3) if table.columns["generation"][row] > before] == [0, 2]


def test_changed_metadata_alone_moves_the_facts_revision() -> None:
    table = host_table([{}])
    table.set_aggregate(Aggregate("a", "first"))
    before = (table.facts_revision, table.generation)
    table.set_aggregate(Aggregate("a", "first", metadata={"availability_zone": "az1"}))
    assert table.facts_revision > before[0]
    assert table.generation > before[1]
    assert table.zones == {"az1"}


def test_an_unknown_host_changes_nothing() -> None:
    table = host_table([{}])
    before = table.generation
    with pytest.raises(UnknownHostError):
        table.set_aggregate(Aggregate("a", "first", frozenset({"h0", "nobody"})))
    assert (table.generation, table.aggregates, members(table, "a")) == (before, {}, [])


def test_a_name_belongs_to_one_aggregate() -> None:
    table = host_table([{}])
    table.set_aggregate(Aggregate("a", "first"))
    with pytest.raises(ConflictError) as caught:
        table.set_aggregate(Aggregate("b", "first", frozenset({"h0"})))
    assert "a" in caught.value.message
    assert set(table.aggregates) == {"a"}
    assert members(table, "b") == []


def test_a_renamed_aggregate_frees_its_name() -> None:
    table = host_table([{}])
    table.set_aggregate(Aggregate("a", "first", frozenset({"h0"})))
    table.set_aggregate(Aggregate("a", "second", frozenset({"h0"})))
    table.set_aggregate(Aggregate("b", "first"))
    assert {item.uuid: item.name for item in table.aggregates.values()} == {"a": "second", "b": "first"}
    assert aggregates_of(table, 0) == {"second"}


def test_a_removed_aggregate_leaves_its_hosts_and_frees_its_name() -> None:
    table = host_table([{}, {}])
    table.set_aggregate(Aggregate("a", "first", frozenset({"h0"})))
    table.set_aggregate(Aggregate("b", "second", frozenset({"h0", "h1"})))
    table.delete_aggregate("a")
    assert aggregates_of(table, 0) == {"second"}
    assert members(table, "a") == []
    with pytest.raises(UnknownAggregateError):
        table.delete_aggregate("a")
    table.set_aggregate(Aggregate("c", "first"))
    # every membership there ever was can still be asked for
    assert {item.name for code in range(len(table.memberships)) for item in table.membership_aggregates(code)} == {
        "second"
    }
    assert not check_invariants(table)


def test_a_fleet_makes_the_aggregates_it_names_once() -> None:
    table = host_table([{"aggregates": ["rack-1"]}, {"aggregates": ["rack-1", "rack-2"]}])
    assert {item.name for item in table.aggregates.values()} == {"rack-1", "rack-2"}
    again = host_table([{"aggregates": ["rack-2"]}])
    uuids = {item.name: item.uuid for item in table.aggregates.values()}
    assert {item.uuid for item in again.aggregates.values()} == {uuids["rack-2"]}
    assert members(table, uuids["rack-1"]) == [0, 1]
    table.upsert(fleet([{"aggregates": ["rack-2"]}]))
    assert [aggregates_of(table, row) for row in range(2)] == [{"rack-2"}, {"rack-1", "rack-2"}]


def test_a_fleets_name_finds_the_aggregate_that_has_it() -> None:
    table = host_table([], aggregates=[Aggregate("a", "rack-1", metadata={"k": "v"})])
    table.upsert(fleet([{"aggregates": ["rack-1"]}]))
    assert members(table, "a") == [0]
    assert table.aggregates["a"].metadata == {"k": "v"}


def test_a_name_that_was_renamed_away_makes_another_aggregate() -> None:
    table = host_table([{"aggregates": ["rack-1"]}])
    (made,) = table.aggregates.values()
    table.set_aggregate(Aggregate(made.uuid, "hall-1", frozenset({"h0"}), {"k": "v"}))
    table.upsert(fleet([{"host_id": "new", "aggregates": ["rack-1"]}]))
    assert table.aggregates[made.uuid] == Aggregate(made.uuid, "hall-1", metadata={"k": "v"})
    assert sorted(item.name for item in table.aggregates.values()) == ["hall-1", "rack-1"]
    assert [aggregates_of(table, row) for row in range(2)] == [{"hall-1"}, {"rack-1"}]


def test_a_removed_host_is_in_no_aggregate() -> None:
    table = host_table([{}, {}], aggregates=[Aggregate("a", "first", frozenset({"h0", "h1"}))])
    table.delete(["h0"])
    assert members(table, "a") == [1]
    with pytest.raises(UnknownHostError):
        table.set_aggregate(Aggregate("a", "first", frozenset({"h0"})))


def test_a_snapshot_reads_memberships_that_came_later() -> None:
    table = host_table([{}], aggregates=[Aggregate("a", "first", frozenset({"h0"}))])
    picture = table.snapshot()
    table.set_aggregate(Aggregate("b", "second", frozenset({"h0"})))
    table.delete_aggregate("a")
    for code in range(len(picture.memberships)):
        assert {item.uuid for item in picture.membership_aggregates(code)} <= {"a"}
    assert aggregates_of(picture, 0) == {"first"}


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("abc"), st.frozensets(st.integers(0, 4))),
            st.tuples(st.sampled_from("abc"), st.none()),
        ),
        max_size=20,
    )
)
@settings(deadline=None)
def test_memberships_are_those_that_were_set_last(changes: list[tuple[str, frozenset[int] | None]]) -> None:
    table = host_table([{}] * 5)
    expected: dict[str, frozenset[int]] = {}
    for uuid, rows in changes:
        if rows is not None:
            table.set_aggregate(Aggregate(uuid, uuid, frozenset(f"h{row}" for row in rows)))
            expected[uuid] = rows
        elif expected.pop(uuid, None) is not None:
            table.delete_aggregate(uuid)
        assert {name: frozenset(members(table, name)) for name in expected} == expected
        for row in range(5):
            assert aggregates_of(table, row) == {name for name, inside in expected.items() if row in inside}
    assert not check_invariants(table)
