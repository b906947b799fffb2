"""One build on one host, from its message to the running guest, or to where nothing of it is left."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine, Iterable
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeVar

from engine.boot.compute.device_names import root_device_name
from engine.boot.compute.fits import check_fits
from engine.boot.compute.launch import launch
from engine.boot.compute.stages import allocate_network, attach_volumes, fetch_image
from engine.boot.compute.timeline import Timeline
from engine.boot.compute.tools import Tools
from engine.boot.compute.undo import undo_build, undo_overtaken
from engine.boot.compute.vif_wait import VifWait
from engine.boot.effects import volumes
from engine.boot.effects.errors import BuildAbort, BuildFailure
from engine.boot.libvirt.driver import HostProfile
from engine.boot.messages import Build as BuildMessage
from engine.boot.states import PowerState, TaskState
from engine.errors import EngineError, ServiceUnavailableError, ShuttingDownError
from engine.v1 import conductor_service_pb2 as pb
from engine.v1 import instance_pb2

_LOG = logging.getLogger("berth.compute")
Result = TypeVar("Result")


class Ending(Enum):
    """How a build ended: its outcome is recorded, it was nobody's to build any more, or it must be taken up again."""

    RECORDED = auto()
    DROPPED = auto()
    LEFT = auto()


class Stop(Enum):
    """Why a build under way is stopped: the user deletes it, a later attempt overtook it, or the agent ends."""

    DELETED = auto()
    OVERTAKEN = auto()
    AGENT = auto()


class _NotOurs(Exception):  # noqa: N818 (no error: the record has moved on)
    """The conductor said that the build is not (any more) this host's."""

    def __init__(self, order: pb.BuildOrder) -> None:
        super().__init__(pb.BuildOrder.Name(order))
        self.order = order


class _ConductorAway(Exception):  # noqa: N818 (no failure of the build)
    """Nothing can be recorded; what was done stays for when the message comes again."""


