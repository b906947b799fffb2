"""Codes of states: equal exactly for providers and states that an exchange carries into each other."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from engine.placement.symmetry import flat_codes, tree_codes


@st.composite
def forests(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    count = draw(st.integers(1, 6))
    parents = [draw(st.integers(-1, index - 1)) for index in range(count)]
    return parents, [draw(st.integers(0, 1)) for _ in range(count)]


def exchanges(parents: list[int], labels: list[int]) -> set[tuple[int, ...]]:
    """Return all ways to rename the providers that keep the forest and its labels."""
    found = set()
    for names in permutations(range(len(parents))):
        same = all(labels[names[i]] == labels[i] for i in range(len(parents)))
        moved = all((names[p] if p >= 0 else -1) == parents[names[i]] for i, p in enumerate(parents))
        if same and moved:
            found.add(names)
    return found


@given(forests())
def test_providers_have_one_code_exactly_when_some_exchange_maps_them(forest: tuple[list[int], list[int]]) -> None:
    parents, labels = forest
    codes, _ = tree_codes(parents)(labels)
    maps = exchanges(parents, labels)
    for one in range(len(parents)):
        for other in range(len(parents)):
            assert (codes[one] == codes[other]) == any(names[one] == other for names in maps)


@given(forests(), st.data())
def test_states_have_one_code_exactly_when_an_exchange_of_the_forest_maps_them(
    forest: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    parents, labels = forest
    others = data.draw(st.lists(st.integers(0, 1), min_size=len(labels), max_size=len(labels)))
    codes = tree_codes(parents)
    shapes = exchanges(parents, [0] * len(parents))
    alike = any(all(others[names[i]] == label for i, label in enumerate(labels)) for names in shapes)
    assert (codes(labels)[1] == codes(others)[1]) == alike


def test_without_a_shape_only_the_labels_count() -> None:
    assert flat_codes([3, 1, 2])[1] == flat_codes([1, 2, 3])[1] != flat_codes([1, 2, 2])[1]
    assert flat_codes([3, 1, 3])[0] == [3, 1, 3]
