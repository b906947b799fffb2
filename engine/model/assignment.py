"""Assignment: which parts of a host an instance was given, beyond amounts of the classes every host has columns for."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.candidates import Candidate
from engine.model.numa import GuestNuma
from engine.model.pci import PciTaken


@dataclass(frozen=True, slots=True)
class Assignment:
    """The fitted NUMA cells, the PCI devices, and the candidate of a request that a host's columns alone cannot answer.

    ``candidate`` is None where the amounts of VCPU, MEMORY_MB and DISK_GB that the request asks for come whole from the
    host's own inventory; otherwise it says all that is taken, the host's own inventory included.
    """

    numa: GuestNuma | None = None
    pci: tuple[PciTaken, ...] = ()
    candidate: Candidate | None = None
