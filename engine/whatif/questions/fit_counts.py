"""FitCount: how many more of one request fit, where, what stops the next one on each host, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.whatif.decisions import Reason
from engine.whatif.measure.kinds import kinds_of
from engine.whatif.measure.meters import Floats, Meters, read_meters
from engine.whatif.measure.slots import free_slots, host_slots
from engine.whatif.measure.standing import Standings
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]

RESOURCES: Final = ("vcpu", "memory_mb", "disk_gb")
LIMITS: Final = {
    Reason.VCPU: "vcpu",
    Reason.MEMORY_MB: "memory_mb",
    Reason.DISK_GB: "disk_gb",
    Reason.INSTANCES: "instances",
    Reason.FILTERED: "filtered",
    Reason.OTHER: "other",
}
"""What stops the next instance on a host, by the name that figures give it."""


@dataclass(frozen=True, slots=True)
class FitCount:
    """How many more instances of one request fit, each alone.

    ``slots`` int64, for each of the rows asked about; ``fit`` is how many in all. ``naive`` is what the totals of
    free amounts divided by the request's say, None where it asks for none. ``limited_by`` is, by name (see LIMITS), how
    many hosts that is what stops the next one on; ``stranded`` what is left free of each resource once all are there.
    """

    name: str
    slots: Numbers
    fit: int
    naive: int | None
    limited_by: dict[str, int]
    stranded: dict[str, int]


def free_amounts(world: World, rows: Numbers) -> Numbers:
    """Return int64[3, rows]: the free vCPUs, MiB of memory and GiB of disk; nothing where a host is overfull."""
    columns = world.table.columns
    return np.maximum(np.array([columns[f"{name}_free"][rows] for name in RESOURCES], dtype=np.int64), 0)


def capacity(world: World, rows: Numbers) -> Numbers:
    """Return int64[3]: the vCPUs, MiB of memory and GiB of disk that hosts sell, by their ratios."""
    columns = world.table.columns
    sold = [columns[f"{name}_free"][rows].astype(np.int64) + columns[f"{name}_used"][rows] for name in RESOURCES]
    return np.asarray(np.array(sold, dtype=np.int64).sum(axis=1))


def count_fit(world: World, name: str, code: int, rows: Numbers) -> FitCount:
    """Return how many more of a request fit on ``rows``, the world's hosts; the world stays as it is."""
    slots = host_slots(world, code)
    fit = free_slots(world, code)
    request = world.requests[code]
    amounts = np.array(world.amounts(code)[: len(RESOURCES)], dtype=np.int64)
    free = free_amounts(world, rows)
    asked = amounts > 0
    totals = free.sum(axis=1)
    naive = int((totals[asked] // amounts[asked]).min()) if asked.any() else None
    left = np.maximum(free - slots[rows] * amounts[:, np.newaxis], 0)
    meters = read_meters(world.selector.chain, world.table, world.table.beyond_columns)
    kinds = kinds_of(Standings(world.selector), meters, [request])
    reasons = _reasons(meters, kinds.needs[:, 0], kinds.taken[:, 0], slots)
    reasons[kinds.masks[0] == 0] = Reason.FILTERED
    counts = np.bincount(reasons[rows], minlength=len(Reason))
    return FitCount(
        name,
        slots[rows],
        fit,
        naive,
        {label: int(counts[reason]) for reason, label in LIMITS.items()},
        dict(zip(RESOURCES, left.sum(axis=1).tolist(), strict=True)),
    )


def _reasons(meters: Meters, needs: Floats, taken: Floats, slots: Numbers) -> npt.NDArray[np.int64]:
    """Return what stops the instance after the last that fits on each host; where several do, what would have first."""
    reasons = np.full(len(slots), Reason.OTHER, dtype=np.int64)
    first = np.full(len(slots), np.inf)
    for values, lack, need, take in zip(meters.values, meters.lacks, needs, taken, strict=True):
        more = (values - need) / take if take else np.where(values >= need, np.inf, -np.inf)
        stops = (np.floor(more) + 1 <= slots) & (more < first)
        reasons[stops] = lack
        first[stops] = more[stops]
    return reasons
