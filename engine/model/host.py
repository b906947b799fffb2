"""Host: everything Berth knows of one compute node, as a record (the table holds the same facts as columns)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.model.candidates import Provider
from engine.model.numa import HostNuma
from engine.model.pci import PciPool
from engine.model.resources import ResourceInventory

DEFAULT_CPU_ALLOCATION_RATIO = 4.0
DEFAULT_RAM_ALLOCATION_RATIO = 1.0
DEFAULT_DISK_ALLOCATION_RATIO = 1.0
"""nova's initial_*_allocation_ratio since 27.0, as are the two before."""


@dataclass(frozen=True, slots=True)
class HostService:
    """The compute service's state; ``last_seen_up_us`` is microseconds since 1970 UTC, None without heartbeats.

    A host without heartbeats (an imported inventory) counts as up unless disabled or forced down.
    """

    disabled: bool = False
    disabled_reason: str = ""
    forced_down: bool = False
    last_seen_up_us: int | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One compute node.

    ``inventories`` are placement's facts; ``vcpus_used``, ``memory_mb_used`` and ``local_gb_used`` are what runs on the
    host *beside* Berth's own allocations. ``free_ram_mb``, ``free_disk_gb`` and ``disk_available_least_gb`` replace the
    derived amounts where the hypervisor reports its own. ``numa`` and ``pci_pools`` say what is used or free beside
    Berth's allocations, as do the ``children``, the resource providers under the host's own. ``pci_devices`` is the sum
    of the PCI pools' counts, for hosts that report no more than that. ``stats`` hold any further named facts as text,
    ``metrics`` what the host's monitors measure, in whole numbers. ``never_reported``: the host is known by name, but
    what it has and runs is not yet; nothing fits on it until it says so.
    """

    host_id: str
    uuid: str = ""
    nodename: str = ""
    inventories: Mapping[str, ResourceInventory] = field(default_factory=dict)
    vcpus_used: int = 0
    memory_mb_used: int = 0
    local_gb_used: int = 0
    free_ram_mb: int | None = None
    free_disk_gb: int | None = None
    disk_available_least_gb: int | None = None
    num_instances: int = 0
    num_io_ops: int = 0
    failed_builds: int = 0
    pci_devices: int = 0
    availability_zone: str = ""
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 0
    arch: str = "x86_64"
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    cpu_info: str = ""
    host_ip: str = ""
    cell: str = ""
    traits: frozenset[str] = frozenset()
    numa: HostNuma | None = None
    pci_pools: tuple[PciPool, ...] | None = None
    children: tuple[Provider, ...] = ()
    stats: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, int] = field(default_factory=dict)
    service: HostService = field(default_factory=HostService)
    never_reported: bool = False
