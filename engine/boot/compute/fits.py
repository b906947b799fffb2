"""Whether a guest fits a host at all: no launcher asks, and a scheduler may have been told wrongly."""

from __future__ import annotations

from engine.boot.effects.errors import Reschedule
from engine.boot.libvirt.driver import HostProfile
from engine.v1 import instance_pb2


def check_fits(instance: instance_pb2.Instance, host: HostProfile) -> None:
    """Raise Reschedule for a guest larger than the whole host.

    One guest never exceeds the physical host, however much is overcommitted; how much all of them take together is
    what the scheduler's allocations guard.
    """
    flavor = instance.flavor
    root_gb = 0 if _boots_from_volume(instance) else flavor.root_gb
    wanted = (
        ("vcpus", flavor.vcpus, host.vcpus),
        ("MB of memory", flavor.memory_mb, host.memory_mb - host.reserved_memory_mb),
        ("GB of disk", root_gb + flavor.ephemeral_gb + -(-flavor.swap_mb // 1024), host.disk_gb),
    )
    for what, needed, had in wanted:
        if needed > had:
            raise Reschedule(
                f"Insufficient compute resources: Requested {what} {needed} on {host.name}, which has {had}."
            )


def _boots_from_volume(instance: instance_pb2.Instance) -> bool:
    return any(device.boot_index == 0 and device.destination_type == "volume" for device in instance.block_devices)
