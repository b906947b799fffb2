"""From a canonical fleet table to the columns, profiles, memberships and units that the host table holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InvalidHostError
from engine.inventory.device_columns import ReportedDevices, reported_devices
from engine.inventory.fleet_metrics import read_metrics
from engine.inventory.fleet_schema import MAX_FOREIGN_USE
from engine.inventory.identity import IdentityTexts
from engine.inventory.profiles import Profile, Units
from engine.inventory.schema import NO_HEARTBEAT
from engine.inventory.texts import TextColumn
from engine.model.limits import MAX_AMOUNT

_SEPARATOR = "\x1f"
_UNKNOWN_COUNTS = (
    "base_free_ram_mb",
    "base_free_disk_gb",
    "base_num_instances",
    "num_io_ops",
    "failed_builds",
    "pci_devices",
    "hypervisor_version",
)
"""The columns that are 0 for a host that never reported."""
_PREFIXES = (("vcpus", "vcpu", "cpu"), ("memory_mb", "memory_mb", "ram"), ("disk_gb", "disk_gb", "disk"))


@dataclass(frozen=True, slots=True)
class FleetColumns:
    """A batch of hosts ready to be written: numbers by column, identities by index, its own dictionaries of text facts.

    ``disabled_reasons`` and ``metrics`` leave out the hosts that have none. ``profiles`` pair a profile (without
    traits) with its trait names; codes index the lists beside them. ``devices`` is None where no host has any.
    """

    texts: IdentityTexts
    disabled_reasons: dict[int, str]
    metrics: dict[int, dict[str, int]]
    numbers: dict[str, npt.NDArray[Any]]
    profiles: list[tuple[Profile, tuple[str, ...]]]
    profile_codes: npt.NDArray[np.int64]
    units: list[Units]
    unit_codes: npt.NDArray[np.int64]
    aggregate_names: list[tuple[str, ...]]
    membership_codes: npt.NDArray[np.int64]
    devices: ReportedDevices | None

    @property
    def host_ids(self) -> TextColumn:
        """The hosts' names."""
        return self.texts.host_ids


class _Names(Sequence[str]):
    """The host_ids of a fleet table, read only where one is asked for."""

    def __init__(self, fleet: pa.Table) -> None:
        self._values = fleet["host_id"]

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return str(self._values[int(index)].as_py())


