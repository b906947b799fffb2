"""The workload of a fill: instances of some flavors, one after the other, until the fleet refuses them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import InvalidRequestError
from engine.whatif.changes import apply_change
from engine.whatif.scenario.changes import Change
from engine.whatif.scenario.workload import FillWorkload
from engine.whatif.workload import Workload
from engine.whatif.workloads.fill_bounds import FillBounds, fill_bounds
from engine.whatif.workloads.limits import MAX_INSTANCES
from engine.whatif.workloads.mix import drawn, shares_of
from engine.whatif.workloads.pouring import in_turn_events
from engine.whatif.world import World

_KEY = "workload.fill"
_FIRST_CHUNK = 64
_MOST_CHUNK = 4096
_FIRST_DRAWS = 65_536
_MOST_DRAWS = 4_194_304

Codes = NDArray[np.int32]


def fill_workload(
    fill: FillWorkload, world: World, rng: np.random.Generator, *, changes: Sequence[Change] = (), seed: int = 0
) -> Workload:
    """Return the workload of a fill of the world as it is: so long that it ends by its refusals, and not before.

    One instance comes a second, so that its time is its place in the order. ``changes`` are the scenario's, in order:
    they may make room. ``largest_first`` tries how many of each flavor find a host after those changes that come before
    all instances, which ``seed`` decides as it decides the run's. Raises InvalidRequestError for a flavor that is not
    known, and where nothing that the chain looks at bounds how many fit, or too many do.
    """
    codes, shares = shares_of(fill.flavors, world, key=f"{_KEY}.flavors")
    if fill.order == "largest_first":
        filled, stop = _largest_first(fill, codes, _begun(world, changes, seed)), 0
    else:
        bounds = fill_bounds(world, codes, changes)
        if not fill.limit and not bounds.is_finite:
            raise InvalidRequestError(
                f"{_KEY}: nothing that the chain looks at bounds how many instances fit; give a limit",
                field=f"{_KEY}.limit",
            )
        if fill.order == "in_turn":
            filled = _in_turn(fill, codes, shares, bounds)
        else:
            filled = _shuffled(fill, codes, shares, bounds, rng)
        stop = fill.refusals
    names = pa.array(np.arange(len(filled)))
    return Workload(tuple(world.requests), filled, names, in_turn_events(len(filled)), stop_after_refusals=stop)


def _begun(world: World, changes: Sequence[Change], seed: int) -> World:
    """Return a fork of the world after the changes that come before all instances."""
    begun, rng = world.fork(), np.random.default_rng(seed)
    for change in changes:
        if change.at <= 0:
            apply_change(change, begun, rng)
    return begun


def _shuffled(
    fill: FillWorkload,
    codes: Codes,
    shares: NDArray[np.float64],
    bounds: FillBounds,
    rng: np.random.Generator,
) -> Codes:
    """Return flavors drawn by their shares, as many as surely hold the refusals."""
    parts: list[NDArray[np.int64]] = []
    sums = np.zeros(len(bounds.rooms), dtype=np.int64)
    many, draws = 0, _FIRST_DRAWS
    while True:
        picks = drawn(shares, draws, rng)
        running = sums + np.cumsum(bounds.sizes[picks], axis=0)
        ends = np.flatnonzero(bounds.are_beyond(running, fill.refusals))
        last = int(ends[0]) + 1 if len(ends) else len(picks)
        if fill.limit:
            last = min(last, fill.limit - many)
        parts.append(picks[:last])
        many += last
        _check_many(many)
        if len(ends) or many == fill.limit:
            return codes[np.concatenate(parts)]
        sums, draws = running[-1], min(2 * draws, _MOST_DRAWS)


def _in_turn(fill: FillWorkload, codes: Codes, shares: NDArray[np.float64], bounds: FillBounds) -> Codes:
    """Return flavors in proportion to their shares throughout, as many as surely hold the refusals."""
    many = fill.limit
    if bounds.is_finite:
        # the k-th of a flavor comes within as many places of its due one as there are flavors
        each = shares @ bounds.sizes
        beyond = bounds.rooms + fill.refusals * bounds.sizes.max(axis=0) + bounds.sizes.sum(axis=0)
        taken = each > 0
        needed = int(min(np.min(beyond[taken] / each[taken]), MAX_INSTANCES)) + len(codes) + 1
        many = min(needed, fill.limit) if fill.limit else needed
    _check_many(many)
    counts = np.ceil(shares * many).astype(np.int64) + 1
    flavors = np.repeat(np.arange(len(codes)), counts)
    places = np.arange(len(flavors)) - np.repeat(np.cumsum(counts) - counts, counts)
    # the k-th of a flavor is due in the middle of the k-th part of its share
    order = np.argsort((places + 0.5) / shares[flavors], kind="stable")[:many]
    return codes[flavors[order]]


def _largest_first(fill: FillWorkload, codes: Codes, trial: World) -> Codes:
    """Return of each flavor as many as find a host after those before it, and those of it that are refused then.

    They are placed on ``trial``: where the chain chooses at random, the run itself may find a place for more or fewer.
    """
    largest = sorted(range(len(codes)), key=lambda index: _largeness(trial, int(codes[index])), reverse=True)
    parts: list[Codes] = []
    many = 0
    for code in codes[largest].tolist():
        refused, chunk = 0, _FIRST_CHUNK
        while refused < fill.refusals and not (fill.limit and many >= fill.limit):
            chunk = min(chunk, fill.limit - many) if fill.limit else chunk
            same = np.full(chunk, code, dtype=np.int32)
            asked = np.full(chunk, trial.replaced.get(code, code), dtype=np.int32)
            first = trial.add(asked, pa.array(np.arange(many, many + chunk)))
            found = trial.place(np.arange(first, first + chunk))
            misses = np.flatnonzero(found.refused)
            needed = fill.refusals - refused
            taken = int(misses[needed - 1]) + 1 if len(misses) >= needed else chunk
            # those behind the last that counts were never asked for
            trial.give_back(np.arange(first + taken, first + chunk))
            refused += min(len(misses), needed)
            parts.append(same[:taken])
            many += taken
            _check_many(many)
            chunk = min(2 * chunk, _MOST_CHUNK)
    return np.concatenate(parts) if parts else codes[:0]


def _largeness(world: World, code: int) -> tuple[int, int, int]:
    """Return what flavors are compared by: memory, then vCPUs, then disk."""
    amounts = world.amounts(world.replaced.get(code, code))
    return amounts.flavor_memory_mb, amounts.flavor_vcpus, amounts.flavor_disk_gb


def _check_many(many: int) -> None:
    if many > MAX_INSTANCES:
        raise InvalidRequestError(
            f"{_KEY}: more than {MAX_INSTANCES} instances might fit; give a limit", field=f"{_KEY}.limit"
        )
