"""Keeping the record of power states true: whole hosts from time to time, single domains when something happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from engine.boot.compute.slots import InstanceLocks
from engine.boot.compute.threads import in_thread
from engine.boot.compute.tools import Tools
from engine.boot.libvirt.driver import DomainNotFoundError, LaunchError
from engine.boot.states import PowerState
from engine.errors import EngineError
from engine.v1 import conductor_service_pb2 as pb

_LOG = logging.getLogger("berth.compute")
_AT_ONCE = 32
_STOP_TIMEOUT_S = 60.0


class PowerSync:
    """Compares what the launcher has with the record, and does what the conductor says where they differ."""

    def __init__(self, tools: Tools, locks: InstanceLocks) -> None:
        self._tools = tools
        self._locks = locks

    async def hosts(self, hosts: Iterable[str]) -> None:
        """Compare everything on some hosts; one host's failure is logged and does not hold up the others."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(host: str) -> None:
            async with limit:
                try:
                    await self._host(host)
                except EngineError as error:
                    _LOG.warning("the power states of %s could not be compared: %s", host, error.message)

        async with asyncio.TaskGroup() as group:
            for host in hosts:
                group.create_task(one(host))

    async def domain(self, host: str, uuid: str) -> None:
        """Tell the state of one domain as it is now, unless something is being done with it anyway."""
        if self._locks.busy(uuid):
            return
        try:
            state = await in_thread(self._tools.threads, self._tools.driver.power_state, host, uuid)
            if state is None:
                return
            commands = await self._tools.conductor.sync_power_states(host, {uuid: state}, complete=False)
            for command in commands:
                await self._obey(host, command)
        except EngineError as error:
            _LOG.warning("the power state of %s on %s could not be told: %s", uuid, host, error.message)

    async def _host(self, host: str) -> None:
        quiet = len(self._locks) == 0
        taken = self._locks.taken
        states = await self._states(host)
        commands = await self._tools.conductor.sync_power_states(host, states, complete=True)
        if not quiet or self._locks.taken != taken:
            # the list may have been older than the record that it was compared with
            commands = await self._tools.conductor.sync_power_states(host, await self._states(host), complete=False)
        for command in commands:
            try:
                await self._obey(host, command)
            except LaunchError as error:
                _LOG.warning("%s on %s: %s", command.instance_uuid, host, error.message)

    async def _states(self, host: str) -> dict[str, int]:
        domains = await in_thread(self._tools.threads, self._tools.driver.domains, host)
        return {info.uuid: int(info.power_state) for info in domains}

    async def _obey(self, host: str, command: pb.DomainCommand) -> None:
        uuid, driver, threads = command.instance_uuid, self._tools.driver, self._tools.threads
        if self._locks.busy(uuid):
            return
        async with self._locks.held(uuid):
            instance = await self._tools.conductor.get_instance(uuid)
            is_here = instance is not None and instance.host == host
            if command.order == pb.DOMAIN_ORDER_DESTROY and not is_here:
                _LOG.warning("domain %s on %s belongs to no instance here and is destroyed", uuid, host)
                await in_thread(threads, driver.destroy, host, uuid)
            elif command.order == pb.DOMAIN_ORDER_STOP and instance is not None and is_here and not instance.task_state:
                _LOG.info("domain %s on %s is stopped: its record says so", uuid, host)
                try:
                    await in_thread(threads, driver.stop, host, uuid, timeout_s=_STOP_TIMEOUT_S)
                except DomainNotFoundError:
                    return
                await self._tools.conductor.sync_power_states(host, {uuid: PowerState.SHUTDOWN}, complete=False)
