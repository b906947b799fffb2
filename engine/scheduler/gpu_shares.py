"""GPU shares: what requests ask of GPUs, and what hosts have free of them, for the weighers that are Berth's own.

A GPU is a resource provider under its host with some amount of one class, of which a request takes a part, or all.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.inventory.fleet import Fleet
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.translate import translated
from engine.scheduler.uniform_trees import TreeRooms

Rows = npt.NDArray[np.int64]
_MOST_KNOWN = 1024


@dataclass(frozen=True, slots=True)
class ShareAsk:
    """``vcpus`` of a host, and ``amounts`` of its GPUs, one a GPU, and ``isolated``: each of another one."""

    vcpus: int
    amounts: tuple[int, ...]
    isolated: bool


@dataclass(frozen=True, slots=True)
class LargestHost:
    """The most that any host has in all: vCPUs as its allocation ratio counts them, and GPU; ``gpu``: of one GPU."""

    vcpus: float
    host_gpu: int
    gpu: int


class GpuShares:
    """What one selector's weighers know of GPUs of one class, kept between requests."""

    def __init__(self, resource_class: str) -> None:
        self.resource_class = resource_class
        self.rooms = TreeRooms(resource_class)
        self._asks: OrderedDict[int, tuple[RequestSpec, ShareAsk]] = OrderedDict()
        self._largest = LargestHost(0.0, 0, 0)
        self._largest_at: int | None = None

    @classmethod
    def of(cls, context: SelectionContext, options: SchedulerOptions) -> GpuShares:
        """Return what is kept for a selection."""
        name = options.gpu_resource_class
        found: GpuShares = context.kept.setdefault(("GPU shares", name), cls(name))
        return found

    def ask(self, request: RequestSpec, fleet: Fleet, options: SchedulerOptions) -> ShareAsk:
        """Return what a request asks for; kept for the same request object, as reading extra specs takes longer."""
        known = self._asks.get(id(request))
        if known is None:
            known = self._asks[id(request)] = (request, self._read(request, fleet, options))
            if len(self._asks) > _MOST_KNOWN:
                self._asks.popitem(last=False)
        return known[1]

    def free(self, fleet: Fleet, rows: Rows) -> npt.NDArray[np.int32]:
        """Return int32[rows, GPUs]: what each GPU of a host has free, in its tree's order and 0 beyond the last."""
        return self.rooms.of(fleet.devices.trees, fleet.columns["tree"][rows])

    def largest(self, fleet: Fleet) -> LargestHost:
        """Return the most that any host of a fleet has, found out anew when facts have changed."""
        if self._largest_at != fleet.facts_revision:
            rows = fleet.present_rows()
            vcpus = fleet.columns["vcpu_free"][rows].astype(np.int64) + fleet.columns["vcpu_used"][rows]
            of_gpu = self.rooms.capacities(fleet.devices.trees, fleet.columns["tree"][rows])
            most = of_gpu.max(axis=0, initial=0).tolist()
            self._largest = LargestHost(float(vcpus.max(initial=0)), most[0], most[1])
            self._largest_at = fleet.facts_revision
        return self._largest

    def _read(self, request: RequestSpec, fleet: Fleet, options: SchedulerOptions) -> ShareAsk:
        asked = translated(request, fleet, options)
        groups = asked.queries[0].groups if asked.queries else ()
        amounts = [amount for group in groups for name, amount in group.resources if name == self.resource_class]
        isolated = bool(asked.queries) and asked.queries[0].group_policy == "isolate"
        return ShareAsk(asked.amounts.requested_vcpu, tuple(amounts), isolated)
