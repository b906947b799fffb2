"""Conditions on the set of host cells a guest lies on, whichever guest cell is where: PCI devices and networks.

Sets of host cells are bit masks over the order in which the cells are tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.fitting.pci import supports
from engine.model.numa import HostCell, HostNuma, NetworkNeeds
from engine.model.pci import SOCKET, PciPool, PciRequest

NEVER = 1 << 30
"""More cells than any host has."""


@dataclass(frozen=True, slots=True)
class Supply:
    """An upper bound for devices: ``needed`` of them, ``anywhere`` free of cells, and ``near`` each cell tried."""

    needed: int
    anywhere: int
    near: tuple[int, ...]


class HostCellSets:
    """Answers whether the devices and networks of one candidate suit a set of host cells.

    ``free`` says that any set does. ``evaluations`` counts how often PCI support was worked out for a set.
    """

    def __init__(
        self,
        host: HostNuma,
        cells: Sequence[HostCell],
        networks: NetworkNeeds | None,
        requests: Sequence[PciRequest],
        pools: Sequence[PciPool],
        mappings: Mapping[str, tuple[str, ...]] | None,
    ) -> None:
        self._host = host
        self._cells = cells
        self._requests = requests
        self._pools = pools
        self._mappings = mappings
        self._known: dict[int, bool] = {}
        self._supplies: tuple[Supply, ...] | None = None
        self.hits = _network_hits(cells, networks)
        self.free = not self.hits and not requests
        self.evaluations = 0

    def suits(self, mask: int) -> bool:
        """Return whether the host cells of the mask give what is asked for."""
        if self.free:
            return True
        if not all(mask & hit for hit in self.hits):
            return False
        if self._supplies is not None and not self.may_suit(mask, 0, 0):
            return False
        known = self._known.get(mask)
        if known is None:
            known = self._known[mask] = self._supports(mask)
        return known

    def may_suit(self, mask: int, more: int, count: int) -> bool:
        """Return False where no set of the mask and ``count`` cells of ``more`` suits; True where one may."""
        if self.free:
            return True
        if _apart([hit & more for hit in self.hits if not hit & mask]) > count:
            return False
        for supply in self.supplies():
            left = supply.needed - supply.anywhere - sum(supply.near[number] for number in bits(mask))
            if left > 0 and left > sum(sorted((supply.near[number] for number in bits(more)), reverse=True)[:count]):
                return False
        return True

    def supplies(self) -> tuple[Supply, ...]:
        """Return bounds on devices: one for each kind of request, and one for all together."""
        if self._supplies is None:
            self._supplies = tuple(self._bounds()) if self._requests else ()
        return self._supplies

    def classes(self) -> list[object]:
        """Return for each cell a value that is equal for cells which can stand for each other in every set.

        A cell without devices stands for another one without. Cells with the same devices do so only where the order
        of the pools cannot decide what an earlier request leaves to a later one.
        """
        hits = [tuple(bool(hit >> number & 1) for hit in self.hits) for number in range(len(self._cells))]
        if not self._requests:
            return list(hits)
        simple = not self._mappings and not any(_names_provider(pool) for pool in self._pools)
        same_kind = len({_kind(request) for request in self._requests}) == 1
        placed = all(pool.numa_node is not None for pool in self._pools)
        alike = simple and same_kind and (placed or len(self._requests) == 1)
        by_socket = any(request.numa_policy == SOCKET for request in self._requests)
        found: list[object] = []
        for number, cell in enumerate(self._cells):
            pools = [pool for pool in self._pools if pool.numa_node == cell.cell_id]
            devices: object = frozenset(Counter(_facts(pool) for pool in pools).items())
            if pools and (by_socket or not alike):
                devices = number
            found.append((hits[number], devices, cell.socket if by_socket else None))
        return found

    def _supports(self, mask: int) -> bool:
        """Return whether the pools support the requests near the cells of the mask."""
        if not self._requests:
            return True
        self.evaluations += 1
        chosen = frozenset(self._cells[number].cell_id for number in bits(mask))
        return supports(self._pools, self._requests, cells=chosen, host=self._host, mappings=self._mappings)

    def _bounds(self) -> Iterator[Supply]:
        """Yield the bound of each kind of request, then that of all together where there are several kinds."""
        by_kind: dict[object, list[PciRequest]] = {}
        for request in self._requests:
            key = (_kind(request), request.request_id, request.requester_id) if self._mappings else _kind(request)
            by_kind.setdefault(key, []).append(request)
        groups = [(replace(same[0], count=1), sum(request.count for request in same)) for same in by_kind.values()]
        if len(groups) > 1:
            yield self._supply([one for one, _ in groups], sum(needed for _, needed in groups))
        for one, needed in groups:
            yield self._supply([one], needed)

    def _supply(self, requests: list[PciRequest], needed: int) -> Supply:
        """Return how many devices any of the requests, each for one device, could take anywhere and near each cell."""
        anywhere = 0
        near = [0] * len(self._cells)
        nowhere = min(cell.cell_id for cell in self._host.cells) - 1
        by_socket = any(request.numa_policy == SOCKET for request in requests)
        for pool in self._pools:
            if pool.count <= 0:
                continue
            if pool.numa_node != nowhere and self._usable(pool, requests, nowhere):
                anywhere += pool.count
                continue
            for number, cell in enumerate(self._cells):
                if (by_socket or cell.cell_id == pool.numa_node) and self._usable(pool, requests, cell.cell_id):
                    near[number] += pool.count
        return Supply(needed, anywhere, tuple(near))

    def _usable(self, pool: PciPool, requests: Iterable[PciRequest], cell_id: int) -> bool:
        """Return whether one of the requests could take a device of the pool for a guest on that cell alone."""
        return any(
            supports((pool,), (request,), cells=(cell_id,), host=self._host, mappings=self._mappings)
            for request in requests
        )


def bits(mask: int) -> Iterator[int]:
    """Yield the numbers of a mask's bits, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _network_hits(cells: Sequence[HostCell], networks: NetworkNeeds | None) -> tuple[int, ...]:
    """Return masks of which a set must share a cell with each: the cells near a network that some cell is near."""
    if networks is None:
        return ()
    masks = {
        sum(1 << number for number, cell in enumerate(cells) if physnet in cell.physnets)
        for physnet in networks.physnets
    }
    if networks.tunneled:
        masks.add(sum(1 << number for number, cell in enumerate(cells) if cell.tunneled))
    return tuple(sorted(masks - {0}))


def _apart(hits: list[int]) -> int:
    """Return a number of cells that it takes at least to share one with each mask; no number suffices for an empty one.

    Masks without a cell in common take a cell each; the smallest are looked at first.
    """
    taken = count = 0
    for hit in sorted(hits, key=int.bit_count):
        if not hit:
            return NEVER
        if not hit & taken:
            taken |= hit
            count += 1
    return count


def _kind(request: PciRequest) -> object:
    """Return all that decides which devices a request may take, how many apart."""
    return request.specs, request.numa_policy, request.live_migratable


def _facts(pool: PciPool) -> PciPool:
    """Return the pool without its place."""
    return replace(pool, numa_node=None)


def _names_provider(pool: PciPool) -> bool:
    """Return whether placement knows the pool's devices."""
    return any(name == "rp_uuid" for name, _ in pool.tags)
