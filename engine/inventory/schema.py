"""The columns of the host table: each column's name, type and who writes it.

Only columns whose ``kind`` is USAGE change when instances come and go; FACT columns change when a host is updated;
DERIVED ones are recomputed from the others by the code that writes those. Amounts are 32 bits wide, so that the
selection kernel moves as few bytes as it can; the limits of ``engine.model.limits`` keep every amount inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from engine.model.resources import DISK_GB, MEMORY_MB, VCPU

LEAF_ROWS = 64
"""Rows whose changes are noted together: as many as a word has bits, so that which of them pass is one word."""

BLOCK_ROWS = 256
"""Rows that a kernel takes at a time. Columns are padded to a multiple of it: a kernel's block is always full."""

NO_HEARTBEAT = np.iinfo(np.int64).min
"""``last_seen_up_us`` of a host that sends no heartbeats."""

CLASS_PREFIX = {VCPU: "vcpu", MEMORY_MB: "memory_mb", DISK_GB: "disk_gb"}
"""The column prefix of each resource class."""


class Kind(Enum):
    """Who writes a column."""

    FACT = "fact"
    USAGE = "usage"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, numpy type, kind, and what it holds."""

    name: str
    dtype: type[np.generic]
    kind: Kind
    meaning: str


def _class_columns(prefix: str, unit: str) -> tuple[Column, ...]:
    """The columns of one resource class."""
    return (
        Column(f"{prefix}_total", np.int32, Kind.FACT, f"{unit} in all"),
        Column(f"{prefix}_reserved", np.int32, Kind.FACT, f"{unit} kept for the host itself"),
        Column(f"{prefix}_allocation_ratio", np.float64, Kind.FACT, "how far it may be overcommitted"),
        Column(f"{prefix}_used", np.int32, Kind.USAGE, f"{unit} in use, foreign use included (placement's usage)"),
        Column(
            f"{prefix}_free",
            np.int32,
            Kind.USAGE,
            f"floor((total - reserved) * ratio) - used: the most {unit} that still fit",
        ),
        Column(f"{prefix}_foreign", np.int32, Kind.FACT, f"{unit} in use beside Berth's allocations"),
    )


COLUMNS: tuple[Column, ...] = (
    *_class_columns("vcpu", "vCPUs"),
    *_class_columns("memory_mb", "MiB of memory"),
    *_class_columns("disk_gb", "GiB of disk"),
    Column("vcpus_used", np.int32, Kind.USAGE, "vCPUs of the flavors on the host, as the compute node counts them"),
    Column("cpu_free", np.float64, Kind.USAGE, "vcpu_total * ratio - vcpus_used: what the CPU weigher sees"),
    Column("free_ram_mb", np.int32, Kind.USAGE, "MiB of memory free on the compute node, no ratio"),
    Column("free_disk_gb", np.int32, Kind.USAGE, "GiB of disk free on the compute node, no ratio"),
    Column("num_instances", np.int32, Kind.USAGE, "instances on the host"),
    Column("base_free_ram_mb", np.int32, Kind.FACT, "free_ram_mb before Berth's allocations"),
    Column("base_free_disk_gb", np.int32, Kind.FACT, "free_disk_gb before Berth's allocations"),
    Column("base_num_instances", np.int32, Kind.FACT, "instances beside Berth's allocations"),
    Column(
        "num_io_ops", np.int32, Kind.FACT, "builds, resizes, snapshots and the like in progress, as the host reports"
    ),
    Column("failed_builds", np.int32, Kind.FACT, "builds that failed since the last success"),
    Column("pci_devices", np.int32, Kind.USAGE, "free PCI devices: the sum of the counts of the host's PCI pools"),
    Column("hypervisor_version", np.int32, Kind.FACT, "the hypervisor's version as one number, 8002002 for 8.2.2"),
    Column("service_disabled", np.uint8, Kind.FACT, "1 when an operator disabled the compute service"),
    Column("service_forced_down", np.uint8, Kind.FACT, "1 when an operator forced the compute service down"),
    Column("last_seen_up_us", np.int64, Kind.FACT, "the last heartbeat, microseconds since 1970 UTC, or NO_HEARTBEAT"),
    Column("service_up", np.uint8, Kind.DERIVED, "1 when the compute service counts as up at the table's clock"),
    Column("profile", np.int32, Kind.FACT, "code of the host's profile: all its text facts together"),
    Column("membership", np.int32, Kind.FACT, "code of the set of aggregates the host is in"),
    Column("units", np.int32, Kind.FACT, "code of the host's min_unit, max_unit and step_size of every class"),
    Column("metrics", np.int32, Kind.FACT, "code of the set of metrics that the host reports"),
    Column("numa", np.int32, Kind.USAGE, "code of the host's NUMA cells with what is used of them, 0 without"),
    Column("pci", np.int32, Kind.USAGE, "code of the host's PCI pools with what is free in them, 0 without"),
    Column(
        "tree", np.int32, Kind.USAGE, "code of the host's provider tree beyond the columns, with its usage; 0 without"
    ),
    Column("generation", np.int64, Kind.USAGE, "the table's generation when the host last changed"),
    Column("present", np.uint8, Kind.FACT, "1 for a host, 0 for a removed one and for padding"),
)

COLUMN_BY_NAME = {column.name: column for column in COLUMNS}

METRIC_DTYPE = np.int64
_METRIC_PREFIX = "metric:"


def metric_column(name: str) -> str:
    """Return the column that holds the metric of this name; there is one for each name that any host ever reported."""
    return f"{_METRIC_PREFIX}{name}"


def column_dtype(column: str) -> np.dtype[np.generic]:
    """Return the type of a column, a metric's included."""
    return np.dtype(METRIC_DTYPE if column.startswith(_METRIC_PREFIX) else COLUMN_BY_NAME[column].dtype)
