"""Hosts, fleets, aggregates, flavors and groups that break the rules: refused whole, with nothing applied."""

from __future__ import annotations

import io
import math
from typing import Any

import pyarrow as pa
import pytest

from engine.errors import InvalidHostError, InvalidRequestError
from engine.v1.inventory_pb2 import (
    Aggregate,
    Host,
    HostService,
    ResourceInventory,
    ResourceProvider,
    ResourceProviders,
    ServerGroup,
    SupportedInstance,
)
from engine.v1.inventory_service_pb2 import (
    DeleteHostsRequest,
    GetHostRequest,
    ImportHostsRequest,
    ListHostsRequest,
    UpdateAggregatesRequest,
    UpdateFlavorsRequest,
    UpdateHostsRequest,
    UpdateServerGroupsRequest,
)
from engine.v1.numa_pb2 import CpuSet, HostCell, HostPages, NumaTopology
from engine.v1.pci_pb2 import PciPool, PciPools
from engine.v1.request_spec_pb2 import Flavor
from tests.builders import fleet
from tests.service.devices import GPU_UUID, HOST_UUID, cell, gpus, inventories, shared_disk, update
from tests.service.harness import serving
from tests.service.messages import add_flavor, add_hosts, new_uuid, refusal, spec

HUGE = 2**62
RACK = new_uuid()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A service with two hosts, an aggregate and a flavor, which every case leaves as they are."""
    with serving(tmp_path_factory.mktemp("bad")) as running:
        client = running.client
        add_hosts(client, {"traits": ["HW_A"]}, {})
        client.update_aggregates([Aggregate(uuid=RACK, name="rack", host_ids=["h1"])])
        add_flavor(client, "m1")
        client.select_destinations(spec(force_hosts=["h0"]))
        before = facts(running)
        yield running
        assert facts(running) == before
        assert [item.name for item in client.list_aggregates().aggregates] == ["rack"]
        assert [item.name for item in client.list_flavors().flavors] == ["m1"]
        assert not client.list_server_groups().server_groups
        running.assert_clean()


def facts(running):
    """The hosts, without the generations that a change taken back moves on."""
    hosts = list(running.client.list_hosts().hosts)
    for host in hosts:
        host.generation = 0
    return hosts


def vcpus(**facts: float) -> dict[str, ResourceInventory]:
    return {"VCPU": ResourceInventory(**{"total": 16, **facts})}


def whole(host_id: str = "new", **facts: object) -> Host:
    inventories = {"VCPU": ResourceInventory(total=4), "MEMORY_MB": ResourceInventory(total=4096)}
    given = Host(host_id=host_id, **facts)
    for name, inventory in inventories.items():
        if name not in given.inventories:
            given.inventories[name].CopyFrom(inventory)
    return given


BAD_HOSTS = {
    "no name": [Host(cell="c")],
    "a blank name": [whole("   ")],
    "a long name": [whole("x" * 256)],
    "a host twice": [whole("new"), whole("other"), whole("new")],
    "a new host without sizes": [Host(host_id="new", arch="x86_64")],
    "negative total": [whole(inventories=vcpus(total=-1))],
    "no vcpus": [whole(inventories=vcpus(total=0))],
    "absurd total": [whole(inventories=vcpus(total=HUGE))],
    "more reserved than there is": [whole(inventories=vcpus(reserved=17))],
    "negative reserved": [whole(inventories=vcpus(reserved=-1))],
    "a ratio that is no number": [whole(inventories=vcpus(allocation_ratio=math.nan))],
    "an infinite ratio": [whole(inventories=vcpus(allocation_ratio=math.inf))],
    "a negative ratio": [whole(inventories=vcpus(allocation_ratio=-1.0))],
    "a capacity beyond the limit": [whole(inventories=vcpus(allocation_ratio=1e9))],
    "min above max": [whole(inventories=vcpus(min_unit=5, max_unit=4))],
    "a negative step": [whole(inventories=vcpus(step_size=-2))],
    "absurd max": [whole(inventories=vcpus(max_unit=HUGE))],
    "a class that is none": [whole(inventories={"vgpu": ResourceInventory(total=1)})],
    "a class without a name": [whole(inventories={"": ResourceInventory(total=1)})],
    "a class with too long a name": [whole(inventories={"A" * 256: ResourceInventory(total=1)})],
    "a further class below zero": [whole(inventories={"VGPU": ResourceInventory(total=-1)})],
    "a further class with an infinite ratio": [
        whole(inventories={"VGPU": ResourceInventory(total=1, allocation_ratio=math.inf)})
    ],
    "a further class with min above max": [whole(inventories={"VGPU": ResourceInventory(total=4, min_unit=5)})],
    "negative use": [whole(vcpus_used=-1)],
    "absurd use": [whole(memory_mb_used=HUGE)],
    "absurd free memory": [whole(free_ram_mb=-HUGE)],
    "negative instances": [whole(num_instances=-1)],
    "negative io": [whole(num_io_ops=-1)],
    "a trait that is none": [whole(traits=["no-such trait"])],
    "an empty trait": [whole(traits=[""])],
    "half a supported instance": [whole(supported_instances=[SupportedInstance(arch="x86_64")])],
    "a uuid that another has": [whole("new", uuid="7" * 32), whole("other", uuid="7" * 32)],
    "a heartbeat before time": [whole(service=HostService(last_seen_up_us=-5))],
    "one wrong among many": [whole("a"), whole("b", vcpus_used=-1), whole("c")],
    "a known host made wrong": [Host(host_id="h0", inventories=vcpus(total=2, reserved=3))],
    "a report below zero": [Host(host_id="h0", num_io_ops=-1)],
    "a report beyond numbers": [Host(host_id="h0", failed_builds=HUGE)],
    "a report from before time": [Host(host_id="h0", service=HostService(last_seen_up_us=-1))],
    "a report from after time": [Host(host_id="h0", service=HostService(last_seen_up_us=2**63 - 1))],
    "a report twice": [Host(host_id="h0", num_io_ops=1), Host(host_id="h0", num_io_ops=2)],
    "one wrong among reports": [Host(host_id="h0", num_io_ops=7), Host(host_id="h1", num_io_ops=-7)],
}


def numa(*cells: HostCell) -> Host:
    return whole(numa_topology=NumaTopology(cells=cells))


def pools(*items: PciPool) -> Host:
    return whole(pci_pools=PciPools(pools=items))


def children(*items: ResourceProvider, **facts: object) -> Host:
    return whole(providers=ResourceProviders(providers=items), uuid=OWN, **facts)


def child(number: int, **facts: Any) -> ResourceProvider:
    return ResourceProvider(uuid=GPU_UUID % number, **facts)


OWN = HOST_UUID % 77
PAGES = [HostPages(size_kb=4, total=9)]
BAD_HOSTS |= {
    "a cell twice": [numa(cell(0), HostCell(cell_id=0))],
    "a cell below zero": [numa(HostCell(cell_id=-1))],
    "too many cells": [numa(*[HostCell(cell_id=number) for number in range(65)])],
    "a CPU in two cells": [numa(cell(0), HostCell(cell_id=1, cpus=[3]))],
    "a CPU named twice": [numa(HostCell(cpus=[1, 1]))],
    "a CPU beyond all": [numa(HostCell(cpus=[2**32 - 1]))],
    "too many CPUs": [numa(HostCell(cpus=range(4097)))],
    "too many CPUs together": [numa(HostCell(cpus=range(4000)), HostCell(cell_id=1, cpus=range(4000, 4097)))],
    "a pinned CPU that cannot be": [numa(HostCell(cpus=[1], pinned_cpus=[1]))],
    "siblings of another cell": [numa(HostCell(cpus=[1], siblings=[CpuSet(cpus=[1, 2])]))],
    "a CPU with two sets of siblings": [numa(HostCell(cpus=[1, 2], siblings=[CpuSet(cpus=[1, 2]), CpuSet(cpus=[2])]))],
    "no siblings in a set": [numa(HostCell(cpus=[1], siblings=[CpuSet()]))],
    "negative memory of a cell": [numa(HostCell(memory_mb=-1))],
    "absurd memory of a cell": [numa(HostCell(memory_mb=HUGE))],
    "negative use of a cell": [numa(HostCell(cpu_usage=-1))],
    "a page of no size": [numa(HostCell(pages=[HostPages(total=1)]))],
    "a page size twice": [numa(HostCell(pages=2 * PAGES))],
    "negative pages": [numa(HostCell(pages=[HostPages(size_kb=4, total=-9)]))],
    "absurd pages": [numa(HostCell(pages=[HostPages(size_kb=4, total=HUGE)]))],
    "a socket below zero": [numa(HostCell(socket=-1))],
    "a network without a name": [numa(HostCell(physnets=[""]))],
    "a pool without ids": [pools(PciPool(count=1))],
    "a pool twice": [pools(gpus(0, 1), gpus(0, 2))],
    "a pool of less than nothing": [pools(gpus(0, -1))],
    "a pool of too many": [pools(gpus(0, HUGE))],
    "a pool below all nodes": [pools(gpus(-1, 1))],
    "a tag with and without a value": [pools(PciPool(vendor_id="a", product_id="b", tags={"c": "d"}, null_tags=["c"]))],
    "too many pools": [pools(*[PciPool(vendor_id="a", product_id=str(number)) for number in range(4097)])],
    "a provider without a uuid": [children(ResourceProvider(name="gpu"))],
    "a provider twice": [children(child(1), child(1))],
    "a provider that is the host": [children(ResourceProvider(uuid=OWN))],
    "an unknown parent": [children(child(1, parent_uuid=GPU_UUID % 9))],
    "a parent that is no uuid": [children(child(1, parent_uuid="x"))],
    "a provider under itself": [children(child(1, parent_uuid=GPU_UUID % 1))],
    "a circle of providers": [
        children(child(1, parent_uuid=GPU_UUID % 2), child(2, parent_uuid=GPU_UUID % 1), child(3))
    ],
    "a provider's class that is none": [children(child(1, inventories=inventories(**{"v-gpu": 1})))],
    "a provider of nothing of a class": [children(child(1, inventories={"VGPU": ResourceInventory()}))],
    "use of what a provider has not": [children(child(1, used={"VGPU": 1}))],
    "negative use of a provider": [children(child(1, inventories=inventories(VGPU=1), used={"VGPU": -1}))],
    "a provider's trait that is none": [children(child(1, traits=["fast"]))],
    "a provider's aggregate that is none": [children(child(1, aggregate_uuids=["rack"]))],
    "a provider with a long name": [children(child(1, name="x" * 201))],
    "too many providers": [children(*[child(number) for number in range(1025)])],
    "a provider of two hosts": [children(child(1)), whole("other", providers=ResourceProviders(providers=[child(1)]))],
    "a provider of a host before": [
        Host(host_id="h0", providers=ResourceProviders(providers=[child(1)])),
        Host(host_id="h1", providers=ResourceProviders(providers=[child(2), child(1)])),
    ],
}


@pytest.mark.parametrize("name", BAD_HOSTS)
def test_an_update_with_a_wrong_host_changes_none(shared, name):
    answer = refusal(shared.inventory.UpdateHosts, iter([UpdateHostsRequest(hosts=BAD_HOSTS[name])]))
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.reason == "INVALID_HOST"
    assert answer.text
    assert shared.client.list_hosts().total == 2


def test_a_provider_stays_the_one_hosts_that_has_it(tmp_path):
    with serving(tmp_path) as local:
        add_hosts(local.client, {}, {})
        mine = ResourceProviders(providers=[child(1, inventories=inventories(VGPU=1))])
        update(local.client, Host(host_id="h0", providers=mine))
        with pytest.raises(InvalidHostError, match="which host 'h0' has"):
            update(local.client, Host(host_id="h1", providers=mine))
        with pytest.raises(InvalidRequestError, match="is a host's"):
            local.client.update_sharing_providers([ResourceProvider(uuid=GPU_UUID % 1)])
        with pytest.raises(InvalidRequestError, match="is a host's"):
            local.client.update_sharing_providers([ResourceProvider(uuid=local.client.get_host("h1").host.uuid)])
        local.client.update_sharing_providers([shared_disk()])
        with pytest.raises(InvalidHostError, match="is a sharing one"):
            update(local.client, Host(host_id="h1", providers=ResourceProviders(providers=[shared_disk()])))
        # both at once may change what is whose
        none = Host(host_id="h0", providers=ResourceProviders())
        update(local.client, none, Host(host_id="h1", providers=mine))
        assert not local.client.get_host("h0").host.HasField("providers")
        local.assert_clean()


BAD_SHARING = {
    "no uuid": ResourceProvider(name="disk"),
    "a parent": ResourceProvider(uuid=GPU_UUID % 1, parent_uuid=GPU_UUID % 2),
    "a class that is none": ResourceProvider(uuid=GPU_UUID % 1, inventories=inventories(disk=1)),
    "negative use": ResourceProvider(uuid=GPU_UUID % 1, inventories=inventories(DISK_GB=1), used={"DISK_GB": -1}),
}


@pytest.mark.parametrize("name", BAD_SHARING)
def test_sharing_providers_with_a_wrong_one_are_refused_whole(shared, name):
    with pytest.raises(InvalidRequestError):
        shared.client.update_sharing_providers([shared_disk(), BAD_SHARING[name]])
    with pytest.raises(InvalidRequestError, match="comes twice"):
        shared.client.update_sharing_providers([shared_disk(), shared_disk()])
    assert not shared.client.list_sharing_providers().providers


def test_the_refusal_of_an_update_names_the_host_that_is_wrong(shared):
    request = UpdateHostsRequest(hosts=BAD_HOSTS["one wrong among many"])
    answer = refusal(shared.inventory.UpdateHosts, iter([request]))
    assert answer.info.metadata["host_id"] == "b"
    assert "'b'" in answer.text


def test_an_update_of_too_many_hosts_is_refused(shared):
    request = UpdateHostsRequest(hosts=[Host(host_id=str(number)) for number in range(10_001)])
    assert refusal(shared.inventory.UpdateHosts, iter([request])).reason == "LIMIT_EXCEEDED"


def arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


FLEET = pa.table({"host_id": ["x0", "x1"], "vcpus": [4, 4], "memory_mb": [4096, 4096]})
BAD_FLEETS = {
    "nothing": b"",
    "no Arrow": b"host_id,vcpus,memory_mb\nx0,4,4096\n",
    "cut in the middle": arrow(FLEET)[:200],
    "cut before its end": arrow(fleet([{}] * 50))[:-400],
    "noise": bytes(range(256)) * 20,
    "no vcpus": arrow(FLEET.drop_columns(["vcpus"])),
    "a column misspelt": arrow(FLEET.rename_columns(["host_id", "vcpus", "memory_mbs"])),
    "text for a number": arrow(FLEET.set_column(1, "vcpus", pa.array(["4", "many"]))),
    "a fraction": arrow(FLEET.set_column(1, "vcpus", pa.array([4.0, 4.5]))),
    "a missing number": arrow(FLEET.set_column(1, "vcpus", pa.array([4, None]))),
    "a negative number": arrow(FLEET.set_column(1, "vcpus", pa.array([4, -4]))),
    "a name twice": arrow(FLEET.set_column(0, "host_id", pa.array(["x0", "x0"]))),
    "a ratio that is no number": arrow(FLEET.append_column("cpu_allocation_ratio", pa.array([1.0, math.nan]))),
}


@pytest.mark.parametrize("name", BAD_FLEETS)
def test_a_fleet_that_is_wrong_is_refused_whole(shared, name):
    data = BAD_FLEETS[name]
    chunks = [ImportHostsRequest(arrow_ipc=data[start : start + 100]) for start in range(0, max(len(data), 1), 100)]
    answer = refusal(shared.inventory.ImportHosts, iter(chunks))
    assert answer.code == "INVALID_ARGUMENT"
    assert answer.reason in ("INVALID_FILE", "INVALID_HOST")
    assert shared.client.list_hosts().total == 2


def test_an_import_that_is_given_up_applies_nothing(shared):
    class GoneError(Exception):
        pass

    def chunks():
        yield ImportHostsRequest(arrow_ipc=arrow(FLEET)[:100])
        raise GoneError

    assert refusal(shared.inventory.ImportHosts, chunks()).code in ("UNKNOWN", "CANCELLED")
    assert shared.client.list_hosts().total == 2


CALLS = {
    "delete an unknown host": ("DeleteHosts", DeleteHostsRequest(host_ids=["h1", "absent"]), "UNKNOWN_HOST"),
    "delete a host in use": ("DeleteHosts", DeleteHostsRequest(host_ids=["h1", "h0"]), "HOST_IN_USE"),
    "get an unknown host": ("GetHost", GetHostRequest(host_id="absent"), "UNKNOWN_HOST"),
    "get no host": ("GetHost", GetHostRequest(), "UNKNOWN_HOST"),
    "list an unknown aggregate": ("ListHosts", ListHostsRequest(aggregate_uuid=new_uuid()), "UNKNOWN_AGGREGATE"),
    "list too many": ("ListHosts", ListHostsRequest(page_size=10_001), "INVALID_REQUEST"),
    "list from a word": ("ListHosts", ListHostsRequest(page_token="h0"), "INVALID_REQUEST"),
    "an aggregate without a uuid": (
        "UpdateAggregates",
        UpdateAggregatesRequest(aggregates=[Aggregate(name="a")]),
        "INVALID_REQUEST",
    ),
    "an aggregate without a name": (
        "UpdateAggregates",
        UpdateAggregatesRequest(aggregates=[Aggregate(uuid=new_uuid())]),
        "INVALID_REQUEST",
    ),
    "an aggregate of unknown hosts": (
        "UpdateAggregates",
        UpdateAggregatesRequest(
            aggregates=[
                Aggregate(uuid=new_uuid(), name="good", host_ids=["h0"]),
                Aggregate(uuid=new_uuid(), name="bad", host_ids=["h0", "absent"]),
            ]
        ),
        "UNKNOWN_HOST",
    ),
    "an aggregate of a taken name": (
        "UpdateAggregates",
        UpdateAggregatesRequest(aggregates=[Aggregate(uuid=new_uuid(), name="rack")]),
        "CONFLICT",
    ),
    "two aggregates of one name": (
        "UpdateAggregates",
        UpdateAggregatesRequest(aggregates=[Aggregate(uuid=new_uuid(), name="twin") for _ in range(2)]),
        "CONFLICT",
    ),
    "delete an unknown aggregate": (
        "UpdateAggregates",
        UpdateAggregatesRequest(aggregates=[Aggregate(uuid=new_uuid(), name="good")], delete_uuids=[RACK, new_uuid()]),
        "UNKNOWN_AGGREGATE",
    ),
    "delete an aggregate twice": (
        "UpdateAggregates",
        UpdateAggregatesRequest(delete_uuids=[RACK, RACK]),
        "UNKNOWN_AGGREGATE",
    ),
    "a flavor without a name": (
        "UpdateFlavors",
        UpdateFlavorsRequest(flavors=[Flavor(name="good", vcpus=1), Flavor(vcpus=1)]),
        "INVALID_REQUEST",
    ),
    "an absurd flavor": (
        "UpdateFlavors",
        UpdateFlavorsRequest(flavors=[Flavor(name="f", vcpus=HUGE)]),
        "INVALID_REQUEST",
    ),
    "a flavor beyond what a request may take": (
        "UpdateFlavors",
        UpdateFlavorsRequest(flavors=[Flavor(name="f", vcpus=1, root_gb=10**9, ephemeral_gb=10**9)]),
        "INVALID_REQUEST",
    ),
    "delete an unknown flavor": (
        "UpdateFlavors",
        UpdateFlavorsRequest(flavors=[Flavor(name="good", vcpus=1)], delete_names=["m1", "absent"]),
        "UNKNOWN_FLAVOR",
    ),
    "a group of no policy": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(server_groups=[ServerGroup(name="g")]),
        "INVALID_REQUEST",
    ),
    "a group of an unknown policy": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(server_groups=[ServerGroup(name="g", policy="anti_affinity")]),
        "INVALID_REQUEST",
    ),
    "a group with a rule that is not its own": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(server_groups=[ServerGroup(name="g", policy="affinity", max_server_per_host=2)]),
        "INVALID_REQUEST",
    ),
    "a group with a negative rule": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(
            server_groups=[ServerGroup(name="g", policy="anti-affinity", max_server_per_host=-1)]
        ),
        "INVALID_REQUEST",
    ),
    "a group with a uuid that is none": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(server_groups=[ServerGroup(uuid="g", policy="affinity")]),
        "INVALID_REQUEST",
    ),
    "a group with a member that is none": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(server_groups=[ServerGroup(policy="affinity", member_uuids=["me"])]),
        "INVALID_REQUEST",
    ),
    "delete an unknown group": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(server_groups=[ServerGroup(policy="affinity")], delete_uuids=[new_uuid()]),
        "UNKNOWN_GROUP",
    ),
}
CODES = {"HOST_IN_USE": "FAILED_PRECONDITION", "CONFLICT": "FAILED_PRECONDITION"}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_refused_whole(shared, name):
    method, request, reason = CALLS[name]
    answer = refusal(getattr(shared.inventory, method), request)
    assert answer.reason == reason
    code = "NOT_FOUND" if reason.startswith("UNKNOWN") else CODES.get(reason, "INVALID_ARGUMENT")
    assert answer.code == code


def test_a_host_goes_once_it_holds_nothing_and_can_come_back(local):
    client = local.client
    add_hosts(client, {}, {})
    uuid = new_uuid()
    client.select_destinations(spec(instance_uuids=[uuid], force_hosts=["h0"]))
    answer = refusal(local.inventory.DeleteHosts, DeleteHostsRequest(host_ids=["h0"]))
    assert (answer.reason, answer.info.metadata["held"]) == ("HOST_IN_USE", "1")
    client.release_allocations([uuid])
    assert client.delete_hosts(["h0", "h0"]).deleted == 1
    assert refusal(local.inventory.GetHost, GetHostRequest(host_id="h0")).reason == "UNKNOWN_HOST"
    assert client.delete_hosts([]).deleted == 0
    add_hosts(client, {}, {})
    assert client.list_hosts().total == 2
    local.assert_clean()