def fleet_columns(fleet: pa.Table, *, named: bool = False) -> FleetColumns:
    """Return the columns of a canonical fleet table (every column of FLEET_SCHEMA, nulls only where it allows them).

    Those of hosts that are ``named`` in the table already leave out their texts.
    Raises InvalidHostError where a capacity would pass the limit of a column, or a text of devices cannot be read.
    """
    host_ids = _Names(fleet)
    numbers: dict[str, npt.NDArray[Any]] = {}
    for source, prefix, ratio in _PREFIXES:
        total, reserved, used = (
            _int64(fleet, source),
            _int64(fleet, f"{source}_reserved"),
            _int64(fleet, "local_gb_used" if prefix == "disk_gb" else f"{source}_used"),
        )
        ratios = fleet[f"{ratio}_allocation_ratio"].to_numpy().astype(np.float64)
        capacity = (total - reserved) * ratios
        _check_range(host_ids, source, total, 0, MAX_AMOUNT)
        _check_range(host_ids, f"{source}_reserved", reserved, 0, MAX_AMOUNT)
        _check_range(host_ids, f"{source} in use", used, 0, MAX_FOREIGN_USE)
        _check_range(host_ids, f"{source} times its allocation ratio", capacity, 0, MAX_AMOUNT)
        numbers[f"{prefix}_total"] = total
        numbers[f"{prefix}_reserved"] = reserved
        numbers[f"{prefix}_allocation_ratio"] = ratios
        numbers[f"{prefix}_foreign"] = used
    free_ram = numbers["memory_mb_total"] - numbers["memory_mb_reserved"] - numbers["memory_mb_foreign"]
    numbers["base_free_ram_mb"] = _int64(fleet, "free_ram_mb", free_ram)
    free_disk = numbers["disk_gb_total"] - numbers["disk_gb_reserved"] - numbers["disk_gb_foreign"]
    reported = _int64(fleet, "free_disk_gb", free_disk)
    numbers["base_free_disk_gb"] = np.minimum(reported, _int64(fleet, "disk_available_least_gb", reported))
    for column, limit in (("base_free_ram_mb", MAX_AMOUNT), ("base_free_disk_gb", MAX_AMOUNT)):
        _check_range(host_ids, column, numbers[column], -limit, limit)
    numbers["base_num_instances"] = _int64(fleet, "num_instances")
    for column in ("num_io_ops", "failed_builds", "pci_devices", "hypervisor_version"):
        numbers[column] = _int64(fleet, column)
    for column in ("base_num_instances", "num_io_ops", "failed_builds", "pci_devices", "hypervisor_version"):
        _check_range(host_ids, column, numbers[column], 0, MAX_AMOUNT)
    devices = reported_devices(fleet, host_ids)
    if devices is not None:
        numbers["pci_devices"] = devices.pci_devices(numbers["pci_devices"])
    unknown = np.asarray(fleet["never_reported"].to_numpy(), dtype=np.bool_)
    _withhold(numbers, unknown)
    numbers["service_disabled"] = _int64(fleet, "disabled", cast=True)
    numbers["service_forced_down"] = _int64(fleet, "forced_down", cast=True)
    numbers["last_seen_up_us"] = _int64(fleet, "last_seen_up_us", np.full(len(host_ids), NO_HEARTBEAT))
    profiles, profile_codes = _profiles(fleet)
    units, unit_codes = _units(fleet)
    aggregates, membership_codes = _distinct_lists(fleet["aggregates"])
    return FleetColumns(
        texts=IdentityTexts() if named else identity_texts(fleet),
        disabled_reasons=dict(_texts_given(fleet["disabled_reason"])),
        metrics=_metrics(host_ids, fleet["metrics"], unknown),
        numbers=numbers,
        profiles=profiles,
        profile_codes=profile_codes,
        units=units,
        unit_codes=unit_codes,
        aggregate_names=aggregates,
        membership_codes=membership_codes,
        devices=devices,
    )


def identity_texts(fleet: pa.Table) -> IdentityTexts:
    """Return what names the hosts of a canonical fleet table, or of those of its columns."""
    return IdentityTexts(*(TextColumn.from_arrow(fleet[name]) for name in ("host_id", "uuid", "nodename", "host_ip")))


def _int64(
    fleet: pa.Table, column: str, default: npt.NDArray[np.generic] | None = None, *, cast: bool = False
) -> npt.NDArray[np.int64]:
    """Return a whole-number column; nulls take ``default``."""
    values = fleet[column]
    if cast:
        values = values.cast(pa.int64())
    if default is None or not values.null_count:
        return np.asarray(values.to_numpy(), dtype=np.int64)
    filled = np.asarray(pc.fill_null(values, 0).to_numpy(), dtype=np.int64)
    return np.where(np.asarray(pc.is_null(values).to_numpy()), default, filled).astype(np.int64)


def _withhold(numbers: dict[str, npt.NDArray[Any]], unknown: npt.NDArray[np.bool_]) -> None:
    """Take what hosts that never reported are said to have out of reach, as nova's HostState of one is all zeros."""
    if not unknown.any():
        return
    for _, prefix, _ in _PREFIXES:
        numbers[f"{prefix}_reserved"] = np.where(unknown, numbers[f"{prefix}_total"], numbers[f"{prefix}_reserved"])
    for column in _UNKNOWN_COUNTS:
        numbers[column] = np.where(unknown, 0, numbers[column])


