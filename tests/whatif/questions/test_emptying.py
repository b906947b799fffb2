"""Emptying hosts: nothing goes to one that is to be emptied, what moves is there, what does not stays where it was."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.whatif.answer import no_progress
from engine.whatif.decisions import Cause, Reason
from engine.whatif.questions.emptying import Emptied, empty_hosts, emptying_order
from engine.whatif.questions.held import held_in
from engine.whatif.world import World
from tests.whatif.questions.worlds import world_of

hosts = st.lists(
    st.fixed_dictionaries({"vcpus": st.integers(4, 16), "memory_mb": st.sampled_from([4096, 8192, 12_288])}),
    min_size=2,
    max_size=5,
)
shapes = st.sampled_from([(1, 512, 0), (2, 1024, 0), (1, 4096, 0), (4, 1024, 10), (3, 3072, 5)])


def _emptied(
    world: World, rows: list[int], by: Literal["host", "all"] = "host", *, largest_first: bool = False
) -> Emptied:
    return empty_hosts(world, np.array(rows), by=by, time_s=3.0, progress=no_progress, largest_first=largest_first)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    hosts,
    st.lists(st.tuples(st.integers(0, 4), shapes), max_size=12),
    st.sets(st.integers(0, 4), min_size=1),
    st.sampled_from(["host", "all"]),
)
def test_instances_are_where_decisions_say_and_amounts_follow(
    facts: list[dict[str, object]],
    held: list[tuple[int, tuple[int, int, int]]],
    chosen: set[int],
    by: Literal["host", "all"],
) -> None:
    held = [(host % len(facts), shape) for host, shape in held]
    rows = sorted({host % len(facts) for host in chosen})
    world = world_of(facts, held)
    before = world.table.columns["memory_mb_used"].copy()
    found = _emptied(world, rows, by)
    decisions, after = found.decisions, found.world.rows
    assert sorted(decisions.instances.tolist()) == [n for n, (host, _) in enumerate(held) if host in rows]
    assert not set(decisions.rows[~decisions.refused].tolist()) & set(rows)
    expected = np.array([host for host, _ in held], dtype=np.int64)
    expected[decisions.instances[~decisions.refused]] = decisions.rows[~decisions.refused]
    assert after.tolist() == expected.tolist()
    used = np.zeros(len(before), dtype=np.int64)
    np.add.at(used, after, [shape[1] for _, shape in held])
    assert found.world.table.columns["memory_mb_used"].tolist() == used.tolist()
    assert (world.table.columns["memory_mb_used"] == before).all()
    assert found.left.sum() == decisions.refused.sum()
    assert (found.held - found.left).sum() == (~decisions.refused).sum()
    assert sorted(found.rows.tolist()) == rows


def test_hosts_of_the_fewest_instances_come_first() -> None:
    world = world_of([{}] * 4, [(0, (1, 512, 0))] * 3 + [(2, (1, 512, 0))] + [(1, (1, 512, 0))])
    assert emptying_order(held_in(world), np.array([0, 1, 2, 3])).tolist() == [3, 1, 2, 0]
    assert _emptied(world, [0, 1, 2]).rows.tolist() == [1, 2, 0]


def test_what_has_nowhere_to_go_is_explained() -> None:
    world = world_of([{"memory_mb": 16_384}, {"memory_mb": 4096}], [(0, (1, 4096, 0))] * 2)
    found = _emptied(world, [0])
    assert found.left.tolist() == [1] and found.moved_mb.tolist() == [4096]
    assert found.decisions.refused.tolist() == [False, True]
    assert found.decisions.reasons.tolist() == [Reason.NONE, Reason.MEMORY_MB]
    assert found.decisions.short.tolist() == [[0] * 5, [0, 1, 0, 0, 0]]
    assert set(found.decisions.causes.tolist()) == {Cause.DRAIN}
    assert found.decisions.times_s.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(("largest_first", "left"), [(False, 1), (True, 0)])
def test_the_largest_first_leaves_less_where_the_small_take_their_room(largest_first: bool, left: int) -> None:
    facts = [{"memory_mb": 16_384}, {"memory_mb": 8192, "vcpus": 16}, {"memory_mb": 2048, "vcpus": 2}]
    world = world_of(facts, [(0, (1, 1024, 0)), (0, (1, 8192, 0))])
    assert _emptied(world, [0], largest_first=largest_first).left.sum() == left


def test_hosts_that_hold_nothing_are_empty_at_once() -> None:
    found = _emptied(world_of([{}, {}]), [0, 1])
    assert len(found.decisions) == 0 and found.left.tolist() == [0, 0]
