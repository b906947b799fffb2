"""What the parts of an agent work with, and the points at which drills make them fail."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass

from engine.boot.compute.resources import HostReporter
from engine.boot.compute.vif_events import VifEvents
from engine.boot.conductor.client import ConductorClient
from engine.boot.effects.image_cache import ImageCache
from engine.boot.libvirt.driver import Driver, LaunchError
from engine.boot.openstack import Clouds
from engine.boot.options import ComputeOptions
from engine.faults import FaultPlan


@dataclass(frozen=True)
class FaultPoints:
    """The named points of the agent; without a plan nothing happens at any of them."""

    plan: FaultPlan | None = None

    async def reach(self, point: str, host: str) -> None:
        """Wait and fail as a rule for the point says; a rule that only waits has status 0. Raises LaunchError."""
        rule = None if self.plan is None else self.plan.rule("compute", point, host=host)
        if rule is None:
            return
        await asyncio.sleep(rule.delay_s)
        if rule.status:
            raise LaunchError(rule.message, host=host, point=point)


@dataclass(frozen=True)
class Tools:
    """One agent's connections and settings; ``threads`` run the launcher's blocking calls."""

    options: ComputeOptions
    driver: Driver
    threads: Executor
    conductor: ConductorClient
    clouds: Clouds
    images: ImageCache
    events: VifEvents
    reporter: HostReporter
    points: FaultPoints
