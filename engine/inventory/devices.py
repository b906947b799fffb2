"""Devices: a host's NUMA cells, PCI pools and provider tree, as they are and with what Berth's instances hold of them.

Each of the three is kept once per distinct value, usage included, and named by a 32-bit code in a column of its own; 0
stands for a host that has none. What an instance holds is kept beside, by row, so that a state is the host's own report
plus everything held there: a release that is no plain subtraction computes it anew from the report, and nothing drifts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.fitting.numa_usage import is_reversible, with_usage
from engine.fitting.pci import without
from engine.inventory.profiles import Numbering
from engine.inventory.provider_shapes import ProviderNames, with_allocations
from engine.model.assignment import Assignment
from engine.model.candidates import Provider, ProviderTree
from engine.model.numa import HostNuma
from engine.model.pci import PciPool

Pools = tuple[PciPool, ...] | None
"""A host's PCI pools; None where it does not say, which differs from none at all."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """One host's NUMA cells, PCI pools and the shape of its provider tree (see provider_shapes)."""

    numa: HostNuma | None = None
    pools: Pools = None
    tree: ProviderTree | None = None

    def holding(self, assignments: Iterable[Assignment], host_uuid: str, names: ProviderNames) -> DeviceState:
        """Return the state once the assignments are held too."""
        numa, pools, tree = self.numa, self.pools, self.tree
        for item in assignments:
            if numa is not None and item.numa is not None:
                numa = with_usage(numa, item.numa)
            if pools is not None and item.pci:
                pools = without(pools, item.pci)
            if tree is not None and item.candidate is not None:
                tree = with_allocations(tree, host_uuid, names, item.candidate)
        return DeviceState(numa, pools, tree)

    def giving_back(self, item: Assignment, host_uuid: str, names: ProviderNames) -> DeviceState | None:
        """Return the state once an assignment is held no more; None where only the host's report and the rest tell it.

        Usage of NUMA cells and providers is sums of whole numbers, which come out the same in any order.
        """
        numa, tree = self.numa, self.tree
        if item.pci or (numa is not None and item.numa is not None and not is_reversible(numa, item.numa)):
            return None
        if numa is not None and item.numa is not None:
            numa = with_usage(numa, item.numa, -1)
        if tree is not None and item.candidate is not None:
            tree = with_allocations(tree, host_uuid, names, item.candidate, -1)
        return DeviceState(numa, self.pools, tree)


@dataclass(frozen=True, slots=True)
class Holding:
    """What a host said it has beside Berth's instances, and what those hold of it."""

    base: DeviceState
    assignments: tuple[Assignment, ...]


def _numas() -> Numbering[HostNuma | None]:
    return Numbering([None], {None: 0})


def _pools() -> Numbering[Pools]:
    return Numbering([None], {None: 0})


def _trees() -> Numbering[ProviderTree | None]:
    return Numbering([None], {None: 0})


@dataclass(slots=True)
class Devices:
    """What the columns ``numa``, ``pci`` and ``tree`` mean, the rows where something is held, and what hosts share.

    A numbering is replaced by a new one when it holds far more than the rows use: its identity is part of a code's
    meaning. ``sharing`` are the sharing providers by uuid with what is used of them in all.
    """

    numas: Numbering[HostNuma | None] = field(default_factory=_numas)
    pools: Numbering[Pools] = field(default_factory=_pools)
    trees: Numbering[ProviderTree | None] = field(default_factory=_trees)
    holdings: dict[int, Holding] = field(default_factory=dict)
    sharing: Mapping[str, Provider] = field(default_factory=dict)

    def fork(self) -> Devices:
        """Return devices that go on by themselves; the holdings are shared until either table replaces them."""
        return replace(self, numas=self.numas.copy(), pools=self.pools.copy(), trees=self.trees.copy())

    def picture(self) -> Devices:
        """Return the devices as they are now; the numberings and holdings are shared until the table replaces them."""
        return replace(self)
