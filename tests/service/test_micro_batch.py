"""Calls that arrive together are answered as if each had come alone, and written together."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import AllocationExistsError, NoValidHostError
from engine.scheduler.select import Selector
from engine.service.micro_batch import MicroBatches, may_be_plain
from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest, SelectDestinationsResponse
from tests.builders import host_table, request
from tests.service.harness import WAIT_S
from tests.service.messages import add_flavor, add_hosts, new_uuid, refusal, spec

UNEVEN = [{"vcpus": 16, "memory_mb": 40_000 + 1000 * (number * 7 % 13)} for number in range(12)]


def together(local: Any, requests: list[Any], tokens: list[str] | None = None) -> list[Any]:
    """What a service answers to calls that are all open at once, from one caller: messages, or the calls' errors."""

    async def run() -> list[Any]:
        async with grpc.aio.insecure_channel(local.target) as channel:
            call = type(local.scheduler)(channel).SelectDestinations
            names = tokens or [""] * len(requests)
            calls = [
                call(SelectDestinationsRequest(request_spec=request, client_token=token), timeout=WAIT_S)
                for request, token in zip(requests, names, strict=True)
            ]
            return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(run())


def codes(answers: list[Any]) -> list[str]:
    return [item.code().name if isinstance(item, grpc.RpcError) else "OK" for item in answers]


def test_many_calls_are_few_commits_and_each_has_its_own_claim(disk, local):
    add_hosts(local.client, *UNEVEN)
    before, first = disk.commits, local.client.list_hosts().inventory_generation
    answers = together(local, [spec(project_id=f"p{number % 3}") for number in range(60)])
    assert codes(answers) == ["OK"] * 60
    assert disk.commits - before < 30
    uuids = [answer.selections[0].instance_uuid for answer in answers]
    assert len(set(uuids)) == 60
    assert sorted(answer.inventory_generation for answer in answers) == list(range(first + 1, first + 61))
    held = {item.consumer_uuid: item for item in local.client.list_allocations().allocations}
    for number, (uuid, answer) in enumerate(zip(uuids, answers, strict=True)):
        assert held[uuid].host_id == answer.selections[0].host.host_id
        assert held[uuid].project_id == f"p{number % 3}"
        assert len(answer.selections[0].alternates) == 2
    local.assert_clean()


def placed_together(local: Any, requests: list[Any]) -> list[bytes | None]:
    """What a service's placer answers to requests that arrive together in this order."""

    async def run() -> list[bytes | None]:
        batches = MicroBatches(local.placer)
        return await asyncio.gather(*(batches.place(item, b"", "", b"") for item in requests))

    return list(local.run(run()))


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.none() | st.integers(0, 6)), min_size=1, max_size=40)
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_together_they_get_the_hosts_that_they_would_get_one_after_the_other(local, kinds):
    add_hosts(local.client, *UNEVEN)
    known = [request(vcpus=vcpus, memory_mb=1024 * memory, alternates=spare) for vcpus, memory, spare in kinds]
    answers = placed_together(local, known)
    selector = Selector(host_table(UNEVEN), local.placer.selector.chain, random.Random(1))
    for item, answer in zip(known, answers, strict=True):
        expected = selector.select(item)[0]
        assert answer is not None
        (got,) = SelectDestinationsResponse.FromString(answer).selections
        assert (got.host.host_id, got.host.weight) == (f"h{expected.row}", expected.weight)
        assert [(choice.host_id, choice.weight) for choice in got.alternates] == [
            (f"h{row}", weight) for row, weight in zip(expected.alternates, expected.alternate_weights, strict=True)
        ]
    local.client.release_allocations([item.consumer_uuid for item in local.client.list_allocations().allocations])


def test_whoever_finds_no_host_is_told_why_and_the_others_are_placed(local):
    add_hosts(local.client, {"memory_mb": 1024})
    answers = together(local, [spec() for _ in range(6)])
    placed = codes(answers).count("OK")
    assert 0 < placed < 6
    assert codes(answers).count("FAILED_PRECONDITION") == 6 - placed
    assert local.client.list_allocations().total == placed
    with pytest.raises(NoValidHostError) as refused:
        local.client.select_destinations(spec())
    assert sum(refused.value.rejections.values()) == 1
    local.assert_clean()


def test_of_calls_for_one_instance_the_first_has_it(local):
    add_hosts(local.client, {}, {})
    uuid = new_uuid()
    answers = together(local, [spec(instance_uuids=[uuid]) for _ in range(5)])
    assert sorted(codes(answers)) == ["ALREADY_EXISTS"] * 4 + ["OK"]
    assert local.client.list_allocations().total == 1
    with pytest.raises(AllocationExistsError):
        local.client.select_destinations(spec(instance_uuids=[uuid.upper()]))
    local.client.release_allocations([uuid])
    answers = together(local, [spec(instance_uuids=[uuid]), spec(), spec()])
    assert codes(answers) == ["OK"] * 3
    local.assert_clean()


