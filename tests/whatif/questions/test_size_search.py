from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from engine.whatif.questions.size_search import Range, likely_sizes, next_size, search, smallest


def searched(sizes: Range, enough: set[int] | range, *, at_a_time: int = 1) -> tuple[dict[int, bool], list[int]]:
    asked: list[int] = []

    def try_sizes(wanted: Sequence[int]) -> list[bool]:
        asked.extend(wanted)
        return [size in enough for size in wanted]

    return search(sizes, try_sizes, at_a_time=at_a_time), asked


@given(st.integers(0, 500), st.integers(0, 3000), st.integers(1, 8))
def test_where_refusals_fall_with_every_host_the_search_finds_the_smallest_size(
    first: int, above: int, at_a_time: int
) -> None:
    least = min(first, 1)
    outcomes, asked = searched(Range(least, first, 5000), range(first + above, 5001), at_a_time=at_a_time)
    assert smallest(outcomes) == first + above
    assert len(asked) == len(set(asked)), "no size is tried twice"
    assert len(outcomes) <= 30


@given(st.sets(st.integers(1, 60)), st.integers(1, 20), st.integers(2, 9))
def test_what_the_search_goes_through_does_not_depend_on_how_many_sizes_are_tried_at_a_time(
    enough: set[int], first: int, at_a_time: int
) -> None:
    sizes = Range(1, first, 60)
    one, asked = searched(sizes, enough)
    several, _ = searched(sizes, enough, at_a_time=at_a_time)
    assert list(one.items()) == list(several.items())
    assert asked == list(one)


@given(st.sets(st.integers(1, 60)), st.integers(1, 20))
def test_the_size_below_the_answer_was_tried_and_was_not_enough(enough: set[int], first: int) -> None:
    outcomes, _ = searched(Range(1, first, 60), enough)
    answer = smallest(outcomes)
    if answer is not None:
        assert answer - 1 < 1 or outcomes[answer - 1] is False
        assert answer + 1 > 60 or answer + 1 in outcomes
        assert answer - 2 < max(1, first) or outcomes[answer - 2] is False


def test_a_size_that_is_enough_below_one_that_is_not_is_found_next_to_the_answer() -> None:
    outcomes, _ = searched(Range(1, 1, 100), {48, *range(50, 101)})
    assert smallest(outcomes) == 48
    assert outcomes[49] is False


def test_when_even_the_most_is_not_enough_there_is_no_answer() -> None:
    outcomes, _ = searched(Range(1, 3, 40), set())
    assert smallest(outcomes) is None
    assert list(outcomes)[-1] == 40


def test_a_bound_that_is_the_answer_takes_a_try_and_its_neighbours() -> None:
    outcomes, _ = searched(Range(1, 10, 40), range(10, 41))
    assert outcomes == {10: True, 9: False, 11: True}


def test_no_hosts_at_all_may_be_enough() -> None:
    outcomes, _ = searched(Range(0, 0, 40), range(41))
    assert outcomes == {0: True, 1: True}


def test_the_sizes_tried_together_begin_with_the_next_one_and_go_on_by_both_outcomes() -> None:
    sizes = Range(1, 64, 1000)
    assert next_size(sizes, {}) == 64
    assert likely_sizes(sizes, {}, 3) == [64, 68, 63]
    assert likely_sizes(sizes, {64: False, 68: True}, 3) == [66, 67, 65]
