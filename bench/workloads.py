"""What is measured, as data: each workload with its size, its seed and how often it is repeated."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

SEED = 7
QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
"""True for a smoke run: only the smallest workload of each kind, a few times."""


class Workload(Protocol):
    """Anything with a name, and whether a quick run includes it."""

    @property
    def name(self) -> str: ...

    @property
    def quick(self) -> bool: ...


Kind = TypeVar("Kind", bound=Workload)


@dataclass(frozen=True)
class KernelWork:
    """One selection of a class never seen before: every host is filtered and weighed.

    What it costs depends on how many hosts come near the best. In a ``generated`` fleet many are alike; ``different``
    hosts have weights of their own; ``balanced`` ones differ, but what one lacks in memory it has in disk, so that
    all weigh the same: the worst case, where no block is spared the exact weights.
    """

    hosts: int
    rounds: int
    mix: Literal["generated", "different", "balanced"] = "generated"
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.mix}"


@dataclass(frozen=True)
class SelectionWork:
    """Decisions with their claims, for requests that go round so many live classes, in one batch a round."""

    hosts: int
    classes: int
    strategy: Literal["spread", "pack"]
    requests: int
    scans: int
    """How many of the requests the full scan answers too, to compare."""
    rounds: int
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.classes} classes, {self.strategy}"


@dataclass(frozen=True)
class MultiCreateWork:
    """One request for several instances, through Selector.select; ``aim_us`` is for all of them."""

    hosts: int
    instances: int
    rounds: int
    aim_us: int
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.instances} instances"


@dataclass(frozen=True)
class OverlayWork:
    """A request for one instance that a class view answers with a few hosts of its own: a group's, or those left out.

    Hosts with NUMA cells or PCI devices are all in different states, of which none is told by another.
    """

    hosts: int
    kind: str
    rounds: int
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.kind}"


@dataclass(frozen=True)
class UnaryWork:
    """Calls of SelectDestinations, so many in flight at a time; ``aim`` is of an empty handler's rate."""

    hosts: int
    in_flight: int
    calls: int
    rounds: int
    aim: float = 0.85
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.in_flight} in flight"


@dataclass(frozen=True)
class StreamWork:
    """Batches over one stream; with ``releases`` each gives back what the one two before it took.

    ``aim`` is in placements a second, into a durable ledger, the client included.
    """

    hosts: int
    flavors: int
    releases: bool
    batches: int
    rounds: int
    aim: int
    batch: int = 1024
    window: int = 8
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.flavors} flavors{', releases' if self.releases else ''}"


@dataclass(frozen=True)
class StartupWork:
    """``berth serve`` from the start of its process to SERVING, with its kernels compiled already or not."""

    hosts: int
    kernels: Literal["cached", "not cached"]
    rounds: int
    aim: str = ""
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, kernels {self.kernels}"


@dataclass(frozen=True)
class MemoryWork:
    """``berth serve`` after a start, after an import, and after so many flavors were each asked for once."""

    hosts: int
    classes: int
    aim: str
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.classes} warm classes"


@dataclass(frozen=True)
class FleetWork:
    """Something asked of a whole fleet of so many hosts."""

    hosts: int
    rounds: int
    quick: bool = False

    @property
    def name(self) -> str:
        return count_text(self.hosts)


def count_text(count: int) -> str:
    """Return 10 000 hosts as 10k and a million as 1M."""
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if count % unit == 0:
            return f"{count // unit}{letter}"
    return str(count)


