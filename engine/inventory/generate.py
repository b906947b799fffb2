"""Makes fleets of any size up to the limit, mixed as real ones are, the same each time for the same count and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.inventory.fleet_defaults import fill_defaults
from engine.inventory.fleet_error import FleetSource
from engine.inventory.fleet_schema import COLUMNS, FLEET_SCHEMA, TEXT, TEXT_LIST
from engine.inventory.generations import GENERATIONS
from engine.model.limits import MAX_HOSTS, check_amount

RACK_HOSTS = 40
ZONES_PER_CELL = 3
DISABLED_SHARE = 0.01
FORCED_DOWN_SHARE = 0.001
FAILED_BUILDS_SHARE = 0.02
FOREIGN_SHARE = 0.05
"""The part of the hosts that run a few instances beside Berth's own."""

_DISABLED_REASONS = ("maintenance", "hardware fault", "drained for upgrade")
_IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each host is and what it is: codes by row, and one hardware generation a rack."""

    zones: int
    zone: _IntArray
    place: _IntArray
    rack: _IntArray
    generation_of_rack: _IntArray

    @property
    def generation(self) -> _IntArray:
        """Index into GENERATIONS by row."""
        return self.generation_of_rack[self.rack]


def generate_fleet(count: int, seed: int) -> pa.Table:
    """Return a fleet of ``count`` hosts in FLEET_SCHEMA; raise InvalidRequestError unless 1 <= count <= MAX_HOSTS.

    Hosts go round the zones in turn; within a zone every 40 make a rack, which is an aggregate and of one hardware
    generation. Only host_id, uuid, nodename and host_ip differ from host to host: the rest of the text, racks
    aside, comes in a few hundred combinations whatever the count.
    """
    check_amount("count", count, 1, MAX_HOSTS)
    check_amount("seed", seed, 0, 2**63 - 1)
    rng = np.random.default_rng(seed)
    layout = _lay_out(count, rng)
    host_ids = _host_ids(layout)
    columns = {"host_id": host_ids, "host_ip": _host_ips(count)}
    columns.update(_hardware(layout))
    columns.update(_place(layout))
    columns.update(_service(layout, rng))
    columns.update(_usage(layout, rng))
    given = {name: pa.chunked_array([values]) for name, values in columns.items()}
    filled = fill_defaults(given, count, FleetSource("the generated fleet"))
    return pa.Table.from_arrays([filled[column.name] for column in COLUMNS], schema=FLEET_SCHEMA)


def zone_count(count: int) -> int:
    """Return how many zones a fleet has: 3 up to 1 000 hosts, and 3 more for every tenfold, up to 12."""
    return int(np.clip(3 * (len(str(count - 1)) - 2), 3, 12))


def _lay_out(count: int, rng: np.random.Generator) -> _Layout:
    zones = zone_count(count)
    number = np.arange(count, dtype=np.int64)
    zone, place = number % zones, number // zones
    rack = place // RACK_HOSTS * zones + zone
    return _Layout(zones, zone, place, rack, _share_out(int(rack.max()) + 1, rng))


def _share_out(racks: int, rng: np.random.Generator) -> _IntArray:
    """Return the generation of each rack: as many racks of each as its share says, in random order.

    Drawing each rack by itself would leave small fleets without the rarer kinds.
    """
    bounds = np.cumsum([generation.share for generation in GENERATIONS])
    kinds = np.searchsorted(bounds, (np.arange(racks) + 0.5) / racks)
    return rng.permutation(np.minimum(kinds, len(GENERATIONS) - 1))


def _host_ids(layout: _Layout) -> pa.Array:
    """Return names such as cmp-z1-000123."""
    prefixes = pa.array([f"cmp-z{zone + 1}" for zone in range(layout.zones)]).take(pa.array(layout.zone))
    numbers = pc.utf8_lpad(pa.array(layout.place + 1).cast(TEXT), 6, "0")
    return pc.binary_join_element_wise(prefixes, numbers, "-")


def _host_ips(count: int) -> pa.Array:
    """Return one address of 10.0.0.0/8 a host, from 10.0.0.1 on."""
    number = np.arange(1, count + 1)
    octet = pa.array([str(value) for value in range(256)])
    parts = [octet.take(pa.array(number >> shift & 255)) for shift in (16, 8, 0)]
    return pc.binary_join_element_wise("10", *parts, ".")


def _hardware(layout: _Layout) -> dict[str, pa.Array]:
    """Return the columns that the hardware generation decides."""
    codes = pa.array(layout.generation)
    numbers = ("vcpus", "memory_mb", "disk_gb", "memory_mb_reserved", "hypervisor_version")
    ratios = ("cpu_allocation_ratio", "ram_allocation_ratio")
    texts = ("arch", "cpu_info", "stats")
    columns = {
        name: pa.array([getattr(generation, name) for generation in GENERATIONS], type_).take(codes)
        for names, type_ in ((numbers, pa.int64()), (ratios, pa.float64()), (texts, TEXT))
        for name in names
    }
    columns["supported_instances"] = _lists([generation.supported_instances for generation in GENERATIONS]).take(codes)
    return columns


def _place(layout: _Layout) -> dict[str, pa.Array]:
    """Return the columns that the host's place decides: zone, cell and aggregates."""
    zone = pa.array(layout.zone)
    racks = [
        (f"rack-{rack + 1:04d}", *GENERATIONS[generation].groups)
        for rack, generation in enumerate(layout.generation_of_rack.tolist())
    ]
    return {
        "availability_zone": pa.array([f"az{number + 1}" for number in range(layout.zones)]).take(zone),
        "cell": pa.array([f"cell{number // ZONES_PER_CELL + 1}" for number in range(layout.zones)]).take(zone),
        "aggregates": _lists(racks).take(pa.array(layout.rack)),
    }


def _service(layout: _Layout, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Return the service's state, and the traits: a disabled host has nova's COMPUTE_STATUS_DISABLED."""
    count = len(layout.zone)
    disabled = rng.random(count) < DISABLED_SHARE
    reason = np.where(disabled, rng.integers(1, len(_DISABLED_REASONS) + 1, count), 0)
    traits = [generation.traits for generation in GENERATIONS]
    either = _lists([*traits, *((*names, "COMPUTE_STATUS_DISABLED") for names in traits)])
    return {
        "disabled": pa.array(disabled),
        "disabled_reason": pa.array(["", *_DISABLED_REASONS]).take(pa.array(reason)),
        "forced_down": pa.array(rng.random(count) < FORCED_DOWN_SHARE),
        "traits": either.take(pa.array(layout.generation + len(GENERATIONS) * disabled)),
    }


def _usage(layout: _Layout, rng: np.random.Generator) -> dict[str, pa.Array]:
    """Return what already runs on a few hosts, and the builds that failed on a few others."""
    count = len(layout.zone)
    instances = np.where(rng.random(count) < FOREIGN_SHARE, rng.integers(1, 9, count), 0)
    failed = np.where(rng.random(count) < FAILED_BUILDS_SHARE, rng.integers(1, 4, count), 0)
    return {
        "num_instances": pa.array(instances),
        "vcpus_used": pa.array(instances * 2),
        "memory_mb_used": pa.array(instances * 4096),
        "local_gb_used": pa.array(instances * 20),
        "num_io_ops": pa.array(np.where(instances > 0, rng.integers(0, 3, count), 0)),
        "failed_builds": pa.array(failed),
    }


def _lists(values: Sequence[Sequence[str]]) -> pa.Array:
    return pa.array([list(names) for names in values], TEXT_LIST)
