"""Headroom: what can be said of a failure from free slots alone: that it is absorbed for sure, or cannot be.

Both are exact, whichever order instances are built anew in and whatever the weighers make of it.

*Absorbed for sure.* Let ``slots[i, h]`` be how many more of request i alone fit on host h. An instance of j that is
put on h takes at most ``r(j, i)`` of them: of each meter (see engine.whatif.measure.meters) as often as it takes what i
takes, rounded up, and the most of these, for floor(x - a) >= floor(x) - ceil(a). So if the slots of i on all hosts that
stay are at least what all displaced instances together take of them, then one of i finds a host when its turn comes.
Where that holds for each displaced request, all are absorbed.

*Cannot be absorbed.* Instances at least as large as i in every amount, on hosts that all take i, need a slot of i each;
and what is displaced must fit into what is free on the hosts that take any of it, resource by resource.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.whatif.measure.meters import NOT_ASKED, read_meters
from engine.whatif.measure.slots import host_slots
from engine.whatif.questions.held import Held, is_alone_plain
from engine.whatif.questions.places import HostGroups
from engine.whatif.world import World

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_CAPACITY = "CapacityFilter"
_FREE = ("vcpu_free", "memory_mb_free", "disk_gb_free")

_MOST_CELLS = 100_000_000
"""Requests times hosts up to which the proof is worth its memory."""

_ENDLESS = 1 << 32
"""More slots of a request that takes nothing of a host than any sum will ever need."""


@dataclass(slots=True)
class Headroom:
    """Free slots of every request that instances hold, by host.

    ``codes`` int32[c] ascending; ``amounts`` int64[c, 6]; ``plain`` bool[c]: class views answer it. Slots are worked
    out when first asked for: they hold as long as the world stays as it was.
    """

    world: World
    held: Held
    codes: npt.NDArray[np.int32]
    amounts: Numbers
    plain: npt.NDArray[np.bool_]
    _slots: dict[int, Numbers] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, held: Held) -> Headroom:
        """Return the headroom of a world as it is."""
        codes = np.unique(held.codes)
        amounts = np.array([world.amounts(code) for code in codes.tolist()], dtype=np.int64).reshape(len(codes), 6)
        plain = np.array([world.is_plain(code) for code in codes.tolist()], dtype=np.bool_)
        return cls(world, held, codes, amounts, plain)

    def slots(self, index: int) -> Numbers:
        """Return int64 a row: how many more of request ``codes[index]`` alone fit there."""
        found = self._slots.get(index)
        if found is None:
            found = self._slots[index] = np.minimum(host_slots(self.world, int(self.codes[index])), _ENDLESS)
        return found

    # -- what cannot be absorbed ---------------------------------------------------------------------------------------

    def least_lost(self, displaced: Numbers, gone: Numbers) -> int:
        """Return how many of ``displaced`` cannot find a host at least, in any order, if rows ``gone`` are gone.

        0 says nothing. Requests that are not plain count only through what all together ask for.
        """
        if self.world.table.beyond_columns is not None:
            # other providers may give what the columns do not have
            return 0
        counts = np.bincount(np.searchsorted(self.codes, self.world.codes[displaced]), minlength=len(self.codes))
        asked = np.flatnonzero(counts)
        amounts = self.amounts[asked]
        stays = np.ones(self.world.table.rows, dtype=np.bool_)
        stays[gone] = False
        if not self.plain[asked].all():
            usable = stays & (self.world.table.columns["present"][: len(stays)] == 1)
            return self._least_by_amounts(amounts, counts[asked], usable)
        slots = np.array([self.slots(index)[: len(stays)] for index in asked.tolist()])
        slots[:, ~stays] = 0
        nowhere = ~slots.any(axis=1)
        lost_for_sure = int(counts[asked][nowhere].sum())
        counts, amounts, slots = counts[asked][~nowhere], amounts[~nowhere], slots[~nowhere]
        least = self._least_by_amounts(amounts, counts, np.asarray(slots.any(axis=0))) if len(counts) else 0
        passes = slots > 0
        for index in range(len(counts)):
            larger = (amounts >= amounts[index]).all(axis=1)
            if larger.sum() > 1:
                # one that goes where i does not would need no slot of i
                larger &= ~(passes & (slots[index] == 0)).any(axis=1)
            least = max(least, int(counts[larger].sum() - slots[index].sum()))
        return lost_for_sure + least

    def _least_by_amounts(self, amounts: Numbers, counts: Numbers, usable: npt.NDArray[np.bool_]) -> int:
        """Return how many at least stay out because of what is free in all on ``usable`` rows."""
        least = 0
        compares = _CAPACITY in {item.name for item in self.world.selector.chain.column_filters}
        for resource, column in enumerate(_FREE if compares else ()):
            free = int(np.maximum(self.world.table.columns[column][: len(usable)][usable], 0).sum(dtype=np.int64))
            asked = np.sort(np.repeat(amounts[:, resource], counts))
            asked = asked[asked > 0]
            fitting = int(np.searchsorted(np.cumsum(asked), free, side="right"))
            least = max(least, len(asked) - fitting)
        if not usable.any():
            least = max(least, int(counts.sum()))
        return least

    # -- what is absorbed for sure -------------------------------------------------------------------------------------

    def proof(self, groups: HostGroups) -> Proof | None:
        """Return what each group's failure takes at most, None where chain or fleet are such that nothing is proven."""
        table = self.world.table
        if table.beyond_columns is not None:
            return None
        if len(self.codes) * max(table.rows, len(self.held.instances)) > _MOST_CELLS:
            return None
        needs = np.empty((len(self.codes), len(groups)), dtype=np.int64)
        holds = np.empty((len(self.codes), len(groups)), dtype=np.bool_)
        limits = np.empty(len(self.codes), dtype=np.int64)
        meters = read_meters(self.world.selector.chain, table)
        requests = [self.world.amounts(code) for code in self.codes.tolist()]
        takes_of = np.array([meters.taken(item) for item in requests], dtype=np.float64).reshape(
            len(requests), len(meters.meters)
        )
        code_index = np.searchsorted(self.codes, self.held.codes)
        for index in range(len(self.codes)):
            if not self.plain[index]:
                # whoever holds one is particular anyhow
                needs[index], holds[index], limits[index] = 0, False, 0
                continue
            slots = self.slots(index)[: table.rows]
            limits[index] = slots.sum()
            asked = np.array(meters.needs(requests[index])) > NOT_ASKED
            taken = slots_taken(takes_of[:, asked], takes_of[index, asked])[code_index]
            takes = np.bincount(self.held.rows, weights=taken, minlength=table.rows).astype(np.int64)
            needs[index] = groups.sums(slots + takes)
            has = np.bincount(self.held.rows[code_index == index], minlength=table.rows)
            holds[index] = groups.sums(has) > 0
        particular = np.bincount(self.held.rows[~is_alone_plain(self.world, self.held)], minlength=table.rows)
        return Proof(needs, holds, limits, groups.sums(particular) > 0)


