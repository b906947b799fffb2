from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import grpc
import numpy as np
import pyarrow as pa
import pytest

from engine.client import MAX_MESSAGE_BYTES, Client
from engine.errors import (
    EngineError,
    HostInUseError,
    InvalidRequestError,
    LimitExceededError,
    NoValidHostError,
    ServiceUnavailableError,
    TokenReusedError,
    UnknownFlavorError,
    UnknownHostError,
)
from engine.inventory.fleet_file import normalise_fleet
from engine.v1 import capacity_service_pb2 as capacity_messages
from engine.v1 import inventory_service_pb2 as hosts_messages
from engine.v1 import scheduler_service_pb2 as scheduler_messages
from engine.v1.inventory_pb2 import Host, ResourceInventory
from engine.v1.request_spec_pb2 import Flavor, RequestSpec
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest
from engine.v1.selection_pb2 import Allocation

SMALL = RequestSpec(flavor=Flavor(vcpus=1, memory_mb=1024))


def fleet(prefix: str, count: int = 3) -> pa.Table:
    names = [f"{prefix}-{number}" for number in range(count)]
    table = pa.table({"host_id": names, "vcpus": [16] * count, "memory_mb": [65536] * count, "disk_gb": [1000] * count})
    return normalise_fleet(table, source="the test's fleet")


@pytest.fixture
def client(service) -> Iterator[Client]:
    with Client(service.target) as connected:
        connected.import_hosts(fleet("host"))
        held = connected.list_allocations().allocations
        connected.release_allocations(item.consumer_uuid for item in held)
        yield connected


def test_a_claim_is_listed_moved_and_released(client):
    reply = client.select_destinations(SMALL)
    (selection,) = reply.selections
    held = client.get_allocation(selection.instance_uuid).allocation
    assert (held.host_id, held.vcpus, held.memory_mb) == (selection.host.host_id, 1, 1024)
    target = next(f"host-{number}" for number in range(3) if f"host-{number}" != held.host_id)
    assert client.move_allocation(selection.instance_uuid, target).allocation.host_id == target
    assert [item.consumer_uuid for item in client.list_allocations(host_id=target).allocations] == [
        selection.instance_uuid
    ]
    with pytest.raises(HostInUseError):
        client.delete_hosts([target])
    released = client.release_allocations([selection.instance_uuid, str(uuid4())])
    assert (released.released, len(released.not_held)) == (1, 1)


def test_failures_are_the_services_own(client):
    with pytest.raises(UnknownFlavorError, match="absent"):
        client.select_destinations(RequestSpec(flavor_name="absent"))
    with pytest.raises(UnknownHostError, match="absent"):
        client.get_host("absent")
    with pytest.raises(InvalidRequestError):
        client.select_destinations(RequestSpec(flavor=Flavor(vcpus=-1, memory_mb=1)))
    with pytest.raises(NoValidHostError) as caught:
        client.select_destinations(RequestSpec(flavor=Flavor(vcpus=9999, memory_mb=1)))
    assert caught.value.hosts_total == 3
    assert sum(caught.value.rejections.values()) == 3


def test_a_token_repeats_its_answer(client):
    token = str(uuid4())
    first = client.select_destinations(SMALL, client_token=token)
    assert client.select_destinations(SMALL, client_token=token).selections == first.selections
    with pytest.raises(TokenReusedError):
        client.select_destinations(RequestSpec(flavor=Flavor(vcpus=2, memory_mb=1024)), client_token=token)


def test_a_stream_places_releases_and_repeats(client):
    client.update_flavors(
        [Flavor(name="small", vcpus=1, memory_mb=1024), Flavor(name="huge", vcpus=9999, memory_mb=1024)]
    )
    tokens = np.frombuffer(b"".join(uuid4().bytes for _ in range(4)), np.uint8).reshape(4, 16)

    def batch(sequence: int, codes: list[int], tokens: bytes, release: bytes = b"") -> SelectDestinationsStreamRequest:
        return SelectDestinationsStreamRequest(
            sequence=sequence,
            flavor_names=["small", "huge"],
            flavor_codes=np.array(codes, "<u4").tobytes(),
            tokens=tokens,
            release_consumers=release,
        )

    batches = [
        batch(7, [0, 1, 0], tokens[:3].tobytes()),
        batch(8, [0], tokens[3:].tobytes(), tokens[:1].tobytes()),
        batch(9, [0, 1], tokens[2:].tobytes()),
    ]
    first, second, third = client.stream(batches, window=1)
    assert first.outcomes.tolist() == [1, 2, 1]
    hosts = first.hosts()
    assert hosts[1] is None
    assert {hosts[0], hosts[2]} <= {"host-0", "host-1", "host-2"}
    assert (second.sequence, second.released, second.outcomes.tolist()) == (8, 1, [1])
    assert third.outcomes.tolist() == [4, 3]
    assert third.hosts()[0] == hosts[2]
    assert client.list_allocations().total == 2


def test_hosts_are_updated_in_messages_and_watched(client):
    sizes = {"VCPU": ResourceInventory(total=8, allocation_ratio=1), "MEMORY_MB": ResourceInventory(total=4096)}
    message = hosts_messages.UpdateHostsRequest(hosts=[Host(host_id="late", inventories=sizes)])
    (reply,) = client.update_hosts([message])
    assert reply.added == 1
    watched = client.watch_hosts()
    seen = {host.host_id for host in next(watched).hosts}
    watched.close()
    assert seen
    assert client.delete_hosts(["late"]).deleted == 1


