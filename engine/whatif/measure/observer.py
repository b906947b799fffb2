"""Observer: looks at a world at sample times: what is used, free and stranded, what more fits, how full hosts are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.inventory.schema import CLASS_PREFIX
from engine.scheduler.select import Selector
from engine.whatif.measure.heat import HeatGrid
from engine.whatif.measure.kernels import compiled
from engine.whatif.measure.kinds import Kinds, kinds_of, smallest
from engine.whatif.measure.meters import Meter, Meters, beyond_columns, deciding_meters, read_meters
from engine.whatif.measure.observations import Observations
from engine.whatif.measure.provider_totals import ProviderTotals
from engine.whatif.measure.slots import count_slots, free_slots, is_metered, quick_slots
from engine.whatif.measure.standing import Standings
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_SHOWN: Final = 12
MOST_COLUMNS: Final = 120
_HOSTS_FILLED: Final = 4_000
"""About so many hosts in all are filled in a run, beside those of its ends, where slots cannot be told otherwise."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What lasts as long as chain, facts and flavors: the meters that decide, the kinds shown, the smallest of all."""

    selector: Selector
    facts: int
    replaced: dict[int, int]
    meters: tuple[Meter, ...]
    shown: Kinds
    least: Kinds


class Observer:
    """Watches one world for a workload: at each of ``times_s`` once, in this order, by ``observe``.

    ``codes`` (int32[instances]) are what the workload's instances ask for: slots are counted of the MOST_SHOWN that
    most of them do, and free amounts are stranded where none of all these fits, as far as amounts and texts say.
    """

    def __init__(self, world: World, codes: npt.NDArray[np.int32], times_s: Floats) -> None:
        self.world = world
        counts = np.bincount(codes, minlength=len(world.requests))
        self._asked = np.flatnonzero(counts).tolist()
        most = np.argsort(-counts, kind="stable")[:MOST_SHOWN]
        self.codes: tuple[int, ...] = tuple(most[counts[most] > 0].tolist())
        self._heat = HeatGrid(world.table)
        self._heat_every = max(1, -(-len(times_s) // MOST_COLUMNS))
        filled = max(2, _HOSTS_FILLED // max(1, world.table.host_count * len(self.codes)))
        self._fill_every = max(1, (len(times_s) - 1) // (filled - 1))
        self._last = len(times_s) - 1
        self._times_s: list[float] = []
        self._totals: list[Numbers] = []
        self._counts: list[tuple[int, int]] = []
        self._slots: list[Floats] = []
        self._sizes: list[Floats] = []
        self._providers = ProviderTotals()
        self._more: list[dict[str, tuple[int, int]]] = []
        self._known: _Known | None = None

    def observe(self, time_s: float) -> None:
        """Measure the world as it is now."""
        number = len(self._times_s)
        world, table = self.world, self.world.table
        present = table.present_rows()
        held = np.union1d(present, world.blocked) if len(world.blocked) else present
        meters, shown, least = self._meters()
        fits = np.zeros(len(table.columns["present"]), dtype=np.bool_)
        compiled().find_open(meters.values, least.masks, least.ends, least.needs, fits)
        # without flavors there is nothing that could not be used
        stuck = ~fits[present] if self._asked else np.zeros(len(present), dtype=np.bool_)
        totals = np.zeros((4, len(CLASS_PREFIX)), dtype=np.int64)
        for place, prefix in enumerate(CLASS_PREFIX.values()):
            left = table.columns[f"{prefix}_free"][present].astype(np.int64)
            taken = int(table.columns[f"{prefix}_used"][held].sum(dtype=np.int64))
            totals[0, place] = taken + int(left.sum())
            totals[1, place] = taken
            np.maximum(left, 0, out=left)
            totals[2, place] = int(left.sum())
            totals[3, place] = int(np.dot(left, stuck))
        self._totals.append(totals)
        self._more.append(self._providers.of(table, present, held))
        self._counts.append((int(np.count_nonzero(world.rows >= 0)), len(present)))
        self._slots.append(self._count(meters, shown, number))
        asked_now = [world.amounts(self._now(code))[: len(CLASS_PREFIX)] for code in self.codes]
        self._sizes.append(np.array(asked_now, dtype=np.float64))
        if number % self._heat_every == 0 or number == self._last:
            self._heat.observe(table, held, time_s)
        self._times_s.append(time_s)

    def result(self) -> Observations:
        """Return all that was seen."""
        many, shown = len(self._times_s), len(self.codes)
        totals = np.array(self._totals, dtype=np.int64).reshape(many, 4, len(CLASS_PREFIX))
        counts = np.array(self._counts, dtype=np.int64).reshape(many, 2)
        slots = np.array(self._slots, dtype=np.float64).reshape(many, shown)
        sizes = np.array(self._sizes, dtype=np.float64).reshape(many, shown, len(CLASS_PREFIX))
        free = totals[:, np.newaxis, 2].astype(np.float64)
        # where nothing is free, nothing is in pieces
        taken = np.divide(slots[:, :, np.newaxis] * sizes, free, out=np.ones(sizes.shape), where=free > 0)
        fragmentation = np.where(sizes > 0, np.clip(1.0 - taken, 0.0, 1.0), np.nan)
        fragmentation[np.isnan(slots)] = np.nan
        return Observations(
            np.array(self._times_s, dtype=np.float64),
            totals[:, 0],
            totals[:, 1],
            totals[:, 2],
            totals[:, 3],
            counts[:, 0],
            counts[:, 1],
            self.codes,
            slots,
            fragmentation,
            self._heat.result(),
            {
                name: np.array([item.get(name, (0, 0)) for item in self._more], dtype=np.int64)
                for name in sorted({name for item in self._more for name in item})
            },
        )

    def _meters(self) -> tuple[Meters, Kinds, Kinds]:
        """Return the meters now, the kinds of the requests shown, and the smallest of all; kinds last as facts do."""
        world, selector, table = self.world, self.world.selector, self.world.table
        beyond = beyond_columns(selector.chain, table)
        known = self._known
        if (
            known is not None
            and known.selector is selector
            and known.facts == table.facts_revision
            and known.replaced == world.replaced
        ):
            return read_meters(selector.chain, table, beyond, wanted=known.meters), known.shown, known.least
        codes = [self._now(code) for code in self._asked]
        standings = Standings(selector)
        deciding = deciding_meters(selector.chain, table, [world.amounts(code) for code in codes])
        meters = read_meters(selector.chain, table, beyond, wanted=deciding)
        every = kinds_of(standings, meters, [world.requests[code] for code in codes])
        shown = kinds_of(standings, meters, [world.requests[self._now(code)] for code in self.codes])
        least = smallest(every)
        self._known = _Known(selector, table.facts_revision, dict(world.replaced), meters.meters, shown, least)
        return meters, shown, least

    def _now(self, code: int) -> int:
        """Return the request that instances ask for by now in place of one."""
        return self.world.replaced.get(code, code)

    def _count(self, meters: Meters, shown: Kinds, number: int) -> Floats:
        """Return float64[codes]: the free slots of the requests shown, NaN for those not counted this time."""
        world = self.world
        slots = count_slots(meters, shown)[shown.kind_of].astype(np.float64)
        for place, code in enumerate(map(self._now, self.codes)):
            if not is_metered(world.selector, world, code):
                is_due = number % self._fill_every == 0 or number == self._last
                told = quick_slots(world, code)
                if told is None:
                    told = free_slots(world, code) if is_due else None
                slots[place] = np.nan if told is None else told
        return slots
