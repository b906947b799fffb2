"""ConductorService over gRPC: messages checked and handed to the part that knows what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from engine.boot.conductor.actions import Actions
from engine.boot.conductor.builds import Builds, Claim
from engine.boot.conductor.deletion import Deletion
from engine.boot.conductor.dispatch import Dispatcher
from engine.boot.conductor.failures import Failures
from engine.boot.conductor.instance_messages import check_uuid, instance_message
from engine.boot.conductor.power_sync import PowerSync
from engine.boot.conductor.sessions import Session, Sessions
from engine.boot.conductor.status import streaming, unary
from engine.boot.store.instances import devices_of, devices_of_many, find_instances, get_instance
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.errors import InvalidRequestError, ServiceUnavailableError, ShuttingDownError
from engine.v1 import conductor_service_pb2 as pb
from engine.v1 import conductor_service_pb2_grpc as stubs

_LONGEST_CALL_S = 300.0
_ATTEMPTS = 2**31 - 1


@dataclass(frozen=True)
class Parts:
    """What the calls are handed to; ``wake`` tells whoever carries messages that some wait."""

    store: Store
    builds: Builds
    failures: Failures
    actions: Actions
    deletion: Deletion
    power_sync: PowerSync
    sessions: Sessions
    dispatcher: Dispatcher
    wake: Callable[[], None]


class ConductorServicer(stubs.ConductorServiceServicer):
    """The calls of agents and of the API."""

    def __init__(self, parts: Parts, stopping: asyncio.Event) -> None:
        self._parts = parts
        self._stopping = stopping

    @streaming
    async def Attend(self, request: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """Deliver messages to an agent until it goes, or another takes its hosts, or the conductor stops."""
        if self._stopping.is_set():
            raise ShuttingDownError("the conductor is stopping")
        requests = aiter(request)
        first = await anext(requests, None)
        if first is None or first.WhichOneof("content") != "subscription":
            raise InvalidRequestError("an agent's first message is its subscription")
        session = self._parts.sessions.open(first.subscription)
        reading = asyncio.create_task(self._listen(session, requests))
        self._parts.dispatcher.subscribed()
        try:
            while (response := await session.outgoing.get()) is not None:
                yield response
        finally:
            self._parts.sessions.close(session)
            reading.cancel()
            outcome = (await asyncio.gather(reading, return_exceptions=True))[0]
        if isinstance(outcome, Exception):
            raise outcome
        if session.error is not None:
            raise session.error

    async def _listen(self, session: Session, requests: AsyncIterator[Any]) -> None:
        """Take what an agent says, until it goes."""
        dispatcher = self._parts.dispatcher
        try:
            async for request in requests:
                kind = request.WhichOneof("content")
                if kind == "acknowledgement":
                    await dispatcher.acknowledged(session, request.acknowledgement.message_ids)
                elif kind == "postponement":
                    postponement = request.postponement
                    await dispatcher.postponed(session, postponement.message_id, postponement.delay_ms / 1000)
                elif kind == "answer":
                    session.answered(request.answer)
                else:
                    raise InvalidRequestError("an agent subscribes once, and says nothing empty")
        finally:
            session.end()

    @unary
    async def StartBuild(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Begin a build or take it up again."""
        return await self._parts.builds.start(_claim(request), request.steps)

    @unary
    async def SaveProgress(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Record how far a build has come."""
        order = await self._parts.builds.save(
            _claim(request), request.task_state, request.steps, request.interfaces, request.block_devices
        )
        return pb.SaveProgressResponse(order=order)

    @unary
    async def FinishBuild(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Record that the instance runs."""
        order = await self._parts.builds.finish(
            _claim(request),
            request.power_state,
            request.steps,
            request.interfaces,
            request.block_devices,
            request.root_device_name,
        )
        return pb.FinishBuildResponse(order=order)

    @unary
    async def FailBuild(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Record that a build failed, and try elsewhere or give up."""
        if request.failure not in (pb.BUILD_FAILURE_RESCHEDULE, pb.BUILD_FAILURE_ABORT):
            raise InvalidRequestError("a build fails with RESCHEDULE or ABORT")
        next_host = await self._parts.failures.fail(
            _claim(request),
            reschedule=request.failure == pb.BUILD_FAILURE_RESCHEDULE,
            message=request.message or "The build failed and its host did not say why.",
            details=request.details,
            steps=request.steps,
            undone=request.undone,
        )
        return pb.FailBuildResponse(next_host=next_host)

    @unary
    async def GetInstance(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return an instance, or nothing."""
        uuid = check_uuid(request.instance_uuid)

        def work(connection: Any) -> pb.GetInstanceResponse:
            row = get_instance(connection, uuid)
            if row is None:
                return pb.GetInstanceResponse()
            return pb.GetInstanceResponse(instance=instance_message(row, devices_of(connection, uuid)))

        return await self._parts.store.read(work)

    @unary
    async def FinishAction(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Record the end of an action."""
        check_uuid(request.instance_uuid)
        _check_host(request.host)
        if request.action == "delete" and not request.error:
            await self._parts.deletion.finish(request.instance_uuid, request.host)
        else:
            await self._parts.actions.finish(request)
        return pb.FinishActionResponse()

    @unary
    async def ListHostInstances(self, request: Any, context: Any) -> Any:  # noqa: N802
        """List a host's instances."""
        host = _check_host(request.host)

        def work(connection: Any) -> pb.ListHostInstancesResponse:
            rows = find_instances(connection, instances.c.host == host, instances.c.deleted.is_(False))
            devices = devices_of_many(connection, [row.uuid for row in rows])
            return pb.ListHostInstancesResponse(
                instances=[instance_message(row, devices.get(row.uuid, ())) for row in rows]
            )

        return await self._parts.store.read(work)

    @unary
    async def SyncPowerStates(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Compare power states."""
        domains = {check_uuid(domain.instance_uuid): domain.power_state for domain in request.domains}
        commands = await self._parts.power_sync.compare(_check_host(request.host), domains, complete=request.complete)
        return pb.SyncPowerStatesResponse(commands=commands)

    @unary
    async def CallHost(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Ask a host's agent."""
        host = _check_host(request.host)
        try:
            json.loads(request.body_json)
        except ValueError as error:
            raise InvalidRequestError(f"a call's body is JSON: {error}") from error
        session = self._parts.sessions.of(host)
        if session is None:
            raise ServiceUnavailableError(f"host {host} cannot be asked: its agent is away")
        timeout_s = min(max(0.001, request.timeout_ms / 1000), _LONGEST_CALL_S)
        return pb.CallHostResponse(body_json=await session.call(host, request.method, request.body_json, timeout_s))

    @unary
    async def WakeUp(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Look for messages now."""
        self._parts.wake()
        return pb.WakeUpResponse()


def _claim(request: Any) -> Claim:
    """Return what a host says it builds; raise InvalidRequestError where that cannot be."""
    if not 1 <= request.attempt <= _ATTEMPTS:
        raise InvalidRequestError(f"attempts count from 1, not {request.attempt}")
    return Claim(check_uuid(request.instance_uuid), _check_host(request.host), request.attempt)


def _check_host(host: str) -> str:
    if not host.strip():
        raise InvalidRequestError("the host's name is missing")
    return host