KERNEL = (
    KernelWork(10_000, rounds=200, quick=True),
    KernelWork(100_000, rounds=60),
    KernelWork(100_000, rounds=60, mix="different"),
    KernelWork(100_000, rounds=60, mix="balanced"),
    KernelWork(1_000_000, rounds=20),
)
EXPLAIN = (
    FleetWork(10_000, rounds=300, quick=True),
    FleetWork(100_000, rounds=100),
    FleetWork(1_000_000, rounds=30),
)
NEW_CLASS = (
    FleetWork(10_000, rounds=100, quick=True),
    FleetWork(100_000, rounds=50),
    FleetWork(1_000_000, rounds=20),
)
CHAINS = (KernelWork(10_000, rounds=200, quick=True), KernelWork(100_000, rounds=60))
SELECTION = (
    SelectionWork(10_000, 1, "spread", requests=1024, scans=256, rounds=5, quick=True),
    SelectionWork(10_000, 16, "spread", requests=1024, scans=256, rounds=5),
    SelectionWork(10_000, 64, "spread", requests=1024, scans=256, rounds=5),
    SelectionWork(10_000, 64, "pack", requests=1024, scans=256, rounds=5),
    SelectionWork(100_000, 1, "spread", requests=1024, scans=64, rounds=5),
    SelectionWork(100_000, 16, "spread", requests=1024, scans=64, rounds=5),
    SelectionWork(100_000, 64, "spread", requests=1024, scans=64, rounds=5),
    SelectionWork(100_000, 1, "pack", requests=1024, scans=64, rounds=5),
    SelectionWork(100_000, 64, "pack", requests=1024, scans=64, rounds=5),
    SelectionWork(1_000_000, 1, "spread", requests=512, scans=16, rounds=3),
    SelectionWork(1_000_000, 64, "spread", requests=512, scans=16, rounds=3),
    SelectionWork(1_000_000, 64, "pack", requests=512, scans=16, rounds=3),
)
MULTI_CREATE = (
    MultiCreateWork(10_000, 10, rounds=30, aim_us=300, quick=True),
    MultiCreateWork(100_000, 100, rounds=20, aim_us=3_000),
    MultiCreateWork(1_000_000, 1_000, rounds=5, aim_us=60_000),
)
OVERLAYS = tuple(
    OverlayWork(hosts, kind, rounds=rounds, quick=hosts == 1_000)
    for kind, most in (
        ("anti-affinity", 1_000_000),
        ("affinity", 1_000_000),
        ("soft-anti-affinity", 1_000_000),
        ("ignored hosts", 1_000_000),
        ("two NUMA cells", 10_000),
        ("a PCI device", 10_000),
    )
    for hosts, rounds in ((1_000, 60), (10_000, 60), (100_000, 20), (1_000_000, 5))
    if hosts <= most
)
UNARY = (
    UnaryWork(10_000, 1, calls=200, rounds=10),
    UnaryWork(10_000, 64, calls=2000, rounds=10, quick=True),
    UnaryWork(100_000, 64, calls=2000, rounds=10),
    UnaryWork(1_000_000, 64, calls=2000, rounds=10, aim=0.8),
)
STREAM = (
    StreamWork(10_000, 1, releases=False, batches=100, rounds=5, aim=200_000, quick=True),
    StreamWork(10_000, 16, releases=False, batches=100, rounds=5, aim=200_000),
    StreamWork(10_000, 64, releases=False, batches=100, rounds=5, aim=200_000),
    StreamWork(10_000, 16, releases=True, batches=100, rounds=5, aim=200_000),
    StreamWork(100_000, 16, releases=False, batches=100, rounds=5, aim=100_000),
    StreamWork(100_000, 64, releases=False, batches=100, rounds=5, aim=100_000),
    StreamWork(1_000_000, 16, releases=False, batches=50, rounds=3, aim=40_000),
)
STARTUP = (
    StartupWork(10_000, "cached", rounds=5, aim="<= 1 s", quick=True),
    StartupWork(100_000, "cached", rounds=5, aim="<= 1.5 s"),
    StartupWork(100_000, "not cached", rounds=1),
    StartupWork(1_000_000, "cached", rounds=3, aim="<= 5 s"),
)
MEMORY = (
    MemoryWork(10_000, classes=100, aim="<= 250 MB", quick=True),
    MemoryWork(100_000, classes=100, aim="<= 350 MB"),
    MemoryWork(1_000_000, classes=100, aim="<= 1000 MB"),
)


def chosen(works: Sequence[Kind]) -> list[Kind]:
    """Return the workloads of this run: in a quick one only those marked so."""
    return [work for work in works if work.quick or not QUICK]


def times(rounds: int) -> int:
    """Return how often to repeat: in a quick run three times at most."""
    return min(rounds, 3) if QUICK else rounds
