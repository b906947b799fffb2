"""The families of generated cases that look at what only some hosts have: NUMA cells and PCI devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.differential.chance import Chance, Content
from tests.differential.filter_families import enable, some_instances
from tests.differential.numa_hosts import ask_topology, give_topology
from tests.differential.pci_hosts import ask_devices, give_pools


@dataclass(frozen=True)
class DeviceFamily:
    """What each host of a fleet is given, and what each request asks for."""

    prepare: Callable[[Chance, Content], None]
    ask: Callable[[Chance, Content], None]


def _numa(chance: Chance, case: Content) -> None:
    ask_topology(chance, case)
    enable(chance, case, "NUMATopologyFilter")
    some_instances(chance, case, 4)


def _pci(chance: Chance, case: Content) -> None:
    ask_devices(chance, case)
    enable(chance, case, *chance.some(("PciPassthroughFilter", "NUMATopologyFilter"), 1))
    some_instances(chance, case, 3)


def _cells_and_pools(chance: Chance, host: Content) -> None:
    give_topology(chance, host)
    give_pools(chance, host)


def _numa_pci(chance: Chance, case: Content) -> None:
    ask_topology(chance, case)
    ask_devices(chance, case)
    enable(chance, case, *chance.some(("PciPassthroughFilter", "NUMATopologyFilter"), 2))
    some_instances(chance, case, 3)


DEVICE_FAMILIES = {
    "numa": DeviceFamily(give_topology, _numa),
    "pci": DeviceFamily(_cells_and_pools, _pci),
    "numapci": DeviceFamily(_cells_and_pools, _numa_pci),
}
"""Families that need NUMATopologyFilter or PciPassthroughFilter."""
