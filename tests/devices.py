"""Hosts with NUMA cells, PCI pools and resource providers for tests, as the columns of a fleet table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.fitting.numa_request import guest_numa
from engine.inventory.device_texts import numa_text, pools_text, tree_text
from engine.model.candidates import Provider
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.numa import HostCell, HostNuma, HostPages
from engine.model.pci import PciPool, PciRequest
from engine.model.request_spec import RequestSpec
from engine.model.resources import ResourceInventory

IMAGE = Image("image")


def cell(
    number: int, cpus: int = 4, memory_mb: int = 4096, *, pinned: int = 0, usage_mb: int = 0, cpu_usage: int = 0
) -> HostCell:
    """A cell of CPUs that may be pinned, the first ``pinned`` of them taken, numbered from 100 times its own number."""
    ids = range(100 * number, 100 * number + cpus)
    return HostCell(
        cell_id=number,
        cpus=frozenset(ids),
        pinnable_cpus=frozenset(ids),
        memory_mb=memory_mb,
        cpu_usage=cpu_usage,
        memory_usage_mb=usage_mb,
        pinned_cpus=frozenset(list(ids)[:pinned]),
        siblings=tuple(frozenset([each]) for each in ids),
        pages=(HostPages(4, memory_mb * 256, usage_mb * 256),),
    )


def numa(*cells: HostCell) -> dict[str, str]:
    return {"numa_topology": numa_text(HostNuma(cells))}


def pool(count: int, node: int | None = None, product: str = "20b5", **tags: str) -> PciPool:
    return PciPool("10de", product, node, count, tuple(sorted({"dev_type": "type-PCI", **tags}.items())))


def pci(*pools: PciPool) -> dict[str, str]:
    return {"pci_device_pools": pools_text(pools)}


def devices(count: int = 1, product: str = "20b5", **more: Any) -> PciRequest:
    """A request for devices of one product."""
    return PciRequest(count, ((("product_id", product), ("vendor_id", "10de")),), alias_name="gpu", **more)


def inventory(total: int, **more: Any) -> ResourceInventory:
    return ResourceInventory(total, max_unit=total, **more)


def child(
    uuid: str, inventories: Mapping[str, int], *, parent: str = "", traits: Sequence[str] = (), used: int = 0
) -> Provider:
    """A provider with so much of each class, of which ``used`` is taken."""
    return Provider(
        uuid=uuid,
        name=f"name of {uuid}",
        parent=parent,
        inventories=tuple(sorted((name, inventory(total)) for name, total in inventories.items())),
        traits=frozenset(traits),
        used=tuple((name, used) for name in sorted(inventories) if used),
    )


def tree(*children: Provider, **extra: int) -> dict[str, str]:
    """The providers under a host's own, and so much of further classes of its own."""
    return {"resource_providers": tree_text({name: inventory(total) for name, total in extra.items()}, children)}


def pinned(
    vcpus: int = 2,
    memory_mb: int = 1024,
    *,
    nodes: int = 1,
    num_instances: int = 1,
    extra_specs: Mapping[str, str] | None = None,
    **spec: object,
) -> RequestSpec:
    """A request for dedicated CPUs on a number of NUMA cells."""
    asked = {"hw:cpu_policy": "dedicated", "hw:numa_nodes": str(nodes), **(extra_specs or {})}
    flavor = Flavor("pinned", vcpus, memory_mb, 0, 0, 0, asked)
    return RequestSpec(flavor, num_instances, IMAGE, numa=guest_numa(flavor, IMAGE), **spec)  # type: ignore[arg-type]
