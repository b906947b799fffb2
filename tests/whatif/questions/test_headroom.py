"""Headroom against trying: what is proven absorbed is, what cannot be absorbed is not, whatever order and weighers."""

from __future__ import annotations

import random
from itertools import combinations, permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.scheduler.options import DEFAULT_FILTERS, SchedulerOptions
from engine.whatif.questions.headroom import Headroom, Proof, slots_taken
from engine.whatif.questions.held import held_in
from engine.whatif.questions.places import HostGroups, host_groups
from engine.whatif.workload import GroupRule
from engine.whatif.world import World
from tests.whatif.questions.worlds import Shape, request_of, world_of

shapes = st.sampled_from([(1, 512, 0), (2, 1024, 0), (1, 4096, 0), (4, 1024, 10), (3, 3072, 5), (8, 512, 0)])
hosts = st.lists(
    st.fixed_dictionaries(
        {
            "vcpus": st.integers(4, 16),
            "memory_mb": st.sampled_from([4096, 8192, 12_288]),
            "disk_gb": st.sampled_from([10, 40]),
        }
    ),
    min_size=2,
    max_size=6,
)


@st.composite
def worlds(draw: st.DrawFn, chains: st.SearchStrategy[SchedulerOptions]) -> World:
    """A world whose chain placed its instances."""
    options = draw(chains)
    world = world_of(draw(hosts), options=options)
    asked = draw(st.lists(shapes, min_size=1, max_size=14))
    _place(world, asked)
    return world


def _place(world: World, asked: list[Shape]) -> None:
    codes = np.array([world.code(request_of(shape)) for shape in asked], dtype=np.int32)
    first = world.add(codes, pa.array(range(len(asked))))
    world.place(np.arange(first, first + len(asked), dtype=np.int64))


WEIGHT = st.sampled_from([-1.0, 1.0])
spreads = st.builds(
    SchedulerOptions,
    cpu_weight_multiplier=WEIGHT,
    ram_weight_multiplier=WEIGHT,
    disk_weight_multiplier=WEIGHT,
    enabled_filters=st.sampled_from(
        [
            DEFAULT_FILTERS,
            ("ComputeFilter", "NumInstancesFilter", "CoreFilter", "RamFilter", "DiskFilter"),
        ]
    ),
    max_instances_per_host=st.integers(2, 6),
)
"""Chains of few kernels, for each takes seconds to compile."""


def _groups(world: World) -> HostGroups:
    return host_groups(world.table, world.table.present_rows(), "host", rack_prefix="rack", default_zone="nova")


def _headroom(world: World) -> Headroom:
    return Headroom.of(world, held_in(world))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(spreads), st.integers(1, 3), st.randoms(use_true_random=False))
def test_what_is_proven_is_absorbed_in_any_order(world: World, together: int, chance: random.Random) -> None:
    groups, headroom = _groups(world), _headroom(world)
    proof = headroom.proof(groups)
    assert proof is not None
    together = min(together, len(groups))
    not_proven = {tuple(item) for part in proof.open_sets(together) for item in part.tolist()}
    held = held_in(world)
    for chosen in combinations(range(len(groups)), together):
        if chosen in not_proven:
            continue
        rows = groups.rows_of(chosen)
        instances = held.on_rows(rows)
        for _ in range(3):
            order = np.array(chance.sample(instances.tolist(), len(instances)), dtype=np.int64)
            assert not world.rehearse(order, without=rows).refused.any()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(spreads))
def test_no_order_loses_fewer_than_the_least(world: World) -> None:
    groups, headroom, held = _groups(world), _headroom(world), held_in(world)
    for number in range(len(groups)):
        rows = groups.rows_of([number])
        instances = held.on_rows(rows)
        if not 0 < len(instances) <= 5:
            continue
        best = min(
            int(world.rehearse(np.array(order), without=rows).refused.sum())
            for order in permutations(instances.tolist())
        )
        assert headroom.least_lost(instances, rows) <= best


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(spreads), st.integers(1, 3))
def test_the_number_that_may_fail_together_has_no_open_set(world: World, together: int) -> None:
    proof = _headroom(world).proof(_groups(world))
    assert proof is not None
    if together <= proof.any_absorbed():
        assert not any(len(part) for part in proof.open_sets(together))


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_open_sets_are_those_over_a_limit_each_once_and_in_order(data: st.DataObject, together: int) -> None:
    groups, codes = data.draw(st.integers(together, 7)), data.draw(st.integers(0, 3))
    numbers = st.integers(0, 9)
    needs = np.array(data.draw(_table(numbers, codes, groups)), dtype=np.int64).reshape(codes, groups)
    holds = np.array(data.draw(_table(st.booleans(), codes, groups)), dtype=np.bool_).reshape(codes, groups)
    limits = np.array(data.draw(st.lists(st.integers(0, 25), min_size=codes, max_size=codes)), dtype=np.int64)
    particular = np.array(data.draw(st.lists(st.booleans(), min_size=groups, max_size=groups)), dtype=np.bool_)
    proof = Proof(needs, holds, limits, particular)
    expected = [
        chosen
        for chosen in combinations(range(groups), together)
        if particular[list(chosen)].any()
        or ((needs[:, chosen].sum(axis=1) > limits) & holds[:, chosen].any(axis=1)).any()
    ]
    found = [tuple(item) for part in proof.open_sets(together) for item in part.tolist()]
    assert found == expected


