"""From an instance's record to the guest that a launcher runs."""

from __future__ import annotations

import json
from pathlib import Path

from engine.boot.libvirt.driver import Guest, GuestAddress, GuestDisk, GuestFlavor, GuestInterface
from engine.model.numa import GuestCell, GuestNuma
from engine.v1 import instance_pb2
from engine.v1.assignment_pb2 import Assignment


def domain_name(number: int) -> str:
    """Return the domain's name for the number of an instance's record; nothing of it comes from the user."""
    return f"instance-{number:08x}"


def guest_of(instance: instance_pb2.Instance, image_path: Path | None) -> Guest:
    """Return the guest of an instance; ``image_path`` as ``Guest`` has it."""
    return Guest(
        uuid=instance.uuid,
        name=domain_name(instance.number),
        display_name=instance.display_name,
        hostname=instance.hostname,
        project_id=instance.project_id,
        project_name=instance.project_name,
        user_id=instance.user_id,
        user_name=instance.user_name,
        flavor=_flavor(instance),
        image_id=instance.image_id,
        image_path=image_path,
        image_properties=dict(instance.image_properties),
        interfaces=tuple(_interface(item) for item in instance.interfaces),
        disks=tuple(_disk(item) for item in instance.block_devices),
        metadata=dict(instance.metadata),
        user_data=instance.user_data,
        key_name=instance.key_name,
        key_data=instance.key_data,
        config_drive=instance.config_drive,
        availability_zone=instance.availability_zone,
        reservation_id=instance.reservation_id,
        launch_index=instance.launch_index,
        created_us=instance.created_us,
        numa=_numa(instance.assignment),
    )


def _flavor(instance: instance_pb2.Instance) -> GuestFlavor:
    flavor = instance.flavor
    return GuestFlavor(
        id=instance.flavor_id,
        name=flavor.name,
        vcpus=flavor.vcpus,
        memory_mb=flavor.memory_mb,
        root_gb=flavor.root_gb,
        ephemeral_gb=flavor.ephemeral_gb,
        swap_mb=flavor.swap_mb,
        extra_specs=dict(flavor.extra_specs),
    )


def _numa(assignment: Assignment) -> GuestNuma | None:
    """Return the cells that an instance was given, or None for an instance without any."""
    if not assignment.cells:
        return None
    return GuestNuma(
        tuple(
            GuestCell(
                cell_id=fitted.cell.cell_id,
                cpus=frozenset(fitted.cell.cpus),
                dedicated_cpus=frozenset(fitted.cell.dedicated_cpus),
                memory_mb=fitted.cell.memory_mb,
                page_size_kb=fitted.cell.page_size_kb or None,
                cpu_policy=fitted.cell.cpu_policy or None,
                cpu_thread_policy=fitted.cell.cpu_thread_policy or None,
                host_cell=fitted.host_cell,
                pinning=tuple((pin.vcpu, pin.host_cpu) for pin in fitted.pinning),
                reserved_cpus=frozenset(fitted.emulator_cpus),
            )
            for fitted in assignment.cells
        ),
        assignment.emulator_threads_policy or None,
    )


def _interface(item: instance_pb2.NetworkInterface) -> GuestInterface:
    return GuestInterface(
        port_id=item.port_id,
        network_id=item.network_id,
        network_name=item.network_name,
        mac_address=item.mac_address,
        addresses=tuple(GuestAddress(address.address, address.subnet_id) for address in item.addresses),
        vif_type=item.vif_type,
        mtu=item.mtu,
        tag=item.tag,
    )


def _disk(item: instance_pb2.BlockDevice) -> GuestDisk:
    return GuestDisk(
        uuid=item.uuid,
        device_name=item.device_name,
        source_type=item.source_type,
        destination_type=item.destination_type,
        size_gb=item.size_gb,
        boot_index=item.boot_index,
        volume_id=item.volume_id,
        connection=json.loads(item.connection_info_json) if item.connection_info_json else {},
        tag=item.tag,
    )
