"""PCI devices: a host's pools of identical devices, and what an instance asks of them.

The facts are those of nova.pci: pools as nova.pci.stats keeps them, requests as InstancePCIRequest.
"""

from __future__ import annotations

from dataclasses import dataclass

LEGACY = "legacy"
REQUIRED = "required"
PREFERRED = "preferred"
SOCKET = "socket"
NUMA_POLICIES = (LEGACY, REQUIRED, PREFERRED, SOCKET)
"""How near its guest cells a device must be; ``legacy`` is the default."""


@dataclass(frozen=True, slots=True)
class PciPool:
    """``count`` free devices that are alike; ``tags`` are all further facts (dev_type, physical_network, ...), sorted.

    ``numa_node`` is None where the device's node is not known.
    """

    vendor_id: str
    product_id: str
    numa_node: int | None
    count: int
    tags: tuple[tuple[str, str | None], ...] = ()


PciSpec = tuple[tuple[str, str | None], ...]
"""What a device must be: (name, value) pairs over a pool's facts, sorted."""


@dataclass(frozen=True, slots=True)
class PciRequest:
    """``count`` devices of which each meets at least one of ``specs``.

    ``request_id`` names the request in placement's mappings; ``requester_id`` is a network port's, where one asks.
    """

    count: int
    specs: tuple[PciSpec, ...]
    numa_policy: str = ""
    request_id: str = ""
    alias_name: str = ""
    requester_id: str = ""
    live_migratable: bool | None = None


@dataclass(frozen=True, slots=True)
class PciTaken:
    """``count`` devices taken from one pool for one request; the pool is named by its facts (its ``count`` is 0)."""

    pool: PciPool
    count: int
    request_id: str = ""
