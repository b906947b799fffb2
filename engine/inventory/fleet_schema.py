"""The columns of a fleet table, one row a host: the type, default, bounds and accepted names of each, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from engine.model.host import DEFAULT_CPU_ALLOCATION_RATIO, DEFAULT_DISK_ALLOCATION_RATIO, DEFAULT_RAM_ALLOCATION_RATIO
from engine.model.limits import MAX_AMOUNT, MAX_DISK_GB, MAX_MEMORY_MB, MAX_VCPUS
from engine.model.resources import UNLIMITED_MAX_UNIT

INT = pa.int64()
FLOAT = pa.float64()
TEXT = pa.string()
FLAG = pa.bool_()
TEXT_LIST = pa.list_(pa.string())

MAX_TEXT_LENGTH = 255
"""Characters in a name (host, node, zone, cell); nova's own columns are this long."""

MAX_FOREIGN_USE = MAX_AMOUNT // 2
"""Leaves room for Berth's own allocations beside it."""

MAX_TIME_US = 2**62


@dataclass(frozen=True, slots=True)
class FleetColumn:
    """One column; a missing value becomes ``default``, or what ``rule`` says where that depends on the row.

    ``low`` and ``high`` bound numbers, both included. ``rounds_down`` lets a measured amount such as 1200.24 GB in as
    1200, so that no more is promised than there is. ``empty_is_missing`` treats an empty text like an absent one.
    """

    name: str
    type: pa.DataType
    doc: str
    default: object = None
    rule: str = ""
    required: bool = False
    nullable: bool = False
    low: int = 0
    high: int = MAX_AMOUNT
    rounds_down: bool = False
    empty_is_missing: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SizeColumns:
    """The column names that make up one resource class's inventory, as in placement."""

    total: str
    reserved: str
    allocation_ratio: str
    min_unit: str
    max_unit: str
    step_size: str


SIZES = (
    SizeColumns(
        "vcpus", "vcpus_reserved", "cpu_allocation_ratio", "vcpus_min_unit", "vcpus_max_unit", "vcpus_step_size"
    ),
    SizeColumns(
        "memory_mb",
        "memory_mb_reserved",
        "ram_allocation_ratio",
        "memory_mb_min_unit",
        "memory_mb_max_unit",
        "memory_mb_step_size",
    ),
    SizeColumns(
        "disk_gb",
        "disk_gb_reserved",
        "disk_allocation_ratio",
        "disk_gb_min_unit",
        "disk_gb_max_unit",
        "disk_gb_step_size",
    ),
)
"""In the order of ``engine.model.host.RESOURCE_CLASSES``."""


def _unit_columns(size: SizeColumns) -> tuple[FleetColumn, ...]:
    """Return the three unit columns of one resource class."""
    return (
        FleetColumn(
            size.min_unit, INT, f"smallest amount of {size.total} one instance takes", 1, high=UNLIMITED_MAX_UNIT
        ),
        FleetColumn(
            size.max_unit,
            INT,
            f"largest amount of {size.total} one instance takes",
            rule=f"{size.total}, as nova sets it",
            high=UNLIMITED_MAX_UNIT,
        ),
        FleetColumn(size.step_size, INT, f"amounts of {size.total} are multiples of this", 1, high=UNLIMITED_MAX_UNIT),
    )


