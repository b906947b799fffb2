"""Profiles: the text facts of hosts, stored once per distinct combination and named by a 32-bit code.

A fleet of a million hosts has hundreds of profiles, so a text filter runs hundreds of times for a request instead of a
million. Traits are a bit set: a Python integer whose bits are numbered here. Which aggregates a host is in is kept
apart, as a *membership*: racks are aggregates, so a large fleet has thousands of memberships, and text filters that do
not read them should not run once for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Profile:
    """The text facts that a set of hosts share; ``traits`` is a bit set, ``stats`` are sorted pairs.

    ``traits`` are those reported; the own providers of hosts whose ``service_disabled`` have nova's mark of it as well.
    ``never_reported`` hosts are known by name only: nova's HostState of such a one keeps the values it begins with.
    """

    availability_zone: str = ""
    hypervisor_type: str = ""
    hypervisor_version: int = 0
    arch: str = ""
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    cpu_info: str = ""
    cell: str = ""
    traits: int = 0
    stats: tuple[tuple[str, str], ...] = ()
    never_reported: bool = False
    service_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Units:
    """(min_unit, max_unit, step_size) of VCPU, MEMORY_MB and DISK_GB."""

    vcpu: tuple[int, int, int]
    memory_mb: tuple[int, int, int]
    disk_gb: tuple[int, int, int]


@dataclass(slots=True)
class Numbering(Generic[T]):
    """Numbers values in the order they first appear; only ever grows."""

    values: list[T] = field(default_factory=list)
    codes: dict[T, int] = field(default_factory=dict)

    def code(self, value: T) -> int:
        """Return the number of ``value``, giving it the next one if it is new."""
        found = self.codes.get(value)
        if found is None:
            found = self.codes[value] = len(self.values)
            self.values.append(value)
        return found

    def __len__(self) -> int:
        return len(self.values)

    def copy(self) -> Numbering[T]:
        """Return a numbering that goes on by itself."""
        return Numbering(list(self.values), dict(self.codes))


class BitNames:
    """Names numbered as bits of a set."""

    def __init__(self) -> None:
        self._numbering: Numbering[str] = Numbering()

    def __contains__(self, name: str) -> bool:
        return name in self._numbering.codes

    def copy(self) -> BitNames:
        """Return names that go on by themselves."""
        made = BitNames()
        made._numbering = self._numbering.copy()
        return made

    def bits(self, names: Iterable[str]) -> int:
        """Return the set of ``names``, numbering the new ones."""
        result = 0
        for name in names:
            result |= 1 << self._numbering.code(name)
        return result

    def known_bits(self, names: Iterable[str]) -> int:
        """Return the set of those ``names`` that have a number."""
        result = 0
        for name in names:
            code = self._numbering.codes.get(name)
            if code is not None:
                result |= 1 << code
        return result

    def names(self, bits: int) -> tuple[str, ...]:
        """Return the names of a set, in the order of their numbers."""
        found = []
        while bits:
            low = bits & -bits
            found.append(self._numbering.values[low.bit_length() - 1])
            bits ^= low
        return tuple(found)
