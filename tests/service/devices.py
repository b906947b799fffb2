"""Hosts with NUMA cells, PCI devices and resource providers, for tests."""

from __future__ import annotations

from typing import Any

from engine.client import Client
from engine.v1.inventory_pb2 import Host, ResourceInventory, ResourceProvider, ResourceProviders
from engine.v1.inventory_service_pb2 import UpdateHostsRequest
from engine.v1.numa_pb2 import CpuSet, HostCell, HostPages, NumaTopology
from engine.v1.pci_pb2 import PciPool

HOST_UUID = "11111111-0000-4000-8000-%012d"
GPU_UUID = "22222222-0000-4000-8000-%012d"
DISK_UUID = "33333333-0000-4000-8000-000000000001"
RACK_UUID = "44444444-0000-4000-8000-000000000001"


def cell(number: int, cpus: int = 4, memory_mb: int = 8192, **fields: Any) -> HostCell:
    """A cell of pinnable CPUs, two threads a core, numbered on from the cell before."""
    own = list(range(number * cpus, (number + 1) * cpus))
    return HostCell(
        cell_id=number,
        cpus=own,
        pinnable_cpus=own,
        memory_mb=memory_mb,
        siblings=[CpuSet(cpus=own[place : place + 2]) for place in range(0, cpus, 2)],
        pages=[HostPages(size_kb=4, total=memory_mb * 256)],
        socket=number,
        **fields,
    )


def gpus(node: int, count: int) -> PciPool:
    """GPUs near one cell."""
    return PciPool(vendor_id="10de", product_id="20b5", numa_node=node, count=count, tags={"dev_type": "type-PCI"})


def inventories(**totals: int) -> dict[str, ResourceInventory]:
    return {name: ResourceInventory(total=total, allocation_ratio=1.0) for name, total in totals.items()}


def numa_host(number: int = 0, cells: int = 2, **fields: Any) -> Host:
    """A host of two cells of four CPUs and 8 GiB each, its vCPUs all dedicated ones."""
    sizes: dict[str, Any] = {"VCPU": 4 * cells, "PCPU": 4 * cells, "MEMORY_MB": 8192 * cells, "DISK_GB": 1000}
    return Host(
        host_id=f"h{number}",
        uuid=HOST_UUID % number,
        inventories=inventories(**sizes),
        numa_topology=NumaTopology(cells=[cell(place) for place in range(cells)]),
        **fields,
    )


def gpu_host(number: int = 0, children: int = 2, slices: int = 2) -> Host:
    """A host with GPUs as resource providers of VGPUs under its own."""
    return Host(
        host_id=f"h{number}",
        uuid=HOST_UUID % number,
        inventories=inventories(VCPU=64, MEMORY_MB=65536, DISK_GB=1000, CUSTOM_LICENCE=3),
        providers=ResourceProviders(
            providers=[
                ResourceProvider(
                    uuid=GPU_UUID % (100 * number + place),
                    name=f"h{number}_gpu{place}",
                    inventories=inventories(VGPU=slices),
                    traits=["CUSTOM_GPU_FAST"],
                )
                for place in range(children)
            ]
        ),
    )


def shared_disk(total: int = 100, **fields: Any) -> ResourceProvider:
    """A sharing provider of disk for the hosts of an aggregate."""
    return ResourceProvider(
        uuid=DISK_UUID, name="pool", inventories=inventories(DISK_GB=total), aggregate_uuids=[RACK_UUID], **fields
    )


def update(client: Client, *hosts: Host) -> Any:
    """Send hosts in one message."""
    (reply,) = client.update_hosts([UpdateHostsRequest(hosts=hosts)])
    return reply
