"""Callers that cancel, run out of time or die: what becomes of what they asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from engine.v1.inventory_pb2 import Aggregate, Host, ServerGroup
from engine.v1.inventory_service_pb2 import (
    DeleteHostsRequest,
    ImportHostsRequest,
    UpdateAggregatesRequest,
    UpdateFlavorsRequest,
    UpdateHostsRequest,
    UpdateServerGroupsRequest,
)
from engine.v1.request_spec_pb2 import Flavor
from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest
from tests.builders import fleet
from tests.service.harness import WAIT_S, serving
from tests.service.messages import add_flavor, add_hosts, batch, new_uuid, refusal, spec, tokens


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def select(local: Any, token: str = "", *, timeout: float = WAIT_S, **fields: Any) -> Any:
    request = SelectDestinationsRequest(request_spec=spec(**fields), client_token=token)
    return local.scheduler.SelectDestinations.future(request, timeout=timeout)


def test_a_cancelled_call_without_a_token_leaves_nothing_behind(disk, local):
    add_hosts(local.client, {}, {})
    disk.hold()
    call = select(local, num_instances=2)
    disk.wait_for_commit()
    call.cancel()
    eventually(lambda: local.on_loop(lambda: len(local.placer.book) == 0))
    disk.go_on()
    assert local.client.list_allocations().total == 0
    assert local.client.get_host("h0").host.inventories["VCPU"].used == 0
    local.assert_clean()


def test_a_call_that_ran_out_of_time_leaves_nothing_behind(disk, local):
    add_hosts(local.client, {})
    disk.hold()
    request = SelectDestinationsRequest(request_spec=spec())
    assert refusal(local.scheduler.SelectDestinations, request, timeout=0.2).code == "DEADLINE_EXCEEDED"
    eventually(lambda: local.on_loop(lambda: len(local.placer.book) == 0))
    disk.go_on()
    assert local.client.list_allocations().total == 0
    local.assert_clean()


def test_a_cancelled_call_with_a_token_can_be_asked_again(disk, local):
    add_hosts(local.client, {}, {})
    disk.hold()
    call = select(local, "t")
    disk.wait_for_commit()
    call.cancel()
    repeated = select(local, "t")
    time.sleep(0.05)
    disk.go_on()
    answer = repeated.result(WAIT_S)
    assert select(local, "t").result(WAIT_S) == answer
    assert local.client.list_allocations().total == 1
    local.assert_clean()


def test_a_cancelled_call_whose_commit_fails_leaves_nothing_behind(disk, local):
    add_hosts(local.client, {})
    disk.hold()
    call = select(local)
    disk.wait_for_commit()
    call.cancel()
    eventually(lambda: local.on_loop(lambda: len(local.placer.book) == 0))
    disk.full = True
    disk.go_on()
    disk.full = False
    local.client.select_destinations(spec())
    assert local.client.list_allocations().total == 1
    local.assert_clean()


def test_the_service_outlives_a_stream_whose_client_dies(disk, local):
    add_hosts(local.client, {}, {})
    add_flavor(local.client)
    names = tokens(40)
    more = threading.Event()

    def batches() -> Any:
        yield batch(names[:10])
        yield batch(names[10:20])
        more.wait(WAIT_S)

    with grpc.insecure_channel(local.target) as dying:
        stub = type(local.scheduler)(dying)
        answers = stub.SelectDestinationsStream(batches())
        assert list(next(answers).outcomes) == [1] * 10
        next(answers)
        disk.hold()
        late = stub.SelectDestinationsStream(iter([batch(names[20:30])]))
        disk.wait_for_commit()
        answers.cancel()
        late.cancel()
    more.set()
    disk.go_on()
    # what was durable stays, also the batch whose answer nobody heard
    assert local.client.list_allocations().total == 30
    assert local.client.health() == "SERVING"
    local.assert_clean()


def test_a_client_that_never_reads_its_answers_does_not_stop_the_others(local):
    add_hosts(local.client, *[{}] * 20)
    add_flavor(local.client)
    wide = [batch(tokens(50, 10_000 * number)) for number in range(1, 30)]
    local.scheduler.SelectDestinationsStream(iter(wide))
    for _ in range(20):
        local.client.select_destinations(spec(), client_token="t")
    local.assert_clean()


INVENTORY: dict[str, tuple[str, Any]] = {
    "UpdateFlavors": ("UpdateFlavors", UpdateFlavorsRequest(flavors=[Flavor(name="f", vcpus=1)])),
    "UpdateServerGroups": (
        "UpdateServerGroups",
        UpdateServerGroupsRequest(server_groups=[ServerGroup(uuid=new_uuid(), policy="affinity")]),
    ),
    "UpdateAggregates": (
        "UpdateAggregates",
        UpdateAggregatesRequest(aggregates=[Aggregate(uuid=new_uuid(), name="a", host_ids=["h0"])]),
    ),
    "DeleteHosts": ("DeleteHosts", DeleteHostsRequest(host_ids=["h1"])),
}


def state_of(local: Any) -> Any:
    client = local.client
    hosts = list(client.list_hosts().hosts)
    for host in hosts:
        host.generation = 0
    return (
        hosts,
        list(client.list_flavors().flavors),
        list(client.list_server_groups().server_groups),
        list(client.list_aggregates().aggregates),
    )


@pytest.mark.parametrize("name", INVENTORY)
def test_an_inventory_change_whose_caller_goes_away_is_whole_in_memory_and_ledger(disk, tmp_path, name):
    method, request = INVENTORY[name]
    with serving(tmp_path) as local:
        add_hosts(local.client, {}, {}, {})
        before = state_of(local)
        disk.hold()
        call = getattr(local.inventory, method).future(request, timeout=WAIT_S)
        disk.wait_for_commit()
        call.cancel()
        time.sleep(0.05)
        disk.go_on()
        eventually(lambda: state_of(local) != before)
        local.assert_clean()
        after = state_of(local)
    with serving(tmp_path) as local:
        assert state_of(local) == after


@pytest.mark.parametrize("kind", ["update", "import"])
def test_hosts_whose_caller_goes_away_are_whole_and_the_next_get_rows_of_their_own(disk, tmp_path, kind):
    from tests.service.test_bad_inventory import arrow

    with serving(tmp_path) as local:
        add_hosts(local.client, {})
        disk.hold()
        if kind == "update":
            new = Host(host_id="new")
            new.inventories["VCPU"].total = new.inventories["MEMORY_MB"].total = 8
            call = local.inventory.UpdateHosts(iter([UpdateHostsRequest(hosts=[new])]))
        else:
            data = arrow(fleet([{"host_id": "new", "vcpus": 8}]))
            call = local.inventory.ImportHosts.future(iter([ImportHostsRequest(arrow_ipc=data)]))
        disk.wait_for_commit()
        call.cancel()
        time.sleep(0.05)
        disk.go_on()
        local.client.import_hosts(fleet([{"host_id": "next", "vcpus": 4}]))
        assert [item.host_id for item in local.client.list_hosts().hosts] == ["h0", "new", "next"]
        local.assert_clean()
        before = state_of(local)
    with serving(tmp_path) as local:
        assert state_of(local) == before
        local.assert_clean()
