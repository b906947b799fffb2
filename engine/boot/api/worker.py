"""The worker beside the API: it takes messages of the scheduler's topic, at once, or from the table after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable

import msgspec

from engine.boot.api.deps import Deps
from engine.boot.api.host_zones import HostZones
from engine.boot.api.scheduling import Scheduling
from engine.boot.api.sweeping import Sweeping
from engine.boot.messages import SCHEDULE_TOPIC, Attach, Delete, Message, Schedule, decode
from engine.boot.store.outbox import Waiting, acknowledge, drop, postpone, waiting
from engine.errors import EngineError, InvalidRequestError

_LOG = logging.getLogger("berth.api")
_LOOK_INTERVAL_S = 1.0
_AT_ONCE = 64
_RETRY_S = 2.0
_TRIES = 3
_STOP_S = 5.0


class Worker:
    """Takes each message until it is done, however often that needs; messages at once are taken at once."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._scheduling = Scheduling(deps, HostZones(deps))
        self._sweeping = Sweeping(deps)
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._failures: dict[int, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop``; what is under way then gets a few seconds, and is taken up again at the next start."""
        stopping = asyncio.create_task(stop.wait())
        jobs = [asyncio.create_task(self._take_announced()), asyncio.create_task(self._take_waiting())]
        try:
            await asyncio.wait({stopping, *jobs}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *jobs):
                task.cancel()
            if self._under_way:
                await asyncio.wait(self._under_way.values(), timeout=_STOP_S)
            left = list(self._under_way.values())
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._sweeping.close()
        for job in jobs:
            with contextlib.suppress(asyncio.CancelledError):
                await job

    async def _take_announced(self) -> None:
        """Take what handlers have just cast."""
        while True:
            number, message = await self._deps.casts.get()
            self._take(number, message)

    async def _take_waiting(self) -> None:
        """Take what waits in the table: cast before a crash, by another process, or for later."""
        while True:
            try:
                found = await self._deps.store.read(lambda connection: waiting(connection, topic=SCHEDULE_TOPIC))
                now = self._deps.clock()
                for entry in found:
                    if entry.not_before <= now and entry.number not in self._under_way:
                        await self._take_entry(entry)
            except EngineError as error:
                _LOG.warning("waiting messages cannot be taken now: %s", error.message)
            await asyncio.sleep(_LOOK_INTERVAL_S)

    async def _take_entry(self, entry: Waiting) -> None:
        try:
            message = decode(entry.body)
        except msgspec.MsgspecError as error:
            _LOG.error("message %d cannot be read and is dropped: %s", entry.number, error)
            problem, now = str(error), self._deps.clock()
            await self._deps.store.write(lambda connection: drop(connection, entry, problem, now=now))
            return
        self._take(entry.number, message)

    def _take(self, number: int, message: Message) -> None:
        if number in self._under_way:
            return
        task = asyncio.create_task(self._work(number, message))
        self._under_way[number] = task
        task.add_done_callback(lambda _: self._under_way.pop(number, None))

    async def _work(self, number: int, message: Message) -> None:
        """Take one message to its end, or leave it for another try."""
        async with self._room:
            try:
                await self._settle(number, message)
                self._failures.pop(number, None)
            except InvalidRequestError as error:
                _LOG.error("message %d can never be done: %s", number, error.message)
                await self._quietly(self._give_up(number, message, error.message))
            except EngineError as error:
                _LOG.warning("message %d is tried again in %g s: %s", number, _RETRY_S, error.message)
                await self._quietly(self._postpone(number))
            except Exception as error:
                self._failures[number] = failures = self._failures.get(number, 0) + 1
                _LOG.exception("message %d failed for the %d. time", number, failures)
                if failures >= _TRIES:
                    self._failures.pop(number)
                    await self._quietly(self._give_up(number, message, repr(error)))
                else:
                    await self._quietly(self._postpone(number))

    async def _settle(self, number: int, message: Message) -> None:
        if isinstance(message, Schedule):
            for following in await self._scheduling.settle(number, message):
                self._take(*following)
        elif isinstance(message, Delete):
            await self._sweeping.sweep(number, message)
        elif isinstance(message, Attach):
            await self._sweeping.sweep_attachment(number, message)
        else:
            _LOG.error("message %d is for a host, not for the scheduler, and is dropped", number)
            await self._deps.store.write(lambda connection: acknowledge(connection, [number]))

    async def _give_up(self, number: int, message: Message, why: str) -> None:
        """Let no message that fails by itself come for ever: a build ends in ERROR, anything else is left undone."""
        if isinstance(message, Schedule):
            for following in await self._scheduling.give_up(number, message, why):
                self._take(*following)
        else:
            await self._deps.store.write(lambda connection: acknowledge(connection, [number]))

    async def _postpone(self, number: int) -> None:
        until = self._deps.clock() + _RETRY_S
        await self._deps.store.write(lambda connection: postpone(connection, number, until=until))

    async def _quietly(self, work: Awaitable[None]) -> None:
        """Let a failure to record a failure be: the message is still there."""
        try:
            await work
        except EngineError as error:
            _LOG.warning("%s", error.message)
