"""Writes of allocations: what is refused with which code, and what the books say afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConflictError, EngineError, GenerationConflictError, InvalidRequestError
from engine.model.resources import ResourceInventory
from engine.placement.writes import CONCURRENT_UPDATE, UNDEFINED_CODE, Books, Change, Consumer, write
from tests.placement.builders import provider

HOST = provider("host", VCPU=ResourceInventory(8, max_unit=6, step_size=2), DISK_GB=10, used={"VCPU": 2})
EMPTY = Books({"host": HOST, "bare": provider("bare")}, {})


def taking(consumer: str, generation: int | None = None, uuid: str = "host", **amounts: int) -> Change:
    return Change(consumer, ((uuid, tuple(sorted(amounts.items()))),), generation)


def used(books: Books, uuid: str = "host") -> dict[str, int]:
    return dict(books.providers[uuid].used)


def test_a_write_adds_to_usage_and_the_next_replaces_it() -> None:
    books = write(EMPTY, [taking("i", VCPU=4, DISK_GB=1)])
    assert used(books) == {"VCPU": 6, "DISK_GB": 1}
    assert books.consumers == {"i": Consumer((("host", (("DISK_GB", 1), ("VCPU", 4))),), 1)}
    books = write(books, [taking("i", 1, VCPU=2)])
    assert used(books) == {"VCPU": 4}
    assert books.consumers["i"].generation == 2
    books = write(books, [Change("i", (), 2)])
    assert (used(books), books.consumers) == ({"VCPU": 2}, {})
    assert EMPTY.providers["host"] is HOST


@pytest.mark.parametrize(
    "amounts",
    [{"VCPU": 1}, {"VCPU": 3}, {"VCPU": 8}, {"DISK_GB": 11}, {"VGPU": 1}, {"VCPU": 2, "DISK_GB": 99}, {"VCPU": 10**30}],
)
def test_what_the_inventory_does_not_give_is_a_conflict(amounts: dict[str, int]) -> None:
    with pytest.raises(ConflictError) as caught:
        write(EMPTY, [taking("i", **amounts)])
    assert caught.value.details["code"] == UNDEFINED_CODE


def test_a_provider_without_inventory_is_a_conflict_and_an_unknown_one_a_bad_request() -> None:
    with pytest.raises(ConflictError, match="no inventory"):
        write(EMPTY, [taking("i", uuid="bare", VCPU=1)])
    with pytest.raises(InvalidRequestError, match="nobody"):
        write(EMPTY, [taking("i", uuid="nobody", VCPU=1)])


@pytest.mark.parametrize("amount", [0, -2, True, 2.0, "2", None])
def test_an_amount_must_be_a_positive_integer(amount: object) -> None:
    with pytest.raises(InvalidRequestError, match="1 or more"):
        write(EMPTY, [Change("i", (("host", (("VCPU", amount),)),))])  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="no resources"):
        write(EMPTY, [Change("i", (("host", ()),))])


@pytest.mark.parametrize("generation", [0, 1, 7])
def test_a_new_consumer_must_be_given_as_new(generation: int) -> None:
    with pytest.raises(GenerationConflictError) as caught:
        write(EMPTY, [taking("i", generation, VCPU=2)])
    assert caught.value.details["code"] == CONCURRENT_UPDATE


@pytest.mark.parametrize("generation", [None, 0, 2])
def test_a_known_consumer_must_be_given_with_its_generation(generation: int | None) -> None:
    books = write(EMPTY, [taking("i", VCPU=2)])
    with pytest.raises(GenerationConflictError):
        write(books, [taking("i", generation, VCPU=2)])


def test_a_consumer_given_nothing_from_the_start_is_remembered() -> None:
    books = write(EMPTY, [Change("i", ())])
    assert books.consumers == {"i": Consumer((), 0)}
    assert write(books, [Change("i", (), 0)]) == books
    assert write(books, [taking("i", 0, VCPU=2)]).consumers["i"].generation == 1


def test_beyond_capacity_a_consumer_may_only_make_less_of_it() -> None:
    held = Consumer((("host", (("DISK_GB", 5),)),), 3)
    books = Books({"host": provider("host", DISK_GB=10, used={"DISK_GB": 14})}, {"i": held})
    assert used(write(books, [taking("i", 3, DISK_GB=4)])) == {"DISK_GB": 13}
    assert used(write(books, [taking("i", 3, DISK_GB=5)])) == {"DISK_GB": 14}
    for refused in (taking("i", 3, DISK_GB=6), taking("new", DISK_GB=1)):
        with pytest.raises(ConflictError):
            write(books, [refused])


def test_a_move_hands_over_what_was_held_even_on_a_full_provider() -> None:
    books = write(Books({"host": provider("host", VCPU=4), "to": provider("to", VCPU=4)}, {}), [taking("i", VCPU=4)])
    moved = write(books, [taking("i", 1, uuid="to", VCPU=4), taking("migration", VCPU=4)])
    assert (used(moved), used(moved, "to")) == ({"VCPU": 4}, {"VCPU": 4})
    assert moved.consumers["i"] == Consumer((("to", (("VCPU", 4),)),), 2)


def test_several_changes_count_together_and_fail_together() -> None:
    with pytest.raises(ConflictError):
        write(EMPTY, [taking("i", VCPU=4), taking("j", VCPU=4)])
    both = write(EMPTY, [taking("i", VCPU=4), taking("j", VCPU=2)])
    assert used(both) == {"VCPU": 8}


changes = st.builds(
    Change,
    st.sampled_from(["i", "j"]),
    st.dictionaries(
        st.sampled_from(["host", "other"]),
        st.dictionaries(st.sampled_from(["VCPU", "DISK_GB"]), st.integers(1, 6), min_size=1).map(
            lambda amounts: tuple(sorted(amounts.items()))
        ),
    ).map(lambda allocations: tuple(sorted(allocations.items()))),
    st.sampled_from([None, 0, 1, 2]),
)


@given(st.lists(changes, max_size=12))
def test_usage_is_always_what_the_consumers_and_the_others_hold(sequence: list[Change]) -> None:
    books = Books({"host": HOST, "other": provider("other", VCPU=4, DISK_GB=4)}, {})
    for change in sequence:
        try:
            books = write(books, [change])
        except EngineError:
            continue
        for uuid, others in (("host", {"VCPU": 2}), ("other", {})):
            expected = dict(others)
            for consumer in books.consumers.values():
                for name, amount in dict(consumer.allocations).get(uuid, ()):
                    expected[name] = expected.get(name, 0) + amount
            assert used(books, uuid) == expected
            for name, inventory in books.providers[uuid].inventories:
                assert expected.get(name, 0) <= inventory.total
