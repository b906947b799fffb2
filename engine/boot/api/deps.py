"""What every resource of nova-api works with: handed to each ``routes`` function, never looked up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from engine.boot.api.recent_answers import RecentAnswers

if TYPE_CHECKING:
    from engine.boot.conductor.client import ConductorClient
    from engine.boot.messages import Message
    from engine.boot.openstack import Clouds
    from engine.boot.store.store import Store
    from engine.client import Client
    from engine.config import Settings
    from engine.faults import FaultPlan

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Deps:
    """The database, the clients of the other parts, the settings, and the clock (seconds since 1970 UTC).

    ``scheduler`` is synchronous and safe between threads: call it through ``in_thread``, whose ``threads`` are bounded.
    ``faults``: rules by which tests make points of the API fail. ``casts`` hands messages for the scheduler's topic,
    with their numbers in the database, to the worker. ``recent``: what other services answered a moment ago.
    """

    store: Store
    scheduler: Client
    clouds: Clouds
    conductor: ConductorClient
    settings: Settings
    clock: Callable[[], float] = time.time
    threads: Executor | None = None
    faults: FaultPlan | None = None
    casts: asyncio.Queue[tuple[int, Message]] = field(default_factory=asyncio.Queue)
    recent: RecentAnswers = field(default_factory=RecentAnswers)

    async def in_thread(
        self, call: Callable[Parameters, Result], *args: Parameters.args, **named: Parameters.kwargs
    ) -> Result:
        """Return what a blocking call returns, made in a thread beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, partial(call, *args, **named))
