"""RequestClaims: what one request's instances have claimed so far, so that all of it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.inventory.table import HostTable
from engine.scheduler.host_fit import Assigned
from engine.scheduler.inquiry import Inquiry

_CAPACITY = ("vcpu_free", "memory_mb_free", "disk_gb_free")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One instance's host, its weight, and what the instance was given of it."""

    row: int
    weight: float
    assigned: Assigned


class RequestClaims:
    """The hosts ``chosen`` for a request's instances, claimed in the table one after the other."""

    def __init__(self, table: HostTable) -> None:
        self.table = table
        self.chosen: list[Chosen] = []

    @property
    def rows(self) -> set[int]:
        """The rows that instances were given."""
        return {item.row for item in self.chosen}

    def claim(self, inquiry: Inquiry, row: int, weight: float) -> Chosen | None:
        """Claim a row for the next instance, None where a claim would fail.

        A build in progress counts on the row for the rest of the request: afterwards the host reports its own.
        """
        assigned = self.offer(inquiry, row)
        if assigned is None:
            return None
        self.table.apply(row, 1, assigned.amounts, assigned.assignment)
        self.chosen.append(Chosen(row, weight, assigned))
        self._count_build(self.chosen[-1], 1)
        return self.chosen[-1]

    def finish(self, *, keep: bool) -> None:
        """Stop counting this request's builds, and give back its claims as well unless they are to ``keep``."""
        for item in self.chosen:
            self._count_build(item, -1)
            if not keep:
                self.table.apply(item.row, -1, item.assigned.amounts, item.assigned.assignment)

    def offer(self, inquiry: Inquiry, row: int) -> Assigned | None:
        """Return what an instance is given of a row, None where a claim would fail; claims nothing.

        Placement's capacity, less what earlier instances of the request took, decides; a rebuild claims nothing.
        """
        fit = inquiry.fit
        if (
            "CapacityFilter" in inquiry.chain.options.placement_filters
            and not fit.demand.request.is_rebuild
            and not fit.needs_candidate(row)
        ):
            columns = self.table.columns
            for name, amount in zip(_CAPACITY, inquiry.demand.amounts[: len(_CAPACITY)], strict=True):
                if amount and columns[name][row] < amount:
                    return None
        return fit.assign(row)

    def _count_build(self, chosen: Chosen, change: int) -> None:
        if not chosen.assigned.is_whole:
            return
        (num_io_ops,) = self.table.own(["num_io_ops"])
        num_io_ops[chosen.row] += change
        self.table.touch(np.array([chosen.row]), facts=False)
