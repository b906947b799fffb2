"""Emptying: hosts take nothing new and their instances move elsewhere, host after host or all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.whatif.answer import Progress
from engine.whatif.decisions import Cause, Decisions
from engine.whatif.measure.shortages import explain_refused
from engine.whatif.questions.held import Held, held_in
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Emptied:
    """What became of hosts that were to be emptied, one entry a host in the order in which they were.

    ``rows``, ``held`` (instances before), ``left`` (still there afterwards) and ``moved_mb`` (MiB of memory) are int64;
    ``world`` is as afterwards, with the hosts blocked. ``decisions`` are of every instance, ``sources`` int64 the row
    it was on.
    """

    world: World
    rows: Numbers
    held: Numbers
    left: Numbers
    moved_mb: Numbers
    decisions: Decisions
    sources: Numbers


def emptying_order(held: Held, rows: Numbers) -> Numbers:
    """Return hosts in the order to empty them: the one of the fewest instances first, in the fleet's order of equals.

    Empty hosts are done at once, and early ones are quick: so the most hosts are free at any time.
    """
    return rows[np.argsort(held.counts[rows], kind="stable")]


def empty_hosts(
    world: World,
    rows: Numbers,
    *,
    by: Literal["host", "all"],
    time_s: float,
    progress: Progress,
    largest_first: bool = False,
) -> Emptied:
    """Empty hosts (``rows`` ascending) on a fork of the world; none of them takes anything from the beginning on.

    ``by`` host: one after the other, each one's instances placed in turn while they hold their old places, then moved;
    ``all``: the instances of all of them in turn. ``largest_first``: the largest in turn instead of the oldest.
    """
    fork = world.fork()
    fork.block(rows)
    held = held_in(fork)
    order = emptying_order(held, rows)
    parts = []
    for done, chosen in enumerate(order[:, np.newaxis] if by == "host" else [order]):
        progress("emptying hosts", done, len(order) if by == "host" else 1)
        instances = held.on_rows(np.sort(chosen))
        if len(instances):
            parts.append(_moved(fork, held.largest_first(instances) if largest_first else instances, time_s))
    decisions = Decisions.joined(parts)
    sources = world.rows[decisions.instances].astype(np.int64)
    moved = ~decisions.refused
    memory_mb = np.array([item.flavor.memory_mb for item in fork.requests], dtype=np.int64)
    sizes = memory_mb[decisions.codes[moved]] if len(memory_mb) else np.empty(0, dtype=np.int64)
    moved_mb = np.zeros(world.table.rows, dtype=np.int64)
    np.add.at(moved_mb, sources[moved], sizes)
    left = np.bincount(sources[~moved], minlength=world.table.rows)
    return Emptied(fork, order, held.counts[order], left[order], moved_mb[order], decisions, sources)


def _moved(world: World, instances: Numbers, time_s: float) -> Decisions:
    """Move instances and return the decisions, those that found no host explained."""
    found = world.move(instances)
    made = Decisions.of(time_s, instances, world.codes[instances], Cause.DRAIN, found.rows, found.weights)
    if found.refused.any():
        # what was given back was on hosts that take nothing, and so made room for none
        signs = np.where(found.refused, 0, 1).astype(np.int8)
        made.reasons[found.refused], made.short[found.refused] = explain_refused(world, found.rows, made.codes, signs)
    return made
