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
    """One request for several instances, through Selector.select."""

    hosts: int
    instances: int
    rounds: int
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.instances} instances"


@dataclass(frozen=True)
class UnaryWork:
    """Calls of SelectDestinations, so many in flight at a time."""

    hosts: int
    in_flight: int
    calls: int
    rounds: int
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, {self.in_flight} in flight"


@dataclass(frozen=True)
class StreamWork:
    """Batches over one stream; with ``releases`` each gives back what the one two before it took."""

    hosts: int
    flavors: int
    releases: bool
    batches: int
    rounds: int
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
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{count_text(self.hosts)}, kernels {self.kernels}"


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
    SelectionWork(1_000_000, 64, "spread", requests=512, scans=16, rounds=3),
    SelectionWork(1_000_000, 64, "pack", requests=512, scans=16, rounds=3),
)
MULTI_CREATE = (MultiCreateWork(10_000, 10, rounds=30, quick=True),)
UNARY = (
    UnaryWork(10_000, 1, calls=500, rounds=3),
    UnaryWork(10_000, 64, calls=4000, rounds=3, quick=True),
)
STREAM = (
    StreamWork(10_000, 1, releases=False, batches=100, rounds=3, quick=True),
    StreamWork(10_000, 16, releases=False, batches=100, rounds=3),
    StreamWork(10_000, 16, releases=True, batches=100, rounds=3),
)
STARTUP = (
    StartupWork(10_000, "cached", rounds=3, quick=True),
    StartupWork(100_000, "cached", rounds=3),
    StartupWork(100_000, "not cached", rounds=1),
    StartupWork(1_000_000, "cached", rounds=1),
)


def chosen(works: Sequence[Kind]) -> list[Kind]:
    """Return the workloads of this run: in a quick one only those marked so."""
    return [work for work in works if work.quick or not QUICK]


def times(rounds: int) -> int:
    """Return how often to repeat: in a quick run three times at most."""
    return min(rounds, 3) if QUICK else rounds
