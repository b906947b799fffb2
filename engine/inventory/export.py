"""From the host table's columns back to a canonical fleet table: what the ledger keeps and files hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.inventory.device_columns import device_texts
from engine.inventory.fleet import Fleet
from engine.inventory.fleet_metrics import metrics_text
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.profiles import Profile
from engine.inventory.schema import NO_HEARTBEAT

_NUMBERS = {
    "vcpus": "vcpu_total",
    "memory_mb": "memory_mb_total",
    "disk_gb": "disk_gb_total",
    "vcpus_reserved": "vcpu_reserved",
    "memory_mb_reserved": "memory_mb_reserved",
    "disk_gb_reserved": "disk_gb_reserved",
    "cpu_allocation_ratio": "vcpu_allocation_ratio",
    "ram_allocation_ratio": "memory_mb_allocation_ratio",
    "disk_allocation_ratio": "disk_gb_allocation_ratio",
    "vcpus_used": "vcpu_foreign",
    "memory_mb_used": "memory_mb_foreign",
    "local_gb_used": "disk_gb_foreign",
    "free_ram_mb": "base_free_ram_mb",
    "free_disk_gb": "base_free_disk_gb",
    "num_instances": "base_num_instances",
    "num_io_ops": "num_io_ops",
    "failed_builds": "failed_builds",
    "pci_devices": "pci_devices",
    "hypervisor_version": "hypervisor_version",
    "disabled": "service_disabled",
    "forced_down": "service_forced_down",
}
"""The canonical columns that are a column of the table."""

_UNITS = {"vcpus": "vcpu", "memory_mb": "memory_mb", "disk_gb": "disk_gb"}


def fleet_rows(fleet: Fleet, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Return rows as a canonical fleet table (FLEET_SCHEMA): their facts, without what Berth's allocations use."""
    columns: dict[str, Any] = {name: fleet.columns[source][rows] for name, source in _NUMBERS.items()}
    identity = fleet.identity
    columns["host_id"] = identity.host_ids.arrow(rows)
    columns["uuid"] = identity.uuids.arrow(rows)
    columns["nodename"] = identity.nodenames.arrow(rows)
    columns["host_ip"] = identity.host_ips.arrow(rows)
    reasons = identity.disabled_reasons
    disabled = np.isin(rows, np.fromiter(reasons, np.int64, len(reasons)))
    columns["disabled_reason"] = _texts_at(np.flatnonzero(disabled), rows, reasons.__getitem__)
    reporting = np.flatnonzero(fleet.columns["metrics"][rows])
    columns["metrics"] = _texts_at(reporting, rows, lambda row: metrics_text(fleet.metrics_of(row)))
    units, unit_codes = np.unique(fleet.columns["units"][rows], return_inverse=True)
    for source, attribute in _UNITS.items():
        for position, part in enumerate(("min_unit", "max_unit", "step_size")):
            values = [getattr(fleet.units.values[code], attribute)[position] for code in units.tolist()]
            columns[f"{source}_{part}"] = np.array(values, dtype=np.int64)[unit_codes]
    profiles, profile_codes = np.unique(fleet.columns["profile"][rows], return_inverse=True)
    for name, text in _text_columns(fleet).items():
        values = pa.array(
            [text(fleet.profiles.values[code]) for code in profiles.tolist()], FLEET_SCHEMA.field(name).type
        )
        columns[name] = values.take(pa.array(profile_codes))
    memberships, membership_codes = np.unique(fleet.columns["membership"][rows], return_inverse=True)
    names = [[item.name for item in fleet.membership_aggregates(code)] for code in memberships.tolist()]
    columns["aggregates"] = pa.array(names, pa.list_(pa.string())).take(pa.array(membership_codes))
    columns.update(device_texts(fleet, rows))
    columns["disk_available_least_gb"] = pa.nulls(len(rows), pa.int64())
    seen = fleet.columns["last_seen_up_us"][rows]
    columns["last_seen_up_us"] = pc.if_else(pa.array(seen == NO_HEARTBEAT), pa.scalar(None, pa.int64()), pa.array(seen))
    arrays = []
    for field in FLEET_SCHEMA:
        value = columns[field.name]
        array = value if isinstance(value, pa.Array) else pa.array(value)
        arrays.append(array if array.type == field.type else array.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=FLEET_SCHEMA)


def _texts_at(places: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], text: Callable[[int], str]) -> pa.Array:
    """Return a text for each row: that of its row at ``places``, and none elsewhere."""
    if not len(places):
        return pa.repeat(pa.scalar("", pa.string()), len(rows))
    texts = [""] * len(rows)
    for place in places.tolist():
        texts[place] = text(int(rows[place]))
    return pa.array(texts, pa.string())


def keep_memberships(update: pa.Table, fleet: Fleet) -> pa.Table:
    """Return an update in which known hosts that name no aggregates stay in those they are in.

    A file that says nothing of aggregates must not take its hosts out of them; to leave one is a change of that one.
    """
    silent = np.asarray(pc.equal(pc.list_value_length(update["aggregates"]), 0).to_numpy())
    rows = fleet.identity.row_of.rows_of(update["host_id"].to_pylist())
    places = np.flatnonzero(silent & (rows >= 0) & (fleet.columns["membership"][rows] != 0))
    if not len(places):
        return update
    lists = update["aggregates"].to_pylist()
    for place in places.tolist():
        code = int(fleet.columns["membership"][rows[place]])
        lists[place] = [item.name for item in fleet.membership_aggregates(code)]
    kept = pa.array(lists, FLEET_SCHEMA.field("aggregates").type)
    return update.set_column(update.column_names.index("aggregates"), "aggregates", kept)


def _text_columns(fleet: Fleet) -> dict[str, Callable[[Profile], Any]]:
    """Return, for each canonical column that a profile decides, how to read it."""
    return {
        "availability_zone": lambda profile: profile.availability_zone,
        "hypervisor_type": lambda profile: profile.hypervisor_type,
        "arch": lambda profile: profile.arch,
        "supported_instances": lambda profile: ["/".join(item) for item in profile.supported_instances],
        "cpu_info": lambda profile: profile.cpu_info,
        "cell": lambda profile: profile.cell,
        "traits": lambda profile: list(fleet.traits.names(profile.traits)),
        "stats": lambda profile: json.dumps(dict(profile.stats)),
        "never_reported": lambda profile: profile.never_reported,
    }
