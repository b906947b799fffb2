"""Slots: how many more fit, against filling the hosts for real."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.aggregate import Aggregate
from engine.model.candidates import Provider
from engine.model.request_spec import RequestSpec
from engine.model.resources import ResourceInventory
from engine.scheduler.options import SchedulerOptions
from engine.whatif.measure.slots import MOST_SLOTS, free_slots, host_slots, is_metered, quick_slots, slots_of
from engine.whatif.world import World
from tests.builders import host_table, request
from tests.devices import cell, child, devices, numa, pci, pinned, pool, tree
from tests.whatif.measure.fleets import CHAINS, small_requests, small_world

POOL = "00000000-0000-0000-0000-0000000000aa"


def filled(world: World, spec: RequestSpec, most: int = 4000) -> npt.NDArray[np.int64]:
    """How many of a request each host has more after the chain placed one after the other until it refused one."""
    fork = world.fork()
    code = fork.code(spec)
    before = fork.table.columns["num_instances"].astype(np.int64)
    for _ in range(most):
        number = fork.add(np.array([code], dtype=np.int32), pa.array([0]))
        if fork.place(np.array([number])).refused.any():
            return fork.table.columns["num_instances"] - before
    raise AssertionError("never full")


@given(seed=st.integers(0, 2**32 - 1), chain=st.sampled_from(CHAINS))
@settings(max_examples=40, deadline=None)
def test_as_many_fit_on_each_host_as_the_chain_places_there(seed: int, chain: SchedulerOptions) -> None:
    rng = np.random.default_rng(seed)
    world = small_world(rng, chain)
    codes = [world.code(spec) for spec in small_requests(rng)]
    first = world.add(rng.choice(codes, 12).astype(np.int32), pa.array(range(12)))
    world.place(np.arange(first, first + 12))
    for code in codes:
        slots = host_slots(world, code)
        assert is_metered(world.selector, world, code)
        if (slots == MOST_SLOTS).any():
            continue
        assert slots.tolist() == filled(world, world.requests[code]).tolist()
    assert slots_of(world, codes).tolist() == [free_slots(world, code) for code in codes]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_as_many_with_cells_and_devices_fit_as_the_chain_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hosts: list[dict[str, object]] = []
    for _ in range(int(rng.integers(1, 6))):
        host: dict[str, object] = {"vcpus": 8, "memory_mb": 8192, "cpu_allocation_ratio": 1.0, "vcpus_reserved": 0}
        if rng.random() < 0.8:
            host |= numa(
                cell(0, 4, pinned=int(rng.integers(0, 3))), cell(1, 4, usage_mb=int(rng.integers(0, 3)) * 1024)
            )
        if rng.random() < 0.5:
            host |= pci(pool(int(rng.integers(1, 4))))
        hosts.append(host)
    chain = SchedulerOptions(enabled_filters=("ComputeFilter", "NUMATopologyFilter", "PciPassthroughFilter"))
    world = World(host_table(hosts), chain)
    specs = [
        pinned(2),
        pinned(3, nodes=1),
        pinned(2, nodes=2),
        request(vcpus=1, pci_requests=(devices(),)),
        request(vcpus=3, extra_specs={"hw:cpu_policy": "dedicated"}),
    ]
    for spec in specs:
        code = world.code(spec)
        assert host_slots(world, code).tolist() == filled(world, spec).tolist()
        assert free_slots(world, code) == int(filled(world, spec).sum())


def test_devices_of_providers_beneath_a_host_run_out_by_themselves() -> None:
    def gpus(host: str) -> dict[str, str]:
        return tree(child(f"{host}0", {"CUSTOM_GPU": 1000}), child(f"{host}1", {"CUSTOM_GPU": 1500}))

    small = {"vcpus": 1, "cpu_allocation_ratio": 1.0}
    world = World(host_table([gpus("a"), {}, {**small, **gpus("b")}]), SchedulerOptions())
    spec = request(vcpus=1, extra_specs={"resources:CUSTOM_GPU": "500"})
    code = world.code(spec)
    assert not is_metered(world.selector, world, code)
    assert host_slots(world, code)[:3].tolist() == [5, 0, 1]


def test_a_pool_that_hosts_share_is_counted_once() -> None:
    shared = Provider(
        "nfs",
        inventories=(("DISK_GB", ResourceInventory(100, max_unit=100)),),
        traits=frozenset({"MISC_SHARES_VIA_AGGREGATE"}),
        aggregates=frozenset({POOL}),
    )
    table = host_table([{"disk_gb": 0}] * 3, aggregates=[Aggregate(POOL, "pool", frozenset({"h0", "h1", "h2"}))])
    table.set_sharing([shared])
    world = World(table, SchedulerOptions())
    code = world.code(request(vcpus=1, root_gb=20))
    assert host_slots(world, code)[:3].tolist() == [5, 5, 5]
    assert free_slots(world, code) == 5


def test_what_is_counted_changes_nothing() -> None:
    world = World(host_table([{**numa(cell(0), cell(1))}]), SchedulerOptions())
    code = world.code(pinned(2))
    before = {name: values.copy() for name, values in world.table.columns.items()}
    assert free_slots(world, code) == free_slots(world, code)
    for name, values in before.items():
        assert (world.table.columns[name] == values).all(), name


def test_a_chain_that_looks_at_no_amounts_has_no_end_of_slots() -> None:
    world = World(host_table([{}, {}]), SchedulerOptions(enabled_filters=("ComputeFilter",), placement_filters=()))
    code = world.code(request())
    assert host_slots(world, code)[:3].tolist() == [MOST_SLOTS, MOST_SLOTS, 0]
    assert slots_of(world, [code]).tolist() == [2 * MOST_SLOTS]


def test_blocked_and_missing_hosts_have_no_slots() -> None:
    world = World(host_table([{}, {}]), SchedulerOptions())
    code = world.code(request(vcpus=4))
    alone = free_slots(world, code)
    world.block(np.array([0]))
    assert free_slots(world, code) * 2 == alone


def test_an_empty_fleet_has_no_slots() -> None:
    world = World(host_table([]), SchedulerOptions())
    assert free_slots(world, world.code(request())) == 0
    assert slots_of(world, []).tolist() == []


@pytest.mark.parametrize(("vcpus", "slots"), [(1, 64), (5, 12), (16, 4), (17, 0)])
def test_amounts_are_divided_whole_and_the_largest_piece_counts(vcpus: int, slots: int) -> None:
    world = World(host_table([{"vcpus": 16, "cpu_allocation_ratio": 4.0}]), SchedulerOptions())
    assert free_slots(world, world.code(request(vcpus=vcpus))) == slots


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=12, deadline=None)
def test_shares_of_alike_providers_divide_as_filling_would(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hosts: list[dict[str, object]] = []
    for index in range(int(rng.integers(1, 4))):
        gpus = [child(f"{index}-{gpu}", {"CUSTOM_GPU": 1000}) for gpu in range(int(rng.integers(0, 4)))]
        hosts.append({"vcpus": int(rng.integers(2, 12)), "cpu_allocation_ratio": 1.0, **(tree(*gpus) if gpus else {})})
    world = World(host_table(hosts), SchedulerOptions())
    policy = {"group_policy": str(rng.choice(["isolate", "none"]))}
    specs = [
        request(vcpus=1, extra_specs={**policy, **{f"resources_{n}:CUSTOM_GPU": str(amount) for n in range(groups)}})
        for amount, groups in ((300, 1), (1000, 1), (1000, 2), (400, 2), (700, 3))
    ]
    codes = [world.code(spec) for spec in specs]
    first = world.add(rng.choice(codes, 3).astype(np.int32), pa.array(range(3)))
    world.place(np.arange(first, first + 3))
    for code in codes:
        assert host_slots(world, code).tolist() == filled(world, world.requests[code]).tolist()
        assert quick_slots(world, code) in (None, free_slots(world, code))


def test_slots_that_need_no_filling_are_told_at_once() -> None:
    gpus = tree(child("a", {"CUSTOM_GPU": 1000}), child("b", {"CUSTOM_GPU": 1000}))
    world = World(host_table([gpus, numa(cell(0), cell(1))]), SchedulerOptions())
    assert quick_slots(world, world.code(request(extra_specs={"resources_A:CUSTOM_GPU": "400"}))) == 4
    assert quick_slots(world, world.code(request(vcpus=4))) == 32
    assert quick_slots(world, world.code(pinned(2))) is None
