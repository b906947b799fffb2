"""From the hosts of an oracle case (schema ``nova-oracle-case/1``) to nova's HostState objects; runs where nova is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from nova import context as nova_context
from nova import objects
from nova.pci import stats as pci_stats
from nova.scheduler import host_manager

Content = dict[str, Any]

DEFAULT_CELL = "11111111-1111-4111-8111-111111111111"


def compute_nodes(content: Content) -> list[Any]:
    """Return the case's hosts as ComputeNode objects, each with its ``service`` and instances beside it."""
    objects.register_all()
    return [_compute_node(host, content["now"]) for host in content["hosts"]]


def host_states(content: Content, nodes: Iterable[Any]) -> list[Any]:
    """Return fresh HostState objects; each has ``case_index``, its place in the case's list of hosts."""
    aggregates = [_aggregate(item) for item in content["aggregates"]]
    members = [frozenset(item.hosts) for item in aggregates]
    states = []
    for index, node in enumerate(nodes):
        host = content["hosts"][index]
        state = host_manager.HostState(host["host"], _nodename(host), host.get("cell_uuid", DEFAULT_CELL))
        state.update(
            compute=node.compute,
            service=node.service,
            aggregates=[item for item, names in zip(aggregates, members, strict=True) if host["host"] in names],
            inst_dict=dict(node.instances),
        )
        if state.pci_stats is None and state.uuid is not None:
            state.pci_stats = pci_stats.PciDeviceStats(state.numa_topology)
        state.case_index = index
        states.append(state)
    return states


def _nodename(host: Content) -> str:
    return str(host.get("hypervisor_hostname") or host["host"])


def _compute_node(host: Content, now: str) -> SimpleNamespace:
    free_ram_mb = host["memory_mb"] - host.get("memory_mb_used", 0)
    free_disk_gb = host["local_gb"] - host.get("local_gb_used", 0)
    info = host.get("cpu_info", "")
    pools = host.get("pci_device_pools")
    metrics = host.get("metrics")
    compute = objects.ComputeNode(
        id=1,
        uuid=host["uuid"],
        host=host["host"],
        hypervisor_hostname=_nodename(host),
        vcpus=host["vcpus"],
        memory_mb=host["memory_mb"],
        local_gb=host["local_gb"],
        vcpus_used=host.get("vcpus_used", 0),
        memory_mb_used=host.get("memory_mb_used", 0),
        local_gb_used=host.get("local_gb_used", 0),
        free_ram_mb=host.get("free_ram_mb", free_ram_mb),
        free_disk_gb=host.get("free_disk_gb", free_disk_gb),
        disk_available_least=host.get("disk_available_least"),
        hypervisor_type=host.get("hypervisor_type", "QEMU"),
        hypervisor_version=host.get("hypervisor_version", 8002002) or 0,
        cpu_info=info if isinstance(info, str) else json.dumps(info),
        metrics=json.dumps(metrics) if metrics else None,
        stats={key: str(value) for key, value in (host.get("stats") or {}).items()},
        host_ip=host.get("host_ip", "10.0.0.1"),
        numa_topology=_host_topology(host.get("numa_topology")),
        supported_hv_specs=[objects.HVSpec.from_list(item) for item in host.get("supported_hv_specs") or ()],
        pci_device_pools=None if pools is None else objects.PciDevicePoolList(objects=[_pool(item) for item in pools]),
        cpu_allocation_ratio=host.get("cpu_allocation_ratio", 4.0),
        ram_allocation_ratio=host.get("ram_allocation_ratio", 1.0),
        disk_allocation_ratio=host.get("disk_allocation_ratio", 1.0),
        updated_at=None,
    )
    instances = {item["uuid"]: _instance(item) for item in host.get("instances") or ()}
    return SimpleNamespace(compute=compute, service=_service(host, now), instances=instances)


def _service(host: Content, now: str) -> Content:
    given = host.get("service") or {}
    seen = given.get("last_seen_up", "now")
    return {
        "binary": "nova-compute",
        "host": host["host"],
        "disabled": bool(given.get("disabled")),
        "disabled_reason": given.get("disabled_reason"),
        "forced_down": bool(given.get("forced_down")),
        "last_seen_up": None if seen is None else _moment(now if seen == "now" else seen),
        "created_at": _moment(given.get("created_at") or now),
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _instance(given: Content) -> Any:
    properties = given.get("image_properties") or {}
    return objects.Instance(
        nova_context.get_admin_context(),
        uuid=given["uuid"],
        image_ref="",
        system_metadata={f"image_{key}": str(value) for key, value in properties.items()},
    )


def _host_topology(given: Content | None) -> str | None:
    if given is None:
        return None
    cells = [
        objects.NUMACell(
            id=cell["id"],
            cpuset=set(cell["cpuset"]),
            pcpuset=set(cell["pcpuset"]),
            memory=cell["memory"],
            cpu_usage=cell["cpu_usage"],
            memory_usage=cell["memory_usage"],
            pinned_cpus=set(cell["pinned_cpus"]),
            siblings=[set(item) for item in cell["siblings"]],
            mempages=[objects.NUMAPagesTopology(**item) for item in cell["mempages"]],
            socket=cell.get("socket"),
            network_metadata=network_metadata(cell.get("network_metadata") or {}),
        )
        for cell in given["cells"]
    ]
    return str(objects.NUMATopology(cells=cells)._to_json())


def network_metadata(given: Content) -> Any:
    """Return networks as cases have them, as nova's object."""
    return objects.NetworkMetadata(
        physnets=set(given.get("physnets") or ()), tunneled=bool(given.get("tunneled", False))
    )


def _pool(given: Content) -> Any:
    return objects.PciDevicePool(
        vendor_id=given["vendor_id"],
        product_id=given["product_id"],
        numa_node=given["numa_node"],
        count=given["count"],
        tags=given.get("tags") or {},
    )


def _aggregate(given: Content) -> Any:
    return objects.Aggregate(
        id=given["id"], uuid=given["uuid"], name=given["name"], hosts=given["hosts"], metadata=given["metadata"]
    )
