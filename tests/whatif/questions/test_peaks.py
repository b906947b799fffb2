from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.whatif.questions.peaks import peak_counts, peak_demand
from engine.whatif.workload import Events


def events_of(order: list[int]) -> Events:
    """Each number's first place is its create, the second its delete."""
    seen: set[int] = set()
    creates = []
    for number in order:
        creates.append(number not in seen)
        seen.add(number)
    instances = np.array(order, dtype=np.int64)
    return Events(instances, np.array(creates, dtype=np.bool_), np.arange(len(order), dtype=np.float64))


@st.composite
def lives(draw: st.DrawFn) -> tuple[Events, np.ndarray]:
    many = draw(st.integers(1, 12))
    stays = draw(st.lists(st.booleans(), min_size=many, max_size=many))
    order = draw(st.permutations([n for n in range(many) for _ in range(1 if stays[n] else 2)]))
    sizes = draw(st.lists(st.integers(0, 6), min_size=many, max_size=many))
    return events_of(list(order)), np.array(sizes, dtype=np.int64)


def states(events: Events) -> list[list[int]]:
    """What is there after each event."""
    there: list[int] = []
    found = []
    for number, is_create in zip(events.instances.tolist(), events.creates.tolist(), strict=True):
        there = [*there, number] if is_create else [other for other in there if other != number]
        found.append(there)
    return found


@settings(max_examples=150, deadline=None)
@given(lives(), st.integers(0, 6))
def test_the_peak_is_the_largest_sum_less_the_largest_of_what_is_there(
    life: tuple[Events, np.ndarray], left_out: int
) -> None:
    events, sizes = life
    expected = max(sum(sorted(sizes[there].tolist(), reverse=True)[left_out:]) for there in states(events))
    assert peak_demand(events, sizes, left_out) == expected


@settings(max_examples=100, deadline=None)
@given(lives(), st.integers(1, 4))
def test_the_peak_of_each_code_is_the_most_there_are_of_it_at_a_time(
    life: tuple[Events, np.ndarray], many: int
) -> None:
    events, sizes = life
    codes = (sizes % many).astype(np.int32)
    expected = [max(sum(codes[number] == code for number in there) for there in states(events)) for code in range(many)]
    assert peak_counts(events, codes, many).tolist() == expected


def test_no_events_ask_for_nothing() -> None:
    nothing = events_of([])
    assert peak_demand(nothing, np.zeros(0, dtype=np.int64), 3) == 0
    assert peak_counts(nothing, np.zeros(0, dtype=np.int32), 2).tolist() == [0, 0]


def test_leaving_out_more_than_there_are_leaves_nothing() -> None:
    assert peak_demand(events_of([0, 1]), np.array([5, 9]), 2) == 0
    assert peak_demand(events_of([0, 1]), np.array([5, 9]), 2**40) == 0


def test_amounts_of_petabytes_do_not_overflow() -> None:
    assert peak_demand(events_of([0, 1, 2]), np.array([2**40, 2**40, 1]), 1) == 2**40 + 1
