"""What of a domain depends on the hypervisor and not on the guest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HypervisorProfile:
    """A hypervisor's part of the domain XML: its domain type, and what to put where a guest leaves it open.

    ``arch`` and ``machine`` may be empty: the hypervisor's own default. ``disk_driver``: the name in disks' ``driver``.
    """

    domain_type: str
    arch: str = ""
    machine: str = ""
    disk_driver: str = "qemu"


TEST = HypervisorProfile(domain_type="test")
"""libvirt's test driver."""
