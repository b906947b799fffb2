"""How many more of one request fit, against filling the hosts, and what stops the next one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.scheduler.options import SchedulerOptions
from engine.whatif.questions.fit_counts import RESOURCES, FitCount, capacity, count_fit, free_amounts
from engine.whatif.world import World
from tests.whatif.questions.worlds import Shape, request_of, world_of

hosts = st.lists(
    st.fixed_dictionaries(
        {"vcpus": st.integers(1, 12), "memory_mb": st.integers(512, 12_000), "disk_gb": st.integers(0, 50)}
    ),
    min_size=1,
    max_size=5,
)
shapes = st.tuples(st.integers(1, 8), st.integers(256, 6000), st.integers(0, 20))


def _count(world: World, shape: Shape) -> FitCount:
    return count_fit(world, "f", world.code(request_of(shape)), world.table.present_rows())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, shapes)
def test_counts_are_what_filling_places_and_leaves(facts: list[dict[str, object]], shape: Shape) -> None:
    world = world_of(facts)
    count = _count(world, shape)
    code = world.code(request_of(shape))
    many = count.fit + 1
    first = world.add(np.full(many, code, np.int32), pa.array(range(many)))
    found = world.place(np.arange(first, first + many, dtype=np.int64))
    assert int((~found.refused).sum()) == count.fit
    assert np.bincount(found.rows[~found.refused], minlength=len(facts)).tolist() == count.slots.tolist()
    left = free_amounts(world, world.table.present_rows()).sum(axis=1)
    assert list(count.stranded.values()) == left.tolist()
    assert count.naive is not None and count.fit <= count.naive
    assert sum(count.limited_by.values()) == len(facts)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hosts, shapes)
def test_what_stops_the_next_one_is_short_on_that_many_hosts(facts: list[dict[str, object]], shape: Shape) -> None:
    count = _count(world_of(facts), shape)
    names = ("vcpus", "memory_mb", "disk_gb")
    short = {
        label: sum(
            int(str(host[name])) - int(slots) * amount < amount for host, slots in zip(facts, count.slots, strict=True)
        )
        for label, name, amount in zip(RESOURCES, names, shape, strict=True)
    }
    for label in RESOURCES:
        assert count.limited_by[label] <= short[label]
    assert sum(count.limited_by[label] for label in RESOURCES) == len(facts)


@pytest.mark.parametrize(
    ("facts", "shape", "label"),
    [
        ({"vcpus": 4}, (2, 512, 0), "vcpu"),
        ({"memory_mb": 1024}, (1, 512, 0), "memory_mb"),
        ({"disk_gb": 10}, (1, 512, 5), "disk_gb"),
        ({"disabled": True}, (1, 512, 0), "filtered"),
    ],
)
def test_what_limits_is_named(facts: dict[str, object], shape: Shape, label: str) -> None:
    count = _count(world_of([facts]), shape)
    assert {name: many for name, many in count.limited_by.items() if many} == {label: 1}


def test_a_number_of_instances_can_be_what_limits() -> None:
    options = SchedulerOptions(
        enabled_filters=("ComputeFilter", "NumInstancesFilter", "AggregateNumInstancesFilter"),
        max_instances_per_host=3,
    )
    count = _count(world_of([{}, {"vcpus": 2}], options=options), (1, 512, 0))
    assert count.slots.tolist() == [3, 2]
    assert {name: many for name, many in count.limited_by.items() if many} == {"instances": 1, "vcpu": 1}


def test_of_two_resources_the_one_that_runs_out_first_is_named() -> None:
    # after two there is room for half an instance more by memory, and for a quarter by vCPUs
    count = _count(world_of([{"vcpus": 9, "memory_mb": 2560}]), (4, 1024, 0))
    assert count.fit == 2 and count.limited_by["vcpu"] == 1


def test_free_amounts_of_overfull_hosts_are_nothing() -> None:
    world = world_of([{"vcpus": 2}, {"vcpus": 4}], [(0, (8, 512, 0))])
    rows = world.table.present_rows()
    assert free_amounts(world, rows)[0].tolist() == [0, 4]
    assert capacity(world, rows)[0] == 6


def test_hosts_that_are_blocked_are_not_there() -> None:
    world = world_of([{}, {}])
    world.block(np.array([0]))
    assert _count(world, (1, 512, 0)).slots.tolist() == [16]
