"""Rehearsals against the production selector on a table that never had the failed hosts, and what they leave behind."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.scheduler.options import SchedulerOptions
from engine.whatif.answer import no_progress
from engine.whatif.decisions import Cause, Reason
from engine.whatif.questions.headroom import Headroom
from engine.whatif.questions.held import held_in
from engine.whatif.questions.places import HostGroups, host_groups
from engine.whatif.questions.rehearsals import FEW_ROWS, MOST_DECISIONS, Failures, Order, rehearse_sets, sets_to_try
from engine.whatif.world import World
from tests.whatif.questions.worlds import placed_by_selector, request_of, world_of

hosts = st.lists(
    st.fixed_dictionaries({"vcpus": st.integers(4, 16), "memory_mb": st.sampled_from([4096, 8192, 12_288])}),
    min_size=2,
    max_size=5,
)
shapes = st.sampled_from([(1, 512, 0), (2, 1024, 0), (1, 4096, 0), (4, 1024, 10), (3, 3072, 5)])


def _groups(world: World) -> HostGroups:
    return host_groups(world.table, world.table.present_rows(), "host", rack_prefix="rack", default_zone="nova")


def _failures(
    world: World,
    together: int = 1,
    *,
    order: Order = "oldest_first",
    keep_placed: bool = True,
    few_rows: int = FEW_ROWS,
    most_decisions: int = MOST_DECISIONS,
) -> Failures:
    held, groups = held_in(world), _groups(world)
    headroom = Headroom.of(world, held)
    sets = sets_to_try(groups, together, headroom.proof(groups), 1000)
    return rehearse_sets(
        world,
        held,
        headroom,
        groups,
        sets,
        order=order,
        keep_placed=keep_placed,
        time_s=7.0,
        progress=no_progress,
        few_rows=few_rows,
        most_decisions=most_decisions,
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, st.lists(st.tuples(st.integers(0, 4), shapes), max_size=10), st.integers(1, 2), st.booleans())
def test_instances_go_where_production_would_place_them_without_the_hosts(
    facts: list[dict[str, object]], held: list[tuple[int, tuple[int, int, int]]], together: int, largest: bool
) -> None:
    held = [(host % len(facts), shape) for host, shape in held]
    world = world_of(facts, held)
    found = _failures(world, together, order="largest_first" if largest else "oldest_first")
    for entry, chosen in enumerate(found.sets.tolist()):
        mine = np.flatnonzero(found.of_set == entry)
        order = [number for number, (host, _) in enumerate(held) if host in chosen]
        if largest:
            order.sort(key=lambda number: (-held[number][1][1], -held[number][1][0], -held[number][1][2], number))
        expected = placed_by_selector(facts, held, frozenset(chosen), order, SchedulerOptions())
        assert found.decisions.instances[mine].tolist() == order
        rows = found.decisions.rows[mine].tolist()
        assert [None if row < 0 else world.table.identity.host_ids[row] for row in rows] == expected
        assert found.displaced[entry] == len(order)
        assert found.lost[entry] == expected.count(None)
        assert found.least[entry] <= min(found.lost[entry], found.lost_otherwise[entry])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, st.lists(st.tuples(st.integers(0, 4), shapes), max_size=10), st.integers(1, 2))
def test_the_world_is_as_before_afterwards(
    facts: list[dict[str, object]], held: list[tuple[int, tuple[int, int, int]]], together: int
) -> None:
    world = world_of(facts, [(host % len(facts), shape) for host, shape in held])
    columns = {name: values.copy() for name, values in world.table.columns.items() if name != "generation"}
    rows = world.rows.copy()
    _failures(world, together)
    assert all((world.table.columns[name] == values).all() for name, values in columns.items())
    assert (world.rows == rows).all()


def test_what_finds_no_host_is_explained_at_its_moment_without_the_failed_host() -> None:
    # h1 takes two of the three, after which it is short of memory, and h2 was short of vCPUs from the start
    facts = [{"memory_mb": 16_384}, {"memory_mb": 8192}, {"vcpus": 1, "memory_mb": 65_536}]
    world = world_of(facts, [(0, (2, 4096, 0))] * 3)
    found = _failures(world, keep_placed=False)
    assert found.lost.tolist() == [1, 0, 0]
    assert found.decisions.instances.tolist() == [2]
    assert found.decisions.causes.tolist() == [Cause.EVACUATE]
    assert found.decisions.times_s.tolist() == [7.0]
    assert found.decisions.short.tolist() == [[1, 1, 0, 0, 0]]
    assert found.decisions.reasons.tolist() == [Reason.VCPU]


def test_the_other_order_is_tried_where_one_loses() -> None:
    # the small one takes the only host that the large one fits on, which leaves the other hosts to nobody
    facts = [{"memory_mb": 16_384}, {"memory_mb": 8192, "vcpus": 16}, {"memory_mb": 2048, "vcpus": 2}]
    world = world_of(facts, [(0, (1, 1024, 0)), (0, (1, 8192, 0))])
    oldest, largest = _failures(world), _failures(world, order="largest_first")
    assert (oldest.lost[0], oldest.lost_otherwise[0], oldest.least[0]) == (1, 0, 0)
    assert (largest.lost[0], largest.lost_otherwise[0]) == (0, 0)


def test_sets_that_are_not_tried_are_counted_as_absorbed() -> None:
    world = world_of([{}, {}, {}, {}], [(0, (1, 512, 0)), (1, (1, 512, 0))])
    found = _failures(world, 2)
    assert len(found.sets) == 0
    assert found.proven == found.absorbed == 6


def test_single_failures_are_all_tried_even_if_proven() -> None:
    world = world_of([{}, {}, {}], [(0, (1, 512, 0))])
    assert _failures(world).sets.tolist() == [[0], [1], [2]]


def test_without_a_proof_every_set_is_tried() -> None:
    groups = _groups(world_of([{}] * 5))
    assert list(map(tuple, sets_to_try(groups, 3, None, 10).tolist())) == list(combinations(range(5), 3))


@pytest.mark.parametrize(("together", "limit"), [(1, 4), (2, 9), (3, 9)])
def test_more_sets_than_the_limit_are_refused(together: int, limit: int) -> None:
    groups = _groups(world_of([{}] * 5))
    with pytest.raises(InvalidRequestError, match=f"more than fail.limit = {limit}: raise it"):
        sets_to_try(groups, together, None, limit)


def test_a_set_is_named_by_its_groups() -> None:
    world = world_of([{}, {}, {}], [(0, (16, 512, 0)), (1, (16, 512, 0)), (2, (16, 512, 0))])
    found = _failures(world, 2)
    assert [found.name(entry) for entry in range(len(found.sets))] == ["h0 + h1", "h0 + h2", "h1 + h2"]
    assert found.lost.tolist() == found.least.tolist() == [2, 2, 2]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, st.lists(st.tuples(st.integers(0, 4), shapes), max_size=10), st.integers(1, 2))
def test_hosts_taken_out_are_as_hosts_that_requests_are_told_not_to_use(
    facts: list[dict[str, object]], held: list[tuple[int, tuple[int, int, int]]], together: int
) -> None:
    held = [(host % len(facts), shape) for host, shape in held]
    told = _failures(world_of(facts, held), together)
    world = world_of(facts, held)
    taken_out = _failures(world, together, few_rows=0)
    for item in fields(told.decisions):
        assert (getattr(told.decisions, item.name) == getattr(taken_out.decisions, item.name)).all()
    for name in ("sets", "displaced", "lost", "lost_otherwise", "least", "of_set"):
        assert (getattr(told, name) == getattr(taken_out, name)).all()
    assert len(world.blocked) == 0 and world.table.host_count == len(facts)


@pytest.mark.parametrize("few", [0, 8])
def test_instances_that_ask_for_a_lost_zone_go_to_no_other(few: int) -> None:
    world = world_of([{"availability_zone": "az1"}, {"availability_zone": "az2"}])
    code = world.code(request_of((1, 512, 0), availability_zone="az1"))
    first = world.add(np.array([code], dtype=np.int32), pa.array(["pinned"]))
    world.hold(np.array([first]), np.array([0]))
    found = _failures(world, few_rows=few)
    assert found.lost.tolist() == found.least.tolist() == [1, 0]
    assert found.decisions.reasons.tolist() == [Reason.FILTERED]
    assert found.decisions.short.tolist() == [[0, 0, 0, 0, 1]]


def test_blocked_hosts_stay_blocked() -> None:
    world = world_of([{}, {}, {}], [(0, (1, 512, 0)), (1, (1, 512, 0))])
    world.block(np.array([1]))
    held, headroom = held_in(world), Headroom.of(world, held_in(world))
    groups = host_groups(world.table, np.arange(3), "zone", rack_prefix="rack", default_zone="nova")
    found = rehearse_sets(
        world,
        held,
        headroom,
        groups,
        np.array([[0]]),
        order="oldest_first",
        keep_placed=False,
        time_s=0.0,
        progress=no_progress,
        few_rows=0,
    )
    assert found.lost.tolist() == [2]
    assert world.blocked.tolist() == [1] and world.table.host_count == 2


def test_decisions_on_sets_of_several_end_where_they_are_too_many() -> None:
    world = world_of([{}, {}, {}], [(host, (16, 512, 0)) for host in range(3)])
    found = _failures(world, 2, most_decisions=3)
    assert found.lost.tolist() == [2, 2, 2] and found.undecided == 1
    assert found.of_set.tolist() == [0, 0, 1, 1]
    alone = _failures(world, 1, most_decisions=1)
    assert alone.undecided == 0 and alone.of_set.tolist() == [0, 1, 2]
