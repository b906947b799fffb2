"""The one line that says a fleet: ``1000 hosts of 64c 256g 2000d in 3 zones, racks of 40``.

Kinds of hosts are joined by ``+``: ``600 of 64c 256g + 400 of 96c 512g cpu x2 in 3 zones``. Of a kind come its number
(``host`` alone is one), its sizes (c hardware threads, g GiB or m MiB of memory, d GiB of disk), and where wanted
``cpu x4``, ``ram x1.5``, ``disk x1`` (allocation ratios; nova's defaults otherwise), ``reserved 2c 8g`` (kept for the
host itself) and ``numa 2`` (NUMA cells, threads and memory in even parts). Of the whole fleet come ``in 3 zones``,
``in zone NAME`` and ``racks of 40``. Commas and spaces part words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from engine.inventory.device_records import MAX_CELLS, MAX_CPUS
from engine.model.host import DEFAULT_CPU_ALLOCATION_RATIO, DEFAULT_DISK_ALLOCATION_RATIO, DEFAULT_RAM_ALLOCATION_RATIO
from engine.model.limits import MAX_AMOUNT, MAX_DISK_GB, MAX_HOSTS, MAX_MEMORY_MB, MAX_VCPUS

EXAMPLE: Final = "1000 hosts of 64c 256g 2000d in 3 zones, racks of 40"
_MIB_A_GIB: Final = 1024
_MAX_ZONES: Final = 10_000
_MAX_LINE: Final = 2_000
_MAX_KINDS: Final = 100

_WORD = re.compile(r"\+|[^\s,+]+")
_NUMBER = re.compile(r"[0-9]{1,12}")
_SIZE = re.compile(r"([0-9]{1,12})([cgmd])")
_RATIO = re.compile(r"x([0-9]{1,9}(?:\.[0-9]{1,9})?)")
_ZONE = re.compile(r"[\w.:-]{1,255}")
_WORDS: Final = ("hosts", "host", "of", "in", "zones", "zone", "racks", "reserved", "numa", "cpu", "ram", "disk")


@dataclass(frozen=True, slots=True)
class HostKind:
    """Hosts that are alike: how many, what each has, keeps for itself and sells; ``numa_cells`` 0 reports none."""

    count: int
    vcpus: int
    memory_mb: int
    disk_gb: int = 0
    reserved_vcpus: int = 0
    reserved_memory_mb: int = 0
    reserved_disk_gb: int = 0
    cpu_ratio: float = DEFAULT_CPU_ALLOCATION_RATIO
    ram_ratio: float = DEFAULT_RAM_ALLOCATION_RATIO
    disk_ratio: float = DEFAULT_DISK_ALLOCATION_RATIO
    numa_cells: int = 0


@dataclass(frozen=True, slots=True)
class FleetLine:
    """What a line says: kinds of hosts in order, the zones they go round in turn, hosts a rack (0: no racks)."""

    kinds: tuple[HostKind, ...]
    zones: tuple[str, ...] = ()
    rack_hosts: int = 0

    @property
    def count(self) -> int:
        """How many hosts there are."""
        return sum(kind.count for kind in self.kinds)


def checked_line(text: str) -> str:
    """Return the line if it says a fleet; raise ValueError, whose message says where it does not."""
    parse_line(text)
    return text


def parse_line(text: str) -> FleetLine:
    """Return what a line says; raise ValueError, whose message says where and what to write."""
    if len(text) > _MAX_LINE:
        raise ValueError(f"has {len(text)} characters, at most {_MAX_LINE}: give a fleet file")
    return _Reader(text).line()


class _Reader:
    """The words of a line, read one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = [(found[0], found.start()) for found in _WORD.finditer(text)]
        self._next = 0

    def line(self) -> FleetLine:
        kinds = [self._kind()]
        while self._takes("+"):
            if len(kinds) == _MAX_KINDS:
                raise self._fault(f"is one kind of hosts too many: at most {_MAX_KINDS}, beyond give a fleet file")
            kinds.append(self._kind())
        zones: tuple[str, ...] = ()
        rack_hosts = 0
        while self._peek():
            if not zones and self._takes("in"):
                zones = self._zones()
            elif not rack_hosts and self._takes("racks", "rack"):
                self._expect("of")
                rack_hosts = self._number(1, MAX_HOSTS, "how many hosts a rack has")
            else:
                raise self._fault(self._advice())
        line = FleetLine(tuple(kinds), zones, rack_hosts)
        if line.count > MAX_HOSTS:
            raise ValueError(f"says {line.count} hosts, at most {MAX_HOSTS}")
        return line

    def _kind(self) -> HostKind:
        if self._takes("host"):
            count = 1
        else:
            count = self._number(1, MAX_HOSTS, f"how many hosts there are, as in '{EXAMPLE}'")
            self._takes("hosts", "host")
        self._takes("of")
        begin = self._next
        sizes = self._sizes({"c": MAX_VCPUS, "g": MAX_MEMORY_MB // _MIB_A_GIB, "m": MAX_MEMORY_MB, "d": MAX_DISK_GB})
        if "c" not in sizes or "m" not in sizes:
            self._next = begin
            near = self._near()
            raise self._fault(near or "must be hardware threads and memory, such as 64c 256g")
        kind = HostKind(count, sizes["c"], sizes["m"], sizes.get("d", 0))
        if not kind.vcpus or not kind.memory_mb:
            self._next = begin
            raise self._fault("is a host of no hardware threads or no memory: give at least 1c 1g")
        while True:
            if self._takes("cpu"):
                kind = replace(kind, cpu_ratio=self._ratio("cpu"))
            elif self._takes("ram"):
                kind = replace(kind, ram_ratio=self._ratio("ram"))
            elif self._takes("disk"):
                kind = replace(kind, disk_ratio=self._ratio("disk"))
            elif self._takes("numa"):
                kind = replace(kind, numa_cells=self._number(1, MAX_CELLS, "how many NUMA cells a host has"))
                self._check_cells(kind)
            elif self._takes("reserved"):
                kept = self._sizes({"c": MAX_AMOUNT, "g": MAX_AMOUNT // _MIB_A_GIB, "m": MAX_AMOUNT, "d": MAX_AMOUNT})
                if not kept:
                    raise self._fault("must be what is reserved, such as reserved 2c 8g")
                kind = replace(
                    kind,
                    reserved_vcpus=kept.get("c", 0),
                    reserved_memory_mb=kept.get("m", 0),
                    reserved_disk_gb=kept.get("d", 0),
                )
            else:
                return self._checked(kind, begin)

    def _checked(self, kind: HostKind, begin: int) -> HostKind:
        """Return a kind whose amounts do not contradict each other and are within what the table holds."""
        for total, reserved, ratio, what in (
            (kind.vcpus, kind.reserved_vcpus, kind.cpu_ratio, "hardware threads"),
            (kind.memory_mb, kind.reserved_memory_mb, kind.ram_ratio, "MiB of memory"),
            (kind.disk_gb, kind.reserved_disk_gb, kind.disk_ratio, "GiB of disk"),
        ):
            if reserved > total:
                self._next = begin
                raise self._fault(f"has {total} {what}, fewer than the {reserved} that are reserved")
            if (total - reserved) * ratio > MAX_AMOUNT:
                self._next = begin
                raise self._fault(f"sells more than {MAX_AMOUNT} {what} at a ratio of {ratio:g}")
        return kind

    def _check_cells(self, kind: HostKind) -> None:
        cells = kind.numa_cells
        if kind.vcpus % cells or kind.memory_mb % cells:
            self._next -= 1
            raise self._fault(
                f"NUMA cells do not divide {kind.vcpus} hardware threads and {kind.memory_mb} MiB into even parts"
            )
        if kind.vcpus > MAX_CPUS:
            self._next -= 1
            raise self._fault(f"NUMA cells are of hosts with at most {MAX_CPUS} hardware threads, not {kind.vcpus}")

    def _sizes(self, most: dict[str, int]) -> dict[str, int]:
        """Return the sizes that come next by unit, memory as MiB under m."""
        sizes: dict[str, int] = {}
        while (word := self._peek()) and (found := _SIZE.fullmatch(word)):
            amount, unit = int(found[1]), found[2]
            if amount > most[unit]:
                raise self._fault(f"is too much: at most {most[unit]}{unit}")
            if unit == "g":
                amount, unit = amount * _MIB_A_GIB, "m"
            if unit in sizes:
                raise self._fault("says a size a second time")
            sizes[unit] = amount
            self._next += 1
        return sizes

    def _ratio(self, word: str) -> float:
        found = _RATIO.fullmatch(self._peek())
        if found is None or not 0 < float(found[1]) <= 1e6:
            raise self._fault(f"must be an allocation ratio, such as {word} x1.5")
        self._next += 1
        return float(found[1])

    def _zones(self) -> tuple[str, ...]:
        if self._takes("zone"):
            name = self._peek()
            if not _ZONE.fullmatch(name):
                raise self._fault("must be the zone's name")
            self._next += 1
            return (name,)
        many = self._number(1, _MAX_ZONES, "how many zones there are, or 'zone' and a name")
        self._expect("zones", "zone")
        return tuple(f"az{number + 1}" for number in range(many))

    def _number(self, low: int, high: int, what: str) -> int:
        word = self._peek()
        if not _NUMBER.fullmatch(word):
            raise self._fault(f"must say {what}")
        if not low <= int(word) <= high:
            raise self._fault(f"must be between {low} and {high}")
        self._next += 1
        return int(word)

    def _expect(self, *words: str) -> None:
        if not self._takes(*words):
            raise self._fault(f"must be '{words[0]}'")

    def _takes(self, *words: str) -> str:
        """Return the next word and go past it if it is one of these, nothing otherwise."""
        word = self._peek()
        if word not in words:
            return ""
        self._next += 1
        return word

    def _peek(self) -> str:
        return self._words[self._next][0] if self._next < len(self._words) else ""

    def _advice(self) -> str:
        return self._near() or f"is not understood here: write a line such as '{EXAMPLE}'"

    def _near(self) -> str:
        """Return what asks whether a known word is meant by the next one, nothing where none is near."""
        near = get_close_matches(self._peek(), _WORDS, n=1)
        return f"is not understood: did you mean '{near[0]}'?" if near and near[0] != self._peek() else ""

    def _fault(self, problem: str) -> ValueError:
        """Return the error to raise about the next word."""
        if self._next < len(self._words):
            word, place = self._words[self._next]
            return ValueError(f"'{word[:40]}' (character {place + 1}) {problem}")
        end = "what comes after the end" if self._text.strip() else "an empty line"
        return ValueError(f"{end} {problem}")
