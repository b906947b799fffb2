"""NUMA cells, PCI devices and resource providers over the wire: claimed, released, durable, and never given twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConflictError, HostInUseError, NotFoundError, NoValidHostError
from engine.scheduler.options import SchedulerOptions
from engine.v1.inventory_pb2 import Aggregate, Host, ResourceInventory
from engine.v1.numa_pb2 import GuestCell, NumaTopology, NumaTopologyRequest
from engine.v1.pci_pb2 import PciPools
from engine.v1.request_spec_pb2 import RequestGroup, TriedHost
from tests.service.devices import (
    DISK_UUID,
    GPU_UUID,
    HOST_UUID,
    RACK_UUID,
    gpu_host,
    gpus,
    inventories,
    numa_host,
    shared_disk,
    update,
)
from tests.service.harness import Running, serving
from tests.service.messages import add_flavor, batch, new_uuid, send, spec, token_uuid, tokens

ALIAS = '{"name": "gpu", "vendor_id": "10de", "product_id": "20b5", "device_type": "type-PCI"}'
OPTIONS = SchedulerOptions(
    enabled_filters=(*SchedulerOptions().enabled_filters, "NUMATopologyFilter", "PciPassthroughFilter"),
    pci_alias=(ALIAS,),
)
PINNED = {"hw:cpu_policy": "dedicated"}
GPU = {"pci_passthrough:alias": "gpu:1"}
VGPU = {"resources:VGPU": "1"}
PLAIN = inventories(VCPU=64, MEMORY_MB=65536, DISK_GB=1000)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def run(state_dir: Path, **options: Any) -> Any:
    return serving(state_dir, scheduler=OPTIONS, **options)


def place(local: Running, *arguments: Any, **fields: Any) -> Any:
    (selection,) = local.client.select_destinations(spec(*arguments, **fields)).selections
    return selection


def pins(assignment: Any) -> set[int]:
    return {pin.host_cpu for cell in assignment.cells for pin in cell.pinning}


def test_pinned_instances_get_cpus_of_their_own_until_the_cells_are_full(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host())
        request = {"extra_specs": PINNED, "memory_mb": 2048}
        first, second = place(local, 4, **request), place(local, 4, **request)
        assert len(first.assignment.cells) == len(second.assignment.cells) == 1
        assert pins(first.assignment) | pins(second.assignment) == set(range(8))
        assert {first.assignment.cells[0].host_cell, second.assignment.cells[0].host_cell} == {0, 1}
        with pytest.raises(NoValidHostError):
            place(local, 1, **request)
        shown = local.client.get_host("h0").host
        assert [list(cell.pinned_cpus) for cell in shown.numa_in_use.cells] == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert [list(cell.pinned_cpus) for cell in shown.numa_topology.cells] == [[], []]
        assert shown.inventories["PCPU"].used == 8
        local.client.release_allocations([first.instance_uuid])
        again = place(local, 4, **request)
        assert again.assignment == first.assignment
        local.assert_clean()
    with run(state_dir) as local:
        held = local.client.get_allocation(second.instance_uuid).allocation
        assert held.assignment == second.assignment
        assert dict(held.resources) == {"PCPU": 4, "MEMORY_MB": 2048}
        with pytest.raises(NoValidHostError):
            place(local, 1, **request)
        local.assert_clean()
        local.client.release_allocations([again.instance_uuid, second.instance_uuid])
        shown = local.client.get_host("h0").host
        assert shown.numa_in_use == shown.numa_topology
        local.assert_clean()


def test_what_a_token_answered_it_answers_again_after_a_restart(state_dir):
    request = spec(2, extra_specs=PINNED)
    with run(state_dir) as local:
        update(local.client, numa_host())
        first = local.client.select_destinations(request, client_token="t")
        assert local.client.select_destinations(request, client_token="t") == first
        assert pins(first.selections[0].assignment)
    with run(state_dir) as local:
        assert local.client.select_destinations(request, client_token="t") == first
        assert local.client.list_allocations().total == 1
        local.assert_clean()


def test_devices_come_by_alias_and_near_the_guests_cell(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(pci_pools=PciPools(pools=[gpus(1, 2)])), numa_host(1))
        assert local.client.get_host("h0").host.pci_devices == 2
        held = [place(local, 2, 1024, extra_specs=PINNED | GPU) for _ in range(2)]
        for item in held:
            assert item.host.host_id == "h0"
            assert [cell.host_cell for cell in item.assignment.cells] == [1]
            assert [(taken.pool.product_id, taken.count) for taken in item.assignment.pci_devices] == [("20b5", 1)]
        shown = local.client.get_host("h0").host
        assert shown.pci_devices == 0
        assert [pool.count for pool in shown.pci_pools.pools] == [2]
        with pytest.raises(NoValidHostError):
            place(local, 1, extra_specs=GPU)
    with run(state_dir) as local:
        with pytest.raises(NoValidHostError):
            place(local, 1, extra_specs=GPU)
        local.client.release_allocations([held[0].instance_uuid])
        assert place(local, 1, extra_specs=GPU).host.host_id == "h0"
        local.assert_clean()


def test_slices_of_a_gpu_come_from_the_providers_under_a_host(state_dir):
    with run(state_dir) as local:
        update(local.client, gpu_host(children=2, slices=2), Host(host_id="h1", inventories=PLAIN))
        held = [place(local, 1, extra_specs=VGPU) for _ in range(4)]
        providers = [amounts.provider_uuid for item in held for amounts in item.assignment.amounts]
        assert sorted(providers) == sorted(2 * [GPU_UUID % 0, GPU_UUID % 1] + 4 * [HOST_UUID % 0])
        with pytest.raises(NoValidHostError):
            place(local, 1, extra_specs=VGPU)
        allocation = local.client.get_allocation(held[0].instance_uuid).allocation
        assert dict(allocation.resources) == {"VCPU": 1, "MEMORY_MB": 512, "VGPU": 1}
        shown = local.client.get_host("h0").host
        assert [item.inventories["VGPU"].used for item in shown.providers.providers] == [2, 2]
        assert (shown.inventories["VCPU"].used, shown.inventories["MEMORY_MB"].used) == (4, 4 * 512)
        local.assert_clean()
    with run(state_dir) as local:
        local.client.release_allocations([item.instance_uuid for item in held])
        shown = local.client.get_host("h0").host
        assert [item.inventories["VGPU"].used for item in shown.providers.providers] == [0, 0]
        local.assert_clean()


def test_a_further_class_of_the_hosts_own_is_given_out_too(state_dir):
    with run(state_dir) as local:
        update(local.client, gpu_host())
        request = {"extra_specs": {"resources:CUSTOM_LICENCE": "2"}}
        place(local, 1, **request)
        assert local.client.get_host("h0").host.inventories["CUSTOM_LICENCE"].used == 2
        with pytest.raises(NoValidHostError):
            place(local, 1, **request)
        update(local.client, Host(host_id="h0", inventories=inventories(CUSTOM_LICENCE=4)))
        place(local, 1, **request)
        update(local.client, Host(host_id="h0", inventories={"CUSTOM_LICENCE": ResourceInventory()}))
        shown = local.client.get_host("h0").host
        assert sorted(shown.inventories) == ["DISK_GB", "MEMORY_MB", "VCPU"]
        assert len(shown.providers.providers) == 2
        local.assert_clean()


def test_groups_of_a_port_take_one_provider_each(state_dir):
    with run(state_dir) as local:
        update(local.client, gpu_host(children=2, slices=1))
        groups = [
            RequestGroup(suffix=f"-port{number}", resources={"VGPU": 1}, required_traits=["CUSTOM_GPU_FAST"])
            for number in range(2)
        ]
        item = place(local, requested_resources=groups)
        served = {entry.suffix: list(entry.provider_uuids) for entry in item.assignment.mappings}
        assert served.keys() == {"", "-port0", "-port1"}
        assert sorted(served["-port0"] + served["-port1"]) == [GPU_UUID % 0, GPU_UUID % 1]
        local.assert_clean()


def test_a_shared_disk_gives_to_every_host_of_its_aggregate(state_dir):
    with run(state_dir) as local:
        sizes = inventories(VCPU=64, MEMORY_MB=65536)
        update(local.client, Host(host_id="h0", inventories=sizes), Host(host_id="h1", inventories=sizes))
        local.client.update_aggregates([Aggregate(uuid=RACK_UUID, name="rack", host_ids=["h0", "h1"])])
        add_flavor(local.client, "big", root_gb=40)
        with pytest.raises(NoValidHostError):
            place(local, flavor_name="big")
        local.client.update_sharing_providers([shared_disk(100)])
        held = [place(local, flavor_name="big") for _ in range(2)]
        with pytest.raises(NoValidHostError):
            place(local, flavor_name="big")
        (listed,) = local.client.list_sharing_providers().providers
        assert listed.inventories["DISK_GB"].used == 80
        assert listed.traits == ["MISC_SHARES_VIA_AGGREGATE"]
        with pytest.raises(ConflictError, match="release their allocations first"):
            local.client.delete_sharing_providers([DISK_UUID])
        local.assert_clean()
    with run(state_dir) as local:
        assert local.client.list_sharing_providers().providers == [listed]
        with pytest.raises(NoValidHostError):
            place(local, flavor_name="big")
        local.client.release_allocations([item.instance_uuid for item in held])
        place(local, flavor_name="big")
        local.client.release_allocations([item.consumer_uuid for item in local.client.list_allocations().allocations])
        local.client.delete_sharing_providers([DISK_UUID])
        local.assert_clean()
        with pytest.raises(NotFoundError, match=DISK_UUID):
            local.client.delete_sharing_providers([DISK_UUID])
    with run(state_dir) as local:
        assert not local.client.list_sharing_providers().providers


def test_a_host_of_which_something_is_held_stays(state_dir):
    with run(state_dir) as local:
        update(local.client, gpu_host())
        item = place(local, 1, extra_specs=VGPU)
        with pytest.raises(HostInUseError):
            local.client.delete_hosts(["h0"])
        local.client.release_allocations([item.instance_uuid])
        local.client.delete_hosts(["h0"])
        local.assert_clean()


def test_an_update_keeps_what_is_held_of_a_hosts_parts(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(pci_pools=PciPools(pools=[gpus(0, 3)])))
        place(local, 4, 1024, extra_specs=PINNED | GPU)
        before = local.client.get_host("h0").host
        update(local.client, Host(host_id="h0", availability_zone="z"))
        update(local.client, Host(host_id="h0", pci_pools=PciPools(pools=[gpus(0, 5)])))
        after = local.client.get_host("h0").host
        assert after.numa_in_use == before.numa_in_use
        assert after.pci_devices == 4
        local.assert_clean()
    with run(state_dir) as local:
        shown = local.client.get_host("h0").host
        assert (shown.numa_in_use, shown.pci_free) == (after.numa_in_use, after.pci_free)
        local.assert_clean()


def test_a_refused_commit_gives_all_parts_back(disk, state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(pci_pools=PciPools(pools=[gpus(0, 3)])))
        before = local.client.get_host("h0").host
        disk.full = True
        with pytest.raises(Exception, match="could not be written"):
            place(local, 4, 1024, extra_specs=PINNED | GPU)
        disk.full = False
        after = local.client.get_host("h0").host
        assert (after.numa_in_use, after.pci_free) == (before.numa_in_use, before.pci_free)
        local.assert_clean()
        place(local, 4, 1024, extra_specs=PINNED | GPU)
        held = local.client.get_host("h0").host
        instance = local.client.list_allocations().allocations[0].consumer_uuid
        disk.full = True
        with pytest.raises(Exception, match="could not be written"):
            local.client.release_allocations([instance])
        disk.full = False
        assert local.client.get_host("h0").host.numa_in_use == held.numa_in_use
        local.assert_clean()


def test_a_stream_places_and_releases_special_flavors_in_order(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host())
        add_flavor(local.client, "plain", 1, 512)
        add_flavor(local.client, "pinned", 4, 1024, extra_specs=PINNED)
        names = tokens(8)
        answers = send(local.client, batch(names[:3], flavors=["pinned"], codes=[0, 0, 0]))
        assert answers == [([1, 1, 2], ["h0", "h0", None])]
        # the first goes before the third request of this batch, the second after it
        release = [names[0], names[1]]
        (answer,) = send(
            local.client,
            batch(
                names[3:7],
                flavors=["plain", "pinned"],
                codes=[1, 0, 1, 1],
                release=release,
                positions=[2, 3],
            ),
        )
        assert answer == ([2, 1, 1, 1], [None, "h0", "h0", "h0"])
        local.assert_clean()
        held = {item.consumer_uuid for item in local.client.list_allocations().allocations}
        assert held == {token_uuid(name) for name in names[4:7]}
        # what was placed is answered again, whatever it holds by now
        assert send(local.client, batch([names[5]], flavors=["pinned"])) == [([4], ["h0"])]
    with run(state_dir) as local:
        local.assert_clean()


def test_plain_runs_give_back_what_the_kernel_cannot(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host())
        add_flavor(local.client, "plain", 1, 512)
        add_flavor(local.client, "pinned", 4, 1024, extra_specs=PINNED)
        names = tokens(8)
        send(local.client, batch(names[:2], flavors=["pinned"]))
        for positions in ([0, 0], [1, 3], [4, 4], [0, 4]):
            send(local.client, batch(names[2:6], flavors=["plain"], release=names[:2], positions=positions))
            shown = local.client.get_host("h0").host
            assert shown.numa_in_use == shown.numa_topology
            assert shown.num_instances == 4
            local.assert_clean()
            local.client.release_allocations([token_uuid(name) for name in names[2:6]])
            fresh = tokens(8, first=int.from_bytes(names[0][:8], "big") + 100)
            names = fresh
            send(local.client, batch(names[:2], flavors=["pinned"]))


def test_a_number_of_instances_each_has_parts_of_its_own(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(0), numa_host(1))
        reply = local.client.select_destinations(spec(4, 1024, extra_specs=PINNED, num_instances=4))
        given = {(item.host.host_id, cpu) for item in reply.selections for cpu in pins(item.assignment)}
        assert len(given) == 16
        with pytest.raises(NoValidHostError):
            local.client.select_destinations(spec(4, 1024, extra_specs=PINNED, instance_uuids=[new_uuid()]))
        local.assert_clean()


def test_it_is_explained_why_a_host_has_no_cells_for_a_guest(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(0), numa_host(1))
        place(local, 4, 1024, extra_specs=PINNED, force_hosts=["h0"])
        explained = local.client.explain_selection(
            spec(8, 2048, extra_specs=PINNED | {"hw:numa_nodes": "2"}), host_ids=["h0", "h1"]
        )
        assert explained.hosts_passed == 1
        verdicts = {item.host_id: item for item in explained.verdicts}
        assert (verdicts["h0"].passed, verdicts["h1"].passed) == (False, True)
        assert any(not item.passed and item.reason for item in verdicts["h0"].verdicts)
        local.assert_clean()


def test_a_watcher_sees_what_is_taken_of_a_host(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(0), numa_host(1))
        watch = local.client.watch_hosts()
        first = next(watch)
        assert all(host.numa_in_use == host.numa_topology for host in first.hosts)
        item = place(local, 4, 1024, extra_specs=PINNED)
        (host,) = next(watch).hosts
        assert host.host_id == item.host.host_id
        assert host.numa_in_use != host.numa_topology
        watch.close()


def test_a_host_may_say_that_it_has_none_of_it_any_more(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(0, pci_pools=PciPools(pools=[gpus(0, 2)])))
        update(
            local.client,
            Host(
                host_id="h0",
                numa_topology=NumaTopology(),
                pci_pools=PciPools(),
                inventories={"PCPU": ResourceInventory()},
            ),
        )
        shown = local.client.get_host("h0").host
        assert not shown.HasField("numa_topology")
        assert shown.HasField("pci_pools")
        assert (len(shown.pci_pools.pools), shown.pci_devices) == (0, 0)
        with pytest.raises(NoValidHostError):
            place(local, 1, extra_specs=PINNED | GPU)
        local.assert_clean()


def test_a_host_that_never_reported_takes_nothing_until_it_does(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(0, never_reported=True))
        assert local.client.get_host("h0").host.never_reported
        with pytest.raises(NoValidHostError):
            place(local, 1)
        sizes = numa_host(0)
        sizes.never_reported = False
        update(local.client, sizes)
        assert place(local, 2, extra_specs=PINNED).host.host_id == "h0"
        local.assert_clean()


def test_cells_asked_for_outright_are_those_that_are_fitted(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(0))
        cells = [GuestCell(cell_id=number, cpus=[number], memory_mb=256) for number in range(2)]
        item = place(local, 2, numa_topology=NumaTopologyRequest(cells=cells))
        assert sorted(cell.host_cell for cell in item.assignment.cells) == [0, 1]
        shown = local.client.get_host("h0").host
        assert [cell.memory_usage_mb for cell in shown.numa_in_use.cells] == [256, 256]
        local.assert_clean()


def test_hosts_that_were_tried_are_left_to_the_filter_for_them(state_dir):
    options = SchedulerOptions(enabled_filters=("RetryFilter",))
    with serving(state_dir, scheduler=options) as local:
        update(local.client, numa_host(0), numa_host(1))
        tried = [TriedHost(host="h0", node="h0")]
        assert {place(local, 1, tried=tried).host.host_id for _ in range(3)} == {"h1"}
