"""Heat: how full groups of hosts are over time, small enough to look at whatever the size of the fleet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.inventory.schema import CLASS_PREFIX

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

MOST_BINS: Final = 60
_ADDED: Final = "added"


@dataclass(frozen=True, slots=True)
class Heat:
    """Mean use of the fullest resource: float64[bins, times], NaN where a bin had no host at a time."""

    labels: tuple[str, ...]
    times_s: Floats
    values: Floats

    def until(self, time_s: float) -> Heat:
        """Return what was measured up to a time, the first at least."""
        many = max(1, int(np.searchsorted(self.times_s, time_s, side="right")))
        return Heat(self.labels, self.times_s[:many], self.values[:, :many])


class HeatGrid:
    """Hosts in at most ``bins`` bins: by availability zone, and in the fleet's order within it.

    Hosts that come later get bins of the same size of their own; of too many, neighbours are put together in the end.
    """

    def __init__(self, fleet: Fleet, *, bins: int = MOST_BINS) -> None:
        self.most = bins
        rows = fleet.present_rows()
        profiles = fleet.columns["profile"][rows]
        zones = [item.availability_zone for item in fleet.profiles.values]
        named = sorted({zones[code] for code in np.flatnonzero(np.bincount(profiles)).tolist()})
        members = np.zeros(len(rows), dtype=np.int64)
        if len(named) > bins:
            # a bin a zone would be too many: the fleet's order is all there is
            named = [""]
        elif len(named) > 1:
            number_of = {zone: number for number, zone in enumerate(named)}
            members = np.array([number_of.get(zone, 0) for zone in zones], dtype=np.int64)[profiles]
        counts = np.bincount(members, minlength=len(named))
        self.size = max(1, -(-len(rows) // max(1, bins - len(named) + 1)))
        self._first_row = len(fleet.columns["present"])
        self._bin_of = np.zeros(self._first_row, dtype=np.int64)
        self._labels: list[str] = []
        host_ids = fleet.identity.host_ids
        for number, zone in enumerate(named):
            mine = rows[members == number]
            for first in range(0, int(counts[number]), self.size):
                part = mine[first : first + self.size]
                self._bin_of[part] = len(self._labels)
                self._labels.append(_label(zone, host_ids[int(part[0])], host_ids[int(part[-1])]))
        self._initial = len(self._labels)
        self._last_initial = int(rows[-1]) if len(rows) else -1
        self._sums: list[Floats] = []
        self._counts: list[Floats] = []
        self._times_s: list[float] = []

    def observe(self, fleet: Fleet, rows: Rows, time_s: float) -> None:
        """Measure the hosts in ``rows``."""
        fullest = np.zeros(len(rows), dtype=np.float64)
        for prefix in CLASS_PREFIX.values():
            used = fleet.columns[f"{prefix}_used"][rows].astype(np.float64)
            capacity = used + fleet.columns[f"{prefix}_free"][rows]
            share = np.divide(used, capacity, out=np.zeros(len(rows)), where=capacity > 0)
            np.maximum(fullest, share, out=fullest)
        places = self._places(rows)
        self._sums.append(np.bincount(places, weights=fullest).astype(np.float64))
        self._counts.append(np.bincount(places).astype(np.float64))
        self._times_s.append(time_s)

    def _places(self, rows: Rows) -> Rows:
        """Return the bin of each row; those after the last that there was at first are in bins of their own."""
        late = rows > self._last_initial
        places = self._bin_of[np.where(late, 0, rows)]
        places[late] = self._initial + (rows[late] - self._last_initial - 1) // self.size
        return np.asarray(places)

    def result(self) -> Heat:
        """Return what was measured."""
        bins = max([self._initial, *(len(item) for item in self._sums)])
        added = bins - self._initial
        labels = [*self._labels, *(_ADDED if added == 1 else f"{_ADDED} {number + 1}" for number in range(added))]
        sums, counts = np.zeros((bins, len(self._times_s))), np.zeros((bins, len(self._times_s)))
        for column, (total, many) in enumerate(zip(self._sums, self._counts, strict=True)):
            sums[: len(total), column], counts[: len(many), column] = total, many
        together = max(1, -(-bins // self.most))
        starts = np.arange(0, bins, together)
        if bins:
            sums, counts = np.add.reduceat(sums, starts), np.add.reduceat(counts, starts)
        values = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        kept = tuple(labels[start] for start in starts.tolist())
        return Heat(kept, np.array(self._times_s, dtype=np.float64), values)


def _label(zone: str, first: str, last: str) -> str:
    """Return what a bin is called: its zone and its hosts, whose common beginning is said once."""
    hosts = first if first == last else f"{first} … {last}"
    return f"{zone}: {hosts}" if zone else hosts
