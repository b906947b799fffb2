"""Memory, processors and their shares."""

from __future__ import annotations

from lxml import etree
from lxml.builder import E

from engine.boot.libvirt.driver import Guest, LaunchError
from engine.boot.libvirt.xml.numa import cpu_tuning, huge_pages, memory_tuning
from engine.model.numa import HostNuma

_SHARES = {"quota:cpu_shares": "shares", "quota:cpu_period": "period", "quota:cpu_quota": "quota"}


def resources(guest: Guest, host: HostNuma | None) -> list[etree._Element]:
    """Return ``<memory>``, ``<currentMemory>`` and ``<vcpu>``, and the sections that tune them where called for.

    Quotas of the flavor and the guest's NUMA cells, which lie on those of ``host``, call for them. Raises LaunchError
    for a quota that is no number, or a cell that the host does not have.
    """
    kib = str(guest.flavor.memory_mb * 1024)
    sections = [E.memory(kib, unit="KiB"), E.currentMemory(kib, unit="KiB"), E.vcpu(str(guest.flavor.vcpus))]
    tuning = [
        E(name, _number(guest, spec)) for spec, name in _SHARES.items() if spec in (guest.flavor.extra_specs or {})
    ]
    if guest.numa is None:
        return [*sections, E.cputune(*tuning)] if tuning else sections
    backing, pins = huge_pages(guest.numa), cpu_tuning(guest.numa, host)
    return [*sections, *backing, E.cputune(*tuning, *pins), memory_tuning(guest.numa)]


def _number(guest: Guest, spec: str) -> str:
    value = (guest.flavor.extra_specs or {})[spec]
    try:
        return str(int(value))
    except ValueError as error:
        raise LaunchError(f"the flavor's extra spec {spec} is {value[:50]!r}, not a number") from error
