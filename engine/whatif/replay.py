"""Replay: a workload's instances come and go in a world while the fleet changes, and every decision is kept.

Events run in time order, in batches that keep their order. At equal times the scenario's changes come first, then the
workload's own events; a measurement sees all that happened up to its time, inclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import Progress, no_progress
from engine.whatif.changes import apply_change
from engine.whatif.decisions import Cause, Decisions
from engine.whatif.measure.shortages import explain_refused
from engine.whatif.scenario.changes import Change
from engine.whatif.workload import Workload
from engine.whatif.world import Found, World
from engine.whatif.world_state import Numbers

_BATCH: Final = 8192
"""Events that are handed over at a time: enough that a batch's own cost vanishes, few enough to explain it whole."""
_REPORT_EVERY: Final = 16
"""Batches between two words of progress."""

_BEFORE, _AFTER = 0, 1
"""What comes at a time: changes before its events, measurements after them."""


class Observer(Protocol):
    """Looks at the world at times that it is given."""

    def observe(self, time_s: float) -> None:
        """Measure the world as it is now."""


def run(
    world: World,
    workload: Workload,
    changes: Sequence[Change],
    *,
    rng: np.random.Generator,
    until_s: float | None = None,
    sample_times: npt.NDArray[np.float64] | None = None,
    observer: Observer | None = None,
    progress: Progress = no_progress,
) -> Decisions:
    """Run a workload and changes, both in time order, and return the decisions in the order they were taken.

    The workload's instances become the world's, numbered after those it has. ``sample_times`` are seconds, at which
    ``observer`` looks, and once more where a workload ends that stops with its refusals; ``until_s`` is the last moment
    that counts. Progress is told in events.
    """
    first = world.add(workload.codes, workload.names, workload.groups, workload.rule)
    under_way = _Run(world, workload, first, observer, progress)
    last_s = np.inf if until_s is None else until_s
    stops: list[tuple[float, int, Change | None]] = [(change.at, _BEFORE, change) for change in changes]
    stops += [(float(time), _AFTER, None) for time in (() if sample_times is None else sample_times)]
    for time_s, _, change in sorted((stop for stop in stops if stop[0] <= last_s), key=lambda stop: stop[:2]):
        under_way.events_until(time_s, inclusive=change is None)
        if change is not None:
            under_way.parts.append(apply_change(change, world, rng))
        elif observer is not None:
            observer.observe(time_s)
    under_way.events_until(last_s, inclusive=True)
    progress("replaying", under_way.done, under_way.done)
    return Decisions.joined(under_way.parts)


class _Run:
    """The events of one run, of which the first ``done`` have happened."""

    def __init__(
        self, world: World, workload: Workload, first: int, observer: Observer | None, progress: Progress
    ) -> None:
        self.world = world
        self.observer = observer
        self.events = workload.events
        self.numbers: Numbers = workload.events.instances + first
        self.progress = progress
        self.parts: list[Decisions] = []
        self.done = 0
        self._stops = workload.stop_after_refusals > 0
        self._refusals_left = workload.stop_after_refusals
        self._batches = 0

    def events_until(self, time_s: float, *, inclusive: bool) -> None:
        """Do the events before a time, and those of the time itself if ``inclusive``."""
        end = int(np.searchsorted(self.events.times_s, time_s, side="right" if inclusive else "left"))
        while self.done < end:
            last = min(end, self.done + _BATCH)
            self._do(self.done, last)
            if self._stops and self._refusals_left <= 0:
                self._stops, self.done = False, len(self.events)
                if self.observer is not None:
                    self.observer.observe(float(self.parts[-1].times_s[-1]))
                return
            self.done = last
            self._batches += 1
            if self._batches % _REPORT_EVERY == 0:
                self.progress("replaying", self.done, len(self.events))

    def _do(self, first: int, last: int) -> None:
        """Do a batch of events, and keep what was decided."""
        world, creates = self.world, self.events.creates[first:last]
        numbers = self.numbers[first:last]
        created, deleted = numbers[creates], numbers[~creates]
        self._replace_requests(created)
        rows = np.full(last - first, -1, dtype=np.int32)
        rows[~creates] = world.rows[deleted]
        found = world.place(created, releases=(np.cumsum(creates, dtype=np.int64)[~creates], deleted))
        rows[creates] = found.rows
        if self._stops:
            happened = self._until_stop(found)
            world.give_back(created[happened:])
            length = int(np.flatnonzero(creates)[happened - 1]) + 1 if happened else 0
            rows, creates, numbers = rows[:length], creates[:length], numbers[:length]
            created, found = created[:happened], Found(found.rows[:happened], found.weights[:happened])
        times_s = self.events.times_s[first : first + len(creates)][creates]
        decided = Decisions.of(times_s, created, world.codes[created], Cause.CREATE, found.rows, found.weights)
        if found.refused.any():
            self._explain(decided, numbers, creates, rows)
        self.parts.append(decided)

    def _replace_requests(self, created: Numbers) -> None:
        """Have instances ask for what has taken the place of what they would have asked for."""
        replaced = self.world.replaced
        if replaced:
            code_of = np.arange(len(self.world.requests), dtype=np.int32)
            code_of[list(replaced)] = list(replaced.values())
            codes = self.world.codes
            codes[created] = code_of[codes[created]]

    def _until_stop(self, found: Found) -> int:
        """Return how many of the requests happened before there were enough refusals."""
        refused = np.flatnonzero(found.refused)
        left = self._refusals_left
        self._refusals_left -= len(refused)
        return int(refused[left - 1]) + 1 if len(refused) >= left else len(found.rows)

    def _explain(
        self, decided: Decisions, numbers: Numbers, creates: npt.NDArray[np.bool_], rows: npt.NDArray[np.int32]
    ) -> None:
        """Fill in why requests of a batch were refused; ``rows`` are those of creates, and of deletes before it."""
        deletes = np.flatnonzero(~creates & (rows < 0))
        created, hosts = numbers[creates], rows[creates]
        order = np.argsort(created)
        # deleted in the batch it was created in, unless it held nothing at all
        near = np.minimum(np.searchsorted(created[order], numbers[deletes]), len(order) - 1)
        same = created[order[near]] == numbers[deletes]
        rows[deletes[same]] = hosts[order[near[same]]]
        signs = np.where(creates, np.where(rows < 0, 0, 1), -1).astype(np.int8)
        counted = creates | (rows >= 0)
        reasons, short = explain_refused(self.world, rows[counted], self.world.codes[numbers[counted]], signs[counted])
        refused = decided.refused
        decided.reasons[refused] = reasons
        decided.short[refused] = short
