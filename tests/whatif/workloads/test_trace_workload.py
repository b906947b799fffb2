from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.whatif.workload import NO_GROUP
from tests.devices import child, tree
from tests.whatif.workloads.samples import made, shown, table_of, world_of

EMPTY = {name: np.empty(0, np.int64) for name in ("vm_id", "t_create", "t_delete", "vcpus", "memory_mb")}


def test_a_trace_comes_and_goes_as_it_is_told():
    workload = made(table_of())
    assert shown(workload) == [
        (0, "create", 0),
        (10, "create", 1),
        (20, "delete", 0),
        (20, "create", 2),
        (20, "delete", 2),
        (20, "create", 3),
        (30, "delete", 3),
    ]
    assert workload.groups is None
    assert workload.stop_after_refusals == 0


def test_a_trace_of_nothing_is_a_workload_of_nothing():
    for said in ({}, {"shuffle": True, "pad_percent": 100}, {"limit": 3}, {"skip_incomplete": True}):
        workload = made(table_of(**EMPTY), **said)
        assert len(workload) == len(workload.events) == len(workload.names) == 0


def test_incomplete_instances_are_left_out_only_where_that_is_wanted():
    table = table_of(
        t_create=[0, None, 20, 20], t_delete=[20, None, 20, 30], vcpus=[1, 1, 0, 4], memory_mb=[1, 1, 0, 1]
    )
    with pytest.raises(InvalidRequestError, match="missing"):
        made(table)
    assert made(table, skip_incomplete=True).names.to_pylist() == [0, 3]


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_a_shuffle_draws_the_order_and_forgets_times(seed):
    workload = made(table_of(), shuffle=True, seed=seed)
    assert sorted(workload.names.to_pylist()) == [0, 1, 2, 3]
    assert workload.events.creates.all()
    assert workload.events.times_s.tolist() == [0, 1, 2, 3]
    vcpus = {0: 1, 1: 2, 2: 1, 3: 4}
    asked = [workload.requests[code].flavor.vcpus for code in workload.codes.tolist()]
    assert asked == [vcpus[name] for name in workload.names.to_pylist()]


def test_equal_seeds_make_equal_workloads_and_others_others():
    table = table_of()
    orders = {seed: made(table, shuffle=True, pad_percent=50, seed=seed).names.to_pylist() for seed in (1, 1, 2, 3, 4)}
    assert made(table, shuffle=True, pad_percent=50, seed=1).names.to_pylist() == orders[1]
    assert len({tuple(order) for order in orders.values()}) > 1


@given(st.sampled_from([1, 10, 50, 100, 130]), st.integers(0, 50))
@settings(deadline=None, max_examples=40)
def test_padding_reaches_its_share_of_the_fleet_with_the_last_instance(percent, seed):
    world = world_of([{"vcpus": 16, "cpu_allocation_ratio": 4.0, "vcpus_reserved": 1}] * 2)
    workload = made(table_of(), world, shuffle=True, pad_percent=percent, seed=seed)
    asked = [workload.requests[code].flavor.vcpus for code in workload.codes.tolist()]
    wanted = percent / 100 * 2 * 60
    assert sorted(workload.names.to_pylist()[:4]) == sorted([0, 1, 2, 3] if len(asked) == 4 else ["0", "1", "2", "3"])
    if len(asked) > 4:
        assert sum(asked[:-1]) < wanted <= sum(asked)
    else:
        assert sum(asked) >= wanted


def test_padding_by_a_class_of_devices_counts_what_provider_trees_have():
    world = world_of([tree(*(child(f"gpu{number}", {"VGPU": 1000}) for number in range(2))), {}])
    workload = made(
        table_of(gpus=[1, 0, 0, 2], milli=[300, 0, 0, 1000]),
        world,
        devices={"resource_class": "VGPU", "count": "gpus", "amount": "milli"},
        shuffle=True,
        pad_percent=200,
        pad_resource="VGPU",
    )
    asked = [
        sum(int(value) for key, value in workload.requests[code].flavor.extra_specs.items() if key.endswith(":VGPU"))
        for code in workload.codes.tolist()
    ]
    assert sum(asked[:-1]) < 4000 <= sum(asked)


def test_padding_by_what_no_host_has_is_refused():
    with pytest.raises(InvalidRequestError, match=r"workload\.trace\.pad_resource: no host of the fleet has any VGPU"):
        made(table_of(), shuffle=True, pad_percent=100, pad_resource="VGPU")


def test_instances_drawn_again_are_in_no_group():
    table = table_of(batch=[1, 1, 2, 2])
    groups = {"column": "batch", "policy": "affinity"}
    workload = made(table, shuffle=True, pad_percent=100, server_groups=groups)
    assert workload.groups is not None
    assert len(workload.groups) == len(workload) > 4
    by_name = dict(zip(workload.names.to_pylist()[:4], workload.groups.tolist(), strict=False))
    assert by_name["0"] == by_name["1"] != by_name["2"] == by_name["3"]
    assert set(workload.groups[4:].tolist()) == {NO_GROUP}
