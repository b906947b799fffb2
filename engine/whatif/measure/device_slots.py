"""Slots of requests that amounts do not decide: NUMA cells, PCI devices, providers beneath a host, those hosts share.

Where they are shares of alike providers, the providers' rooms tell. Otherwise they are counted by filling: on a fork of
the world an instance after the other is assigned to a host until it takes no more. Hosts in the same state take the
same number, so one of them is filled.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.inventory.fact_groups import distinct
from engine.inventory.schema import CLASS_PREFIX
from engine.inventory.usage import Amounts, assigned_amounts
from engine.model.assignment import Assignment
from engine.scheduler.inquiry import Inquiry, make_inquiry
from engine.scheduler.registry import Filter
from engine.scheduler.single_filter import passes_filter
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.static_mask import depends_on_usage
from engine.whatif.measure.room_slots import UNCOUNTED, slots_by_rooms
from engine.whatif.world import World

Numbers = npt.NDArray[np.int64]

_STATE: Final = (
    "numa",
    "pci",
    "tree",
    "profile",
    "membership",
    "units",
    *(
        f"{prefix}_{name}"
        for prefix in CLASS_PREFIX.values()
        for name in ("total", "reserved", "allocation_ratio", "free")
    ),
)
"""The columns of which hosts that are alike take the same number of instances."""

_DEVICES: Final = ("numa", "pci", "tree")
_NO_BITS = np.empty(0, dtype=np.uint32)


def device_slots(world: World, code: int, most: Numbers, *, fill: bool = True) -> Numbers:
    """Return int64[rows]: how many more instances of a request fit on each host by itself.

    ``most`` is a bound of each, by all that is not a device; it is what comes back where devices set no end. Without
    ``fill`` no host is filled, and those that would have to be are UNCOUNTED.
    """
    inquiry = _inquiry(world, code)
    table = world.table
    anew = _compared_with_usage(inquiry)
    rows = np.flatnonzero(most > 0)
    for plugin in inquiry.filters:
        if plugin.kind == "sparse":
            rows = rows[passes_filter(plugin, inquiry, rows, _NO_BITS, fault_fails=True)]
    slots = np.zeros(len(most), dtype=np.int64)
    if not anew:
        counted = slots_by_rooms(inquiry, rows)
        slots[rows] = np.minimum(counted, most[rows])
        rows = rows[counted == UNCOUNTED]
    if not len(rows):
        return slots
    if anew:
        # a text that is compared with usage may name the host
        first, alike = np.arange(len(rows)), np.arange(len(rows))
    else:
        first, alike = distinct([*(table.columns[name][rows] for name in _STATE), most[rows]], len(rows))
    if not fill:
        slots[rows] = UNCOUNTED
        return slots
    fork = world.fork()
    on_fork = _inquiry(fork, code)
    filled = [_fill(fork, on_fork, code, int(row), int(most[row]), anew) for row in rows[first].tolist()]
    slots[rows] = np.array(filled, dtype=np.int64)[alike]
    return slots


def _inquiry(world: World, code: int) -> Inquiry:
    selector = world.selector
    demand = selector.demand(world.requests[code])
    return make_inquiry(selector.chain, world.table, demand, SelectionContext(world.table), selector.verdicts)


def _compared_with_usage(inquiry: Inquiry) -> list[Filter]:
    """Return the text filters whose verdict a claim may change."""
    request = inquiry.demand.request
    return [item for item in inquiry.filters if item.kind == "text" and depends_on_usage(item, request)]


def filled_slots(world: World, code: int) -> int:
    """Return how many more instances of a request the chain places in all, on a fork, until it refuses one."""
    fork = world.fork()
    placed, many = 0, 64
    while True:
        first = fork.add(np.full(many, code, dtype=np.int32), pa.nulls(many, pa.string()))
        found = fork.place(np.arange(first, first + many))
        refused = found.refused
        if refused.any():
            return placed + int(np.argmax(refused))
        placed, many = placed + many, min(2 * many, 4096)


def _fill(fork: World, inquiry: Inquiry, code: int, row: int, most: int, anew: list[Filter]) -> int:
    """Return how many instances a host takes, at most ``most``; what they take is given back."""
    table, selector = fork.table, fork.selector
    request, amounts = fork.requests[code], inquiry.demand.amounts
    uuid = table.identity.uuids[row]
    here = np.array([row], dtype=np.int64)
    held: list[tuple[Amounts, Assignment | None]] = []
    while len(held) < most:
        if not all(passes_filter(item, inquiry, here, _NO_BITS, fault_fails=True)[0] for item in anew):
            break
        chosen = selector.assign(row, request)
        if chosen is None:
            break
        before = [int(table.columns[name][row]) for name in _DEVICES]
        own = assigned_amounts(amounts, chosen.assignment, uuid)
        table.apply(row, 1, own, chosen.assignment)
        held.append((own, chosen.assignment))
        after = [int(table.columns[name][row]) for name in _DEVICES]
        if before == after and not anew and (chosen.assignment is None or chosen.assignment.candidate is None):
            # nothing but amounts was taken: the bound is all there is
            return _give_back(fork, row, held, most)
    return _give_back(fork, row, held, len(held))


def _give_back(fork: World, row: int, held: list[tuple[Amounts, Assignment | None]], many: int) -> int:
    """Take all back from a host: what hosts share is there for the next one; return ``many``."""
    for amounts, assignment in reversed(held):
        fork.table.apply(row, -1, amounts, assignment)
    return many
