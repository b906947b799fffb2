"""Moves: to a named host, as migrations that are confirmed or taken back, and rebuilds, which claim nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine.errors import (
    AllocationExistsError,
    ConflictError,
    InvalidRequestError,
    LedgerError,
    NoValidHostError,
    TokenReusedError,
    UnknownAllocationError,
)
from engine.v1.inventory_pb2 import Aggregate, Host, ServerGroup
from engine.v1.pci_pb2 import PciPools
from engine.v1.request_spec_pb2 import HintValues
from tests.service.devices import RACK_UUID, gpu_host, gpus, inventories, numa_host, shared_disk, update
from tests.service.harness import Running
from tests.service.messages import add_flavor, add_hosts, new_uuid, spec
from tests.service.test_callers_that_go_away import eventually, select
from tests.service.test_devices import GPU, PINNED, VGPU, pins, run

HELD = ("host_id", "vcpus", "memory_mb", "disk_gb", "resources", "project_id", "instance_group", "assignment")


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def place(local: Running, *arguments: Any, **fields: Any) -> Any:
    (selection,) = local.client.select_destinations(spec(*arguments, **fields)).selections
    return selection


def held(local: Running, uuid: str) -> Any:
    return local.client.get_allocation(uuid).allocation


def what(allocation: Any) -> list[Any]:
    """What an allocation is of, whoever holds it."""
    return [str(getattr(allocation, name)) for name in HELD if name != "instance_group"]


def migrate(local: Running, instance: str, migration: str, *sizes: int, token: str = "", **fields: Any) -> Any:
    request = spec(*sizes, instance_uuids=[instance], migration_uuid=migration, **fields)
    (selection,) = local.client.select_destinations(request, client_token=token).selections
    return selection


def test_a_resize_keeps_the_old_place_until_it_is_confirmed(state_dir):
    instance, migration = new_uuid(), new_uuid()
    with run(state_dir) as local:
        add_hosts(local.client, {}, {})
        old = place(local, 2, 1024, instance_uuids=[instance], project_id="p").host.host_id
        before = held(local, instance)
        new = migrate(local, instance, migration, 4, 2048, ignore_hosts=[old], project_id="p")
        assert {old, new.host.host_id} == {"h0", "h1"}
        assert new.instance_uuid == instance
        assert what(held(local, migration)) == what(before)
        assert (held(local, instance).host_id, held(local, instance).vcpus) == (new.host.host_id, 4)
        assert local.client.get_host(old).host.num_instances == 1
        local.assert_clean()
    with run(state_dir) as local:
        assert what(held(local, migration)) == what(before)
        local.assert_clean()
        assert local.client.release_allocations([migration]).released == 1
        assert local.client.get_host(old).host.num_instances == 0
        assert held(local, instance).vcpus == 4
        local.assert_clean()


def test_a_revert_gives_the_old_place_back(state_dir):
    instance, migration = new_uuid(), new_uuid()
    with run(state_dir) as local:
        update(local.client, numa_host(0, pci_pools=PciPools(pools=[gpus(0, 1)])), numa_host(1, cells=3))
        add_flavor(local.client, "gpu", 4, 1024, extra_specs=PINNED | GPU)
        add_flavor(local.client, "wide", 6, 6144, extra_specs=PINNED | {"hw:numa_nodes": "3"})
        place(local, instance_uuids=[instance], flavor_name="gpu", project_id="p")
        before, hosts = held(local, instance), [local.client.get_host(f"h{number}").host for number in (0, 1)]
        moved = migrate(local, instance, migration, flavor_name="wide", project_id="p")
        assert (moved.host.host_id, len(moved.assignment.cells)) == ("h1", 3)
        assert what(held(local, migration)) == what(before)
        with pytest.raises(NoValidHostError):
            place(local, flavor_name="gpu")
        back = local.client.revert_move(instance, migration, client_token="back").allocation
        assert what(back) == what(before)
        assert back.created_us == before.created_us
        with pytest.raises(UnknownAllocationError):
            held(local, migration)
        for old in hosts:
            shown = local.client.get_host(old.host_id).host
            assert (shown.numa_in_use, shown.pci_free) == (old.numa_in_use, old.pci_free)
        # asked again by its token it is the same answer, by another it is too late
        assert what(local.client.revert_move(instance, migration, client_token="back").allocation) == what(before)
        with pytest.raises(UnknownAllocationError):
            local.client.revert_move(instance, migration)
        with pytest.raises(TokenReusedError):
            local.client.revert_move(migration, instance, client_token="back")
        local.assert_clean()
    with run(state_dir) as local:
        assert what(held(local, instance)) == what(before)
        assert what(local.client.revert_move(instance, migration, client_token="back").allocation) == what(before)
        local.assert_clean()


def test_a_migration_that_finds_no_host_leaves_everything_as_it_was(state_dir):
    instance, migration = new_uuid(), new_uuid()
    with run(state_dir) as local:
        update(local.client, numa_host(0), numa_host(1))
        place(local, 4, 1024, instance_uuids=[instance], extra_specs=PINNED)
        before = held(local, instance)
        with pytest.raises(NoValidHostError):
            migrate(local, instance, migration, 64, 1024, extra_specs=PINNED)
        assert held(local, instance) == before
        with pytest.raises(UnknownAllocationError):
            held(local, migration)
        local.assert_clean()


def test_a_migration_is_answered_once_by_its_token(state_dir):
    instance, migration = new_uuid(), new_uuid()
    with run(state_dir) as local:
        add_hosts(local.client, {}, {})
        place(local, 1, instance_uuids=[instance])
        first = migrate(local, instance, migration, 2, token="t")
        assert migrate(local, instance, migration, 2, token="t") == first
        with pytest.raises(TokenReusedError):
            migrate(local, instance, migration, 3, token="t")
        with pytest.raises(AllocationExistsError):
            migrate(local, instance, migration, 2)
        assert local.client.list_allocations().total == 2
        local.assert_clean()


def test_a_migration_needs_an_instance_that_holds_something(state_dir):
    with run(state_dir) as local:
        add_hosts(local.client, {}, {})
        with pytest.raises(UnknownAllocationError):
            migrate(local, new_uuid(), new_uuid(), 1)
        instance = new_uuid()
        place(local, 1, instance_uuids=[instance])
        with pytest.raises(AllocationExistsError):
            place(local, 1, instance_uuids=[instance])
        for fields in (
            {"instance_uuids": [], "migration_uuid": new_uuid()},
            {"instance_uuids": [instance, new_uuid()], "num_instances": 2, "migration_uuid": new_uuid()},
            {"instance_uuids": [instance], "migration_uuid": instance},
            {"instance_uuids": [instance], "migration_uuid": "x"},
        ):
            with pytest.raises(InvalidRequestError):
                local.client.select_destinations(spec(**fields))
        local.assert_clean()


def test_a_refused_commit_leaves_migration_and_revert_undone(disk, state_dir):
    instance, migration = new_uuid(), new_uuid()
    with run(state_dir) as local:
        update(local.client, numa_host(0), numa_host(1))
        place(local, 4, 1024, instance_uuids=[instance], extra_specs=PINNED)
        before = held(local, instance)
        disk.full = True
        with pytest.raises(LedgerError):
            migrate(local, instance, migration, 2, 1024, token="t", extra_specs=PINNED)
        disk.full = False
        assert held(local, instance) == before
        local.assert_clean()
        migrate(local, instance, migration, 2, 1024, token="t", extra_specs=PINNED)
        moved = held(local, instance)
        disk.full = True
        with pytest.raises(LedgerError):
            local.client.revert_move(instance, migration, client_token="b")
        disk.full = False
        assert held(local, instance) == moved
        assert what(held(local, migration)) == what(before)
        local.assert_clean()
        local.client.revert_move(instance, migration, client_token="b")
        assert what(held(local, instance)) == what(before)
        local.assert_clean()


def test_only_what_is_of_one_project_can_be_taken_back(state_dir):
    instance, other = new_uuid(), new_uuid()
    with run(state_dir) as local:
        add_hosts(local.client, {}, {})
        place(local, 1, instance_uuids=[instance], project_id="p")
        place(local, 1, instance_uuids=[other], project_id="q")
        with pytest.raises(ConflictError, match="holds nothing that was of instance"):
            local.client.revert_move(instance, other)
        with pytest.raises(UnknownAllocationError):
            local.client.revert_move(instance, new_uuid())
        local.assert_clean()


def test_an_instance_is_no_migration_of_its_own(state_dir):
    instance = new_uuid()
    with run(state_dir) as local:
        update(local.client, gpu_host())
        place(local, instance_uuids=[instance], extra_specs=VGPU)
        before = held(local, instance)
        for token in ("", "t"):
            with pytest.raises(InvalidRequestError, match="of its own"):
                local.client.revert_move(instance, instance, client_token=token)
        assert held(local, instance) == before
        local.assert_clean()


def test_a_migration_is_no_member_of_the_instances_group(state_dir):
    group = new_uuid()
    with run(state_dir) as local:
        add_hosts(local.client, {}, {}, {})
        local.client.update_server_groups([ServerGroup(uuid=group, name="g", policy="anti-affinity")])
        instance, migration = new_uuid(), new_uuid()
        first = place(local, 1, instance_uuids=[instance], instance_group=group).host.host_id
        # its own host is as good as any for an instance that moves
        stays = migrate(local, instance, migration, 1, instance_group=group, force_hosts=[first])
        assert stays.host.host_id == first
        local.client.revert_move(instance, migration)
        assert held(local, instance).instance_group == group
        moved = migrate(local, instance, migration, 1, instance_group=group, ignore_hosts=[first])
        assert held(local, migration).instance_group == ""
        (listed,) = local.client.list_server_groups().server_groups
        assert list(listed.member_uuids) == [instance]
        others = {place(local, 1, instance_group=group).host.host_id for _ in range(2)}
        assert others == {"h0", "h1", "h2"} - {moved.host.host_id}
        local.assert_clean()


def test_a_moved_instance_is_fitted_anew(state_dir):
    instance = new_uuid()
    with run(state_dir) as local:
        update(
            local.client,
            numa_host(0),
            numa_host(1),
            Host(host_id="h2", inventories=inventories(VCPU=8, MEMORY_MB=8192, DISK_GB=9)),
        )
        add_flavor(local.client, "pinned", 4, 1024, extra_specs=PINNED)
        place(local, flavor_name="pinned", instance_uuids=[instance], force_hosts=["h0"])
        place(local, flavor_name="pinned", force_hosts=["h1"])
        moved = local.client.move_allocation(instance, "h1").allocation
        assert pins(moved.assignment) == {4, 5, 6, 7}
        assert held(local, instance) == moved
        shown = local.client.get_host("h0").host
        assert shown.numa_in_use == shown.numa_topology
        local.assert_clean()
        with pytest.raises(NoValidHostError):
            local.client.move_allocation(instance, "h2")
        assert held(local, instance) == moved
        place(local, flavor_name="pinned", force_hosts=["h0"])
        place(local, flavor_name="pinned", force_hosts=["h0"])
        with pytest.raises(NoValidHostError):
            local.client.move_allocation(instance, "h0")
        local.assert_clean()
    with run(state_dir) as local:
        assert held(local, instance) == moved
        local.assert_clean()


def test_a_refused_commit_leaves_a_move_undone(disk, state_dir):
    instance = new_uuid()
    with run(state_dir) as local:
        update(local.client, gpu_host(0), gpu_host(1))
        add_flavor(local.client, "gpu", 1, 512, extra_specs=VGPU)
        place(local, flavor_name="gpu", instance_uuids=[instance], force_hosts=["h0"])
        before = held(local, instance)
        disk.full = True
        with pytest.raises(LedgerError):
            local.client.move_allocation(instance, "h1")
        disk.full = False
        assert held(local, instance) == before
        local.assert_clean()
        assert local.client.move_allocation(instance, "h1").allocation.host_id == "h1"
        local.assert_clean()


def test_what_is_not_known_any_more_moves_only_by_a_whole_request(state_dir):
    instance, migration = new_uuid(), new_uuid()
    with run(state_dir) as local:
        update(local.client, numa_host(0), numa_host(1))
        place(local, 4, 1024, extra_specs=PINNED, instance_uuids=[instance], force_hosts=["h0"])
        with pytest.raises(ConflictError, match="migration_uuid"):
            local.client.move_allocation(instance, "h1")
        migrate(local, instance, migration, 4, 1024, extra_specs=PINNED, force_hosts=["h1"])
        local.client.release_allocations([migration])
        assert held(local, instance).host_id == "h1"
        local.assert_clean()


def test_a_plain_instance_moves_to_a_host_whose_disk_is_shared(state_dir):
    instance = new_uuid()
    with run(state_dir) as local:
        update(
            local.client,
            Host(host_id="h0", inventories=inventories(VCPU=8, MEMORY_MB=8192, DISK_GB=100)),
            Host(host_id="h1", inventories=inventories(VCPU=8, MEMORY_MB=8192)),
        )
        local.client.update_aggregates([Aggregate(uuid=RACK_UUID, name="rack", host_ids=["h1"])])
        local.client.update_sharing_providers([shared_disk(100)])
        add_flavor(local.client, "big", root_gb=40)
        place(local, flavor_name="big", instance_uuids=[instance], force_hosts=["h0"])
        moved = local.client.move_allocation(instance, "h1").allocation
        assert dict(moved.resources) == {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 40}
        (listed,) = local.client.list_sharing_providers().providers
        assert listed.inventories["DISK_GB"].used == 40
        local.assert_clean()
        assert not local.client.move_allocation(instance, "h0").allocation.HasField("assignment")
        local.assert_clean()


def test_a_rebuild_claims_nothing(state_dir):
    instance = new_uuid()
    rebuild = {"_nova_check_type": HintValues(values=["rebuild"])}
    with run(state_dir) as local:
        add_hosts(local.client, {"vcpus": 1, "cpu_allocation_ratio": 1.0}, {})
        place(local, 1, instance_uuids=[instance], force_hosts=["h0"])
        before = held(local, instance)
        request = spec(1, instance_uuids=[instance], scheduler_hints=rebuild, force_hosts=["h0"])
        (found,) = local.client.select_destinations(request, client_token="t").selections
        assert (found.host.host_id, found.instance_uuid) == ("h0", instance)
        assert local.client.select_destinations(request, client_token="t").selections == [found]
        assert held(local, instance) == before
        assert local.client.list_allocations().total == 1
        with pytest.raises(InvalidRequestError, match="instance_uuids"):
            local.client.select_destinations(spec(1, scheduler_hints=rebuild))
        with pytest.raises(InvalidRequestError, match="migration_uuid"):
            migrate(local, instance, new_uuid(), 1, scheduler_hints=rebuild)
        local.assert_clean()


def test_a_migration_whose_caller_goes_away_is_taken_back(disk, state_dir):
    instance, migration = new_uuid(), new_uuid()
    with run(state_dir) as local:
        update(local.client, numa_host(0), numa_host(1))
        place(local, 4, 1024, instance_uuids=[instance], extra_specs=PINNED)
        before = held(local, instance)
        disk.hold()
        call = select(
            local, instance_uuids=[instance], migration_uuid=migration, vcpus=2, memory_mb=1024, extra_specs=PINNED
        )
        disk.wait_for_commit()
        call.cancel()
        book = local.placer.book
        eventually(lambda: local.on_loop(lambda: not book.find(UUID(migration).bytes).held))
        disk.go_on()
        assert what(held(local, instance)) == what(before)
        assert local.client.list_allocations().total == 1
        local.assert_clean()
    with run(state_dir) as local:
        assert what(held(local, instance)) == what(before)
        local.assert_clean()
