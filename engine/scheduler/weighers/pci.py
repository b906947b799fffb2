"""PCIWeigher: keeps hosts with PCI devices free for the instances that need them (nova.scheduler.weights.pci)."""

from __future__ import annotations

from engine.scheduler.registry import column_weigher


@column_weigher("PCIWeigher", multiplier="pci_weight_multiplier")
def pci(pci_devices: int) -> int:
    """Return 100 less the free devices, of which at most 99 count."""
    return 100 - min(pci_devices, 99)