def _texts_given(values: pa.ChunkedArray) -> Iterator[tuple[int, str]]:
    """Yield the index and text of every row whose text is not empty."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(pa.string())
    places = np.flatnonzero(np.asarray(pc.binary_length(values).to_numpy()))
    return zip(places.tolist(), values.take(pa.array(places)).to_pylist(), strict=True)


def _metrics(
    host_ids: Sequence[str], texts: pa.ChunkedArray, unknown: npt.NDArray[np.bool_]
) -> dict[int, dict[str, int]]:
    """Return the metrics of the hosts that report any, by index; those of ``unknown`` hosts are withheld."""
    found = {}
    for index, text in _texts_given(texts):
        if unknown[index]:
            continue
        try:
            metrics = read_metrics(text)
        except ValueError as error:
            raise InvalidHostError(
                f"host {host_ids[index]!r}: column metrics {error}", host_id=host_ids[index]
            ) from error
        if metrics:
            found[index] = metrics
    return found


def _check_range(host_ids: Sequence[str], column: str, values: npt.NDArray[Any], low: int, high: int) -> None:
    # a ratio that is no number makes a capacity that is none, which is neither above nor below
    outside = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(outside):
        raise InvalidHostError(
            f"host {host_ids[outside[0]]!r}: {column} is {values[outside[0]]}, outside {low}..{high}",
            host_id=host_ids[outside[0]],
        )


def _combine(parts: list[npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (first index, code a row) of the distinct combinations of several code columns, in order of appearance."""
    key = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        radix = int(part.max(initial=0)) + 1
        if radix == 1:
            continue
        if int(key.max(initial=0)) >= 2**62 // radix:
            key = _number_codes(key)
        key = key * radix + part
    codes = _number_codes(key)
    first = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    # of several values for one place the last stays, which backwards is the first
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first, codes


def _number_codes(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return a code a row for numbers, by hashing: sorting them takes ten times as long."""
    return np.asarray(pc.dictionary_encode(pa.array(values)).indices.to_numpy(), dtype=np.int64)


def _text_codes(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a code a row for a column of text, numbers or lists of text."""
    if pa.types.is_list(values.type):
        values = pc.binary_join(values, _SEPARATOR)
    if not pa.types.is_dictionary(values.type):
        values = pc.dictionary_encode(values)
    encoded = values.unify_dictionaries().combine_chunks()
    return np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _distinct_lists(values: pa.ChunkedArray) -> tuple[list[tuple[str, ...]], npt.NDArray[np.int64]]:
    """Return the distinct lists of a list column, items sorted, and a code a row."""
    first, codes = _combine([_text_codes(values)])
    return [tuple(sorted(set(values[int(index)].as_py()))) for index in first], codes


def _profiles(fleet: pa.Table) -> tuple[list[tuple[Profile, tuple[str, ...]]], npt.NDArray[np.int64]]:
    names = (
        "availability_zone",
        "hypervisor_type",
        "hypervisor_version",
        "arch",
        "supported_instances",
        "cpu_info",
        "cell",
        "traits",
        "stats",
        "never_reported",
        "disabled",
    )
    first, codes = _combine([_text_codes(fleet[name]) for name in names])
    profiles = []
    for index in first.tolist():
        row = {name: fleet[name][index].as_py() for name in names}
        profiles.append((_profile(row), tuple(sorted(row["traits"]))))
    return profiles, codes


def _profile(row: dict[str, Any]) -> Profile:
    """Return the profile of a row's text facts, without traits; of a host that never reported, none that it reports."""
    if row["never_reported"]:
        return Profile(
            availability_zone=row["availability_zone"],
            cell=row["cell"],
            never_reported=True,
            service_disabled=row["disabled"],
        )
    supported = tuple((part + "//").split("/", 2) for part in row["supported_instances"])
    stats = json.loads(row["stats"]) if row["stats"] else {}
    return Profile(
        availability_zone=row["availability_zone"],
        hypervisor_type=row["hypervisor_type"],
        hypervisor_version=row["hypervisor_version"],
        arch=row["arch"],
        supported_instances=tuple((arch, kind, mode.rstrip("/")) for arch, kind, mode in supported),
        cpu_info=row["cpu_info"],
        cell=row["cell"],
        stats=tuple(sorted((key, str(value)) for key, value in stats.items())),
        service_disabled=row["disabled"],
    )


def _units(fleet: pa.Table) -> tuple[list[Units], npt.NDArray[np.int64]]:
    columns = [
        _int64(fleet, f"{source}_{part}")
        for source, _, _ in _PREFIXES
        for part in ("min_unit", "max_unit", "step_size")
    ]
    first, codes = _combine([_number_codes(column) for column in columns])
    units = []
    for index in first.tolist():
        values = [int(column[index]) for column in columns]
        units.append(
            Units(
                (values[0], values[1], values[2]), (values[3], values[4], values[5]), (values[6], values[7], values[8])
            )
        )
    return units, codes
