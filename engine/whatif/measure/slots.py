"""Slots: how many more instances of a request fit, on each host and in all, by the chain that would place them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.scheduler.select import Selector
from engine.whatif.measure.device_slots import device_slots, filled_slots
from engine.whatif.measure.kernels import BLOCK, compiled
from engine.whatif.measure.kinds import Kinds, kinds_of
from engine.whatif.measure.meters import Floats, Meters, beyond_columns, deciding_meters, read_meters
from engine.whatif.measure.room_slots import UNCOUNTED
from engine.whatif.measure.standing import Standings
from engine.whatif.world import World

MOST_SLOTS: Final = 2**31 - 1
"""So many of a request fit on a host where nothing limits it: more instances than a host can count."""


def host_slots(world: World, code: int) -> npt.NDArray[np.int64]:
    """Return int64[rows]: how many more instances of one request fit on each host by itself, MOST_SLOTS if no end.

    Exact by the chain as it is now. Where columns and texts decide, it is worked out from the amounts; otherwise (NUMA
    cells, devices, provider trees) one host of each state is filled on a fork of the world. No server group is asked.
    Raises InvalidRequestError for a request that contradicts itself.
    """
    selector = world.selector
    meters = _meters(world, [code])
    kinds = kinds_of(Standings(selector), meters, [world.requests[code]])
    most = _most_by_meters(meters, kinds)
    return most if is_metered(selector, world, code) else device_slots(world, code, most)


def quick_slots(world: World, code: int) -> int | None:
    """Return what ``free_slots`` does where no host has to be filled to tell, None where one has."""
    selector = world.selector
    meters = _meters(world, [code])
    most = _most_by_meters(meters, kinds_of(Standings(selector), meters, [world.requests[code]]))
    if not is_metered(selector, world, code):
        if world.table.sharing:
            return None
        most = device_slots(world, code, most, fill=False)
    return None if (most == UNCOUNTED).any() else int(most.sum())


def free_slots(world: World, code: int) -> int:
    """Return how many more instances of one request alone fit in all, as ``host_slots`` says of each host.

    Where hosts draw on providers that they share, they are filled together, by the chain, until one is refused.
    """
    alone = host_slots(world, code)
    is_endless = bool((alone == MOST_SLOTS).any())
    if world.table.sharing and not is_endless and not is_metered(world.selector, world, code):
        return filled_slots(world, code)
    return int(alone.sum())


def slots_of(world: World, codes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return int64[codes]: the free slots of each request, in one pass over the hosts for those that amounts decide."""
    metered = [is_metered(world.selector, world, code) for code in codes]
    found = np.zeros(len(codes), dtype=np.int64)
    together = [code for code, alone in zip(codes, metered, strict=True) if alone]
    if together:
        meters = _meters(world, together)
        kinds = kinds_of(Standings(world.selector), meters, [world.requests[code] for code in together])
        found[np.flatnonzero(metered)] = count_slots(meters, kinds)[kinds.kind_of]
    for index in np.flatnonzero(~np.array(metered, dtype=np.bool_)).tolist():
        found[index] = free_slots(world, codes[index])
    return found


def count_slots(meters: Meters, kinds: Kinds) -> npt.NDArray[np.int64]:
    """Return int64[kinds]: how many more of each alone fit on all hosts, as far as meters and masks say."""
    totals = np.zeros(len(kinds), dtype=np.float64)
    compiled().count_slots(
        meters.values,
        kinds.masks,
        kinds.ends,
        kinds.needs,
        kinds.taken,
        float(MOST_SLOTS),
        np.zeros((2, BLOCK), dtype=np.float64),
        totals,
    )
    return totals.astype(np.int64)


def is_metered(selector: Selector, world: World, code: int) -> bool:
    """Whether amounts, texts and numbers of instances alone decide where a request fits."""
    demand, chain = selector.demand(world.requests[code]), selector.chain
    by_columns = demand.plain and beyond_columns(chain, world.table) is None
    return bool(demand.refusal) or (by_columns and chain.has_class(demand.request))


def _most_by_meters(meters: Meters, kinds: Kinds) -> npt.NDArray[np.int64]:
    """Return int64[rows]: how many more of the one kind fit on each host, as far as meters and its mask say."""
    most: Floats = np.full(meters.values.shape[1], float(MOST_SLOTS))
    for values, need, taken in zip(meters.values, kinds.needs[:, 0], kinds.taken[:, 0], strict=True):
        more = np.floor((values - need) / taken) + 1 if taken else np.full_like(values, np.inf)
        np.minimum(most, np.where(values >= need, more, 0.0), out=most)
    most[kinds.masks[0] == 0] = 0.0
    return most.astype(np.int64)


def _meters(world: World, codes: Sequence[int]) -> Meters:
    """Return the meters that may stop one of some requests."""
    chain, table = world.selector.chain, world.table
    deciding = deciding_meters(chain, table, [world.amounts(code) for code in codes])
    return read_meters(chain, table, beyond_columns(chain, table), wanted=deciding)