COLUMNS: tuple[FleetColumn, ...] = (
    FleetColumn("host_id", TEXT, "the host's unique name", required=True, aliases=("host",)),
    FleetColumn("uuid", TEXT, "the host's resource provider", rule="made from host_id (uuid5)", empty_is_missing=True),
    FleetColumn(
        "nodename",
        TEXT,
        "the hypervisor's own name",
        rule="host_id",
        empty_is_missing=True,
        aliases=("hypervisor_hostname",),
    ),
    FleetColumn("vcpus", INT, "hardware threads", required=True, low=1, high=MAX_VCPUS),
    FleetColumn("memory_mb", INT, "memory in MiB", required=True, low=1, high=MAX_MEMORY_MB),
    FleetColumn(
        "disk_gb",
        INT,
        "local disk in GiB; 0 is no disk inventory: a request that needs disk does not fit",
        0,
        high=MAX_DISK_GB,
        rounds_down=True,
        aliases=("local_gb",),
    ),
    FleetColumn("vcpus_reserved", INT, "threads kept for the host itself", 0, aliases=("reserved_host_cpus",)),
    FleetColumn("memory_mb_reserved", INT, "MiB kept for the host itself", 0, aliases=("reserved_host_memory_mb",)),
    FleetColumn("disk_gb_reserved", INT, "GiB kept for the host itself", 0),
    FleetColumn("cpu_allocation_ratio", FLOAT, "vCPUs sold per thread", DEFAULT_CPU_ALLOCATION_RATIO),
    FleetColumn("ram_allocation_ratio", FLOAT, "MiB sold per MiB", DEFAULT_RAM_ALLOCATION_RATIO),
    FleetColumn("disk_allocation_ratio", FLOAT, "GiB sold per GiB", DEFAULT_DISK_ALLOCATION_RATIO),
    *(column for size in SIZES for column in _unit_columns(size)),
    FleetColumn("vcpus_used", INT, "threads in use beside Berth's own allocations", 0, high=MAX_FOREIGN_USE),
    FleetColumn("memory_mb_used", INT, "MiB in use beside Berth's own allocations", 0, high=MAX_FOREIGN_USE),
    FleetColumn(
        "local_gb_used",
        INT,
        "GiB in use beside Berth's own allocations",
        0,
        high=MAX_FOREIGN_USE,
        aliases=("disk_gb_used",),
    ),
    FleetColumn("free_ram_mb", INT, "free MiB as the hypervisor reports it", nullable=True, low=-MAX_AMOUNT),
    FleetColumn("free_disk_gb", INT, "free GiB as the hypervisor reports it", nullable=True, low=-MAX_AMOUNT),
    FleetColumn(
        "disk_available_least_gb",
        INT,
        "free GiB if every sparse disk were full, as the hypervisor reports it",
        nullable=True,
        low=-MAX_AMOUNT,
        aliases=("disk_available_least",),
    ),
    FleetColumn("num_instances", INT, "instances beside Berth's own", 0, aliases=("running_vms",)),
    FleetColumn("num_io_ops", INT, "instances being built, resized or migrated", 0, aliases=("io_workload",)),
    FleetColumn("failed_builds", INT, "builds that failed in a row", 0),
    FleetColumn("pci_devices", INT, "free PCI devices: the sum of the counts of the host's PCI device pools", 0),
    FleetColumn("numa_topology", TEXT, "the NUMA cells and what is used of them, JSON in nova's form", ""),
    FleetColumn(
        "pci_device_pools",
        TEXT,
        "the pools of free PCI devices, JSON in nova's form; given, they say what pci_devices is",
        "",
    ),
    FleetColumn(
        "resource_providers",
        TEXT,
        "further inventories of the host's own provider and the providers under it, JSON in placement's form",
        "",
    ),
    FleetColumn(
        "availability_zone", TEXT, "the host's zone; empty is nova's default zone", "", aliases=("zone", "site")
    ),
    FleetColumn("hypervisor_type", TEXT, "as nova reports it", "QEMU", empty_is_missing=True),
    FleetColumn("hypervisor_version", INT, "as nova reports it: 8.2.0 is 8002000", 0),
    FleetColumn("arch", TEXT, "CPU architecture", "x86_64", empty_is_missing=True),
    FleetColumn(
        "supported_instances",
        TEXT_LIST,
        "what the host can run, each as arch/hypervisor_type/vm_mode",
        rule="arch/kvm/hvm, arch/qemu/hvm",
    ),
    FleetColumn("cpu_info", TEXT, "the CPU as JSON text, in nova's form", ""),
    FleetColumn("host_ip", TEXT, "the host's address", ""),
    FleetColumn("cell", TEXT, "the cell the host is in", ""),
    FleetColumn("traits", TEXT_LIST, "placement traits", ()),
    FleetColumn(
        "aggregates", TEXT_LIST, "names of the aggregates the host is in", (), aliases=("aggregate", "cluster")
    ),
    FleetColumn("stats", TEXT, "further named facts, a JSON object of text", "{}", empty_is_missing=True),
    FleetColumn(
        "metrics",
        TEXT,
        "what the host's monitors measure, a JSON object of whole numbers; a percentage times 100, as nova keeps it",
        "",
    ),
    FleetColumn(
        "never_reported",
        FLAG,
        "the host has yet to say what it has and runs (nova's free_disk_gb is null): nothing fits until it does",
        False,
    ),
    FleetColumn("disabled", FLAG, "the compute service is disabled", False),
    FleetColumn("disabled_reason", TEXT, "why it is disabled", ""),
    FleetColumn("forced_down", FLAG, "the compute service is forced down", False),
    FleetColumn(
        "last_seen_up_us",
        INT,
        "microseconds since 1970 UTC of the last heartbeat; missing: the host sends none and counts as up",
        nullable=True,
        high=MAX_TIME_US,
    ),
)
"""Every column of a fleet table, in order."""

FLEET_SCHEMA: pa.Schema = pa.schema(
    [pa.field(column.name, column.type, nullable=column.nullable) for column in COLUMNS]
)
"""The canonical schema; only the columns that are nullable hold nulls."""

CANONICAL_NAMES: Mapping[str, str] = MappingProxyType(
    {name: column.name for column in COLUMNS for name in (column.name, *column.aliases)}
)
"""Every name a column may come under, to the canonical one."""
