"""Memory, processors and their shares."""

from __future__ import annotations

from lxml import etree
from lxml.builder import E

from engine.boot.libvirt.driver import Guest, LaunchError

_SHARES = {"quota:cpu_shares": "shares", "quota:cpu_period": "period", "quota:cpu_quota": "quota"}


def resources(guest: Guest) -> list[etree._Element]:
    """Return ``<memory>``, ``<currentMemory>``, ``<vcpu>`` and, when the flavor has quotas, ``<cputune>``.

    Raises LaunchError for a quota that is no number.
    """
    kib = str(guest.flavor.memory_mb * 1024)
    sections = [E.memory(kib, unit="KiB"), E.currentMemory(kib, unit="KiB"), E.vcpu(str(guest.flavor.vcpus))]
    tuning = [
        E(name, _number(guest, spec)) for spec, name in _SHARES.items() if spec in (guest.flavor.extra_specs or {})
    ]
    return [*sections, E.cputune(*tuning)] if tuning else sections


def _number(guest: Guest, spec: str) -> str:
    value = (guest.flavor.extra_specs or {})[spec]
    try:
        return str(int(value))
    except ValueError as error:
        raise LaunchError(f"the flavor's extra spec {spec} is {value[:50]!r}, not a number") from error
