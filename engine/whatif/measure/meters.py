"""Meters: what instances use up of a host, as numbers that say which request still fits and how many more of it.

Every column filter whose verdict a claim can change is one or two comparisons ``value >= need``, of which a claim takes
a fixed amount from the value. Such a pair is a meter: exact, because amounts are whole numbers. So are the largest and
smallest piece that a host gives out, of which a claim takes nothing. All other filters give the same answer before and
after a claim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.fleet_facts import AnyArray
from engine.inventory.usage import Amounts
from engine.scheduler.chain import Chain
from engine.scheduler.demand import CANDIDATES
from engine.scheduler.inquiry import AMOUNT_FILTERS
from engine.scheduler.registry import Filter
from engine.whatif.decisions import Reason

Floats = npt.NDArray[np.float64]

NOT_ASKED: Final = -np.inf
"""The need of a request that asks for nothing of a meter: it is met however overfull the host is."""


def _unknown(fleet: Fleet) -> float:
    return -np.inf


@dataclass(frozen=True, slots=True)
class Meter:
    """A comparison of one filter: what a host is short of where it fails, and its two sides.

    ``values`` returns whole or real numbers, one a row, inf for a host without a limit; a host passes where that is at
    least ``need``, and a claim takes ``taken`` from it. ``least`` is a bound of the values that costs nothing to tell.
    """

    lack: Reason
    values: Callable[[Chain, Fleet], AnyArray]
    need: Callable[[Amounts], float]
    taken: Callable[[Amounts], float]
    least: Callable[[Fleet], float] = _unknown


def _asked(amount: int) -> float:
    return float(amount) if amount else NOT_ASKED


def _nothing(amounts: Amounts) -> float:
    return 0.0


def _free(lack: Reason, column: str, index: int) -> Meter:
    """Return the meter of one class that CapacityFilter compares; a class not asked for never stops a host."""

    def values(chain: Chain, fleet: Fleet) -> AnyArray:
        return fleet.columns[column]

    return Meter(lack, values, lambda amounts: _asked(amounts[index]), lambda amounts: float(amounts[index]))


def _unit(lack: Reason, name: str, index: int, limit: int) -> Meter:
    """Return the meter of the smallest (``limit`` 0) or largest (1) piece of a class that a host gives out."""
    sign = 1.0 if limit else -1.0

    def limits(fleet: Fleet) -> Floats:
        return np.array([sign * getattr(item, name)[limit] for item in fleet.units.values] or [0.0], dtype=np.float64)

    def values(chain: Chain, fleet: Fleet) -> AnyArray:
        return np.take(limits(fleet), fleet.columns["units"], mode="clip")

    def need(amounts: Amounts) -> float:
        return sign * amounts[index] if amounts[index] else NOT_ASKED

    return Meter(lack, values, need, _nothing, lambda fleet: float(limits(fleet).min()))


def _instances(limit: Callable[[Chain, Fleet], int | AnyArray]) -> Meter:
    """Return the meter of a filter that lets a host run so many instances."""

    def values(chain: Chain, fleet: Fleet) -> Floats:
        return np.asarray(limit(chain, fleet) - fleet.columns["num_instances"].astype(np.float64))

    return Meter(Reason.INSTANCES, values, lambda amounts: 1.0, lambda amounts: 1.0)


def _cores(ratio: str) -> tuple[Meter, ...]:
    """Return the meters of CoreFilter under a column of ratios: what is left of the limit, and the host alone."""

    def left(chain: Chain, fleet: Fleet) -> Floats:
        total = fleet.columns["vcpu_total"].astype(np.float64)
        usable = np.floor(total * chain.column(fleet, ratio) - fleet.columns["vcpus_used"])
        return np.where(total == 0, np.inf, usable)

    def alone(chain: Chain, fleet: Fleet) -> Floats:
        total = fleet.columns["vcpu_total"].astype(np.float64)
        return np.where((total == 0) | (total * chain.column(fleet, ratio) <= 0), np.inf, total)

    def vcpus(amounts: Amounts) -> float:
        return float(amounts.flavor_vcpus)

    return Meter(Reason.VCPU, left, vcpus, vcpus), Meter(Reason.VCPU, alone, vcpus, _nothing)


def _usable(total: str, free: str, ratio: str) -> Callable[[Chain, Fleet], Floats]:
    """Return what a compute node's own figures leave of a total under a column of ratios."""

    def values(chain: Chain, fleet: Fleet) -> Floats:
        in_all = fleet.columns[total].astype(np.float64)
        return np.floor(in_all * chain.column(fleet, ratio) - (in_all - fleet.columns[free]))

    return values


def _total(column: str) -> Callable[[Chain, Fleet], AnyArray]:
    def values(chain: Chain, fleet: Fleet) -> AnyArray:
        return fleet.columns[column]

    return values


