"""Synthetic fleets: the hosts that one line says, as a fleet table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InvalidRequestError
from engine.inventory.fleet_defaults import fill_defaults
from engine.inventory.fleet_error import FleetSource
from engine.inventory.fleet_schema import COLUMNS, FLEET_SCHEMA, TEXT
from engine.model.limits import MAX_HOSTS, check_amount
from engine.whatif.fleets.line import FleetLine, HostKind, parse_line

_SMALL_PAGE_KB = 4
_NAME_DIGITS = 6
_RACK_DIGITS = 4
_NUMBERS: dict[str, Callable[[HostKind], int]] = {
    "vcpus": lambda kind: kind.vcpus,
    "memory_mb": lambda kind: kind.memory_mb,
    "disk_gb": lambda kind: kind.disk_gb,
    "vcpus_reserved": lambda kind: kind.reserved_vcpus,
    "memory_mb_reserved": lambda kind: kind.reserved_memory_mb,
    "disk_gb_reserved": lambda kind: kind.reserved_disk_gb,
}
_RATIOS: dict[str, Callable[[HostKind], float]] = {
    "cpu_allocation_ratio": lambda kind: kind.cpu_ratio,
    "ram_allocation_ratio": lambda kind: kind.ram_ratio,
    "disk_allocation_ratio": lambda kind: kind.disk_ratio,
}

Numbers = npt.NDArray[np.int64]


def synthetic_fleet(
    line: str | FleetLine, count: int | None = None, *, prefix: str = "h", first: int = 1, rack_prefix: str = "rack"
) -> pa.Table:
    """Return the hosts of a line in FLEET_SCHEMA, called ``h-000001`` and so on, so that their names sort as they come.

    Hosts go round the zones in turn; within a zone every so many make a rack, which is an aggregate. Kinds come one
    after the other, unless ``count`` says how many hosts to make instead: then each kind comes in its proportion all
    along, so that a smaller fleet is the beginning of a larger one. ``first`` is the first host's number, ``prefix``
    and ``rack_prefix`` begin the names of hosts and racks. Raises InvalidRequestError.
    """
    try:
        fleet = parse_line(line) if isinstance(line, str) else line
    except ValueError as error:
        raise InvalidRequestError(f"the line {line!r} says no fleet: {error}") from error
    many = fleet.count if count is None else check_amount("the number of hosts", count, 1, MAX_HOSTS)
    kinds = _kinds(fleet, many, spread=count is not None)
    zones = max(len(fleet.zones), 1)
    number = np.arange(many, dtype=np.int64)
    columns = {"host_id": _names(prefix, first + number, _NAME_DIGITS), **_hardware(fleet.kinds, kinds)}
    if fleet.zones:
        columns["availability_zone"] = pa.array(fleet.zones, TEXT).take(pa.array(number % zones))
    if fleet.rack_hosts:
        rack = number // zones // fleet.rack_hosts * zones + number % zones
        names = _names(rack_prefix, np.arange(1, int(rack.max()) + 2), _RACK_DIGITS)
        columns["aggregates"] = pa.ListArray.from_arrays(
            pa.array(np.arange(many + 1, dtype=np.int32)), names.take(rack)
        )
    given = {name: pa.chunked_array([values]) for name, values in columns.items()}
    filled = fill_defaults(given, many, FleetSource("the synthetic fleet"))
    return pa.Table.from_arrays([filled[column.name] for column in COLUMNS], schema=FLEET_SCHEMA)


def _kinds(fleet: FleetLine, many: int, *, spread: bool) -> Numbers:
    """Return the kind of each host."""
    counts = np.array([kind.count for kind in fleet.kinds], dtype=np.int64)
    if not spread:
        return np.repeat(np.arange(len(counts)), counts)
    rounds = -(-many // fleet.count)
    # each kind's hosts lie evenly over one round, and a kind of more hosts comes first where two are due at once
    order = np.argsort(-counts, kind="stable")
    due = np.concatenate([(np.arange(counts[kind]) + 0.5) / counts[kind] for kind in order])
    one_round = np.repeat(order, counts[order])[np.argsort(due, kind="stable")]
    return np.tile(one_round, rounds)[:many]


def _names(prefix: str, numbers: Numbers, digits: int) -> pa.Array:
    """Return names such as h-000001, of as many digits as the last one needs."""
    width = max(digits, len(str(int(numbers[-1]))))
    return pc.binary_join_element_wise(prefix, pc.utf8_lpad(pa.array(numbers).cast(TEXT), width, "0"), "-")


def _hardware(kinds: Sequence[HostKind], codes: Numbers) -> dict[str, pa.Array]:
    """Return the columns that the kind of a host decides."""
    places = pa.array(codes)
    columns = {
        name: pa.array([read(kind) for kind in kinds], pa.int64()).take(places) for name, read in _NUMBERS.items()
    }
    for name, ratio in _RATIOS.items():
        columns[name] = pa.array([ratio(kind) for kind in kinds], pa.float64()).take(places)
    if any(kind.numa_cells for kind in kinds):
        columns["numa_topology"] = pa.array([_numa_text(kind) for kind in kinds], TEXT).take(places)
    return columns


def _numa_text(kind: HostKind) -> str:
    """Return the NUMA cells of a kind in nova's form, empty for none: even parts, every thread open to shared vCPUs.

    That is what nova-compute reports where neither cpu_shared_set nor cpu_dedicated_set is given.
    """
    if not kind.numa_cells:
        return ""
    threads, memory_mb = kind.vcpus // kind.numa_cells, kind.memory_mb // kind.numa_cells
    pages = {"size_kb": _SMALL_PAGE_KB, "total": memory_mb * 1024 // _SMALL_PAGE_KB}
    cells = [
        {
            "id": cell,
            "cpuset": list(range(cell * threads, (cell + 1) * threads)),
            "memory": memory_mb,
            "mempages": [pages],
        }
        for cell in range(kind.numa_cells)
    ]
    return json.dumps({"cells": cells})
