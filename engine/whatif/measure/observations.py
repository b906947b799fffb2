"""Observations: how full a fleet was at each of some times, in arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.whatif.measure.heat import Heat

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

RESOURCES: Final = ("vcpu", "memory_mb", "disk_gb")
"""The resources, in the order of every last axis of three."""


@dataclass(frozen=True, slots=True)
class Observations:
    """What was seen at ``times_s``, float64[times], all else by time first.

    ``capacity``, ``used``, ``free`` and ``stranded`` are int64[times, 3]: what the hosts there may give out (of those
    that take nothing new, only what is used), what of it is taken, what is left, and what of that is on hosts where
    none of the workload's requests fits any more. ``instances`` and ``hosts`` are int64[times]. ``codes`` are the
    requests of which ``slots`` were counted, float64[times, codes], NaN where they were not. ``fragmentation``, float64
    [times, codes, 3], is 1 - slots * size / free, NaN for a resource not asked for. ``more`` is, of each further
    resource class that hosts' providers have, the capacity and what is used of it, int64[times, 2].
    """

    times_s: Floats
    capacity: Numbers
    used: Numbers
    free: Numbers
    stranded: Numbers
    instances: Numbers
    hosts: Numbers
    codes: tuple[int, ...]
    slots: Floats
    fragmentation: Floats
    heat: Heat
    more: Mapping[str, Numbers]

    def __len__(self) -> int:
        return len(self.times_s)

    @property
    def shares(self) -> Floats:
        """float64[times, 3]: the part of each resource that is used, 0 where there is none."""
        return np.divide(self.used, self.capacity, out=np.zeros(self.used.shape), where=self.capacity > 0)

    @property
    def stranded_shares(self) -> Floats:
        """float64[times, 3]: the part of each resource that is free where nothing fits, 0 where there is none."""
        return np.divide(self.stranded, self.capacity, out=np.zeros(self.used.shape), where=self.capacity > 0)

    @property
    def lost_to_fragments(self) -> Floats:
        """float64[times, codes]: the part of the slots that the free totals promise and no host gives.

        The totals promise as many as the resource has room for that is scarcest by them, so this is the least
        fragmentation of any resource asked for.
        """
        least: Floats = np.where(np.isnan(self.fragmentation), np.inf, self.fragmentation).min(axis=2, initial=np.inf)
        return np.where(np.isinf(least), np.nan, least)

    def share_of(self, name: str) -> Floats:
        """Return float64[times]: the part of a further resource class that is used, 0 where there is none."""
        capacity, used = self.more[name][:, 0], self.more[name][:, 1]
        return np.divide(used, capacity, out=np.zeros(len(used)), where=capacity > 0)

    def until(self, time_s: float) -> Observations:
        """Return those up to a time, the first at least."""
        many = max(1, int(np.searchsorted(self.times_s, time_s, side="right")))
        return Observations(
            self.times_s[:many],
            self.capacity[:many],
            self.used[:many],
            self.free[:many],
            self.stranded[:many],
            self.instances[:many],
            self.hosts[:many],
            self.codes,
            self.slots[:many],
            self.fragmentation[:many],
            self.heat.until(time_s),
            {name: values[:many] for name, values in self.more.items()},
        )