def _memory(ratio: str) -> tuple[Meter, ...]:
    """Return the meters of RamFilter under a column of ratios."""

    def memory_mb(amounts: Amounts) -> float:
        return float(amounts.flavor_memory_mb)

    left = _usable("memory_mb_total", "free_ram_mb", ratio)
    return (
        Meter(Reason.MEMORY_MB, left, memory_mb, memory_mb),
        Meter(Reason.MEMORY_MB, _total("memory_mb_total"), memory_mb, _nothing),
    )


def _disk(ratio: str) -> tuple[Meter, ...]:
    """Return the meters of DiskFilter under a column of ratios; a claim takes what the compute node counts."""

    def need(amounts: Amounts) -> float:
        return float(max(amounts.requested_disk_gb, amounts.flavor_disk_gb))

    def taken(amounts: Amounts) -> float:
        return float(amounts.flavor_disk_gb)

    left = _usable("disk_gb_total", "free_disk_gb", ratio)
    return (
        Meter(Reason.DISK_GB, left, need, taken),
        Meter(Reason.DISK_GB, _total("disk_gb_total"), need, _nothing),
    )


_CLASSES: Final = ((Reason.VCPU, "vcpu"), (Reason.MEMORY_MB, "memory_mb"), (Reason.DISK_GB, "disk_gb"))

UNITS: Final = "AllocationUnitsFilter"

METERS: Final[dict[str, tuple[Meter, ...]]] = {
    UNITS: tuple(_unit(lack, name, index, limit) for index, (lack, name) in enumerate(_CLASSES) for limit in (1, 0)),
    "CapacityFilter": (
        _free(Reason.VCPU, "vcpu_free", 0),
        _free(Reason.MEMORY_MB, "memory_mb_free", 1),
        _free(Reason.DISK_GB, "disk_gb_free", 2),
    ),
    "NumInstancesFilter": (_instances(lambda chain, fleet: chain.options.max_instances_per_host),),
    "AggregateNumInstancesFilter": (
        _instances(lambda chain, fleet: chain.column(fleet, "aggregate_max_instances_per_host")),
    ),
    "CoreFilter": _cores("vcpu_allocation_ratio"),
    "AggregateCoreFilter": _cores("aggregate_cpu_allocation_ratio"),
    "RamFilter": _memory("memory_mb_allocation_ratio"),
    "AggregateRamFilter": _memory("aggregate_ram_allocation_ratio"),
    "DiskFilter": _disk("disk_gb_allocation_ratio"),
    "AggregateDiskFilter": _disk("aggregate_disk_allocation_ratio"),
}
"""The meters of every column filter that compares with usage, and those of allocation units, by the filter's name."""


@dataclass(frozen=True, slots=True)
class Meters:
    """A chain's meters as a table's columns are now: float64[meters, rows], and what a host lacks, int64[meters]."""

    meters: tuple[Meter, ...]
    values: Floats
    lacks: npt.NDArray[np.int64]

    def needs(self, amounts: Amounts) -> list[float]:
        """Return what one instance needs of each meter, NOT_ASKED where anything will do."""
        return [item.need(amounts) for item in self.meters]

    def taken(self, amounts: Amounts) -> list[float]:
        """Return what one instance takes of each meter."""
        return [item.taken(amounts) for item in self.meters]


def is_fixed(plugin: Filter) -> bool:
    """Whether a column filter gives the same answer whatever instances come and go."""
    return plugin.kind == "column" and plugin.name not in METERS


def deciding_meters(chain: Chain, fleet: Fleet, asked: Iterable[Amounts]) -> list[Meter]:
    """Return the chain's meters but for those that can stop none of the requests of these amounts, now or later."""
    amounts = list(asked)
    found = []
    for plugin in chain.filters:
        for meter in METERS.get(plugin.name, ()):
            most = max((meter.need(item) for item in amounts), default=NOT_ASKED)
            if most > NOT_ASKED and meter.least(fleet) < most:
                found.append(meter)
    return found


def read_meters(
    chain: Chain,
    fleet: Fleet,
    beyond: npt.NDArray[np.bool_] | None = None,
    *,
    wanted: Sequence[Meter] | None = None,
) -> Meters:
    """Return the chain's meters, all of them or those ``wanted``.

    Of rows ``beyond`` columns other providers give the same classes, without a bound.
    """
    meters = [
        (meter, plugin.name)
        for plugin in chain.filters
        for meter in METERS.get(plugin.name, ())
        if wanted is None or meter in wanted
    ]
    values = np.empty((len(meters), len(fleet.columns["present"])), dtype=np.float64)
    for line, (meter, name) in zip(values, meters, strict=True):
        line[:] = meter.values(chain, fleet)
        if beyond is not None and name in AMOUNT_FILTERS:
            line[beyond] = np.inf
    lacks = np.array([meter.lack for meter, _ in meters], dtype=np.int64)
    return Meters(tuple(meter for meter, _ in meters), values, lacks)


def beyond_columns(chain: Chain, fleet: Fleet) -> npt.NDArray[np.bool_] | None:
    """Return the rows where other providers give the columns' classes too, None where placement is not asked."""
    return fleet.beyond_columns if CANDIDATES in chain.options.placement_filters else None