class Build:
    """The build of one instance by one attempt on one host; run it once."""

    def __init__(self, tools: Tools, profile: HostProfile, message: BuildMessage) -> None:
        self.uuid = message.instance_uuid
        self.host = profile.name
        self.attempt = message.attempt
        self._tools = tools
        self._profile = profile
        self._message = message
        self._timeline = Timeline()
        self._received_us = self._timeline.clock_us()
        self._instance: instance_pb2.Instance | None = None
        self._resume = False
        self._vifs = VifWait(tools, self.host, self.uuid)
        self._work: asyncio.Task[None] | None = None
        self._stop: Stop | None = None

    def stop(self, why: Stop) -> None:
        """Have the build end at its next step; one that is over already, or being undone, is not touched."""
        self._stop = self._stop or why
        if self._work is not None:
            self._work.cancel()

    async def run(self) -> Ending:
        """Build; return how it ended. What went wrong is recorded, not raised."""
        if self._why() is not None:
            return await self._end_early()
        self._work = asyncio.create_task(self._carry_out())
        try:
            await asyncio.wait({self._work})
        finally:
            self._work.cancel()
            await self._vifs.end()
        if self._work.cancelled():
            return await self._end_early()
        failure = self._work.exception()
        if failure is None:
            self._tools.reporter.build_succeeded(self.host)
            return Ending.RECORDED
        if self._why() is not None:
            # what fails while it is being stopped says nothing of the host
            return await self._end_early()
        if isinstance(failure, _NotOurs):
            return await self._drop(deleted=failure.order == pb.BUILD_ORDER_DELETING)
        if isinstance(failure, _ConductorAway):
            return Ending.LEFT
        return await self._fail(failure)

    async def _carry_out(self) -> None:
        instance = await self._start()
        tools, who = self._tools, self._message.caller
        check_fits(instance, self._profile)
        await tools.points.reach("before_network", self.host)
        # the image is fetched while network and volumes are made; the task states keep nova's order all the same
        image_path, _ = await _both(fetch_image(tools, instance, who, self._timeline), self._connect(instance))
        await self._launch(instance, image_path)
        await self._finish(instance)

    async def _start(self) -> instance_pb2.Instance:
        """Return the instance to build (steps 13 to 18)."""
        timeline = self._timeline
        waited_ms = max(0, self._received_us - self._message.cast_at_us) // 1000
        timeline.add(13, self._received_us, timeline.clock_us(), detail=f"cast {waited_ms} ms before it came")
        timeline.mark(14, f"attempt {self.attempt} on {self.host}")
        answer = await self._tell(
            self._tools.conductor.start_build(self.uuid, self.host, self.attempt, steps=timeline.take())
        )
        if answer.order not in (pb.BUILD_ORDER_START, pb.BUILD_ORDER_RESUME):
            raise _NotOurs(answer.order)
        self._resume = answer.order == pb.BUILD_ORDER_RESUME
        if not self._resume:
            self._tools.events.forget(self.host, self.uuid)
        self._instance = answer.instance
        timeline.mark(18, "taken up again" if self._resume else "")
        return self._instance

    async def _connect(self, instance: instance_pb2.Instance) -> None:
        """Give the instance its interfaces and volumes (steps 22 to 27)."""
        tools, who = self._tools, self._message.caller
        interfaces, _ = await _both(
            allocate_network(tools, instance, who, self.host, self._timeline, resume=self._resume),
            self._save(TaskState.NETWORKING),
        )
        known = {item.port_id for item in instance.interfaces}
        if self._resume and known - {item.port_id for item in interfaces}:
            # a domain from before would be plugged into ports that are gone
            await undo_overtaken(tools, self.host, self.uuid, ())
        del instance.interfaces[:]
        instance.interfaces.extend(interfaces)
        self._vifs.begin(interfaces)
        devices, _ = await _both(
            attach_volumes(tools, instance, who, self.host, self._timeline, resume=self._resume),
            self._save(TaskState.BLOCK_DEVICE_MAPPING, interfaces=interfaces),
        )
        del instance.block_devices[:]
        instance.block_devices.extend(devices)
        await self._save(TaskState.SPAWNING, block_devices=devices)

    async def _launch(self, instance: instance_pb2.Instance, image_path: Path | None) -> None:
        """Run the guest (step 28) and tell the volume service that it has its volumes."""
        with self._timeline.during(28) as step:
            step.detail = await launch(self._tools, self.host, instance, image_path, self._vifs)
            if any(device.attachment_id for device in instance.block_devices):
                await volumes.complete_all(self._tools.clouds, instance, self._message.caller)

    async def _finish(self, instance: instance_pb2.Instance) -> None:
        await self._tools.points.reach("before_finish", self.host)
        order = await self._tell(
            self._tools.conductor.finish_build(
                self.uuid,
                self.host,
                self.attempt,
                power_state=PowerState.RUNNING,
                steps=self._timeline.take(),
                block_devices=instance.block_devices,
                interfaces=instance.interfaces,
                root_device_name=root_device_name(instance.block_devices),
            )
        )
        if order != pb.BUILD_ORDER_START:
            raise _NotOurs(order)

    async def _save(
        self,
        task_state: TaskState,
        *,
        interfaces: Iterable[instance_pb2.NetworkInterface] = (),
        block_devices: Iterable[instance_pb2.BlockDevice] = (),
    ) -> None:
        order = await self._tell(
            self._tools.conductor.save_progress(
                self.uuid,
                self.host,
                self.attempt,
                task_state=task_state,
                steps=self._timeline.take(),
                interfaces=interfaces,
                block_devices=block_devices,
            )
        )
        if order != pb.BUILD_ORDER_START:
            raise _NotOurs(order)

    async def _tell(self, call: Coroutine[Any, Any, Result]) -> Result:
        """Return the conductor's answer; raise _ConductorAway when it is away beyond the client's patience."""
        try:
            return await call
        except (ServiceUnavailableError, ShuttingDownError) as error:
            _LOG.warning("build of %s on %s waits for the conductor: %s", self.uuid, self.host, error.message)
            raise _ConductorAway from error

    def _why(self) -> Stop | None:
        return self._stop

    async def _end_early(self) -> Ending:
        """End a build that was stopped from outside.

        One that is being deleted is left as it is: the delete that stopped it undoes it, and if the record did not want
        that after all, the build is taken up again.
        """
        if self._why() is Stop.OVERTAKEN:
            return await self._drop(deleted=False)
        return Ending.LEFT

    async def _drop(self, *, deleted: bool) -> Ending:
        """Undo what was done for a build that nobody wants any more."""
        if self._instance is not None:
            if deleted:
                await undo_build(self._tools, self.host, self._instance)
            else:
                await undo_overtaken(self._tools, self.host, self.uuid, self._instance.interfaces)
        return Ending.DROPPED

    async def _fail(self, failure: BaseException) -> Ending:
        """Undo everything, then say what went wrong, so that another host can begin at once."""
        if isinstance(failure, EngineError):
            _LOG.warning("build of %s on %s failed: %s", self.uuid, self.host, failure)
        else:
            _LOG.error("build of %s on %s failed", self.uuid, self.host, exc_info=failure)
        undone = True
        if self._instance is not None:
            undone = await undo_build(self._tools, self.host, self._instance)
        self._tools.reporter.build_failed(self.host)
        abort = isinstance(failure, BuildAbort)
        unknown = f"{type(failure).__name__}: {failure}"
        try:
            await self._tools.conductor.fail_build(
                self.uuid,
                self.host,
                self.attempt,
                failure=pb.BUILD_FAILURE_ABORT if abort else pb.BUILD_FAILURE_RESCHEDULE,
                message=failure.message if isinstance(failure, EngineError) else unknown,
                details=_details(failure),
                steps=self._timeline.take(),
                undone=undone,
            )
        except EngineError as error:
            _LOG.warning("the failure of %s on %s could not be recorded: %s", self.uuid, self.host, error.message)
            return Ending.LEFT
        return Ending.RECORDED


async def _both(side: Coroutine[Any, Any, Result], main: Coroutine[Any, Any, Any]) -> tuple[Result, Any]:
    """Return what two pieces of work return; when one fails, the other is ended first, and the failure is raised.

    Of two failures the weightier counts: that the build is not ours, then that nothing can be recorded.
    """
    try:
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(side), group.create_task(main)
    except BaseExceptionGroup as failures:
        raise min(failures.exceptions, key=_weight) from None
    return first.result(), second.result()


def _weight(failure: BaseException) -> int:
    kinds = (_NotOurs, _ConductorAway, BuildAbort)
    return next((place for place, kind in enumerate(kinds) if isinstance(failure, kind)), len(kinds))


def _details(failure: BaseException) -> str:
    """Return what administrators are told: where a service's refusal comes from, or where the program failed."""
    if isinstance(failure, BuildFailure):
        return failure.explanation
    if isinstance(failure, EngineError):
        return ", ".join(f"{name} {value}" for name, value in failure.details.items())
    return "".join(traceback.format_exception(failure))
