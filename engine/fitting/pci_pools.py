"""The pools of one host while requests are tried on them, in the order in which nova uses them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.model.pci import PciPool


@dataclass(slots=True)
class WorkPool:
    """A pool with the ``count`` that is left of it; ``facts`` are its ids, NUMA node and tags by name."""

    pool: PciPool
    facts: dict[str, str | int | None]
    count: int

    @property
    def node(self) -> object:
        """The NUMA node, None where it is not known."""
        return self.facts["numa_node"]


def work_pools(pools: Iterable[PciPool]) -> list[WorkPool]:
    """Return the pools, those with the fewest facts first; equals keep their order."""
    found = [WorkPool(pool, _facts(pool), pool.count) for pool in pools]
    found.sort(key=_facts_count)
    return found


def _facts(pool: PciPool) -> dict[str, str | int | None]:
    facts: dict[str, str | int | None] = {
        "vendor_id": pool.vendor_id,
        "product_id": pool.product_id,
        "numa_node": pool.numa_node,
    }
    # A tag of the same name wins, as it does in the dict that nova makes of a pool.
    facts.update(pool.tags)
    return facts


def _facts_count(work: WorkPool) -> int:
    return len(work.facts)