def _table(values: st.SearchStrategy[object], rows: int, columns: int) -> st.SearchStrategy[list[list[object]]]:
    return st.lists(st.lists(values, min_size=columns, max_size=columns), min_size=rows, max_size=rows)


def test_slots_taken_are_counted_by_the_scarcest_meter() -> None:
    taken = np.array([[1.0, 2048.0], [4.0, 512.0], [0.0, 0.0]])
    assert slots_taken(taken, np.array([2.0, 1024.0])).tolist() == [2.0, 2.0, 1.0]


def test_a_meter_that_a_request_needs_but_does_not_take_may_be_used_up_at_once() -> None:
    assert slots_taken(np.array([[5.0], [0.0]]), np.array([0.0])).tolist() == [2.0**32, 1.0]


def test_more_large_instances_than_slots_cannot_be_absorbed() -> None:
    # two hosts with half of their memory free each take one of the three
    held = [(0, (1, 8192, 0))] * 3 + [(1, (1, 4096, 0)), (2, (1, 4096, 0))]
    facts = [{"vcpus": 16, "memory_mb": 24_576}] + [{"vcpus": 16, "memory_mb": 12_288}] * 2
    world = world_of(facts, held)
    assert _headroom(world).least_lost(np.arange(3), np.array([0])) == 1


def test_larger_instances_count_against_the_slots_of_smaller_ones() -> None:
    # one slot of each kind, and two instances that both need it
    held = [(0, (1, 3072, 0)), (0, (1, 4096, 0))]
    world = world_of([{"memory_mb": 8192}, {"memory_mb": 4096}, {"memory_mb": 2048}, {"memory_mb": 2048}], held)
    assert _headroom(world).least_lost(np.arange(2), np.array([0])) == 1


def test_amounts_in_all_tell_what_slots_of_each_alone_do_not() -> None:
    held = [(0, (4, 512, 0)), (0, (1, 4096, 0)), (0, (4, 1024, 0))]
    world = world_of([{"vcpus": 16, "memory_mb": 8192}, {"vcpus": 8, "memory_mb": 8192}], held)
    assert _headroom(world).least_lost(np.arange(3), np.array([0])) == 1


def test_those_that_go_nowhere_are_lost_beside_those_that_lack_room() -> None:
    # the huge one goes nowhere, and of the two others there is room for one
    held = [(0, (1, 8192, 0)), (0, (1, 3072, 0)), (0, (1, 3072, 0))]
    world = world_of([{"memory_mb": 16_384}, {"memory_mb": 4096}], held)
    assert _headroom(world).least_lost(np.arange(3), np.array([0])) == 2


def test_all_are_lost_where_no_host_is_left() -> None:
    world = world_of([{}], [(0, (1, 512, 0))] * 4)
    assert _headroom(world).least_lost(np.arange(4), np.array([0])) == 4


def test_nothing_is_proven_of_a_world_whose_hosts_have_no_room() -> None:
    world = world_of([{"vcpus": 2}, {"vcpus": 2}], [(0, (2, 512, 0)), (1, (2, 512, 0))])
    proof = _headroom(world).proof(_groups(world))
    assert proof is not None and proof.any_absorbed() == 0


def test_hosts_that_hold_nothing_may_all_fail() -> None:
    world = world_of([{}, {}, {}])
    proof = _headroom(world).proof(_groups(world))
    assert proof is not None and proof.any_absorbed() == 3


@pytest.mark.parametrize("together", [1, 2])
def test_instances_of_server_groups_leave_sets_open(together: int) -> None:
    world = world_of([{}, {}, {}])
    code = world.code(request_of((1, 512, 0)))
    first = world.add(
        np.full(2, code, np.int32), pa.array(["a", "b"]), np.zeros(2, np.int32), GroupRule("anti-affinity")
    )
    world.hold(np.arange(first, first + 2), np.array([0, 1]))
    proof = _headroom(world).proof(_groups(world))
    assert proof is not None and proof.any_absorbed() == 0
    found = [tuple(item) for part in proof.open_sets(together) for item in part.tolist()]
    assert found == [item for item in combinations(range(3), together) if {0, 1} & set(item)]