def test_of_calls_with_one_token_all_have_the_first_ones_answer(local):
    add_hosts(local.client, {}, {})
    answers = together(local, [spec() for _ in range(6)], ["a", "b", "a", "", "b", "a"])
    assert answers[0] == answers[2] == answers[5]
    assert answers[1] == answers[4]
    assert local.client.list_allocations().total == 3
    mixed = together(local, [spec(), spec(2)], ["c", "c"])
    assert sorted(codes(mixed)) == ["ALREADY_EXISTS", "OK"]
    local.assert_clean()


@pytest.mark.parametrize("length", [128, 129])
def test_a_token_that_is_too_long_is_refused_among_others_too(local, length):
    add_hosts(local.client, {}, {})
    answers = together(local, [spec(), spec(), spec()], ["", "t" * length, ""])
    assert codes(answers) == ["OK", "OK" if length == 128 else "INVALID_ARGUMENT", "OK"]


def test_what_the_disk_refuses_is_undone_for_all_of_them(disk, local, tmp_path):
    add_hosts(local.client, {}, {})
    uuids = [new_uuid() for _ in range(4)]
    disk.full = True
    answers = together(local, [spec(instance_uuids=[uuid]) for uuid in uuids], ["a", "", "b", ""])
    assert codes(answers) == ["UNAVAILABLE"] * 4
    disk.full = False
    assert local.client.list_allocations().total == 0
    assert local.on_loop(lambda: len(local.placer.answers)) == 0
    local.assert_clean()
    answers = together(local, [spec(instance_uuids=[uuid]) for uuid in uuids], ["a", "", "b", ""])
    assert codes(answers) == ["OK"] * 4
    local.assert_clean()


def test_a_call_that_is_given_up_while_it_waits_is_not_placed(local):
    add_hosts(local.client, {}, {})

    async def run() -> list[Any]:
        batches = MicroBatches(local.placer)
        crowd = [asyncio.ensure_future(batches.place(request(), b"", "", b"")) for _ in range(8)]
        await asyncio.gather(*crowd)
        # now company is expected, so these wait
        late = [asyncio.ensure_future(batches.place(request(), b"", "", b"")) for _ in range(2)]
        await asyncio.sleep(0)
        assert not any(call.done() for call in late)
        late[0].cancel()
        return await asyncio.gather(*late, return_exceptions=True)

    given_up, answered = local.run(run())
    assert isinstance(given_up, asyncio.CancelledError)
    assert answered
    assert local.client.list_allocations().total == 9
    local.assert_clean()


def test_more_kinds_than_there_are_views_are_all_placed(local, monkeypatch):
    add_hosts(local.client, {}, {})
    monkeypatch.setattr(local.placer.selector.views, "capacity", 2)
    answers = together(local, [spec(1 + number % 5) for number in range(20)])
    assert codes(answers) == ["OK"] * 20
    local.assert_clean()


def test_what_no_view_answers_is_placed_among_what_views_do(local):
    add_hosts(local.client, {}, {})
    kinds = [{}, {"force_hosts": ["h1"]}, {"num_instances": 2}, {"ignore_hosts": ["h0"]}]
    answers = together(local, [spec(**kinds[number % 4]) for number in range(16)])
    assert codes(answers) == ["OK"] * 16
    assert {answers[number].selections[0].host.host_id for number in (1, 3, 5, 7)} == {"h1"}
    assert local.client.list_allocations().total == 20
    local.assert_clean()


def test_a_flavor_that_changes_is_seen_by_the_next_call(local):
    add_hosts(local.client, {}, {})
    add_flavor(local.client, "m1", vcpus=1)
    uuids = []
    for vcpus in (1, 2, 3):
        add_flavor(local.client, "m1", vcpus=vcpus)
        for _ in range(2):
            answer = local.client.select_destinations(spec(flavor_name="m1"))
            uuids.append((answer.selections[0].instance_uuid, vcpus))
    for uuid, vcpus in uuids:
        assert local.client.get_allocation(uuid).allocation.vcpus == vcpus


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff", b"\x0a\x05abc", b"\x12\x02\xff\xfe", bytes(10)])
def test_bytes_that_are_no_request_are_refused(local, raw):
    add_hosts(local.client, {})
    call = local.channel.unary_unary("/engine.v1.SchedulerService/SelectDestinations")
    for _ in range(2):
        answer = refusal(call, raw)
        assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert local.client.list_allocations().total == 0


def test_an_empty_request_is_refused_for_what_it_lacks(local):
    answer = refusal(local.channel.unary_unary("/engine.v1.SchedulerService/SelectDestinations"), b"")
    assert answer.code == "INVALID_ARGUMENT"
    assert "flavor" in answer.text


def test_only_requests_for_one_new_instance_may_be_plain():
    assert may_be_plain(request())
    assert not may_be_plain(request(num_instances=2))
    assert not may_be_plain(request(instance_group="g"))
    assert not may_be_plain(request(scheduler_hints={"_nova_check_type": ("rebuild",)}))
