"""A graceful stop: what is under way ends, streams end after their answered batches, nothing new begins."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from engine.client import Client
from engine.v1.inventory_pb2 import Host
from engine.v1.inventory_service_pb2 import UpdateHostsRequest
from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest
from tests.service.harness import WAIT_S, serving
from tests.service.messages import Refusal, add_flavor, add_hosts, batch, spec, tokens
from tests.service.subprocesses import served


def ended(call: Any) -> Refusal:
    with pytest.raises(grpc.RpcError) as failure:
        list(call)
    return Refusal(failure.value)


def stop_in_background(local: Any) -> threading.Thread:
    thread = threading.Thread(target=lambda: local.run(local.service.stop()))
    thread.start()
    deadline = time.monotonic() + WAIT_S
    while not local.service.draining.is_set():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return thread


def test_calls_under_way_end_well(disk, tmp_path):
    with serving(tmp_path) as local:
        add_hosts(local.client, {}, {})
        disk.hold()
        calls = [
            local.scheduler.SelectDestinations.future(SelectDestinationsRequest(request_spec=spec())) for _ in range(4)
        ]
        disk.wait_for_commit()
        deadline = time.monotonic() + WAIT_S
        while local.on_loop(lambda: len(local.placer.book)) < 4:
            assert time.monotonic() < deadline
        stopping = stop_in_background(local)
        assert not any(call.done() for call in calls)
        disk.go_on()
        assert all(len(call.result(WAIT_S).selections) == 1 for call in calls)
        stopping.join(WAIT_S)
    with serving(tmp_path) as local:
        assert local.client.list_allocations().total == 4
        local.assert_clean()


def test_a_stream_ends_after_its_answered_batches(disk, tmp_path):
    sent: queue.SimpleQueue[Any] = queue.SimpleQueue()
    names = tokens(6)
    with serving(tmp_path) as local:
        add_hosts(local.client, {}, {})
        add_flavor(local.client)
        call = local.scheduler.SelectDestinationsStream(iter(sent.get, None))
        sent.put(batch(names[:2]))
        assert len(next(call).outcomes) == 2
        disk.hold()
        sent.put(batch(names[2:4]))
        disk.wait_for_commit()
        stopping = stop_in_background(local)
        sent.put(batch(names[4:]))
        time.sleep(0.05)
        disk.go_on()
        # the batch that was placed is answered, the one that came too late is not placed
        assert len(next(call).outcomes) == 2
        answer = ended(call)
        assert (answer.code, answer.reason) == ("UNAVAILABLE", "SHUTTING_DOWN")
        stopping.join(WAIT_S)
        sent.put(None)
    with serving(tmp_path) as local:
        assert local.client.list_allocations().total == 4
        assert [answer.outcomes.tolist() for answer in local.client.stream([batch(names)])] == [[4, 4, 4, 4, 1, 1]]


def test_idle_streams_do_not_hold_up_a_stop(tmp_path):
    batches: queue.SimpleQueue[Any] = queue.SimpleQueue()
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with serving(tmp_path, drain_s=30.0) as local:
        add_hosts(local.client, {})
        add_flavor(local.client)
        placing = local.scheduler.SelectDestinationsStream(iter(batches.get, None))
        updates = local.inventory.UpdateHosts(iter(messages.get, None))
        health = health_pb2_grpc.HealthStub(local.channel).Watch(health_pb2.HealthCheckRequest())
        batches.put(batch(tokens(1)))
        messages.put(UpdateHostsRequest(hosts=[Host(host_id="h0", num_io_ops=1)]))
        assert next(placing).outcomes == b"\x01"
        assert next(updates).changed == 1
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        started = time.monotonic()
        local.run(local.service.stop())
        assert time.monotonic() - started < 3
        assert [ended(call).reason for call in (placing, updates)] == ["SHUTTING_DOWN"] * 2
        assert [item.status for item in health] == [health_pb2.HealthCheckResponse.NOT_SERVING]
        batches.put(None)
        messages.put(None)


def test_health_says_so_and_new_calls_are_refused(disk, tmp_path):
    with serving(tmp_path) as local:
        add_hosts(local.client, {})
        health = health_pb2_grpc.HealthStub(local.channel)
        names = ("", "engine.v1.SchedulerService", "engine.v1.InventoryService", "engine.v1.CapacityService")
        watch = health.Watch(health_pb2.HealthCheckRequest(service=names[1]))
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        for name in names:
            answer = health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        disk.hold()
        under_way = local.scheduler.SelectDestinations.future(SelectDestinationsRequest(request_spec=spec()))
        disk.wait_for_commit()
        stopping = stop_in_background(local)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with Client(local.target) as late, pytest.raises(Exception, match=r"answer|stopping"):
            late.select_destinations(spec())
        disk.go_on()
        under_way.result(WAIT_S)
        stopping.join(WAIT_S)


def test_a_process_told_to_stop_finishes_its_calls_and_exits_well(tmp_path):
    answered: list[str] = []
    refused: list[str] = []
    with served(tmp_path) as service, Client(service.target) as client:
        add_hosts(client, *[{}] * 10)

        def place() -> None:
            while True:
                try:
                    answered.extend(item.instance_uuid for item in client.select_destinations(spec()).selections)
                except Exception as failure:
                    refused.append(type(failure).__name__)
                    return

        threads = [threading.Thread(target=place) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 40:
            time.sleep(0.01)
        assert service.stop() == 0
        for thread in threads:
            thread.join(WAIT_S)
        assert set(refused) <= {"ServiceUnavailableError", "ShuttingDownError"}
        assert "Traceback" not in service.said
    with serving(tmp_path / "state") as local:
        held = {item.consumer_uuid for item in local.client.list_allocations(page_size=10_000).allocations}
        assert set(answered) <= held
        assert len(held - set(answered)) <= 4
        local.assert_clean()
