"""Request classes for the selection benchmarks, and how a view comes to scan every host again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.workloads import SEED
from engine.inventory.table import HostTable
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestSpec
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.views import Placed

PACK = SchedulerOptions(cpu_weight_multiplier=-1.0, ram_weight_multiplier=-1.0, disk_weight_multiplier=-1.0)
OPTIONS = {"spread": SchedulerOptions(), "pack": PACK}


def flavors(many: int) -> list[Flavor]:
    """Return flavors of as many sizes, of 1 to 8 vCPUs with 1 to 8 GiB each and a little disk or none."""
    return [
        Flavor(f"f{number}", 1 + number % 8, (1 + number % 8) * 1024 * (1 + number // 8 % 8), number % 5 * 10)
        for number in range(many)
    ]


def make_table(fleet: pa.Table) -> HostTable:
    """Return a table of the fleet with the service states of now."""
    table = HostTable()
    table.upsert(fleet)
    table.refresh_services(time.time_ns() // 1000, 60_000_000)
    return table


def make_selector(table: HostTable, options: SchedulerOptions) -> Selector:
    """Return a selector with its kernels loaded."""
    selector = Selector(table, Chain.from_options(options), random.Random(SEED))
    selector.warm()
    return selector


@dataclass
class Classes:
    """The live classes of one selector, by number."""

    selector: Selector
    flavors: list[Flavor]
    _strangers: int = field(default=0, init=False)

    def amounts(self, number: int) -> Amounts:
        return flavor_amounts(self.flavors[number])

    def slots(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the view slot and the shape code of every class."""
        views = self.selector.views
        requests = [RequestSpec(flavor=flavor) for flavor in self.flavors]
        slots = [
            views.slot(
                self.selector.chain.class_key(item, flavor_amounts(item.flavor)), item, flavor_amounts(item.flavor)
            )
            for item in requests
        ]
        return np.array(slots), np.array([views.shape(self.amounts(number)) for number in range(len(self.flavors))])

    def stranger(self, number: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the slot and shape of a class of these amounts that no view has seen, its text filters asked."""
        views, amounts = self.selector.views, self.amounts(number)
        self._strangers += 1
        slot = views.slot(("stranger", self._strangers), RequestSpec(flavor=self.flavors[number]), amounts)
        return np.array([slot]), np.array([views.shape(amounts)])

    def forget(self, slots: npt.NDArray[np.int64]) -> None:
        """Make views know nothing of their hosts, as the kernel finds those of new classes.

        New classes would do for this but for their text filters: these sort the hosts by profile, and for some
        milliseconds after that everything runs at half its speed.
        """
        views = self.selector.views
        views._arrays._seen_at[slots] = -1
        views._arrays._memo_keys[:] = 0

    def full_scan(
        self, slot: npt.NDArray[np.int64], shape: npt.NDArray[np.int64], *, claim: bool
    ) -> tuple[Placed, float]:
        """Return the answer of one class by a full scan, and the seconds that the scan took."""
        self.forget(slot)
        began = time.perf_counter()
        placed = self.selector.views.place(slot, shape, claim=claim)
        return placed, time.perf_counter() - began
