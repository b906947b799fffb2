from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidSettingError, NoValidHostError
from engine.inventory.table import HostTable
from engine.inventory.usage import assigned_amounts
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.whatif.workload import GroupRule
from engine.whatif.world import World
from tests.builders import host_table, request, selector
from tests.devices import cell, devices, numa, pci, pinned, pool

HOSTS: list[dict[str, object]] = [
    {"vcpus": 4, "memory_mb": 8_192, "availability_zone": "a", **numa(cell(0), cell(1))},
    {"vcpus": 8, "memory_mb": 4_096, "availability_zone": "a", **pci(pool(2))},
    {"vcpus": 2, "memory_mb": 16_384, "availability_zone": "b"},
    {"vcpus": 6, "memory_mb": 6_000, "availability_zone": "b", **numa(cell(0, 2), cell(1, 2))},
    {"vcpus": 1, "memory_mb": 1_024, "availability_zone": "c"},
]
OPTIONS = SchedulerOptions(
    enabled_filters=("ComputeFilter", "ServerGroupAntiAffinityFilter", "NUMATopologyFilter", "PciPassthroughFilter")
)
REQUESTS: list[RequestSpec] = [
    request(vcpus=1, memory_mb=512),
    request(vcpus=2, memory_mb=2_048),
    request(vcpus=1, memory_mb=1_024, availability_zone="b"),
    pinned(2, 1_024),
    request(vcpus=1, memory_mb=256, pci_requests=(devices(),)),
]
PLAIN = (0, 1, 2)

Numbers = npt.NDArray[np.int64]


def a_world(options: SchedulerOptions = OPTIONS) -> World:
    return World(host_table(HOSTS), options)


def added(world: World, wanted: Sequence[int]) -> Numbers:
    """New instances of the world, by what they ask for, an index into REQUESTS."""
    codes = np.array([world.code(REQUESTS[index]) for index in wanted], dtype=np.int32)
    first = world.add(codes, pa.array([f"i{number}" for number in range(len(wanted))]))
    return np.arange(first, first + len(wanted))


def seen(table: HostTable) -> dict[str, Any]:
    """What is used of each host; states by value, since their codes depend on what was met before."""
    hidden = {"generation", "numa", "pci", "tree"}
    columns = {name: values[: table.rows].tolist() for name, values in table.columns.items() if name not in hidden}
    return {**columns, "devices": [table.device_state(row) for row in range(table.rows)]}


def one_by_one(
    wanted: Sequence[int], deletes: Sequence[tuple[int, int]] = (), without: Sequence[int] = ()
) -> tuple[list[int], HostTable]:
    """Where a selector puts each, a call at a time; deletes are (how many were asked for before, which one)."""
    table = host_table(HOSTS)
    chosen = selector(table, Chain.from_options(OPTIONS))
    names = tuple(table.identity.host_ids[row] for row in without)
    held, rows = {}, []
    for index in range(len(wanted) + 1):
        for position, instance in deletes:
            if position == index and instance in held:
                row, spec, assignment = held.pop(instance)
                taken = assigned_amounts(chosen.demand(spec).amounts, assignment, table.identity.uuids[row])
                table.apply(row, -1, taken, assignment)
        if index == len(wanted):
            break
        spec = replace(REQUESTS[wanted[index]], ignore_hosts=names)
        try:
            (found,) = chosen.select(spec)
        except NoValidHostError:
            rows.append(-1)
            continue
        held[index] = (found.row, spec, found.assignment)
        rows.append(found.row)
    return rows, table


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    """Requests, and deletes of some after they were asked for, in order."""
    wanted = draw(st.lists(st.sampled_from([*PLAIN * 4, 3, 4]), min_size=1, max_size=25))
    gone = draw(st.lists(st.integers(0, len(wanted) - 1), unique=True, max_size=len(wanted)))
    deletes = [(draw(st.integers(instance + 1, len(wanted))), instance) for instance in gone]
    return wanted, sorted(deletes)


@settings(max_examples=60, deadline=None)
@given(batches())
def test_a_batch_with_deletes_goes_where_single_calls_go(batch: tuple[list[int], list[tuple[int, int]]]) -> None:
    wanted, deletes = batch
    world = a_world()
    instances = added(world, wanted)
    positions = np.array([position for position, _ in deletes], dtype=np.int64)
    gone = instances[np.array([instance for _, instance in deletes], dtype=np.int64)]
    found = world.place(instances, releases=(positions, gone))
    rows, table = one_by_one(wanted, deletes)
    assert found.rows.tolist() == rows
    assert seen(world.table) == seen(table)
    deleted = {instance for _, instance in deletes}
    left = [-1 if index in deleted else row for index, row in enumerate(rows)]
    assert world.rows.tolist() == left
    assert set(world.instances.assignments) <= set(np.flatnonzero(world.rows >= 0).tolist())


@settings(max_examples=60, deadline=None)
@given(batches(), st.lists(st.integers(0, len(HOSTS) - 1), unique=True, max_size=3))
def test_a_rehearsal_finds_what_a_fleet_without_the_hosts_gives_and_changes_nothing(
    batch: tuple[list[int], list[tuple[int, int]]], without: list[int]
) -> None:
    world = a_world()
    instances = added(world, batch[0])
    before = seen(world.table)
    found = world.rehearse(instances, without=without)
    assert found.rows.tolist() == one_by_one(batch[0], without=without)[0]
    assert seen(world.table) == before
    assert (world.rows == -1).all()
    assert not world.instances.assignments


