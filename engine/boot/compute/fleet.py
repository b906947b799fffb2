"""The hosts of an agent, as its settings describe them."""

from __future__ import annotations

import uuid

from engine.boot.libvirt.driver import HostProfile
from engine.boot.options import ComputeOptions

HOST_NAMESPACE = uuid.UUID("5f0f8e0e-6d0b-5d0c-9c1e-0b1e7a7d1f42")
"""The uuid5 namespace of host names; the scheduler's own, so that a host is the same one to both."""


def profiles_of(options: ComputeOptions) -> dict[str, HostProfile]:
    """Return the profile of every host by its name, which is the prefix and a number."""
    names = [
        f"{options.host_prefix}{number}" for number in range(options.first_host, options.first_host + options.hosts)
    ]
    return {
        name: HostProfile(
            name=name,
            uuid=str(uuid.uuid5(HOST_NAMESPACE, name)),
            vcpus=options.vcpus,
            memory_mb=options.memory_mb,
            disk_gb=options.disk_gb,
            reserved_memory_mb=options.reserved_memory_mb,
            numa_cells=options.numa_cells,
            huge_pages_mb=options.huge_pages_mb,
        )
        for name in names
    }
