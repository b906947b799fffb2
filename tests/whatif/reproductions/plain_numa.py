"""A replay of NUMA hosts in plain Python, written apart from the engine: what the reproductions are held against.

A host has two cells. What is asked for must be free on the host, and an instance of one cell goes to the first that
has room, in nova's order (fewer vCPUs in use, then more memory free, then the lower number); one of two cells takes a
half of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CELL_VCPUS = 40
CELL_MEMORY_MB = 90 * 1024


@dataclass(frozen=True)
class Machine:
    """An instance of the trace: when it comes and goes (None: it stays), its sizes and how many cells it wants."""

    number: int
    created: int
    deleted: int | None
    vcpus: int
    memory_mb: int
    cells: int


@dataclass
class PlainHost:
    """What is used of each cell's vCPUs and memory."""

    vcpus: list[int] = field(default_factory=lambda: [0, 0])
    memory_mb: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def free_vcpus(self) -> int:
        """The vCPUs that nothing uses, in both cells."""
        return 2 * CELL_VCPUS - sum(self.vcpus)

    @property
    def free_memory_mb(self) -> int:
        """The MiB that nothing uses, in both cells."""
        return 2 * CELL_MEMORY_MB - sum(self.memory_mb)

    def cells_for(self, machine: Machine) -> tuple[int, ...] | None:
        """Return the cells that take an instance, None where none do."""
        vcpus, memory_mb = machine.vcpus // machine.cells, machine.memory_mb // machine.cells

        def has_room(cell: int) -> bool:
            return self.vcpus[cell] + vcpus <= CELL_VCPUS and self.memory_mb[cell] + memory_mb <= CELL_MEMORY_MB

        if machine.cells == 2:
            return (0, 1) if has_room(0) and has_room(1) else None
        order = sorted((0, 1), key=lambda cell: (self.vcpus[cell], self.memory_mb[cell], cell))
        return next(((cell,) for cell in order if has_room(cell)), None)

    def take(self, machine: Machine, cells: tuple[int, ...], sign: int = 1) -> None:
        """Count an instance in, or with ``sign`` -1 out."""
        for cell in cells:
            self.vcpus[cell] += sign * machine.vcpus // machine.cells
            self.memory_mb[cell] += sign * machine.memory_mb // machine.cells


def plain_replay(machines: Sequence[Machine], hosts: int, multiplier: float) -> dict[int, int]:
    """Return the host of each instance in the order they came, -1 for none.

    ``multiplier`` is that of free vCPUs and of free memory, each as a part of the most that a host which fits has free;
    0 takes the first host that fits. Of equals the first host is chosen.
    """
    fleet = [PlainHost() for _ in range(hosts)]
    decided: dict[int, int] = {}
    held: dict[int, tuple[int, tuple[int, ...]]] = {}
    for is_create, machine in events(machines):
        if not is_create:
            if machine.number in held:
                row, cells = held.pop(machine.number)
                fleet[row].take(machine, cells, -1)
            continue
        fitting = [(row, cells) for row, host in enumerate(fleet) if (cells := host.cells_for(machine)) is not None]
        decided[machine.number] = -1
        if fitting:
            row, cells = best(fleet, fitting, multiplier)
            decided[machine.number] = row
            held[machine.number] = row, cells
            fleet[row].take(machine, cells)
    return decided


def best(
    fleet: Sequence[PlainHost], fitting: Sequence[tuple[int, tuple[int, ...]]], multiplier: float
) -> tuple[int, tuple[int, ...]]:
    """Return the host of the greatest weight, the first of equals."""
    most_vcpus = max(fleet[row].free_vcpus for row, _ in fitting)
    most_memory_mb = max(fleet[row].free_memory_mb for row, _ in fitting)

    def weight(item: tuple[int, tuple[int, ...]]) -> float:
        host = fleet[item[0]]
        total = multiplier * (host.free_vcpus / most_vcpus) if most_vcpus else 0.0
        return total + (multiplier * (host.free_memory_mb / most_memory_mb) if most_memory_mb else 0.0)

    return max(fitting, key=weight)


def events(machines: Sequence[Machine]) -> Iterator[tuple[bool, Machine]]:
    """Yield creates (True) and deletes in time order: at equal times deletes first, then by number.

    An instance that lives for no time goes right after it has come.
    """
    at_once = [item for item in machines if item.deleted == item.created]
    coming = [(item.created, 1, item.number, item) for item in machines]
    going = [(item.deleted, 0, item.number, item) for item in machines if item.deleted is not None]
    short = {item.number for item in at_once}
    for _, kind, number, machine in sorted([*coming, *going], key=lambda event: event[:3]):
        if kind == 0 and number in short:
            continue
        yield kind == 1, machine
        if kind == 1 and number in short:
            yield False, machine
