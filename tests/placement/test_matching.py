"""Seating items in places: agreement with trying everything."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.placement.matching import all_seated


def seated_by_trial(options: list[list[int]], seats: dict[int, int]) -> bool:
    return any(all(way.count(place) <= seats.get(place, 0) for place in way) for way in product(*options))


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=4, unique=True), max_size=6),
    st.dictionaries(st.integers(0, 4), st.integers(-1, 3), max_size=5),
)
def test_items_are_seated_exactly_when_some_way_of_seating_them_exists(
    options: list[list[int]], seats: dict[int, int]
) -> None:
    assert all_seated(options, seats) == seated_by_trial(options, seats)


@pytest.mark.parametrize(("items", "fits"), [(300, True), (301, False)])
def test_a_long_chain_of_exchanges_is_followed(items: int, fits: bool) -> None:
    options = [[place for place in (item - 1, item) if 0 <= place < 300] for item in reversed(range(items))]
    assert all_seated(options, dict.fromkeys(range(300), 1)) is fits
