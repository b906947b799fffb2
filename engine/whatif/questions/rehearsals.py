"""Rehearsals: sets of host groups fail together, one set after the other, each on the fleet as it was before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import combinations, islice
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from engine.errors import InvalidRequestError
from engine.whatif.answer import Progress
from engine.whatif.decisions import Cause, Decisions
from engine.whatif.measure.shortages import explain_refused
from engine.whatif.questions.headroom import Headroom, Proof
from engine.whatif.questions.held import Held
from engine.whatif.questions.places import HostGroups
from engine.whatif.world import Found, World

Numbers = npt.NDArray[np.int64]
Order = Literal["oldest_first", "largest_first"]

FEW_ROWS: Final = 8
"""Hosts up to which it costs less to keep them out of each placing than to take them out of the fleet."""

MOST_DECISIONS: Final = 1_000_000
"""Decisions on sets of several groups beyond which it takes too long to explain more, and too much memory to keep."""

_REPORTS: Final = 100
_REPORT_EVERY: Final = 256
"""Sets between two words of progress, at the least."""
_SETS_AT_ONCE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Failures:
    """What became of the sets of ``together`` groups of a kind: one entry for each set that was tried.

    ``sets`` int64[n, together] are groups; ``displaced`` is how many instances lost their host, ``lost`` how many of
    them found no other, ``lost_otherwise`` how many would not have in the other order (0 where none was lost), and
    ``least`` how many could not have in any. All other sets, ``proven`` of them, are absorbed for sure. ``of_set`` is
    the entry that each of ``decisions`` is about; of ``undecided`` sets that are not absorbed none are kept.
    """

    groups: HostGroups
    together: int
    sets: Numbers
    displaced: Numbers
    lost: Numbers
    lost_otherwise: Numbers
    least: Numbers
    proven: int
    decisions: Decisions
    of_set: Numbers
    undecided: int

    @property
    def absorbed(self) -> int:
        """How many sets are absorbed, those that are for sure included."""
        return self.proven + int((self.lost == 0).sum())

    def name(self, entry: int) -> str:
        """Return what fails in an entry, such as ``h1 + h2``."""
        return " + ".join(self.groups.names[group] for group in self.sets[entry].tolist())


def sets_to_try(groups: HostGroups, together: int, proof: Proof | None, limit: int) -> Numbers:
    """Return the sets of so many groups that have to be tried: all single ones, larger ones unless proven absorbed.

    int64[n, together]. Raises InvalidRequestError for more than ``limit``, or where more would have to be looked at.
    """
    if together == 1:
        sets = np.arange(len(groups), dtype=np.int64)[:, np.newaxis]
        if len(sets) > limit:
            raise _too_many(f"{len(sets)} failures", limit)
        return sets
    parts: list[Numbers] = []
    found = 0
    all_sets = _all_sets(len(groups), together) if proof is None else proof.open_sets(together)
    for looked_at, part in enumerate(all_sets):
        found += len(part)
        if found > limit or looked_at > limit:
            all_of_them = math.comb(len(groups), together)
            raise _too_many(f"{all_of_them} sets of {together} {groups.kind}s, of which too many", limit)
        if len(part):
            parts.append(part)
    return np.concatenate(parts) if parts else np.empty((0, together), dtype=np.int64)


def _too_many(what: str, limit: int) -> InvalidRequestError:
    return InvalidRequestError(
        f"fail: {what} would have to be tried, more than fail.limit = {limit}: raise it, fail fewer together, or ask "
        "for racks instead of hosts"
    )


def _all_sets(groups: int, together: int) -> Iterator[Numbers]:
    left: Iterable[tuple[int, ...]] = combinations(range(groups), together)
    while part := list(islice(left, _SETS_AT_ONCE)):
        yield np.array(part, dtype=np.int64)


def rehearse_sets(
    world: World,
    held: Held,
    headroom: Headroom,
    groups: HostGroups,
    sets: Numbers,
    *,
    order: Order,
    keep_placed: bool,
    time_s: float,
    progress: Progress,
    few_rows: int = FEW_ROWS,
    most_decisions: int = MOST_DECISIONS,
) -> Failures:
    """Have every set fail by itself and return what became of it; the world is as before afterwards.

    A set's instances are placed one after the other by the chain, on the hosts that stay, while all else holds what it
    holds. ``keep_placed``: decisions are of every instance, not only of those that found no host. ``few_rows``: sets of
    no more hosts are not taken out of the fleet, but kept out of each placing; the answers are the same.
    ``most_decisions``: once so many are kept of sets of several groups, those of further sets are not.
    """
    together = sets.shape[1]
    displaced, lost, lost_otherwise, least = np.zeros((4, len(sets)), dtype=np.int64)
    parts: list[Decisions] = []
    entries: list[Numbers] = []
    kept = undecided = 0
    report_every = max(_REPORT_EVERY, len(sets) // _REPORTS)
    what = f"failing {groups.kind}s" if together == 1 else f"failing {together} {groups.kind}s together"
    for entry, chosen in enumerate(sets):
        if entry % report_every == 0:
            progress(what, entry, len(sets))
        rows = groups.rows_of(chosen)
        instances = held.on_rows(rows)
        displaced[entry] = len(instances)
        if not len(instances):
            continue
        asked = instances if order == "oldest_first" else held.largest_first(instances)
        with _gone(world, rows, few_rows) as without:
            found = world.rehearse(asked, without=without)
            refused = found.refused
            lost[entry] = refused.sum()
            if (lost[entry] or keep_placed) and (together == 1 or kept < most_decisions):
                decisions = _decisions(world, asked, found, rows, time_s)
                parts.append(decisions if keep_placed else _taken(decisions, refused))
                entries.append(np.full(len(parts[-1]), entry, dtype=np.int64))
                kept += len(parts[-1])
            elif lost[entry]:
                undecided += 1
            if lost[entry]:
                other = held.largest_first(instances) if order == "oldest_first" else instances
                lost_otherwise[entry] = world.rehearse(other, without=without).refused.sum()
        if lost[entry]:
            least[entry] = headroom.least_lost(instances, rows)
    progress(what, len(sets), len(sets))
    return Failures(
        groups,
        together,
        sets,
        displaced,
        lost,
        lost_otherwise,
        least,
        math.comb(len(groups), together) - len(sets),
        Decisions.joined(parts),
        np.concatenate(entries) if entries else np.empty(0, dtype=np.int64),
        undecided,
    )


@contextmanager
def _gone(world: World, rows: Numbers, few_rows: int) -> Iterator[Numbers]:
    """Have hosts be gone for a while, and yield the rows that rehearsals have to be told not to use."""
    if len(rows) <= few_rows:
        yield rows
        return
    there = rows[world.table.columns["present"][rows] == 1]
    world.block(there)
    try:
        yield rows[:0]
    finally:
        world.unblock(there)


def _taken(decisions: Decisions, which: npt.NDArray[np.bool_]) -> Decisions:
    return Decisions(*(getattr(decisions, item.name)[which] for item in fields(Decisions)))


def _decisions(world: World, instances: Numbers, found: Found, gone: Numbers, time_s: float) -> Decisions:
    """Return a rehearsal's decisions, those that found no host explained."""
    made = Decisions.of(time_s, instances, world.codes[instances], Cause.EVACUATE, found.rows, found.weights)
    refused = made.refused
    if refused.any():
        # nothing is claimed any more, so that what was placed is given back again at the end
        placed = np.flatnonzero(~refused)
        rows = np.concatenate([found.rows, found.rows[placed]])
        codes = np.concatenate([made.codes, made.codes[placed]])
        signs = np.concatenate([np.where(refused, 0, 1), np.full(len(placed), -1)]).astype(np.int8)
        made.reasons[refused], made.short[refused] = explain_refused(world, rows, codes, signs, without=gone)
    return made
