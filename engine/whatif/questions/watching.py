"""Watching: what a run showed over time, small enough to be compared with others and sent from a worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.whatif.decisions import Cause, Decisions
from engine.whatif.measure.observer import Observer
from engine.whatif.scenario.model import Scenario
from engine.whatif.workload import Workload
from engine.whatif.world import World

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen at ``times_s``.

    ``used`` and ``stranded`` are float64[times, 3], parts of what the hosts may give out of vCPUs, memory and disk;
    ``fragmented`` float64[times]: the part of the slots that free totals promise and no host gives, the mean of the
    flavors asked for most, NaN where there are none; ``hosts_used`` float64[times]: hosts that hold an instance;
    ``refused_percent`` float64[times]: refusals so far, of what was asked for so far.
    """

    times_s: Floats
    used: Floats
    stranded: Floats
    fragmented: Floats
    hosts_used: Floats
    refused_percent: Floats


class Watch:
    """An observer that counts the hosts in use too."""

    def __init__(self, world: World, workload: Workload, times_s: Floats) -> None:
        self._world = world
        self._observer = Observer(world, workload.codes, times_s)
        self._hosts_used: list[int] = []

    def observe(self, time_s: float) -> None:
        """Measure the world as it is now."""
        self._hosts_used.append(int(np.count_nonzero(self._world.table.columns["num_instances"])))
        self._observer.observe(time_s)

    def result(self, decisions: Decisions) -> Watched:
        """Return what was seen of the run that made these decisions."""
        seen = self._observer.result()
        lost = seen.lost_to_fragments
        counted = ~np.isnan(lost)
        many = counted.sum(axis=1)
        fragmented = np.divide(
            np.where(counted, lost, 0.0).sum(axis=1), many, out=np.full(len(many), np.nan), where=many > 0
        )
        return Watched(
            seen.times_s,
            seen.shares,
            seen.stranded_shares,
            fragmented,
            np.array(self._hosts_used, dtype=np.float64),
            refused_so_far(decisions, seen.times_s),
        )


def refused_so_far(decisions: Decisions, times_s: Floats) -> Floats:
    """Return float64[times]: the percentage of creates up to each time that was refused, 0 before the first."""
    created = decisions.causes == Cause.CREATE
    asked_at = decisions.times_s[created]
    upto = np.searchsorted(asked_at, times_s, side="right")
    refused = np.r_[0, np.cumsum(decisions.refused[created])][upto]
    shares: Floats = np.divide(refused, upto, out=np.zeros(len(times_s)), where=upto > 0)
    return 100.0 * shares


def sample_times(scenario: Scenario, workload: Workload, *, end_s: float | None = None) -> Floats:
    """Return the times at which a run is measured: as many as the scenario says, evenly up to its last moment."""
    if end_s is None:
        end_s = scenario.replay.until
    if end_s is None:
        last = [float(workload.events.times_s[-1])] if len(workload.events) else []
        end_s = max([*last, *(change.at for change in scenario.changes)], default=0.0)
    return np.linspace(0.0, end_s, scenario.replay.samples + 1)[1:] if end_s > 0 else np.zeros(1)
