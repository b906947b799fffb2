from __future__ import annotations

import numpy as np

from engine.model.resources import DISK_GB, MEMORY_MB, VCPU
from engine.whatif.workloads.supply import asked_of, capacity, free, surely_asked_of
from tests.devices import child, tree
from tests.whatif.workloads.samples import world_of


def test_a_fleet_has_what_its_hosts_may_give_of_the_classes_of_columns():
    world = world_of(
        [
            {"vcpus": 16, "vcpus_reserved": 2, "cpu_allocation_ratio": 1.5},
            {"vcpus": 9, "cpu_allocation_ratio": 1.5, "memory_mb": 1000, "ram_allocation_ratio": 1.0},
        ]
    )
    assert capacity(world.table, VCPU) == 21 + 13
    assert free(world.table, VCPU) == 21 + 13
    assert free(world.table, "VGPU") == capacity(world.table, "VGPU") == 0


def test_what_is_used_is_not_free_and_an_overfull_host_has_nothing_to_give_for_others():
    facts = {"vcpus": 4, "cpu_allocation_ratio": 1.0}
    world = world_of([{**facts, "vcpus_used": 9}, {**facts, "vcpus_used": 1}])
    assert capacity(world.table, VCPU) == 8
    assert free(world.table, VCPU) == 3


def test_a_fleet_has_what_its_provider_trees_give():
    trees = [
        tree(child(f"a{host}", {"VGPU": 8}, used=3), child(f"b{host}", {"VGPU": 4}), CUSTOM_FPGA=2) for host in range(2)
    ]
    world = world_of([*trees, {}])
    assert capacity(world.table, "VGPU") == 24
    assert free(world.table, "VGPU") == 18
    assert free(world.table, "CUSTOM_FPGA") == 4


def test_hosts_that_take_nothing_have_nothing():
    world = world_of([{"vcpus": 4, "cpu_allocation_ratio": 1.0}] * 3)
    world.block(np.array([1]))
    assert free(world.table, VCPU) == 8


def test_a_request_asks_of_all_providers_together():
    specs = {"small": {"resources1:VGPU": "2", "resources2:VGPU": "3", "group_policy": "isolate"}}
    world = world_of(extra_specs=specs)
    code = world.code(world.flavors["small"])
    expected = {VCPU: 1, MEMORY_MB: 2048, DISK_GB: 10, "VGPU": 5}
    assert asked_of(world, code) == surely_asked_of(world, code) == expected


def test_pinned_cpus_may_be_taken_of_one_class_or_another():
    world = world_of(extra_specs={"small": {"hw:cpu_policy": "dedicated"}})
    code = world.code(world.flavors["small"])
    assert asked_of(world, code) == {"PCPU": 1, MEMORY_MB: 2048, DISK_GB: 10}
    assert surely_asked_of(world, code) == {MEMORY_MB: 2048, DISK_GB: 10}


def test_without_candidates_a_request_asks_its_sizes():
    world = world_of(placement_filters=("CapacityFilter",), extra_specs={"small": {"resources1:VGPU": "2"}})
    assert asked_of(world, world.code(world.flavors["small"])) == {VCPU: 1, MEMORY_MB: 2048, DISK_GB: 10}
