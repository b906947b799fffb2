"""PCI devices of one host: whether requests fit its pools, and what they take (nova.pci.stats.PciDeviceStats)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from engine.fitting.pci_pools import WorkPool, work_pools
from engine.fitting.truth import is_true
from engine.model.numa import HostNuma
from engine.model.pci import LEGACY, REQUIRED, SOCKET, PciPool, PciRequest, PciSpec, PciTaken

PF = "type-PF"
VDPA = "vdpa"
"""Device types that only who names them is given."""

MATCHED_ELSEWHERE = frozenset({"resource_class", "traits", "rp_uuids"})
"""Facts of a spec that placement answers for; a pool need not have them."""


def supports(
    pools: Sequence[PciPool],
    requests: Sequence[PciRequest],
    *,
    cells: Collection[int] | None = None,
    host: HostNuma | None = None,
    mappings: Mapping[str, tuple[str, ...]] | None = None,
) -> bool:
    """Return whether all requests fit together; see ``take``."""
    return _drawn(pools, requests, cells, host, mappings) is not None


def take(
    pools: Sequence[PciPool],
    requests: Sequence[PciRequest],
    *,
    cells: Collection[int] | None = None,
    host: HostNuma | None = None,
    mappings: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[PciTaken, ...] | None:
    """Return the devices that the requests, one after another, take from the pools, or None where they do not fit.

    ``cells`` are the ids of the host cells that the guest's cells lie on: without them NUMA policies bind nothing.
    ``host`` gives the cells' sockets. ``mappings`` are those of the candidate: which providers serve which group.
    """
    drawn = _drawn(pools, requests, cells, host, mappings)
    if drawn is None:
        return None
    return tuple(
        PciTaken(pool=_identity(work.pool), count=count, request_id=request.request_id)
        for work, count, request in drawn
        if count > 0
    )


def _drawn(
    pools: Sequence[PciPool],
    requests: Sequence[PciRequest],
    cells: Collection[int] | None,
    host: HostNuma | None,
    mappings: Mapping[str, tuple[str, ...]] | None,
) -> list[tuple[WorkPool, int, PciRequest]] | None:
    """Return how many devices come from which pool for which request, None where the requests do not fit."""
    drawn: list[tuple[WorkPool, int, PciRequest]] = []
    left = work_pools(pools) if requests else []
    for request in requests:
        providers = _providers(request, mappings)
        usable = _usable(left, request, cells, host, providers)
        if not usable:
            return None
        if providers and not _one_pool_for_each_provider(left):
            return None
        parts = _drawn_by_provider(usable, providers) if providers else _drawn_in_order(usable, request.count)
        for work, count in parts:
            work.count -= count
            drawn.append((work, count, request))
        # A pool that was gone through to its end is gone, so that a later request for no device does not find it.
        left = [work for work in left if work.count or all(work is not used for used, _ in parts)]
    return drawn


def without(pools: Iterable[PciPool], taken: Iterable[PciTaken]) -> tuple[PciPool, ...]:
    """Return the pools after ``taken``; a pool that has no device left through that is left out."""
    left = list(pools)
    for each in taken:
        name = _identity(each.pool)
        wanted = each.count
        for index, pool in enumerate(left):
            if wanted > 0 and pool.count > 0 and _identity(pool) == name:
                drawn = min(wanted, pool.count)
                wanted -= drawn
                left[index] = replace(pool, count=pool.count - drawn)
        left = [pool for pool in left if pool != name]
    return tuple(left)


def total(pools: Iterable[PciPool]) -> int:
    """Return how many free devices the pools have."""
    return sum(pool.count for pool in pools)


def _identity(pool: PciPool) -> PciPool:
    return replace(pool, count=0) if pool.count else pool


def _providers(request: PciRequest, mappings: Mapping[str, tuple[str, ...]] | None) -> Counter[str]:
    """Return how many devices of which provider placement gave; empty where any pool may be used."""
    if not request.alias_name or not request.specs:
        return Counter()
    if not mappings:
        texts = dict(request.specs[0]).get("rp_uuids")
        return Counter(texts.split(",")) if texts else Counter()
    if not request.request_id:
        return Counter()
    return Counter(uuids[0] for suffix, uuids in mappings.items() if uuids and suffix.startswith(request.request_id))


def _usable(
    pools: list[WorkPool],
    request: PciRequest,
    cells: Collection[int] | None,
    host: HostNuma | None,
    providers: Counter[str],
) -> list[WorkPool]:
    """Return the pools that may serve a request, in the order they are used; none where they are too few."""
    wanted = request.count
    specs = [dict(spec) for spec in request.specs]
    found = [pool for pool in pools if any(_meets(pool.facts, spec) for spec in request.specs)]
    if _count(found) < wanted:
        return []
    if cells:
        found = _near(found, request, cells, host)
        if _count(found) < wanted:
            return []
    for kind in (PF, VDPA):
        if all(spec.get("dev_type") != kind for spec in specs):
            found = [pool for pool in found if pool.facts.get("dev_type") != kind]
    if not any(is_true(spec.get("remote_managed")) for spec in specs):
        found = [pool for pool in found if not is_true(pool.facts.get("remote_managed"))]
    if providers:
        found = [
            pool
            for pool in found
            if (uuid := pool.facts.get("rp_uuid")) in providers and pool.count >= providers[str(uuid)]
        ]
    migratable = _migratable(request, specs)
    if migratable is not None:
        found = [pool for pool in found if pool.facts.get("live_migratable") == migratable]
    return found if _count(found) >= wanted else []


def _count(pools: Iterable[WorkPool]) -> int:
    return sum(pool.count for pool in pools)


def _meets(facts: Mapping[str, str | int | None], spec: PciSpec) -> bool:
    """Return whether a pool has all facts of a spec, whatever their case."""
    for name, value in spec:
        found = facts.get(name)
        if found == value or name in MATCHED_ELSEWHERE:
            continue
        if not (isinstance(found, str) and isinstance(value, str) and found.lower() == value.lower()):
            return False
    return True


def _near(pools: list[WorkPool], request: PciRequest, cells: Collection[int], host: HostNuma | None) -> list[WorkPool]:
    """Return the pools that are as near to the guest's cells as the request's policy wants them.

    Nearer ones alone are returned where they are enough, whatever the policy.
    """
    policy = request.numa_policy or LEGACY
    found = _on(pools, cells)
    if policy == REQUIRED or _count(found) >= request.count:
        return found
    if policy == SOCKET:
        return _on(pools, _cells_of_sockets(cells, host))
    found = [pool for pool in pools if pool.node is None or pool.node in cells]
    if policy == LEGACY or _count(found) >= request.count:
        return found
    return found + [pool for pool in pools if not (pool.node is None or pool.node in cells)]


def _on(pools: list[WorkPool], cells: Collection[int]) -> list[WorkPool]:
    return [pool for pool in pools if pool.node is not None and pool.node in cells]


def _cells_of_sockets(cells: Collection[int], host: HostNuma | None) -> Collection[int]:
    """Return the ids of all host cells on the sockets of ``cells``; none where a cell's socket is not known."""
    if host is None or any(cell.socket is None for cell in host.cells):
        return ()
    sockets = {cell.socket for cell in host.cells if cell.cell_id in cells}
    return {cell.cell_id for cell in host.cells if cell.socket in sockets}


def _migratable(request: PciRequest, specs: list[dict[str, str | None]]) -> str | None:
    """Return the text that a pool's ``live_migratable`` must equal, None where it does not matter."""
    if request.live_migratable is not None:
        return "true" if request.live_migratable else "false"
    wishes = {spec.get("live_migratable") for spec in specs}
    return next((wish for wish in ("true", "false") if wishes == {wish}), None)


def _one_pool_for_each_provider(pools: list[WorkPool]) -> bool:
    uuids = [pool.facts["rp_uuid"] for pool in pools if "rp_uuid" in pool.facts]
    return len(uuids) == len(set(uuids))


def _drawn_in_order(pools: list[WorkPool], count: int) -> list[tuple[WorkPool, int]]:
    """Return how many devices come from which pool, one pool after another."""
    drawn = []
    for pool in pools:
        part = min(count, pool.count) if count > 0 else 0
        drawn.append((pool, part))
        count -= part
        if count <= 0:
            break
    return drawn


def _drawn_by_provider(pools: list[WorkPool], providers: Counter[str]) -> list[tuple[WorkPool, int]]:
    return [(pool, providers[str(pool.facts["rp_uuid"])]) for pool in pools]
