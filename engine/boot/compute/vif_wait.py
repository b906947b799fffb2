"""Waiting until the network service says that the interfaces of a new guest are plugged."""

from __future__ import annotations

import asyncio
import itertools
import logging

from engine.boot.compute.tools import Tools
from engine.boot.compute.vif_events import COMPLETED, VIF_PLUGGED, Latches
from engine.boot.effects.errors import NO_NETWORK, BuildAbort
from engine.boot.openstack.errors import CloudError
from engine.v1 import instance_pb2

_READ_PAUSES_S = (1.0, 5.0, 15.0, 60.0)
"""The first is more than an event takes on a busy machine, so that a build that gets its events asks nothing."""
_OUTCOMES = {"ACTIVE": COMPLETED, "ERROR": "failed"}
"""What a port's status says of its plugging; any other says nothing yet."""
_LOG = logging.getLogger("berth.compute")


class VifWait:
    """One build's wait. ``begin`` comes before the guest exists, so that no event falls between."""

    def __init__(self, tools: Tools, host: str, instance_uuid: str) -> None:
        self._tools = tools
        self._host = host
        self._instance_uuid = instance_uuid
        self._latches: Latches | None = None
        self._reading: asyncio.Task[None] | None = None

    def begin(self, interfaces: list[instance_pb2.NetworkInterface]) -> None:
        """Wait for every interface from now on, and read the ports' status: they may be plugged already."""
        if not interfaces or not self._tools.options.vif_plugging_timeout_s:
            return
        tags = [item.port_id for item in interfaces]
        self._latches = self._tools.events.expect(self._host, self._instance_uuid, VIF_PLUGGED, tags)
        if self._latches.open_tags():
            self._reading = asyncio.create_task(self._read_again(self._latches))

    @property
    def is_open(self) -> bool:
        """Whether an interface is still to be plugged, as far as is known."""
        return self._latches is not None and bool(self._latches.open_tags() or self._latches.failed_tags())

    async def finish(self) -> str:
        """Wait; return in words how it ended. Raises BuildAbort where it is fatal that a port was not plugged."""
        latches = self._latches
        if latches is None:
            return "no interface was waited for"
        options = self._tools.options
        in_time = await latches.wait(options.vif_plugging_timeout_s, stop_at_failure=options.vif_plugging_is_fatal)
        if not in_time:
            # the event may have been lost on its way: the port itself has the last word
            await self._read_statuses(latches)
        missing = sorted({*latches.open_tags(), *latches.failed_tags()})
        if not missing:
            return "every interface is plugged"
        what = f"not plugged within {options.vif_plugging_timeout_s:g} s, or failed: {', '.join(missing)}"
        if options.vif_plugging_is_fatal:
            raise BuildAbort(NO_NETWORK, explanation=what)
        _LOG.warning("instance %s on %s goes on without its network: %s", self._instance_uuid, self._host, what)
        return what

    async def end(self) -> None:
        """Wait no longer."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        if self._latches is not None:
            self._tools.events.release(self._latches)

    async def _read_again(self, latches: Latches) -> None:
        """Read the statuses soon, and then ever more rarely: this makes up for events that are lost on their way."""
        for pause_s in itertools.chain(_READ_PAUSES_S, itertools.repeat(_READ_PAUSES_S[-1])):
            await asyncio.sleep(pause_s)
            await self._read_statuses(latches)
            if not latches.open_tags():
                return

    async def _read_statuses(self, latches: Latches) -> None:
        for tag in latches.open_tags():
            try:
                port = await self._tools.clouds.networks.get_port(None, tag)
            except CloudError as error:
                _LOG.info("the status of port %s cannot be read: %s", tag, error.message)
                continue
            outcome = _OUTCOMES.get(str(port.get("status")))
            if outcome is not None:
                latches.settle(tag, outcome)
