"""The gRPC client that the command line, the tools and users share: a method a call, protobuf messages in and out.

Every failure is raised as the EngineError that the service reported. Each call has a deadline of its own (a ``timeout``
in gRPC's service configuration is no substitute: it fails calls at once in the versions in use). Calls that do no harm
when repeated, reads and a selection with a client token, are retried while the service is unavailable.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_status import rpc_status

from engine import __version__
from engine.client_errors import engine_error
from engine.v1 import capacity_service_pb2 as capacity
from engine.v1 import inventory_pb2 as inventory
from engine.v1 import inventory_service_pb2 as hosts
from engine.v1 import request_spec_pb2 as specs
from engine.v1 import scheduler_service_pb2 as scheduler

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.capacity_client import OnProgress, SnapshotParts
    from engine.placement_stream import BatchAnswer

DEFAULT_TARGET = "127.0.0.1:7474"
DEFAULT_TIMEOUT_S = 30.0
LONG_TIMEOUT_S = 600.0
"""For the calls whose work grows with the whole inventory: an import and an audit."""
DEFAULT_WINDOW = 8
MAX_MESSAGE_BYTES = 64 << 20

_SCHEDULER = "engine.v1.SchedulerService"
_INVENTORY = "engine.v1.InventoryService"
_CAPACITY = "engine.v1.CapacityService"
_RETRIED = {
    _SCHEDULER: (
        "SelectDestinations",
        "RevertMove",
        "GetAllocation",
        "ListAllocations",
        "ExplainSelection",
        "AuditAllocations",
    ),
    _INVENTORY: (
        "ListHosts",
        "GetHost",
        "ListAggregates",
        "ListFlavors",
        "ListServerGroups",
        "ListSharingProviders",
    ),
}
"""The calls that may be repeated; SelectDestinations and RevertMove only go this way when they have a token."""
_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.primary_user_agent", f"berth/{__version__}"),
    # The scheduler is a neighbour: a proxy meant for the web would only swallow the connection.
    ("grpc.enable_http_proxy", 0),
)

Reply = TypeVar("Reply", bound=Message)


class Client:
    """One service's calls: ``target`` is HOST:PORT, ``timeout_s`` the deadline of each call.

    Safe to share between threads; close it, or use it in a ``with``.
    """

    def __init__(self, target: str = DEFAULT_TARGET, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.target = target
        self.timeout_s = timeout_s
        # Whether SelectDestinations may be repeated depends on its token, and gRPC decides by method alone: hence two
        # channels, each of which connects when it is first used.
        names = [{"service": service, "method": method} for service, methods in _RETRIED.items() for method in methods]
        retries = json.dumps({"methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}]})
        self._again = grpc.insecure_channel(target, options=[*_CHANNEL_OPTIONS, ("grpc.service_config", retries)])
        self._once = grpc.insecure_channel(target, options=[*_CHANNEL_OPTIONS, ("grpc.enable_retries", 0)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends every call and both connections."""
        self._again.close()
        self._once.close()

    def health(self) -> str:
        """Returns the health check's word: SERVING, NOT_SERVING or UNKNOWN."""
        request = health_pb2.HealthCheckRequest()
        reply = self._call(self._once, "grpc.health.v1.Health", "Check", request, health_pb2.HealthCheckResponse)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status))

    def select_destinations(
        self, request_spec: specs.RequestSpec, *, client_token: str = ""
    ) -> scheduler.SelectDestinationsResponse:
        """Selects and claims hosts for one request; with a ``client_token`` it is repeated while the service is away.

        Raises NoValidHostError, TokenReusedError, UnknownFlavorError, UnknownGroupError, InvalidRequestError.
        """
        request = scheduler.SelectDestinationsRequest(request_spec=request_spec, client_token=client_token)
        channel = self._again if client_token else self._once
        return self._call(channel, _SCHEDULER, "SelectDestinations", request, scheduler.SelectDestinationsResponse)

    def stream(
        self, requests: Iterable[scheduler.SelectDestinationsStreamRequest], *, window: int = DEFAULT_WINDOW
    ) -> Generator[BatchAnswer, None, None]:
        """Sends batches, at most ``window`` of them unanswered at a time, and yields their answers in order.

        The stream has no deadline as a whole: ServiceUnavailableError is raised when a batch waits longer than
        ``timeout_s`` for its answer.
        """
        from engine.placement_stream import batch_answers

        call = self._once.stream_stream(
            f"/{_SCHEDULER}/SelectDestinationsStream",
            request_serializer=scheduler.SelectDestinationsStreamRequest.SerializeToString,
            response_deserializer=scheduler.SelectDestinationsStreamResponse.FromString,
        )
        with self._translated(None):
            yield from batch_answers(call, requests, window=window, stall_s=self.timeout_s)

    def release_allocations(self, consumer_uuids: Iterable[str]) -> scheduler.ReleaseAllocationsResponse:
        """Gives allocations back; the answer names the consumers that held none."""
        request = scheduler.ReleaseAllocationsRequest(consumer_uuids=consumer_uuids)
        return self._call(self._once, _SCHEDULER, "ReleaseAllocations", request, scheduler.ReleaseAllocationsResponse)

    def move_allocation(self, consumer_uuid: str, host_id: str) -> scheduler.MoveAllocationResponse:
        """Moves what a consumer holds to a host.

        Raises UnknownAllocationError, UnknownHostError, NoValidHostError, ConflictError.
        """
        request = scheduler.MoveAllocationRequest(consumer_uuid=consumer_uuid, host_id=host_id)
        return self._call(self._once, _SCHEDULER, "MoveAllocation", request, scheduler.MoveAllocationResponse)

    def revert_move(
        self, instance_uuid: str, migration_uuid: str, *, client_token: str = ""
    ) -> scheduler.RevertMoveResponse:
        """Gives an instance back what its migration holds; with a ``client_token`` as in ``select_destinations``.

        Raises UnknownAllocationError, ConflictError.
        """
        request = scheduler.RevertMoveRequest(
            instance_uuid=instance_uuid, migration_uuid=migration_uuid, client_token=client_token
        )
        channel = self._again if client_token else self._once
        return self._call(channel, _SCHEDULER, "RevertMove", request, scheduler.RevertMoveResponse)

    def get_allocation(self, consumer_uuid: str) -> scheduler.GetAllocationResponse:
        """Returns what one consumer holds. Raises UnknownAllocationError."""
        request = scheduler.GetAllocationRequest(consumer_uuid=consumer_uuid)
        return self._call(self._again, _SCHEDULER, "GetAllocation", request, scheduler.GetAllocationResponse)

    def list_allocations(
        self, *, host_id: str = "", project_id: str = "", page_size: int = 0, page_token: str = ""
    ) -> scheduler.ListAllocationsResponse:
        """Returns one page of allocations."""
        request = scheduler.ListAllocationsRequest(
            host_id=host_id, project_id=project_id, page_size=page_size, page_token=page_token
        )
        return self._call(self._again, _SCHEDULER, "ListAllocations", request, scheduler.ListAllocationsResponse)

    def explain_selection(
        self,
        request_spec: specs.RequestSpec,
        *,
        host_ids: Iterable[str] = (),
        weighed_limit: int = 0,
        nearest_limit: int = 0,
    ) -> scheduler.ExplainSelectionResponse:
        """Returns why hosts pass or fail, and what they weigh; claims nothing.

        Raises UnknownHostError, UnknownFlavorError, UnknownGroupError, InvalidRequestError.
        """
        request = scheduler.ExplainSelectionRequest(
            request_spec=request_spec, host_ids=host_ids, weighed_limit=weighed_limit, nearest_limit=nearest_limit
        )
        return self._call(self._again, _SCHEDULER, "ExplainSelection", request, scheduler.ExplainSelectionResponse)

    def audit_allocations(self, *, timeout_s: float = LONG_TIMEOUT_S) -> scheduler.AuditAllocationsResponse:
        """Returns where the durable store, the allocations in memory and the columns disagree."""
        request = scheduler.AuditAllocationsRequest()
        reply = scheduler.AuditAllocationsResponse
        return self._call(self._again, _SCHEDULER, "AuditAllocations", request, reply, timeout_s=timeout_s)

    def update_hosts(
        self, requests: Iterable[hosts.UpdateHostsRequest], *, timeout_s: float = LONG_TIMEOUT_S
    ) -> Iterator[hosts.UpdateHostsResponse]:
        """Adds or changes hosts, one answer a message; each message is applied whole or not at all.

        Raises InvalidHostError.
        """
        method = self._once.stream_stream(
            f"/{_INVENTORY}/UpdateHosts",
            request_serializer=hosts.UpdateHostsRequest.SerializeToString,
            response_deserializer=hosts.UpdateHostsResponse.FromString,
        )
        return self._replies(method, iter(requests), timeout_s)

    def import_hosts(self, table: pa.Table, *, timeout_s: float = LONG_TIMEOUT_S) -> hosts.ImportHostsResponse:
        """Loads a fleet, all of it or nothing; ``table`` has the columns of a fleet file.

        Raises InvalidFileError, InvalidHostError.
        """
        from engine.arrow_chunks import arrow_chunks

        method = self._once.stream_unary(
            f"/{_INVENTORY}/ImportHosts",
            request_serializer=hosts.ImportHostsRequest.SerializeToString,
            response_deserializer=hosts.ImportHostsResponse.FromString,
        )
        requests = (hosts.ImportHostsRequest(arrow_ipc=chunk) for chunk in arrow_chunks(table))
        with self._translated(timeout_s):
            reply: hosts.ImportHostsResponse = method(requests, timeout=timeout_s)
            return reply

    def list_hosts(
        self, *, availability_zone: str = "", aggregate_uuid: str = "", page_size: int = 0, page_token: str = ""
    ) -> hosts.ListHostsResponse:
        """Returns one page of hosts."""
        request = hosts.ListHostsRequest(
            availability_zone=availability_zone,
            aggregate_uuid=aggregate_uuid,
            page_size=page_size,
            page_token=page_token,
        )
        return self._call(self._again, _INVENTORY, "ListHosts", request, hosts.ListHostsResponse)

    def get_host(self, host_id: str) -> hosts.GetHostResponse:
        """Returns one host. Raises UnknownHostError."""
        request = hosts.GetHostRequest(host_id=host_id)
        return self._call(self._again, _INVENTORY, "GetHost", request, hosts.GetHostResponse)

    def delete_hosts(self, host_ids: Iterable[str]) -> hosts.DeleteHostsResponse:
        """Removes hosts, all or none. Raises UnknownHostError, HostInUseError."""
        request = hosts.DeleteHostsRequest(host_ids=host_ids)
        return self._call(self._once, _INVENTORY, "DeleteHosts", request, hosts.DeleteHostsResponse)

    def watch_hosts(self, after_generation: int = 0) -> Iterator[hosts.WatchHostsResponse]:
        """Yields what changed since a generation, then every change as it comes, without end."""
        method = self._once.unary_stream(
            f"/{_INVENTORY}/WatchHosts",
            request_serializer=hosts.WatchHostsRequest.SerializeToString,
            response_deserializer=hosts.WatchHostsResponse.FromString,
        )
        return self._replies(method, hosts.WatchHostsRequest(after_generation=after_generation), None)

    def update_aggregates(
        self, aggregates: Iterable[inventory.Aggregate] = (), *, delete_uuids: Iterable[str] = ()
    ) -> hosts.UpdateAggregatesResponse:
        """Adds, replaces and removes aggregates, all or none. Raises UnknownAggregateError, UnknownHostError."""
        request = hosts.UpdateAggregatesRequest(aggregates=aggregates, delete_uuids=delete_uuids)
        return self._call(self._once, _INVENTORY, "UpdateAggregates", request, hosts.UpdateAggregatesResponse)

    def list_aggregates(self) -> hosts.ListAggregatesResponse:
        """Returns every aggregate."""
        return self._call(
            self._again, _INVENTORY, "ListAggregates", hosts.ListAggregatesRequest(), hosts.ListAggregatesResponse
        )

    def update_flavors(
        self, flavors: Iterable[specs.Flavor] = (), *, delete_names: Iterable[str] = ()
    ) -> hosts.UpdateFlavorsResponse:
        """Adds, replaces and removes flavors, all or none. Raises UnknownFlavorError, InvalidRequestError."""
        request = hosts.UpdateFlavorsRequest(flavors=flavors, delete_names=delete_names)
        return self._call(self._once, _INVENTORY, "UpdateFlavors", request, hosts.UpdateFlavorsResponse)

    def list_flavors(self) -> hosts.ListFlavorsResponse:
        """Returns every flavor."""
        return self._call(self._again, _INVENTORY, "ListFlavors", hosts.ListFlavorsRequest(), hosts.ListFlavorsResponse)

    def update_server_groups(
        self, groups: Iterable[inventory.ServerGroup] = (), *, delete_uuids: Iterable[str] = ()
    ) -> hosts.UpdateServerGroupsResponse:
        """Adds, replaces and removes server groups, all or none. Raises UnknownGroupError, InvalidRequestError."""
        request = hosts.UpdateServerGroupsRequest(server_groups=groups, delete_uuids=delete_uuids)
        return self._call(self._once, _INVENTORY, "UpdateServerGroups", request, hosts.UpdateServerGroupsResponse)

    def list_server_groups(self) -> hosts.ListServerGroupsResponse:
        """Returns every server group."""
        return self._call(
            self._again, _INVENTORY, "ListServerGroups", hosts.ListServerGroupsRequest(), hosts.ListServerGroupsResponse
        )

    def update_sharing_providers(
        self, providers: Iterable[inventory.ResourceProvider]
    ) -> hosts.UpdateSharingProvidersResponse:
        """Adds and replaces sharing resource providers, all or none. Raises InvalidRequestError."""
        request = hosts.UpdateSharingProvidersRequest(providers=providers)
        return self._call(
            self._once, _INVENTORY, "UpdateSharingProviders", request, hosts.UpdateSharingProvidersResponse
        )

    def list_sharing_providers(self) -> hosts.ListSharingProvidersResponse:
        """Returns every sharing resource provider."""
        request = hosts.ListSharingProvidersRequest()
        return self._call(self._again, _INVENTORY, "ListSharingProviders", request, hosts.ListSharingProvidersResponse)

    def delete_sharing_providers(self, uuids: Iterable[str]) -> hosts.DeleteSharingProvidersResponse:
        """Removes sharing resource providers, all or none. Raises NotFoundError, ConflictError."""
        request = hosts.DeleteSharingProvidersRequest(uuids=uuids)
        return self._call(
            self._once, _INVENTORY, "DeleteSharingProviders", request, hosts.DeleteSharingProvidersResponse
        )

    def snapshot(self, *, timeout_s: float = LONG_TIMEOUT_S) -> SnapshotParts:
        """Returns all that a what-if needs to know of the service as of one moment. Raises BusyError."""
        from engine.capacity_client import snapshot_parts

        method = self._once.unary_stream(
            f"/{_CAPACITY}/GetSnapshot",
            request_serializer=capacity.GetSnapshotRequest.SerializeToString,
            response_deserializer=capacity.GetSnapshotResponse.FromString,
        )
        return snapshot_parts(self._replies(method, capacity.GetSnapshotRequest(), timeout_s))

    def ask(
        self,
        question: str,
        scenario_toml: str,
        out: Path,
        *,
        scenario_name: str = "",
        seed: int | None = None,
        files: Mapping[str, bytes] | None = None,
        on_progress: OnProgress | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Has the service answer a what-if question, and writes report.html, decisions.parquet and summary.json.

        ``files`` are those that the scenario names, by that name; ``live = "self"`` in it is the service as it is.
        There is no deadline unless told. Raises InvalidFileError, InvalidRequestError, BusyError.
        """
        from engine.capacity_client import no_progress, save_answer

        request = capacity.AskRequest(
            question=question, scenario_toml=scenario_toml, scenario_name=scenario_name, seed=seed, files=files or {}
        )
        method = self._once.unary_stream(
            f"/{_CAPACITY}/Ask",
            request_serializer=capacity.AskRequest.SerializeToString,
            response_deserializer=capacity.AskResponse.FromString,
        )
        save_answer(self._replies(method, request, timeout_s), out, on_progress or no_progress)

    def _call(
        self,
        channel: Any,
        service: str,
        method: str,
        request: Message,
        reply: type[Reply],
        *,
        timeout_s: float | None = None,
    ) -> Reply:
        """Returns the one reply to one request, within ``timeout_s`` or the client's own deadline."""
        deadline_s = self.timeout_s if timeout_s is None else timeout_s
        call = channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=reply.FromString,
        )
        with self._translated(deadline_s):
            answer: Reply = call(request, timeout=deadline_s)
            return answer

    def _replies(self, method: Any, request: object, timeout_s: float | None) -> Iterator[Any]:
        """Yields the replies of a call; ends the call when the caller stops reading."""
        call = method(request, timeout=timeout_s)
        try:
            with self._translated(timeout_s):
                yield from call
        finally:
            call.cancel()

    @contextmanager
    def _translated(self, timeout_s: float | None) -> Iterator[None]:
        """Turns gRPC's exception into the EngineError it stands for."""
        try:
            yield
        except grpc.RpcError as failure:
            error = engine_error(
                failure.code().name,
                failure.details() or "",
                rpc_status.from_call(failure),
                target=self.target,
                timeout_s=timeout_s,
            )
            raise error from failure
