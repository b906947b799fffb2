"""A real disk that ends: commits are refused, nothing is done by half, and with more room all goes on."""

from __future__ import annotations

import grpc
import pytest

from engine.client import Client
from engine.service.audit import audit_state_dir
from engine.v1.scheduler_service_pb2 import ReleaseAllocationsRequest, SelectDestinationsRequest
from engine.v1.scheduler_service_pb2_grpc import SchedulerServiceStub
from tests.service.harness import serving
from tests.service.messages import Refusal, add_flavor, add_hosts, batch, refusal, spec, token_uuid, tokens
from tests.service.subprocesses import served

ROOM = 320 * 1024
"""Bytes of the largest file: the tables and their indexes, and a few hundred allocations."""


def place_until_full(scheduler: SchedulerServiceStub) -> tuple[list[str], Refusal]:
    """The instances placed before the disk was full, and how the first call after that failed."""
    placed: list[str] = []
    while len(placed) < 100_000:
        try:
            reply = scheduler.SelectDestinations(SelectDestinationsRequest(request_spec=spec(num_instances=50)))
        except grpc.RpcError as failure:
            return placed, Refusal(failure)
        placed += [item.instance_uuid for item in reply.selections]
    raise AssertionError("the disk was never full")


def test_a_full_disk_refuses_and_forgets_nothing_it_answered(tmp_path):
    with served(tmp_path, largest_file=ROOM) as service, Client(service.target) as client:
        add_hosts(client, *[{"vcpus": 4000, "memory_mb": 10**7}] * 8)
        add_flavor(client)
        with grpc.insecure_channel(service.target) as channel:
            scheduler = SchedulerServiceStub(channel)
            placed, first = place_until_full(scheduler)
            assert placed
            assert (first.code, first.reason) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE")
            # again and again, alone and in streams, and what is refused leaves no trace
            for _ in range(3):
                request = SelectDestinationsRequest(request_spec=spec(num_instances=500), client_token="t")
                assert refusal(scheduler.SelectDestinations, request).reason == "LEDGER_UNAVAILABLE"
                call = scheduler.SelectDestinationsStream(iter([batch(tokens(8000))]))
                with pytest.raises(grpc.RpcError) as failure:
                    next(call)
                assert Refusal(failure.value).reason == "LEDGER_UNAVAILABLE"
            request = ReleaseAllocationsRequest(consumer_uuids=placed)
            assert refusal(scheduler.ReleaseAllocations, request).reason == "LEDGER_UNAVAILABLE"
        assert client.health() == "SERVING"
        listed = client.list_allocations(page_size=10_000)
        assert sorted(item.consumer_uuid for item in listed.allocations) == sorted(placed)
        used = sum(host.inventories["VCPU"].used for host in client.list_hosts().hosts)
        assert used == len(placed)
        assert service.stop() == 0
        assert "could not be undone" not in service.said
    assert audit_state_dir(tmp_path / "state").clean
    # with room again
    with serving(tmp_path / "state") as local:
        assert local.client.list_allocations().total == len(placed)
        local.assert_clean()
        assert local.client.release_allocations(placed).released == len(placed)
        (answer,) = local.client.stream([batch(tokens(8000))])
        assert set(answer.outcomes.tolist()) == {1}
        local.assert_clean()
        assert local.client.get_allocation(token_uuid(tokens(1)[0])).allocation.flavor_name == "small"


def test_a_disk_with_room_again_is_used_without_a_restart(disk, local):
    add_hosts(local.client, {}, {})
    for _ in range(3):
        disk.full = True
        request = SelectDestinationsRequest(request_spec=spec(num_instances=3))
        assert refusal(local.scheduler.SelectDestinations, request).reason == "LEDGER_UNAVAILABLE"
        disk.full = False
        local.client.select_destinations(spec())
        local.assert_clean()
    assert local.client.list_allocations().total == 3
