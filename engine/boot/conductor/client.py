"""The gRPC client of the conductor, for compute agents and the API: a method a call, made on one event loop.

Every failure is raised as the EngineError that the conductor reported. What an agent tells of a build or an action is
known by instance, attempt and host, so it may be told twice: it is told again while the conductor is away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import grpc

from engine import __version__
from engine.boot.conductor.status import engine_error
from engine.errors import ServiceUnavailableError
from engine.v1 import conductor_service_pb2 as pb
from engine.v1 import conductor_service_pb2_grpc as stubs
from engine.v1 import instance_pb2 as instances

MAX_MESSAGE_BYTES = 64 << 20
KEEPALIVE = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)
"""A peer that no longer answers is noticed after 15 s, whether or not calls are under way."""
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.primary_user_agent", f"berth/{__version__}"),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    *KEEPALIVE,
)
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


class ConductorClient:
    """The conductor's calls; made and used on one running event loop.

    ``target`` is HOST:PORT, ``timeout_s`` how long one try may take, ``patience_s`` how long calls that may be
    repeated wait for a conductor that is away.
    """

    def __init__(self, target: str, *, timeout_s: float = 60.0, patience_s: float = 600.0) -> None:
        self.target = target
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self._channel = grpc.aio.insecure_channel(target, options=list(_CHANNEL_OPTIONS))
        self._stub = stubs.ConductorServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._waking: asyncio.Task[None] | None = None
        self._wake_again = False

    async def close(self) -> None:
        """End every call and the connection."""
        if self._waking is not None:
            self._waking.cancel()
        await self._channel.close()

    async def start_build(
        self, instance_uuid: str, host: str, attempt: int, *, steps: Iterable[instances.StepRecord] = ()
    ) -> pb.StartBuildResponse:
        """Begin a build, or take it up again; the answer has the order, the instance and steps 15 to 17."""
        request = pb.StartBuildRequest(instance_uuid=instance_uuid, host=host, attempt=attempt, steps=steps)
        answer: pb.StartBuildResponse = await self._patiently(self._stub.StartBuild, request)
        return answer

    async def save_progress(
        self,
        instance_uuid: str,
        host: str,
        attempt: int,
        *,
        task_state: str = "",
        steps: Iterable[instances.StepRecord] = (),
        interfaces: Iterable[instances.NetworkInterface] = (),
        block_devices: Iterable[instances.BlockDevice] = (),
    ) -> pb.BuildOrder:
        """Record how far a build has come; START: go on, STALE or DELETING: stop and undo."""
        request = pb.SaveProgressRequest(
            instance_uuid=instance_uuid,
            host=host,
            attempt=attempt,
            task_state=task_state,
            steps=steps,
            interfaces=interfaces,
            block_devices=block_devices,
        )
        answer: pb.SaveProgressResponse = await self._patiently(self._stub.SaveProgress, request)
        return answer.order

    async def finish_build(
        self,
        instance_uuid: str,
        host: str,
        attempt: int,
        *,
        power_state: int,
        steps: Iterable[instances.StepRecord] = (),
        interfaces: Iterable[instances.NetworkInterface] = (),
        block_devices: Iterable[instances.BlockDevice] = (),
        root_device_name: str = "",
    ) -> pb.BuildOrder:
        """Record that the instance runs; START: recorded, STALE or DELETING: undo what was built."""
        request = pb.FinishBuildRequest(
            instance_uuid=instance_uuid,
            host=host,
            attempt=attempt,
            power_state=power_state,
            steps=steps,
            interfaces=interfaces,
            block_devices=block_devices,
            root_device_name=root_device_name,
        )
        answer: pb.FinishBuildResponse = await self._patiently(self._stub.FinishBuild, request)
        return answer.order

    async def fail_build(
        self,
        instance_uuid: str,
        host: str,
        attempt: int,
        *,
        failure: pb.BuildFailure,
        message: str,
        details: str = "",
        steps: Iterable[instances.StepRecord] = (),
        undone: bool,
    ) -> str:
        """Record that a build failed here; return the host of the next attempt, empty when there is none (yet)."""
        request = pb.FailBuildRequest(
            instance_uuid=instance_uuid,
            host=host,
            attempt=attempt,
            failure=failure,
            message=message,
            details=details,
            steps=steps,
            undone=undone,
        )
        answer: pb.FailBuildResponse = await self._patiently(self._stub.FailBuild, request)
        return answer.next_host

    async def get_instance(self, instance_uuid: str) -> instances.Instance | None:
        """Return an instance, or None when there is none or it is deleted."""
        request = pb.GetInstanceRequest(instance_uuid=instance_uuid)
        answer: pb.GetInstanceResponse = await self._patiently(self._stub.GetInstance, request)
        return answer.instance if answer.HasField("instance") else None

    async def finish_action(
        self,
        instance_uuid: str,
        host: str,
        action: str,
        *,
        request_id: str,
        error: str = "",
        vm_state: str = "",
        power_state: int | None = None,
        block_device: instances.BlockDevice | None = None,
    ) -> None:
        """Record the end of delete, start, stop, reboot, attach_volume or detach_volume, or why it failed."""
        request = pb.FinishActionRequest(
            instance_uuid=instance_uuid,
            host=host,
            action=action,
            request_id=request_id,
            error=error,
            vm_state=vm_state,
            power_state=power_state,
            block_device=block_device,
        )
        await self._patiently(self._stub.FinishAction, request)

    async def list_host_instances(self, host: str) -> list[instances.Instance]:
        """Return the instances that the database has on a host."""
        request = pb.ListHostInstancesRequest(host=host)
        answer: pb.ListHostInstancesResponse = await self._patiently(self._stub.ListHostInstances, request)
        return list(answer.instances)

    async def sync_power_states(
        self, host: str, power_states: Mapping[str, int], *, complete: bool
    ) -> list[pb.DomainCommand]:
        """Compare the power states of domains, by instance, with the record; return what to do where they differ."""
        domains = [pb.DomainPower(instance_uuid=uuid, power_state=state) for uuid, state in power_states.items()]
        request = pb.SyncPowerStatesRequest(host=host, domains=domains, complete=complete)
        answer: pb.SyncPowerStatesResponse = await self._patiently(self._stub.SyncPowerStates, request)
        return list(answer.commands)

    async def call_host(self, host: str, method: str, body: dict[str, Any], *, timeout_s: float = 30.0) -> Any:
        """Return a host's answer to a question; raise ServiceUnavailableError when its agent is away or too slow."""
        request = pb.CallHostRequest(
            host=host, method=method, body_json=json.dumps(body), timeout_ms=max(1, int(timeout_s * 1000))
        )
        try:
            answer = await self._stub.CallHost(request, timeout=timeout_s + 1.0)
        except grpc.aio.AioRpcError as failure:
            raise engine_error(failure, self.target) from failure
        return json.loads(answer.body_json)

    def wake_up(self) -> None:
        """Say that messages wait; neither waits nor raises, and wake-ups that follow closely are one."""
        if self._waking is None:
            self._waking = asyncio.get_running_loop().create_task(self._wake())
        else:
            self._wake_again = True

    async def attend(self, requests: AsyncIterator[pb.AttendRequest]) -> AsyncIterator[pb.AttendResponse]:
        """Carry an agent's messages for as long as the connection lasts; raise the error that ended it."""
        call = self._stub.Attend(requests, wait_for_ready=True)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as failure:
            raise engine_error(failure, self.target) from failure
        finally:
            call.cancel()

    async def _wake(self) -> None:
        try:
            while True:
                self._wake_again = False
                try:
                    await self._stub.WakeUp(pb.WakeUpRequest(), timeout=self.timeout_s)
                except grpc.aio.AioRpcError:
                    # the conductor looks by itself, too
                    return
                if not self._wake_again:
                    return
        finally:
            self._waking = None

    async def _patiently(self, method: Any, request: Any) -> Any:
        """Return the answer to a call that may be repeated, asked again while the conductor is away."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            left_s = max(0.001, deadline - loop.time())
            try:
                return await method(request, timeout=min(self.timeout_s, left_s), wait_for_ready=True)
            except grpc.aio.AioRpcError as failure:
                error = engine_error(failure, self.target)
                if not isinstance(error, ServiceUnavailableError) and failure.code() != grpc.StatusCode.UNAVAILABLE:
                    raise error from failure
                if loop.time() + pause_s >= deadline:
                    raise error from failure
            except grpc.aio.UsageError as failure:
                raise ServiceUnavailableError(f"the connection to conductor {self.target} is closed") from failure
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