@settings(max_examples=40, deadline=None)
@given(batches())
def test_giving_all_back_leaves_the_fleet_as_it_was(batch: tuple[list[int], list[tuple[int, int]]]) -> None:
    world = a_world()
    before = seen(world.table)
    instances = added(world, batch[0])
    world.place(instances)
    world.give_back(instances)
    assert seen(world.table) == before
    world.give_back(instances)
    assert seen(world.table) == before


def test_instances_move_off_hosts_that_take_nothing() -> None:
    world = a_world()
    instances = added(world, [0, 1, 3, 0])
    world.place(instances)
    rows = np.unique(world.rows[world.rows >= 0]).astype(np.int64)
    moving = world.instances_on(rows[:1])
    assert len(moving)
    found = world.move(moving, without=rows[:1])
    assert not np.isin(found.rows, rows[:1]).any()
    stayed = moving[found.refused]
    assert (world.rows[stayed] == rows[0]).all()
    assert (world.rows[moving[~found.refused]] == found.rows[~found.refused]).all()
    world.give_back(instances)
    assert seen(world.table) == seen(host_table(HOSTS))


def test_a_blocked_host_takes_nothing_until_it_is_unblocked() -> None:
    world = a_world()
    every = np.arange(len(HOSTS))
    world.block(every)
    assert world.blocked.tolist() == every.tolist()
    instances = added(world, [0, 3])
    assert world.place(instances).refused.all()
    world.unblock(every[:1])
    assert world.place(instances).rows.tolist() == [0, 0]
    world.block(every[:1])
    world.give_back(instances)
    world.unblock(every)
    assert not len(world.blocked)
    assert seen(world.table) == seen(host_table(HOSTS))


def test_a_fork_goes_its_own_way() -> None:
    world = a_world()
    instances = added(world, [0, 3, 4, 1])
    world.place(instances[:2])
    fork = world.fork()
    before = seen(world.table)
    fork.place(instances[2:])
    fork.block(np.array([0]))
    fork.code(request(vcpus=7))
    assert seen(world.table) == before
    assert world.rows.tolist()[2:] == [-1, -1]
    assert len(world.requests) == len(fork.requests) - 1
    world.give_back(instances)
    assert (fork.rows >= 0).all()
    assert seen(world.table) == seen(host_table(HOSTS))


def test_an_anti_affine_group_uses_each_host_once_and_frees_it_on_release() -> None:
    world = a_world()
    code = world.code(REQUESTS[0])
    codes = np.full(7, code, dtype=np.int32)
    world.add(codes, pa.array(range(7)), np.zeros(7, dtype=np.int32), GroupRule("anti-affinity"))
    instances = np.arange(7)
    found = world.place(instances)
    assert sorted(found.rows.tolist()) == [-1, -1, 0, 1, 2, 3, 4]
    world.give_back(instances[:1])
    again = world.rehearse(instances[5:])
    assert again.rows.tolist() == [found.rows[0], -1]
    assert world.place(instances[5:]).rows.tolist() == [found.rows[0], -1]


def test_more_requests_than_views_are_placed_in_parts() -> None:
    table = host_table([{"vcpus": 64, "memory_mb": 2**20}] * 3)
    world, other = World(table, SchedulerOptions()), World(table.fork(), SchedulerOptions())
    codes = np.array([world.code(request(memory_mb=256 + extra)) for extra in range(1100)], dtype=np.int32)
    for each in (world, other):
        for extra in range(1100):
            each.code(request(memory_mb=256 + extra))
        each.add(codes, pa.array(range(1100)))
    assert world.selector.views.capacity < 1100
    instances = np.arange(1100)
    found = world.place(instances, releases=(np.array([700, 1100]), np.array([3, 1099])))
    first = other.place(instances[:700])
    other.give_back(np.array([3]))
    second = other.place(instances[700:])
    assert found.rows.tolist() == first.rows.tolist() + second.rows.tolist()
    other.give_back(np.array([1099]))
    assert seen(world.table) == seen(other.table)
    assert world.rows.tolist() == other.rows.tolist()
    assert world.rehearse(instances[:1100]).rows.tolist() == other.rehearse(instances).rows.tolist()


def test_another_chain_counts_from_then_on() -> None:
    world = a_world()
    instances = added(world, [0, 0])
    spread = world.place(instances[:1]).rows[0]
    world.set_chain(replace(OPTIONS, ram_weight_multiplier=-1.0, cpu_weight_multiplier=-1.0))
    assert world.place(instances[1:]).rows[0] != spread
    with pytest.raises(InvalidSettingError, match="NoSuchFilter"):
        world.set_chain(replace(OPTIONS, enabled_filters=("NoSuchFilter",)))


def test_instances_that_are_there_already_are_held_and_named() -> None:
    world = a_world()
    instances = added(world, [0, 4])
    (found,) = a_world().selector.select(REQUESTS[4])
    assert found.assignment is not None
    world.hold(instances, np.array([2, found.row]), {1: found.assignment})
    assert world.names_of(instances).to_pylist() == ["i0", "i1"]
    assert world.instances_on([2, found.row]).tolist() == [0, 1]
    assert world.table.pci_pools(found.row) != host_table(HOSTS).pci_pools(found.row)
    world.give_back(instances)
    assert seen(world.table) == seen(host_table(HOSTS))


def test_nothing_asked_is_nothing_done() -> None:
    world = a_world()
    none = np.empty(0, dtype=np.int64)
    for found in (world.place(none), world.rehearse(none), world.move(none)):
        assert len(found.rows) == 0
    world.give_back(none)
    world.block(none)
    assert seen(world.table) == seen(host_table(HOSTS))
