"""Host updates from messages: what is given is merged over what is known, and checked as a fleet file is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.errors import InvalidFileError, InvalidHostError, InvalidRequestError
from engine.inventory.device_texts import numa_text, pools_text, tree_of, tree_text
from engine.inventory.export import fleet_rows
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_file import normalise_fleet
from engine.inventory.fleet_metrics import check_metric, metrics_text
from engine.inventory.fleet_schema import FLEET_SCHEMA, MAX_TIME_US
from engine.inventory.host_uuid import uuids_of_hosts
from engine.inventory.ingest import FleetColumns
from engine.inventory.table import HostTable
from engine.model.candidates import STATUS_DISABLED
from engine.model.limits import MAX_AMOUNT
from engine.service.numa_messages import host_numa_from
from engine.service.pci_messages import pools_from
from engine.service.provider_messages import check_resource_class, children_from, inventory_from
from engine.v1 import inventory_pb2

_PREFIX = {"VCPU": ("vcpus", "cpu"), "MEMORY_MB": ("memory_mb", "ram"), "DISK_GB": ("disk_gb", "disk")}
_OPTIONAL = (
    "uuid",
    "nodename",
    "vcpus_used",
    "memory_mb_used",
    "local_gb_used",
    "free_ram_mb",
    "free_disk_gb",
    "disk_available_least_gb",
    "num_instances",
    "num_io_ops",
    "failed_builds",
    "pci_devices",
    "availability_zone",
    "hypervisor_type",
    "hypervisor_version",
    "arch",
    "cpu_info",
    "host_ip",
    "cell",
    "never_reported",
)
_SOFT = frozenset({"host_id", "num_io_ops", "failed_builds", "metrics", "service"})
"""The fields of a report that is not kept: the host will say them again."""
_COUNTS = ("num_io_ops", "failed_builds")
_REPORTED = ("last_seen_up_us", *_COUNTS, "metrics")
"""The columns that hosts report all the time, so that a change of them alone is not worth keeping."""


def is_report(host: inventory_pb2.Host) -> bool:
    """True when a message for a known host carries only what hosts say all the time: a heartbeat, counts, metrics."""
    given = {field.name for field, _ in host.ListFields()}
    if not given <= _SOFT:
        return False
    service = host.service
    return "service" not in given or {field.name for field, _ in service.ListFields()} == {"last_seen_up_us"}


def worth_keeping(update: pa.Table, fleet: Fleet) -> npt.NDArray[np.bool_]:
    """Return, for each host of an update, whether it is new or a fact changes that the ledger has to keep.

    Agents that send everything they know once a minute would otherwise make the ledger grow by it.
    """
    found = [fleet.find(host_id) for host_id in update["host_id"].to_pylist()]
    known = np.array([row is not None for row in found], dtype=np.bool_)
    rows = np.array([row for row in found if row is not None], dtype=np.int64)
    changed = ~known
    before = fleet_rows(fleet, rows).drop_columns(list(_REPORTED)).to_pylist()
    after = update.filter(pa.array(known)).drop_columns(list(_REPORTED)).to_pylist()
    changed[known] = [old != _with_free_amounts(new) for old, new in zip(before, after, strict=True)]
    return changed


def _with_free_amounts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return a host's facts with the free amounts that follow from the others where they are not given."""
    derived = {
        "free_ram_mb": facts["memory_mb"] - facts["memory_mb_reserved"] - facts["memory_mb_used"],
        "free_disk_gb": facts["disk_gb"] - facts["disk_gb_reserved"] - facts["local_gb_used"],
    }
    return facts | {name: amount for name, amount in derived.items() if facts[name] is None}


def check_identities(hosts: Sequence[inventory_pb2.Host]) -> None:
    """Raise InvalidHostError for a host without a name, or one that comes twice."""
    seen: set[str] = set()
    for host in hosts:
        if not host.host_id:
            raise InvalidHostError("every host needs a host_id")
        if host.host_id in seen:
            raise InvalidHostError(f"host {host.host_id!r} comes twice in one message", host_id=host.host_id)
        seen.add(host.host_id)


