"""Hosts as messages: what each says it has, and what is in use of it with Berth's own allocations."""

from __future__ import annotations

from engine.inventory.fleet import Fleet
from engine.inventory.schema import CLASS_PREFIX
from engine.model.host import Host
from engine.model.resources import RESOURCE_CLASSES
from engine.service.numa_messages import host_numa_message
from engine.service.pci_messages import pools_message
from engine.service.provider_messages import inventory_message, provider_message
from engine.v1 import inventory_pb2


def host_message(fleet: Fleet, row: int) -> inventory_pb2.Host:
    """Return a host's message, with its usage, generation, aggregates and whether its service is up."""
    host = fleet.host(row)
    message = inventory_pb2.Host(
        host_id=host.host_id,
        uuid=host.uuid,
        nodename=host.nodename,
        vcpus_used=host.vcpus_used,
        memory_mb_used=host.memory_mb_used,
        local_gb_used=host.local_gb_used,
        free_ram_mb=int(fleet.columns["free_ram_mb"][row]),
        free_disk_gb=int(fleet.columns["free_disk_gb"][row]),
        num_instances=int(fleet.columns["num_instances"][row]),
        num_io_ops=host.num_io_ops,
        failed_builds=host.failed_builds,
        pci_devices=int(fleet.columns["pci_devices"][row]),
        availability_zone=host.availability_zone,
        hypervisor_type=host.hypervisor_type,
        hypervisor_version=host.hypervisor_version,
        arch=host.arch,
        supported_instances=[
            inventory_pb2.SupportedInstance(arch=arch, hypervisor_type=kind, vm_mode=mode)
            for arch, kind, mode in host.supported_instances
        ],
        cpu_info=host.cpu_info,
        host_ip=host.host_ip,
        cell=host.cell,
        traits=sorted(host.traits),
        stats=dict(host.stats),
        metrics=dict(host.metrics),
        service=inventory_pb2.HostService(
            disabled=host.service.disabled,
            disabled_reason=host.service.disabled_reason,
            forced_down=host.service.forced_down,
            last_seen_up_us=host.service.last_seen_up_us,
        ),
        generation=int(fleet.columns["generation"][row]),
        aggregate_uuids=[item.uuid for item in fleet.membership_aggregates(int(fleet.columns["membership"][row]))],
        up=bool(fleet.columns["service_up"][row]),
        never_reported=host.never_reported or None,
    )
    for resource_class in RESOURCE_CLASSES:
        used = int(fleet.columns[f"{CLASS_PREFIX[resource_class]}_used"][row])
        message.inventories[resource_class].CopyFrom(inventory_message(host.inventories[resource_class], used))
    _add_devices(message, fleet, row, host)
    return message


def _add_devices(message: inventory_pb2.Host, fleet: Fleet, row: int, host: Host) -> None:
    """Add the NUMA cells, PCI pools and resource providers of a host that says it has any."""
    numa = fleet.numa(row) if host.numa is not None else None
    if host.numa is not None and numa is not None:
        message.numa_topology.CopyFrom(host_numa_message(host.numa))
        message.numa_in_use.CopyFrom(host_numa_message(numa))
    if host.pci_pools is not None:
        message.pci_pools.CopyFrom(pools_message(host.pci_pools))
        message.pci_free.CopyFrom(pools_message(fleet.pci_pools(row)))
    tree = fleet.tree(row) if host.children or len(host.inventories) > len(RESOURCE_CLASSES) else None
    if tree is None:
        return
    live = {provider.uuid: provider for provider in tree.providers}
    for name, inventory in host.inventories.items():
        if name not in RESOURCE_CLASSES:
            used = dict(tree.root.used).get(name, 0)
            message.inventories[name].CopyFrom(inventory_message(inventory, used))
    if host.children:
        message.providers.CopyFrom(
            inventory_pb2.ResourceProviders(
                providers=[provider_message(child, live[child.uuid]) for child in host.children]
            )
        )
