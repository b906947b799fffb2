"""Allocations made instances: their requests, their hosts, their groups and what they hold beyond amounts."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.inventory.usage import Amounts
from engine.model.assignment import Assignment
from engine.model.flavor import Flavor
from engine.model.numa import GuestCell, GuestNuma
from engine.model.server_group import ServerGroup
from engine.scheduler.options import SchedulerOptions
from engine.whatif.fleets.allocations import checked_allocations
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.served.snapshot import Snapshot
from engine.whatif.workload import NO_GROUP
from engine.whatif.world import World
from tests.builders import fleet

LIVE = "[fleet]\nlive = 'h:1'\n"
SIZES = ("requested_vcpus", "requested_memory_mb", "requested_disk_gb", "vcpus", "memory_mb", "disk_gb")


def held(rows: list[dict[str, Any]], text: str = LIVE, hosts: int = 3, **parts: Any) -> World:
    """The world of a service whose instances these are."""
    plain = {"host_id": "h0", "flavor": "small", "vcpus": 1, "memory_mb": 512, "disk_gb": 0}
    full = [{"instance": f"i{number}", **plain, **row} for number, row in enumerate(rows)]
    names = dict.fromkeys(name for row in full for name in row)
    table = checked_allocations(pa.table({name: [row.get(name) for row in full] for name in names}), "x")
    hosts_table = parts.pop("fleet", fleet([{}] * hosts))
    snapshot = Snapshot(hosts_table, table, SchedulerOptions(), **parts)
    return open_world(parse_scenario(text, "s.toml"), Inputs(snapshot=snapshot), seed=0)


def test_instances_hold_what_they_say_on_their_hosts() -> None:
    world = held([{}, {"host_id": "h2", "vcpus": 4}, {"vcpus": 2, "memory_mb": 9, "disk_gb": 7}])
    columns = world.table.columns
    assert world.rows.tolist() == [0, 2, 0]
    assert columns["vcpu_used"][:3].tolist() == [3, 0, 4]
    assert columns["memory_mb_used"][:3].tolist() == [521, 0, 512]
    assert columns["disk_gb_used"][:3].tolist() == [7, 0, 0]
    assert columns["num_instances"][:3].tolist() == [2, 0, 1]
    assert world.names_of(np.array([1])).to_pylist() == ["i1"]


def test_hosts_may_hold_more_than_they_have() -> None:
    world = held([{"vcpus": 1000}])
    assert world.table.columns["vcpu_free"][0] == 64 - 1000


def test_a_known_flavor_of_the_same_sizes_gives_its_whole_request() -> None:
    flavors = (Flavor("small", 2, 512, 5, extra_specs={"hw:cpu_policy": "shared"}),)
    rows = [{"vcpus": 2, "disk_gb": 5}, {"vcpus": 3, "disk_gb": 5}, {"flavor": "gone", "vcpus": 2, "disk_gb": 5}]
    world = held(rows, flavors=flavors)
    specs = [dict(world.requests[code].flavor.extra_specs) for code in world.codes.tolist()]
    assert specs == [{"hw:cpu_policy": "shared"}, {}, {}]
    assert [world.requests[code].flavor.name for code in world.codes.tolist()] == ["small", "small", "gone"]


def test_the_services_flavor_counts_before_the_scenarios_of_its_name() -> None:
    text = LIVE + "[[flavors]]\nname='small'\nvcpus=7\nmemory_mb=512\nextra_specs={x='y'}"
    world = held([{}, {"vcpus": 7}], text, flavors=(Flavor("small", 1, 512),))
    assert [dict(world.requests[code].flavor.extra_specs) for code in world.codes.tolist()] == [{}, {"x": "y"}]


def test_booting_from_a_volume_asks_for_no_root_disk() -> None:
    flavors = (Flavor("small", 1, 512, 20, extra_specs={"x": "y"}),)
    world = held([{"disk_gb": 20, "requested_disk_gb": 0}], flavors=flavors)
    request = world.requests[world.codes[0]]
    assert request.is_bfv
    assert request.flavor == flavors[0]
    assert world.table.columns["disk_gb_used"][0] == 0


@given(st.lists(st.tuples(*[st.integers(0, 40)] * 6).filter(lambda shape: any(shape[3:])), min_size=1, max_size=8))
@settings(deadline=None, max_examples=40)
def test_a_plain_request_takes_exactly_what_the_allocation_says(shapes: list[tuple[int, ...]]) -> None:
    world = held([dict(zip(SIZES, shape, strict=True)) for shape in shapes])
    assert [world.amounts(code) for code in world.codes.tolist()] == [Amounts(*shape) for shape in shapes]
    used = world.table.columns
    assert used["vcpu_used"][0] == sum(shape[0] for shape in shapes)
    assert used["disk_gb_used"][0] == sum(shape[2] for shape in shapes)


def test_projects_and_images_are_part_of_the_request() -> None:
    rows = [
        {"project_id": "p1"},
        {"project_id": "p2"},
        {"project_id": "p1"},
        {"image_properties": '{"hw_numa_nodes": "1"}'},
    ]
    world = held(rows, flavors=(Flavor("small", 1, 512),))
    assert [world.requests[code].project_id for code in world.codes.tolist()] == ["p1", "p2", "p1", ""]
    assert world.codes[0] == world.codes[2] != world.codes[1]
    with_image = world.requests[world.codes[3]]
    assert with_image.image.properties == {"hw_numa_nodes": "1"}
    assert with_image.numa is not None


def test_an_image_that_the_flavor_does_not_go_with_leaves_plain_amounts() -> None:
    flavors = (Flavor("small", 1, 512, extra_specs={"hw:numa_nodes": "1"}),)
    world = held([{"image_properties": '{"hw_numa_nodes": "1"}'}], flavors=flavors)
    assert world.requests[world.codes[0]].numa is None


def test_members_of_a_group_know_each_other_and_an_only_one_needs_none() -> None:
    groups = (
        ServerGroup("g1", "a", "anti-affinity", {"max_server_per_host": 2}),
        ServerGroup("g2", "b", "soft-affinity"),
        ServerGroup("g3", "c", "affinity"),
    )
    said = ["g1", "g2", None, "g1", "g3", "gone"]
    world = held([{"server_group": uuid} for uuid in said], groups=groups)
    numbers = world.instances.groups.tolist()
    assert numbers[0] == numbers[3] != NO_GROUP
    assert [numbers[index] for index in (1, 2, 5)] == [NO_GROUP] * 3
    rules = world.instances.rules
    assert (rules[numbers[0]].policy, rules[numbers[0]].max_server_per_host) == ("anti-affinity", 2)
    assert rules[numbers[4]].policy == "affinity"


def test_members_keep_apart_when_they_move() -> None:
    groups = (ServerGroup("g1", "a", "anti-affinity"),)
    rows = [{"server_group": "g1", "host_id": host} for host in ("h0", "h1")]
    world = held(rows, groups=groups)
    found = world.move(np.array([0]), without=[0])
    assert found.rows.tolist() == [2]
    world = held(rows, groups=groups, hosts=2)
    assert world.move(np.array([0]), without=[0]).refused.all()


def test_assignments_are_held_and_given_back() -> None:
    cells = [{"id": 0, "cpuset": [0, 1], "memory": 1024}, {"id": 1, "cpuset": [2, 3], "memory": 1024}]
    text = msgspec.json.encode({"cells": cells}).decode()
    guest = GuestNuma((GuestCell(0, frozenset({0}), frozenset(), 512, host_cell=1),))
    payload = msgspec.msgpack.encode(Assignment(numa=guest))
    world = held([{"assignment": payload}, {}], fleet=fleet([{"numa_topology": text}]))
    numa = world.table.numa(0)
    assert numa is not None
    assert [cell.memory_usage_mb for cell in numa.cells] == [0, 512]
    world.give_back(np.array([0]))
    numa = world.table.numa(0)
    assert numa is not None
    assert [cell.memory_usage_mb for cell in numa.cells] == [0, 0]


def test_an_assignment_that_cannot_be_read_is_told() -> None:
    with pytest.raises(InvalidRequestError, match="the assignment of instance 'i1' cannot be read"):
        held([{}, {"assignment": b"\xff\x00"}])


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        held([{}, {"host_id": "h00"}, {"host_id": "zz"}])
    assert "allocations: there is no host 'h00'; did you mean 'h0'? (and 1 more hosts" in caught.value.message


def test_dictionaries_in_several_chunks_mean_the_same() -> None:
    parts = [
        checked_allocations(
            pa.table(
                {
                    "instance": [f"{host}"],
                    "host_id": [host],
                    "flavor": ["f"],
                    "vcpus": [1],
                    "memory_mb": [1],
                    "disk_gb": [0],
                }
            ),
            "x",
        )
        for host in ("h2", "h0", "h1")
    ]
    snapshot = Snapshot(fleet([{}] * 3), pa.concat_tables(parts), SchedulerOptions())
    world = open_world(parse_scenario(LIVE, "s.toml"), Inputs(snapshot=snapshot), seed=0)
    assert world.rows.tolist() == [2, 0, 1]