def slots_taken(taken: Floats, of: Floats) -> Floats:
    """Return how many slots of a request one instance of each other takes at most, at least one.

    ``taken`` is what each takes of the meters that the request asks for (float64[requests, meters]), ``of`` what the
    request itself takes of them.
    """
    times = np.ceil(taken / np.where(of > 0, of, 1.0))
    # what a request needs, but does not take, another may use up for any number of it
    times[(of == 0) & (taken > 0)] = _ENDLESS
    return np.asarray(times.max(axis=1, initial=1.0))


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of the failures of groups before any is tried.

    ``needs`` int64[c, groups]: slots of each request that go with the group or that its instances take elsewhere at
    most; ``holds`` bool[c, groups]: it holds such instances; ``limits`` int64[c]: the slots there are. ``particular``
    bool[groups]: it holds instances of which nothing is proven (of server groups, of NUMA cells, of devices).
    """

    needs: Numbers
    holds: npt.NDArray[np.bool_]
    limits: Numbers
    particular: npt.NDArray[np.bool_]

    def any_absorbed(self) -> int:
        """Return the most groups of which any choice, all failing together, is absorbed for sure."""
        groups = int(self.needs.shape[1])
        if self.particular.any():
            return 0
        least = groups
        for needs, limit in zip(self.needs[self.holds.any(axis=1)], self.limits[self.holds.any(axis=1)], strict=True):
            worst = np.cumsum(np.sort(needs)[::-1])
            least = min(least, int(np.searchsorted(worst, limit, side="right")))
        return least

    def open_sets(self, together: int) -> Iterator[Numbers]:
        """Yield the sets of so many groups of which it is not proven that they are absorbed: int64[n, together] each.

        Each set once, its groups ascending, sets in lexical order; one array, perhaps empty, for each choice of all but
        the last group that was looked at.
        """
        worst = -np.sort(-self.needs, axis=1)[:, :together].sum(axis=1)
        # a request of which even the worst set leaves enough is no obstacle to any
        matters = worst > self.limits
        needs, holds, limits = self.needs[matters], self.holds[matters], self.limits[matters]
        if not len(limits) and not self.particular.any():
            return
        # what one more group adds at most, from each group on
        most = np.maximum.accumulate(needs[:, ::-1], axis=1)[:, ::-1]
        some = np.logical_or.accumulate(self.particular[::-1])[::-1]
        yield from _open_from(
            _Search(needs, holds, limits, self.particular, most, some),
            (),
            np.zeros(len(limits), dtype=np.int64),
            np.zeros(len(limits), dtype=np.bool_),
            False,
            together,
        )


@dataclass(frozen=True, slots=True)
class _Search:
    """What the search for open sets looks at: that of Proof, and what groups from one on add at most."""

    needs: Numbers
    holds: npt.NDArray[np.bool_]
    limits: Numbers
    particular: npt.NDArray[np.bool_]
    most: Numbers
    some: npt.NDArray[np.bool_]


def _open_from(
    search: _Search,
    chosen: tuple[int, ...],
    sums: Numbers,
    held: npt.NDArray[np.bool_],
    particular: bool,
    left: int,
) -> Iterator[Numbers]:
    """Yield the open sets that begin with the groups ``chosen``, of which ``left`` are to be chosen yet."""
    first, groups = (chosen[-1] + 1 if chosen else 0), search.needs.shape[1]
    if left == 1:
        over = sums[:, np.newaxis] + search.needs[:, first:] > search.limits[:, np.newaxis]
        is_open = (over & (held[:, np.newaxis] | search.holds[:, first:])).any(axis=0) | search.particular[first:]
        last = first + (np.arange(groups - first) if particular else np.flatnonzero(is_open))
        before = np.broadcast_to(np.array(chosen, dtype=np.int64), (len(last), len(chosen)))
        yield np.column_stack([before, last])
        return
    for group in range(first, groups - left + 1):
        odd = particular or bool(search.particular[group])
        now = sums + search.needs[:, group]
        reach = now + (left - 1) * search.most[:, group + 1]
        if odd or search.some[group + 1] or bool((reach > search.limits).any()):
            yield from _open_from(search, (*chosen, group), now, held | search.holds[:, group], odd, left - 1)