def test_a_large_fleet_is_imported_in_chunks(client):
    reply = client.import_hosts(fleet("many", 20_000))
    assert reply.added == 20_000
    page = client.list_hosts(page_size=10_000)
    assert len(page.hosts) == 10_000
    assert page.total == 20_003
    assert client.delete_hosts(f"many-{number}" for number in range(20_000)).deleted == 20_000


def test_the_health_check_says_serving(client):
    assert client.health() == "SERVING"


def test_nobody_there_is_a_service_unavailable(nowhere):
    with Client(nowhere, timeout_s=5) as client:
        for call in (client.list_flavors, client.health, lambda: client.select_destinations(SMALL)):
            with pytest.raises(ServiceUnavailableError, match=nowhere):
                call()
        with pytest.raises(ServiceUnavailableError, match=nowhere):
            list(client.stream([SelectDestinationsStreamRequest(tokens=bytes(16))]))
        with pytest.raises(ServiceUnavailableError, match=nowhere):
            client.import_hosts(fleet("host"))


Answer = Callable[[str, grpc.ServicerContext], object]


class _Scripted(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers every call with a function of its method: failures that a sound service does not show on request."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.calls: list[str] = []

    def service(self, details):
        method = details.method.rsplit("/", 1)[1]

        def handle(_request: bytes, context: grpc.ServicerContext) -> bytes:
            self.calls.append(method)
            return self.answer(method, context).SerializeToString()

        return grpc.unary_unary_rpc_method_handler(handle)


@contextmanager
def scripted(answer: Answer, timeout_s: float = 10.0) -> Iterator[tuple[Client, list[str]]]:
    handler = _Scripted(answer)
    server = grpc.server(ThreadPoolExecutor(2), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with Client(f"127.0.0.1:{port}", timeout_s=timeout_s) as client:
            yield client, handler.calls
    finally:
        server.stop(None).wait()


def unavailable_at_first(times: int, reply: object) -> Answer:
    left = [times]

    def answer(_method: str, context: grpc.ServicerContext) -> object:
        if left[0]:
            left[0] -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return reply

    return answer


def test_reads_are_retried_while_the_service_is_unavailable():
    reply = hosts_messages.ListFlavorsResponse(inventory_generation=5)
    with scripted(unavailable_at_first(2, reply)) as (client, calls):
        assert client.list_flavors().inventory_generation == 5
        assert calls == ["ListFlavors"] * 3


def test_a_selection_is_retried_only_with_a_token():
    reply = scheduler_messages.SelectDestinationsResponse(inventory_generation=5)
    with scripted(unavailable_at_first(1, reply)) as (client, calls):
        assert client.select_destinations(SMALL, client_token="t").inventory_generation == 5
        assert calls == ["SelectDestinations"] * 2
    with scripted(unavailable_at_first(1, reply)) as (client, calls):
        with pytest.raises(ServiceUnavailableError, match="not now"):
            client.select_destinations(SMALL)
        assert calls == ["SelectDestinations"]


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.release_allocations(["x"]),
        lambda client: client.move_allocation("x", "y"),
        lambda client: client.delete_hosts(["x"]),
        lambda client: client.update_flavors(),
        lambda client: client.update_aggregates(),
        lambda client: client.update_server_groups(),
    ],
)
def test_writes_are_never_retried(call):
    with scripted(unavailable_at_first(1, hosts_messages.DeleteHostsResponse())) as (client, calls):
        with pytest.raises(ServiceUnavailableError):
            call(client)
        assert len(calls) == 1


def test_other_failures_are_not_retried():
    def answer(_method: str, context: grpc.ServicerContext) -> object:
        context.abort(grpc.StatusCode.INTERNAL, "broken")
        raise AssertionError

    with scripted(answer) as (client, calls):
        with pytest.raises(EngineError, match="broken") as caught:
            client.list_hosts()
        assert type(caught.value) is EngineError
        assert calls == ["ListHosts"]


def test_a_call_ends_at_its_deadline():
    done = threading.Event()

    def answer(_method: str, _context: grpc.ServicerContext) -> object:
        done.wait(10)
        return hosts_messages.ListFlavorsResponse()

    with scripted(answer, timeout_s=0.3) as (client, _):
        began = time.monotonic()
        with pytest.raises(ServiceUnavailableError, match=r"within 0\.3 s"):
            client.list_flavors()
        assert time.monotonic() - began < 5
        done.set()


def test_messages_larger_than_grpc_allows_by_default_are_taken_up_to_a_bound():
    page = scheduler_messages.ListAllocationsResponse(allocations=[Allocation(project_id="p" * 1_000_000)] * 20)
    with scripted(lambda _method, _context: page) as (client, _):
        assert len(client.list_allocations().allocations) == 20
        too_large = SMALL.__class__(project_id="p" * (MAX_MESSAGE_BYTES + 1))
        with pytest.raises(LimitExceededError):
            client.select_destinations(too_large)


def test_another_service_at_the_address_is_said():
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with Client(f"127.0.0.1:{port}", timeout_s=5) as client, pytest.raises(EngineError, match="not Berth"):
            client.list_hosts()
    finally:
        server.stop(None).wait()


def test_every_call_of_the_services_has_a_method():
    services = [
        *scheduler_messages.DESCRIPTOR.services_by_name["SchedulerService"].methods,
        *hosts_messages.DESCRIPTOR.services_by_name["InventoryService"].methods,
        *capacity_messages.DESCRIPTOR.services_by_name["CapacityService"].methods,
    ]
    names = {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in rpc.name)[1:] for rpc in services
    }
    names = names - {"select_destinations_stream", "get_snapshot"} | {"stream", "snapshot"}
    assert names <= set(dir(Client))
