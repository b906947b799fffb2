"""Workloads drawn anew for a forecast: a mix by its distributions, a trace by whole blocks of it.

Blocks of arrivals are drawn with replacement and laid one after the other (the moving block bootstrap, Kuensch 1989),
so that what hangs together within a block, such as batches and hours of the day, stays together. Where the trace lasts
several days a block begins at the time of day at which it is laid down. Growth thins a block, or lays further blocks
over it and thins the last of them, so that it is not the same instances that come twice at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.inputs import Inputs
from engine.whatif.scenario.model import Scenario
from engine.whatif.workload import NO_GROUP, Workload
from engine.whatif.workloads.arrivals import growth_per_second
from engine.whatif.workloads.events import Spans, events_in_order
from engine.whatif.workloads.limits import MAX_INSTANCES
from engine.whatif.workloads.make import make_workload
from engine.whatif.workloads.mix import mix_workload
from engine.whatif.workloads.pouring import copies_named
from engine.whatif.workloads.server_groups import together
from engine.whatif.world import World

_DAY_S: Final = 86_400.0
_KEY: Final = "forecast"

Numbers = NDArray[np.int64]
Seconds = NDArray[np.float64]


def resampled(scenario: Scenario, inputs: Inputs, world: World, *, seed: int, base: Workload | None = None) -> Workload:
    """Return the scenario's workload drawn anew by ``seed`` up to the forecast's horizon, grown as the forecast says.

    ``base`` is the trace's own workload (``make_workload``) where the caller has it already: many draws read it once. A
    mix that grows by itself grows by both. Raises InvalidRequestError where there is nothing that goes on.
    """
    forecast, workload = scenario.forecast, scenario.workload
    rng = np.random.default_rng(seed)
    growth = growth_per_second(forecast.growth_percent, forecast.growth_period)
    if workload.mix is not None:
        return mix_workload(workload.mix, world, rng, duration_s=forecast.horizon, growth=growth)
    if workload.trace is None:
        raise InvalidRequestError("workload: a forecast needs a trace or a mix, which go on in time", field="workload")
    if workload.trace.shuffle:
        raise InvalidRequestError(
            "workload.trace.shuffle: a shuffled trace has no times to forecast by; leave it out",
            field="workload.trace.shuffle",
        )
    if base is None:
        base = make_workload(scenario, inputs, world, seed=seed)
    return resampled_trace(base, horizon_s=forecast.horizon, block_s=forecast.block, growth=growth, rng=rng)


def resampled_trace(
    base: Workload, *, horizon_s: float, block_s: float, growth: float, rng: np.random.Generator
) -> Workload:
    """Return a workload of whole blocks of ``base`` until ``horizon_s``; its rate at t is exp(``growth`` t) times that.

    What comes at the very start is there once, at 0. Instances keep their lifetimes; deletes beyond the horizon are
    left out. Server groups are thinned as a whole, and those of two blocks are two. Raises InvalidRequestError where
    the trace is shorter than two blocks, or the forecast has more instances than fit in memory.
    """
    arrivals = _Arrivals.of(base)
    blocks = _blocks(arrivals, horizon_s, block_s, growth, rng)
    drawn, block_of, times = _laid_down(arrivals, blocks)
    kept = times < horizon_s
    kept &= _thinned(arrivals.groups[drawn], block_of, np.exp(growth * times) - blocks.layers[block_of], rng)
    order = np.flatnonzero(kept)
    order = order[np.argsort(times[order], kind="stable")]
    first = np.arange(arrivals.at_start)
    taken = np.concatenate([first, drawn[order]])
    created = np.concatenate([np.zeros(len(first)), times[order]])
    deleted = created + arrivals.lifetimes[taken]
    events = events_in_order(Spans(np.arange(len(taken)), created, deleted, deleted <= horizon_s))
    groups = None
    if base.groups is not None:
        of_blocks = np.concatenate([np.full(len(first), -1), block_of[order]])
        groups = _apart(arrivals.groups[taken], of_blocks)
    names = copies_named(base.names.take(pa.array(arrivals.entries)), taken)
    return Workload(base.requests, base.codes[arrivals.entries[taken]], names, events, groups, base.rule)


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """A workload's instances in the order they come, the first ``at_start`` of them at 0.

    ``entries`` are their entries in the workload; ``lifetimes`` may be infinite.
    """

    entries: Numbers
    created: Seconds
    lifetimes: Seconds
    groups: NDArray[np.int32]
    at_start: int

    @classmethod
    def of(cls, base: Workload) -> _Arrivals:
        """Return a workload's arrivals."""
        events = base.events
        entries, created = events.instances[events.creates], events.times_s[events.creates]
        gone = np.full(len(base), np.inf)
        gone[events.instances[~events.creates]] = events.times_s[~events.creates]
        groups = np.full(len(base), NO_GROUP, dtype=np.int32) if base.groups is None else base.groups
        return cls(
            entries, created, gone[entries] - created, groups[entries], int(np.searchsorted(created, 0.0, side="right"))
        )


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks to lay down, in time order: from where in the trace, to when in the run, and over how many others.

    ``low`` and ``high`` are the arrivals that each takes.
    """

    starts: Seconds
    targets: Seconds
    layers: Numbers
    low: Numbers
    high: Numbers


def _blocks(arrivals: _Arrivals, horizon_s: float, block_s: float, growth: float, rng: np.random.Generator) -> _Blocks:
    span = float(arrivals.created[-1]) if len(arrivals.created) else 0.0
    if not 0 < block_s <= span / 2:
        raise InvalidRequestError(
            f"{_KEY}.block: the trace's arrivals last {span:g} s, in which a block of {block_s:g} s does not fit "
            f"twice; give a block of at most {span / 2:g} s",
            field=f"{_KEY}.block",
        )
    slots = block_s * np.arange(np.ceil(horizon_s / block_s))
    with np.errstate(over="ignore"):
        # what grows beyond all numbers is refused for its many instances
        highest = np.maximum(np.exp(growth * slots), np.exp(growth * np.minimum(slots + block_s, horizon_s)))
    mean = (len(arrivals.created) - arrivals.at_start) / span
    if not mean * block_s * float(highest.sum()) <= MAX_INSTANCES:
        raise InvalidRequestError(
            f"{_KEY}: more than {MAX_INSTANCES} instances come until the horizon; lower horizon or growth",
            field=f"{_KEY}.horizon",
        )
    several = np.ceil(highest).astype(np.int64)
    targets = np.repeat(slots, several)
    layers = np.arange(len(targets)) - np.repeat(np.cumsum(several) - several, several)
    phases = np.mod(targets, _DAY_S)
    days = np.floor((span - block_s - phases) / _DAY_S) + 1
    picks = rng.random(len(targets))
    starts = np.where(days >= 2, phases + _DAY_S * np.floor(picks * days), picks * (span - block_s))
    low = np.maximum(np.searchsorted(arrivals.created, starts), arrivals.at_start)
    return _Blocks(starts, targets, layers, low, np.maximum(np.searchsorted(arrivals.created, starts + block_s), low))


def _laid_down(arrivals: _Arrivals, blocks: _Blocks) -> tuple[Numbers, Numbers, Seconds]:
    """Return the arrivals of all blocks, the block of each, and when it comes."""
    counts = blocks.high - blocks.low
    block_of = np.repeat(np.arange(len(counts)), counts)
    drawn = np.arange(len(block_of)) - np.repeat(np.cumsum(counts) - counts - blocks.low, counts)
    return drawn, block_of, blocks.targets[block_of] + (arrivals.created[drawn] - blocks.starts[block_of])


def _thinned(
    groups: NDArray[np.int32], block_of: Numbers, shares: Seconds, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which arrivals stay, each with the chance of its share; those of a group in one block stay together."""
    chances = rng.random(len(shares))
    grouped = np.flatnonzero(groups != NO_GROUP)
    if len(grouped):
        # the first of a group decides for all
        pairs = block_of[grouped] * (int(groups.max()) + 1) + groups[grouped]
        first, number = np.unique(pairs, return_index=True, return_inverse=True)[1:]
        leads = grouped[first][number.reshape(-1)]
        chances[grouped], shares[grouped] = chances[leads], shares[leads]
    return chances < shares


def _apart(groups: NDArray[np.int32], block_of: Numbers) -> NDArray[np.int32]:
    """Return server groups renumbered so that those of two blocks are two; ``block_of`` is -1 for none."""
    numbers = (block_of + 1) * (int(groups.max(initial=-1)) + 2) + groups
    return together(np.where(groups == NO_GROUP, NO_GROUP, numbers))
