"""Tiers: as many of a large instance as fit, then of a smaller one, and so on, as Ganeti's hspace allocates in tiers.

Each is placed for real, on a fork, by the chain. When no more fit, what most of the hosts are short of that could take
the least of them is made a step smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import InvalidRequestError
from engine.model.request_spec import RequestSpec
from engine.whatif.answer import Progress
from engine.whatif.decisions import Cause, Decisions, Outcome
from engine.whatif.measure.shortages import explain_refused
from engine.whatif.measure.slots import free_slots, host_slots
from engine.whatif.questions.sizes import Sizes, resized, sizes_of, smaller
from engine.whatif.world import Found, World

RESOURCES: Final = ("vcpu", "memory_mb", "disk_gb")
_FREE: Final = ("vcpu_free", "memory_mb_free", "disk_gb_free")
_BATCH: Final = 65_536


@dataclass(frozen=True, slots=True)
class Tier:
    """Instances of one size: how many fitted, and which resource ran out, empty where there is nothing left to give."""

    flavor: str
    sizes: Sizes
    placed: int
    ran_out: str


@dataclass(frozen=True, slots=True)
class Tiered:
    """The tiers in the order they were placed, the world with all of them, and every decision."""

    tiers: tuple[Tier, ...]
    world: World
    decisions: Decisions


def place_tiers(world: World, start: RequestSpec, least: Sizes, *, time_s: float, progress: Progress) -> Tiered:
    """Place as many of ``start`` as fit, then of smaller ones down to ``least``; the world stays as it is.

    Of each size that fitted the decisions end with the first instance that did not, which says why.
    """
    fork = world.fork()
    first = sizes_of(start.flavor)
    least = Sizes(*(min(one, other) for one, other in zip(least, first, strict=True)))
    sizes, tiers = first, list[Tier]()
    parts: list[Decisions] = []
    known = len(fork.instances)
    while True:
        request = _resized(start, sizes)
        code = -1 if request is None else fork.code(request)
        part = (
            None if request is None or not free_slots(fork, code) else _place_all(fork, code, known, time_s, progress)
        )
        resource = _short_of(fork, start, code, sizes, least)
        if part is not None and request is not None:
            many = int((~part.refused).sum())
            parts.append(part)
            tiers.append(Tier(request.flavor.name, sizes, many, "" if resource < 0 else RESOURCES[resource]))
        if resource < 0:
            break
        sizes = smaller(sizes, resource, first, least)
    return Tiered(tuple(tiers), fork, Decisions.joined(parts))


def _resized(start: RequestSpec, sizes: Sizes) -> RequestSpec | None:
    """Return the request of some sizes, None where its NUMA cells or devices do not allow for them."""
    try:
        return resized(start, sizes)
    except InvalidRequestError:
        if sizes == sizes_of(start.flavor):
            raise
        return None


def _place_all(world: World, code: int, known: int, time_s: float, progress: Progress) -> Decisions:
    """Place instances of a request until one finds no host, and return the decisions up to that one.

    They are called by their number among those beyond the ``known`` ones.
    """
    parts: list[Decisions] = []
    while not parts or not parts[-1].refused.any():
        many = min(_BATCH, free_slots(world, code) + 1)
        before = len(world.instances) - known
        numbers = pa.array(np.arange(before + 1, before + many + 1)).cast(pa.string())
        names = pc.binary_join_element_wise("fit", numbers, "-")
        first = world.add(np.full(many, code, dtype=np.int32), names)
        instances = np.arange(first, first + many, dtype=np.int64)
        parts.append(_decided(world, instances, world.place(instances), time_s))
        progress("placing in tiers", before + many, 0)
    return Decisions.joined(parts)


def _decided(world: World, instances: npt.NDArray[np.int64], found: Found, time_s: float) -> Decisions:
    """Return decisions up to the first refusal, which is explained."""
    refused = np.flatnonzero(found.refused)
    many = int(refused[0]) + 1 if len(refused) else len(instances)
    made = Decisions.empty(many)
    made.times_s[:] = time_s
    made.instances[:] = instances[:many]
    made.codes[:] = world.codes[instances[:many]]
    made.causes[:] = Cause.CREATE
    made.outcomes[:] = np.where(found.refused[:many], Outcome.REFUSED, Outcome.PLACED)
    made.rows[:] = found.rows[:many]
    made.weights[:] = found.weights[:many]
    if len(refused):
        # equal requests behind the first that was refused were refused too, so that nothing is to be undone
        signs = np.zeros(1, dtype=np.int8)
        made.reasons[-1:], made.short[-1:] = explain_refused(world, found.rows[refused[:1]], made.codes[-1:], signs)
    return made


def _short_of(world: World, start: RequestSpec, code: int, sizes: Sizes, least: Sizes) -> int:
    """Return the place of the resource to make smaller: what most hosts lack that could still take the least size.

    Where none of these lacks anything, or the size itself cannot be, it is what is the farthest above its least. -1
    where no host could take the least or nothing can be made smaller.
    """
    above = np.array([size > low for size, low in zip(sizes, least, strict=True)])
    smallest = _resized(start, least)
    if not above.any() or smallest is None:
        return -1
    open_rows = np.flatnonzero(host_slots(world, world.code(smallest)))
    if not len(open_rows):
        return -1
    short = np.zeros(len(RESOURCES), dtype=np.int64)
    if code >= 0:
        amounts = world.amounts(code)
        short = np.array(
            [
                (world.table.columns[name][open_rows] < amount).sum()
                for name, amount in zip(_FREE, amounts, strict=False)
            ]
        )
    short[~above] = 0
    if short.any():
        return int(short.argmax())
    return int(np.argmax([(size - low) / max(size, 1) for size, low in zip(sizes, least, strict=True)]))
