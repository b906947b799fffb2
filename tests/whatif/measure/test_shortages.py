"""Shortages: what hosts lacked at each refusal, against a recount of every host at that moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fitting.numa_request import guest_numa
from engine.inventory.schema import COLUMNS, Kind
from engine.inventory.table import HostTable
from engine.model.request_spec import RequestSpec
from engine.scheduler.explain import explain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import all_filters
from engine.scheduler.sparse import SelectionContext
from engine.whatif.decisions import Reason
from engine.whatif.measure.meters import METERS
from engine.whatif.measure.shortages import explain_refused
from engine.whatif.world import World
from tests.builders import host_table, request
from tests.whatif.measure.fleets import CHAINS, small_requests, small_world

LACK_OF = {
    "NumInstancesFilter": 3,
    "AggregateNumInstancesFilter": 3,
    "CoreFilter": 0,
    "AggregateCoreFilter": 0,
    "RamFilter": 1,
    "AggregateRamFilter": 1,
    "DiskFilter": 2,
    "AggregateDiskFilter": 2,
}


def recounted(world: World, spec: RequestSpec) -> tuple[Reason, list[int]]:
    """What each host lacks now, host by host from the explanation that operators see."""
    table = world.table
    rows = table.present_rows().tolist()
    told = explain(world.selector.chain, table, spec, SelectionContext(table), hosts=rows)
    amounts = world.selector.demand(spec).amounts
    counts = [0] * 5
    passing = 0
    for row in rows:
        failed = {verdict.filter for verdict in told.verdicts[row] if not verdict.passed}
        if failed - set(METERS):
            counts[4] += 1
            continue
        passing += 1
        units = table.units.values[int(table.columns["units"][row])]
        limits = (units.vcpu, units.memory_mb, units.disk_gb)
        asked = "AllocationUnitsFilter" in world.options.placement_filters
        lacks = {lack for lack in range(3) if asked and amounts[lack] > limits[lack][1]}
        assert ("AllocationUnitsFilter" in failed) == bool(lacks)
        lacks |= {LACK_OF[name] for name in failed & set(LACK_OF)}
        if "CapacityFilter" in failed:
            free = [int(table.columns[name][row]) for name in ("vcpu_free", "memory_mb_free", "disk_gb_free")]
            lacks |= {lack for lack in range(3) if amounts[lack] and free[lack] < amounts[lack]}
        for lack in lacks:
            counts[lack] += 1
    if not passing:
        return Reason.FILTERED, counts
    return Reason(1 + int(np.argmax(counts[:4]))), counts


@given(seed=st.integers(0, 2**32 - 1), chain=st.sampled_from(CHAINS))
@settings(max_examples=40, deadline=None)
def test_every_refusal_is_explained_as_a_recount_at_its_moment_would(seed: int, chain: SchedulerOptions) -> None:
    rng = np.random.default_rng(seed)
    world = small_world(rng, chain)
    codes = [world.code(spec) for spec in small_requests(rng)]
    first = world.add(rng.choice(codes, 60).astype(np.int32), pa.array(range(60)))
    rows, numbers, signs, expected = [], [], [], []
    waiting = list(range(first, first + 60))
    held: list[int] = []
    for _ in range(60):
        if held and rng.random() < 0.2:
            number = held.pop(int(rng.integers(len(held))))
            rows.append(int(world.rows[number]))
            world.give_back(np.array([number]))
            signs.append(-1)
        else:
            number = waiting.pop()
            found = world.place(np.array([number]))
            rows.append(int(found.rows[0]))
            signs.append(0 if found.rows[0] < 0 else 1)
            if found.rows[0] < 0:
                expected.append(recounted(world, world.requests[int(world.codes[number])]))
            else:
                held.append(number)
        numbers.append(number)
    reasons, short = explain_refused(
        world, np.array(rows, dtype=np.int32), world.codes[numbers], np.array(signs, dtype=np.int8)
    )
    assert [(Reason(reason), list(counts)) for reason, counts in zip(reasons, short.tolist(), strict=True)] == expected


def refused(world: World, spec: RequestSpec) -> tuple[Reason, list[int]]:
    """Why one request is refused now."""
    number = world.add(np.array([world.code(spec)], dtype=np.int32), pa.array([0]))
    found = world.place(np.array([number]))
    assert found.refused.all()
    reasons, short = explain_refused(world, found.rows, world.codes[[number]], np.zeros(1, dtype=np.int8))
    return Reason(int(reasons[0])), short[0].tolist()


def world_of(hosts: Sequence[dict[str, object]], **options: object) -> World:
    return World(host_table(hosts), SchedulerOptions(**options))  # type: ignore[arg-type]


def test_what_most_hosts_lack_is_the_reason() -> None:
    world = world_of([{"memory_mb": 1024}, {"memory_mb": 1024}, {"vcpus": 1, "cpu_allocation_ratio": 1.0}])
    assert refused(world, request(vcpus=2, memory_mb=2048)) == (Reason.MEMORY_MB, [1, 2, 0, 0, 0])


def test_a_tie_goes_to_the_first_of_the_reasons() -> None:
    world = world_of([{"memory_mb": 1024}, {"vcpus": 1, "cpu_allocation_ratio": 1.0}])
    assert refused(world, request(vcpus=2, memory_mb=2048)) == (Reason.VCPU, [1, 1, 0, 0, 0])


def test_hosts_that_other_filters_leave_out_are_counted_apart() -> None:
    world = world_of([{"disabled": True}, {"disk_gb": 5}])
    assert refused(world, request(root_gb=10)) == (Reason.DISK_GB, [0, 0, 1, 0, 1])


def test_no_host_left_by_other_filters_is_filtered() -> None:
    world = world_of([{"disabled": True, "availability_zone": "b"}, {"availability_zone": "a"}])
    assert refused(world, request(availability_zone="b"))[0] is Reason.FILTERED


def test_an_empty_fleet_filters_everything() -> None:
    assert refused(world_of([]), request()) == (Reason.FILTERED, [0, 0, 0, 0, 0])


def test_a_blocked_host_is_not_there() -> None:
    world = world_of([{}, {"memory_mb": 256}])
    world.block(np.array([0]))
    assert refused(world, request()) == (Reason.MEMORY_MB, [0, 1, 0, 0, 0])


def test_a_limit_of_instances_is_told_from_amounts() -> None:
    world = World(
        host_table([{"num_instances": 3}, {"num_instances": 4}]), replace(CHAINS[1], max_instances_per_host=3)
    )
    assert refused(world, request()) == (Reason.INSTANCES, [0, 0, 0, 2, 0])


def test_what_is_neither_amounts_nor_texts_is_other() -> None:
    world = world_of([{}], enabled_filters=("ComputeFilter", "NUMATopologyFilter"))
    spec = request(extra_specs={"hw:numa_nodes": "2"}, vcpus=2)
    asking = replace(spec, numa=guest_numa(spec.flavor, spec.image))
    assert refused(world, asking) == (Reason.OTHER, [0, 0, 0, 0, 0])


def test_nothing_refused_is_nothing_explained() -> None:
    world = world_of([{}])
    world.code(request())
    none: npt.NDArray[np.int32] = np.zeros(1, dtype=np.int32)
    reasons, short = explain_refused(world, none, none, np.ones(1, dtype=np.int8))
    assert (len(reasons), short.shape) == (0, (0, 5))


def test_every_column_filter_that_looks_at_usage_has_meters() -> None:
    usage = {column.name for column in COLUMNS if column.kind is Kind.USAGE}
    looking = {
        item.name for item in all_filters().values() if item.kind == "column" and usage.intersection(item.parameters)
    }
    assert looking | {"AllocationUnitsFilter"} == set(METERS)


@pytest.mark.parametrize("fleet", [1, 255, 257, 600])
def test_fleets_of_any_size_are_counted_whole(fleet: int) -> None:
    table: HostTable = host_table([{"memory_mb": 512}] * fleet)
    world = World(table, SchedulerOptions())
    assert refused(world, request(memory_mb=4096)) == (Reason.MEMORY_MB, [0, fleet, 0, 0, 0])


def test_a_piece_larger_than_a_host_gives_out_is_something_short() -> None:
    assert refused(world_of([{"vcpus": 8, "vcpus_max_unit": 2}]), request(vcpus=4)) == (Reason.VCPU, [1, 0, 0, 0, 0])


def test_an_amount_off_the_steps_of_a_host_is_filtered() -> None:
    world = world_of([{"memory_mb_step_size": 1000}, {"memory_mb": 400}])
    assert refused(world, request(memory_mb=512)) == (Reason.MEMORY_MB, [0, 1, 0, 0, 1])