def apply_reports(table: HostTable, hosts: Sequence[inventory_pb2.Host]) -> None:
    """Take heartbeats, running counts and metrics of known hosts; raise InvalidRequestError with none taken."""
    check_identities(hosts)
    for host in hosts:
        for name in _COUNTS:
            _check(host, name, getattr(host, name), MAX_AMOUNT)
        _check(host, "last_seen_up_us", host.service.last_seen_up_us, MAX_TIME_US)
        _check_metrics(host)
    measured = [host for host in hosts if host.metrics]
    metrics = {index: dict(host.metrics) for index, host in enumerate(measured)}
    table.check_metric_names(metrics.values())
    table.set_metrics(_rows(table, measured), metrics)
    for name in _COUNTS:
        given = [host for host in hosts if host.HasField(name)]
        if given:
            values = np.array([getattr(host, name) for host in given], dtype=np.int64)
            table.set_numbers(_rows(table, given), name, values)
    beating = [host for host in hosts if host.HasField("service")]
    table.heartbeat(_rows(table, beating), np.array([host.service.last_seen_up_us for host in beating], dtype=np.int64))


def _check(host: inventory_pb2.Host, name: str, value: int, high: int) -> None:
    if not 0 <= value <= high:
        raise InvalidHostError(
            f"host {host.host_id!r}: {name} must be between 0 and {high}, not {value}", host_id=host.host_id
        )


def _check_metrics(host: inventory_pb2.Host) -> None:
    for name, value in host.metrics.items():
        try:
            check_metric(name, value)
        except ValueError as error:
            raise InvalidHostError(f"host {host.host_id!r}: column metrics {error}", host_id=host.host_id) from error


def _rows(table: HostTable, hosts: Sequence[inventory_pb2.Host]) -> npt.NDArray[np.int64]:
    return np.array([table.row(host.host_id) for host in hosts], dtype=np.int64)


def keep_reported(table: HostTable, hosts: Sequence[inventory_pb2.Host], columns: FleetColumns) -> None:
    """Put what known hosts have reported since an update was made into the update, where it does not say it itself.

    ``columns`` are those of the update of ``hosts``, in the same order.
    """
    known = [(index, host, row) for index, host in enumerate(hosts) if (row := table.find(host.host_id)) is not None]
    for name in (*_COUNTS, "last_seen_up_us"):
        silent = [(index, row) for index, host, row in known if not _says(host, name)]
        if silent:
            places, rows = np.array(silent, dtype=np.int64).T
            values = columns.numbers[name].copy()
            values[places] = table.columns[name][rows]
            columns.numbers[name] = values
    for index, host, row in known:
        if not host.metrics:
            columns.metrics[index] = table.metrics_of(row)


def _says(host: inventory_pb2.Host, name: str) -> bool:
    return host.service.HasField("last_seen_up_us") if name == "last_seen_up_us" else host.HasField(name)


def merged_fleet(fleet: Fleet, hosts: Sequence[inventory_pb2.Host]) -> pa.Table:
    """Return the canonical fleet table of updated hosts; raise InvalidHostError that says what is wrong with which."""
    check_identities(hosts)
    known = [host.host_id for host in hosts if fleet.find(host.host_id) is not None]
    # all at once: one host at a time costs a millisecond each
    kept = fleet_rows(fleet, np.array([fleet.row(host_id) for host_id in known], dtype=np.int64)).to_pylist()
    facts_of = dict(zip(known, kept, strict=True))
    rows = [_merged(facts_of.get(host.host_id), host) for host in hosts]
    # columns that no host gives are left out, so that a new host gets the documented defaults
    given = [field for field in FLEET_SCHEMA if any(field.name in row for row in rows)]
    table = pa.table({field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in given})
    try:
        return normalise_fleet(table, source="the update")
    except InvalidFileError as error:
        row = int(error.details.get("row", "0"))
        named = {"host_id": hosts[row - 1].host_id} if row else {}
        prefix = f"host {hosts[row - 1].host_id!r}: " if row else ""
        raise InvalidHostError(prefix + error.message, **named) from error


