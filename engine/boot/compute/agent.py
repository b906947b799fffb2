"""The agent: takes the messages of its hosts, does what they say in the right order, and lets them go when it is done.

Messages of one instance are worked off one after the other, those of different instances at the same time. A message
is let go only when its effect is recorded; one that could not be dealt with comes again after a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from engine.boot.bus import Delivery, Inbox
from engine.boot.compute.build import Build, Ending, Stop
from engine.boot.compute.delete import delete_instance
from engine.boot.compute.power import change_power
from engine.boot.compute.slots import InstanceLocks
from engine.boot.compute.tools import Tools
from engine.boot.compute.vif_events import VIF_PLUGGED, EventKey
from engine.boot.compute.volume_actions import attach_volume, detach_volume
from engine.boot.libvirt.driver import HostProfile
from engine.boot.messages import Attach, Delete, Detach, ExternalEvent, Power
from engine.boot.messages import Build as BuildMessage
from engine.errors import EngineError

_LOG = logging.getLogger("berth.compute")
_AGAIN_S = 2.0
_STOP_GRACE_S = 3.0
_UNDO_GRACE_S = 10.0


class Agent:
    """Works for the hosts of ``profiles``, by name."""

    def __init__(
        self, tools: Tools, profiles: Mapping[str, HostProfile], locks: InstanceLocks, *, again_s: float = _AGAIN_S
    ) -> None:
        self._tools = tools
        self._profiles = profiles
        self._locks = locks
        self._again_s = again_s
        self._builds: dict[str, Build] = {}
        self._room = asyncio.Semaphore(tools.options.max_concurrent_builds)
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def under_way(self) -> int:
        """How many messages are being dealt with."""
        return len(self._under_way)

    async def serve(self, inbox: Inbox) -> None:
        """Take messages until the inbox is closed. Raises ConflictError when another agent has taken the hosts."""
        async for delivery in inbox.deliveries():
            task = asyncio.create_task(self._handle(delivery))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        """Give what is under way a few seconds; then leave builds as they are, to be taken up by the next agent."""
        self._stopping = True
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_STOP_GRACE_S)
        for build in list(self._builds.values()):
            build.stop(Stop.AGENT)
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_UNDO_GRACE_S)
        for task in list(self._under_way):
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _handle(self, delivery: Delivery) -> None:
        """Deal with one message, whatever happens."""
        try:
            done = await self._dispatch(delivery)
        except EngineError as error:
            _LOG.warning("%r for %s is tried again: %s", type(delivery.message).__name__, delivery.host, error.message)
            done = False
        except Exception:
            _LOG.exception("%r for %s failed and is tried again", type(delivery.message).__name__, delivery.host)
            done = False
        if done:
            await delivery.done()
        elif not self._stopping:
            await delivery.later(self._again_s)

    async def _dispatch(self, delivery: Delivery) -> bool:
        """Return whether the message is dealt with for good."""
        host, message = delivery.host, delivery.message
        profile = self._profiles.get(host)
        if profile is None:
            _LOG.error("a message for %s came here, where there is no such host", host)
            return False
        match message:
            case ExternalEvent():
                if message.name == VIF_PLUGGED:
                    key = EventKey(host, message.instance_uuid, message.name, message.tag)
                    self._tools.events.deliver(key, message.status)
            case BuildMessage():
                return await self._build(profile, message)
            case Delete():
                # the build, if there is one, ends where it is; the delete comes after it and undoes it
                self._stop_build(message.instance_uuid, Stop.DELETED)
                async with self._locks.held(message.instance_uuid):
                    await delete_instance(self._tools, host, message)
            case Power():
                async with self._locks.held(message.instance_uuid):
                    await change_power(self._tools, host, message)
            case Attach():
                async with self._locks.held(message.instance_uuid):
                    await attach_volume(self._tools, host, message)
            case Detach():
                async with self._locks.held(message.instance_uuid):
                    await detach_volume(self._tools, host, message)
            case _:
                _LOG.error("host %s has no use for %s", host, type(message).__name__)
        return True

    async def _build(self, profile: HostProfile, message: BuildMessage) -> bool:
        current = self._builds.get(message.instance_uuid)
        if current is not None and current.attempt < message.attempt:
            current.stop(Stop.OVERTAKEN)
        # a second copy of a message waits here for the first, and then finds nothing left to do
        async with self._locks.held(message.instance_uuid), self._room:
            if self._stopping:
                return False
            build = self._builds[message.instance_uuid] = Build(self._tools, profile, message)
            try:
                return await build.run() is not Ending.LEFT
            finally:
                del self._builds[message.instance_uuid]

    def _stop_build(self, uuid: str, why: Stop) -> None:
        build = self._builds.get(uuid)
        if build is not None:
            build.stop(why)
