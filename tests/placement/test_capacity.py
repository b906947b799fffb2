"""How much a provider still gives: fractions, pieces, what is used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.resources import ResourceInventory
from engine.placement.capacity import capacity, room, stock, takes, whole_capacity
from tests.placement.builders import provider


def test_capacity_keeps_its_fraction_and_the_summary_does_not() -> None:
    inventory = ResourceInventory(7, reserved=2, allocation_ratio=1.5)
    assert capacity(inventory) == 7.5
    assert whole_capacity(inventory) == 7


@pytest.mark.parametrize(
    ("used", "amount", "fits"),
    [
        (0, 4, True),
        (8, 4, True),
        (9, 4, False),
        (0, 1, False),
        (0, 3, False),
        (0, 6, True),
        (0, 8, False),
        (50, 2, False),
    ],
)
def test_an_amount_must_fit_beside_what_is_used_and_in_the_pieces(used: int, amount: int, fits: bool) -> None:
    inventory = ResourceInventory(12, min_unit=2, max_unit=6, step_size=2)
    assert takes(inventory, used, amount) is fits


def test_without_max_unit_the_total_stops_one_allocation_however_high_the_ratio() -> None:
    inventory = ResourceInventory(4, allocation_ratio=16.0)
    assert takes(inventory, 0, 4)
    assert not takes(inventory, 0, 5)


@given(
    st.builds(
        ResourceInventory,
        total=st.integers(1, 2**31 - 1),
        reserved=st.integers(0, 100),
        allocation_ratio=st.floats(0.1, 20),
        max_unit=st.none() | st.integers(1, 2**31 - 1),
    ),
    st.integers(0, 2**31),
    st.integers(1, 2**31),
)
def test_a_single_amount_that_is_taken_is_within_the_room_of_all(
    inventory: ResourceInventory, used: int, amount: int
) -> None:
    assert takes(inventory, used, amount) == (amount <= room(inventory, used))


def test_usage_of_a_class_without_inventory_gives_no_stock() -> None:
    held = stock(provider("a", VCPU=4, used={"VCPU": 1, "VGPU": 2}))
    assert held == {"VCPU": (ResourceInventory(4), 1)}