def _merged(known: dict[str, Any] | None, host: inventory_pb2.Host) -> dict[str, Any]:
    """Return a host's facts by canonical column: those known of it, with those given put over them."""
    facts: dict[str, Any] = {"host_id": host.host_id} if known is None else known
    if known is not None:
        # free amounts follow what they depend on, unless they are given too
        if "MEMORY_MB" in host.inventories or host.HasField("memory_mb_used"):
            facts["free_ram_mb"] = None
        if "DISK_GB" in host.inventories or host.HasField("local_gb_used"):
            facts["free_disk_gb"] = None
    for name in _OPTIONAL:
        if host.HasField(name):
            facts[name] = getattr(host, name)
    try:
        facts |= _devices(facts, host)
    except InvalidRequestError as error:
        raise InvalidHostError(f"host {host.host_id!r}: {error.message}", host_id=host.host_id) from error
    for resource_class, inventory in host.inventories.items():
        if resource_class not in _PREFIX:
            continue
        prefix, ratio = _PREFIX[resource_class]
        facts[prefix] = inventory.total
        facts[f"{prefix}_reserved"] = inventory.reserved
        if inventory.allocation_ratio:
            facts[f"{ratio}_allocation_ratio"] = inventory.allocation_ratio
        facts[f"{prefix}_min_unit"] = inventory.min_unit or 1
        facts[f"{prefix}_max_unit"] = inventory.max_unit or inventory.total
        facts[f"{prefix}_step_size"] = inventory.step_size or 1
    if host.supported_instances:
        facts["supported_instances"] = [
            f"{item.arch}/{item.hypervisor_type}/{item.vm_mode}" for item in host.supported_instances
        ]
    if host.traits:
        facts["traits"] = list(host.traits)
    if host.stats:
        facts["stats"] = json.dumps(dict(host.stats))
    if host.metrics:
        facts["metrics"] = metrics_text(dict(host.metrics))
    if host.HasField("service"):
        if facts.get("disabled") and not host.service.disabled and not host.traits:
            # nova-compute takes its mark of a disabled service away, whoever reported it
            facts["traits"] = [name for name in facts["traits"] if name != STATUS_DISABLED]
        facts["disabled"] = host.service.disabled
        facts["disabled_reason"] = host.service.disabled_reason
        facts["forced_down"] = host.service.forced_down
        if host.service.HasField("last_seen_up_us"):
            facts["last_seen_up_us"] = host.service.last_seen_up_us
    return facts


def _devices(known: dict[str, Any], host: inventory_pb2.Host) -> dict[str, str]:
    """Return the texts of the NUMA cells, PCI pools and resource providers that are given, over those ``known``.

    Raises InvalidRequestError.
    """
    texts = {}
    if host.HasField("numa_topology"):
        texts["numa_topology"] = numa_text(host_numa_from(host.numa_topology))
    if host.HasField("pci_pools"):
        texts["pci_device_pools"] = pools_text(pools_from(host.pci_pools))
    further = host.inventories.keys() - _PREFIX.keys()
    if further or host.HasField("providers"):
        inventories, children = tree_of(known.get("resource_providers", ""))
        for name in further:
            check_resource_class(name)
            # a total of nothing takes the class away
            inventories.pop(name, None)
            if host.inventories[name].total:
                inventories[name] = inventory_from(name, host.inventories[name])
        if host.HasField("providers"):
            uuid = known.get("uuid") or uuids_of_hosts([host.host_id])[0].as_py()
            children = children_from(host.providers, uuid.lower())
        texts["resource_providers"] = tree_text(inventories, children)
    return texts
