"""Placement streams: order, repeats, releases, and what a batch that is wrong does (nothing)."""

from __future__ import annotations

import grpc
import pytest

from engine.errors import (
    InvalidRequestError,
    LedgerError,
    LimitExceededError,
    UnknownAllocationError,
    UnknownFlavorError,
)
from engine.service.batch_run import instance_consumers
from engine.v1.request_spec_pb2 import Flavor
from engine.v1.scheduler_service_pb2 import SelectDestinationsStreamRequest
from tests.service.harness import serving
from tests.service.messages import (
    Refusal,
    add_flavor,
    add_hosts,
    batch,
    new_uuid,
    send,
    spec,
    token_uuid,
    tokens,
)

PLACED, NO_VALID_HOST, TOKEN_REUSED, REPEATED = 1, 2, 3, 4


def test_batches_are_placed_in_order_as_single_requests_would_be(local):
    client = local.client
    add_hosts(client, *[{"memory_mb": 65_536 - number} for number in range(8)])
    add_flavor(client, "small")
    add_flavor(client, "large", 4, 20_000)
    names = tokens(30)
    answers = list(
        client.stream(
            [
                batch(names[:20], flavors=("small", "large"), codes=[n % 2 for n in range(20)], sequence=7),
                batch(names[20:], flavors=("large",), sequence=8),
            ]
        )
    )
    assert [answer.sequence for answer in answers] == [7, 8]
    hosts = [host for answer in answers for host in answer.hosts()]
    client.release_allocations([token_uuid(name) for name in names])
    flavors = ["small" if number % 2 == 0 and number < 20 else "large" for number in range(30)]
    singly = [client.select_destinations(spec(flavor_name=name)).selections[0].host.host_id for name in flavors]
    assert hosts == singly
    local.assert_clean()


def test_a_token_is_the_consumer_and_its_answer_comes_again(local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client)
    names = tokens(4)
    ((outcomes, hosts),) = send(client, batch(names))
    assert outcomes == [PLACED] * 4
    assert client.get_allocation(token_uuid(names[0])).allocation.host_id == hosts[0]
    assert send(client, batch(names)) == [([REPEATED] * 4, hosts)]
    assert client.list_allocations().total == 4
    client.release_allocations([token_uuid(name) for name in names[:2]])
    assert send(client, batch(names)) == [([REPEATED] * 4, hosts)]
    assert client.list_allocations().total == 2
    local.assert_clean()


def test_repeats_outlive_a_restart_and_a_release(tmp_path):
    names = tokens(6)
    with serving(tmp_path) as local:
        add_hosts(local.client, {}, {})
        add_flavor(local.client)
        ((outcomes, hosts),) = send(local.client, batch(names[:4], counts=[1, 2, 1, 1]))
        assert outcomes == [PLACED] * 4
        local.client.release_allocations([token_uuid(names[0])])
    with serving(tmp_path) as local:
        assert send(local.client, batch(names[:4], counts=[1, 2, 1, 1])) == [([REPEATED] * 4, hosts)]
        assert local.client.list_allocations().total == 4
        local.assert_clean()


def test_a_token_of_another_flavor_or_more_instances_is_refused(local):
    client = local.client
    add_hosts(client, {})
    add_flavor(client, "small")
    add_flavor(client, "other", 2)
    one, two, fresh = tokens(3)
    send(client, batch([one, two], counts=[1, 2]))
    outcomes = send(client, batch([one], flavors=("other",)), batch([one, two, fresh], counts=[2, 1, 1]))
    assert [outcome for outcome, _ in outcomes] == [[TOKEN_REUSED], [TOKEN_REUSED, REPEATED, PLACED]]
    assert client.list_allocations().total == 4
    local.assert_clean()


def test_tokens_that_count_up_by_one_repeat_as_well(local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client)
    names = [(1000 + number).to_bytes(16, "big") for number in range(8)]
    ((outcomes, hosts),) = send(client, batch(names))
    assert outcomes == [PLACED] * 8
    assert send(client, batch(names)) == [([REPEATED] * 8, hosts)]


def test_duplicates_within_a_batch_are_repeats(local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client, "small")
    add_flavor(client, "other", 2)
    a, b = tokens(2)
    ((outcomes, hosts),) = send(client, batch([a, b, a, b, a], flavors=("small", "other"), codes=[0, 0, 0, 1, 0]))
    assert outcomes == [PLACED, PLACED, REPEATED, TOKEN_REUSED, REPEATED]
    assert hosts[2] == hosts[4] == hosts[0]
    assert hosts[3] is None
    assert client.list_allocations().total == 2


def test_several_instances_are_all_placed_or_none(local):
    client = local.client
    add_hosts(client, {"vcpus": 3, "cpu_allocation_ratio": 1.0})
    add_flavor(client)
    a, b, c = tokens(3)
    ((outcomes, hosts),) = send(client, batch([a, b, c], counts=[2, 2, 1]))
    assert outcomes == [PLACED, NO_VALID_HOST, PLACED]
    assert hosts == ["h0", "h0", None, None, "h0"]
    assert client.list_allocations().total == 3
    local.assert_clean()


def test_releases_come_before_the_requests_or_where_they_are_put(local):
    client = local.client
    add_hosts(client, {"vcpus": 1, "cpu_allocation_ratio": 1.0})
    add_flavor(client)
    a, b, c, d = tokens(4)
    assert send(client, batch([a, b])) == [([PLACED, NO_VALID_HOST], ["h0", None])]
    (answer,) = client.stream([batch([c], release=[a, d])])
    assert (answer.outcomes.tolist(), answer.released) == ([PLACED], 1)
    # c is given back between the first request and the second
    (answer,) = client.stream([batch([b, d], release=[c], positions=[1])])
    assert (answer.outcomes.tolist(), answer.released) == ([NO_VALID_HOST, PLACED], 1)
    # an instance of this very batch
    e, f = tokens(2, 50)
    (answer,) = client.stream([batch([e, f], release=[d, e], positions=[0, 1])])
    assert (answer.outcomes.tolist(), answer.released) == ([PLACED, PLACED], 2)
    assert [item.consumer_uuid for item in client.list_allocations().allocations] == [token_uuid(f)]
    local.assert_clean()


def test_the_first_release_of_a_consumer_that_gives_something_back_counts(local):
    client = local.client
    add_hosts(client, {"vcpus": 2, "cpu_allocation_ratio": 1.0})
    add_flavor(client)
    a, b, c, d = tokens(4)
    # c holds nothing at first, is placed second, and given back before the third; its later release finds nothing
    (answer,) = client.stream([batch([a, c, b, d], release=[c, c, c, a, a], positions=[0, 2, 3, 4, 4])])
    assert (answer.outcomes.tolist(), answer.released) == ([PLACED, PLACED, PLACED, NO_VALID_HOST], 2)
    assert [item.consumer_uuid for item in client.list_allocations().allocations] == [token_uuid(b)]
    local.assert_clean()


def test_a_token_that_is_an_instance_of_an_earlier_request_of_the_batch_is_a_repeat(local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client)
    first, other = tokens(2)
    second = instance_consumers(first, 2)[1]
    ((outcomes, hosts),) = send(client, batch([other, first, second, *tokens(2, 50)], counts=[1, 2, 1, 1, 1]))
    assert outcomes == [PLACED, PLACED, REPEATED, PLACED, PLACED]
    assert hosts[3] == hosts[2]
    assert client.list_allocations().total == 5
    local.assert_clean()


def test_allocations_of_a_stream_belong_to_its_project(local):
    client = local.client
    add_hosts(client, {})
    add_flavor(client)
    send(client, batch(tokens(3), project_id="p", user_id="u"))
    assert client.list_allocations(project_id="p").total == 3
    assert client.list_allocations(project_id="p").allocations[0].user_id == "u"


def test_an_unknown_flavor_ends_the_stream_after_what_was_placed(local):
    client = local.client
    add_hosts(client, {})
    add_flavor(client)
    good, bad, late = tokens(3)
    stream = client.stream([batch([good]), batch([bad], flavors=("absent",)), batch([late])], window=3)
    assert next(stream).outcomes.tolist() == [PLACED]
    with pytest.raises(UnknownFlavorError) as refused:
        next(stream)
    assert refused.value.details["flavor"] == "absent"
    assert [item.consumer_uuid for item in client.list_allocations().allocations] == [token_uuid(good)]


T = tokens(2)
MALFORMED = {
    "token cut": SelectDestinationsStreamRequest(flavor_names=["small"], tokens=b"x" * 15),
    "release cut": batch(T, release=[b"x" * 15]),
    "too few codes": batch(T, codes=[0]),
    "too many codes": batch(T, codes=[0, 0, 0]),
    "codes cut": SelectDestinationsStreamRequest(flavor_names=["small"], tokens=T[0], flavor_codes=b"abc"),
    "too few counts": batch(T, counts=[1]),
    "code beyond": batch(T, codes=[0, 1]),
    "code far beyond": batch(T, codes=[0, 2**32 - 1]),
    "no flavors": batch(T, flavors=()),
    "zero token": batch([T[0], bytes(16)]),
    "no instances": batch(T, counts=[1, 0]),
    "too many instances": batch(T, counts=[1, 10_001]),
    "absurd instances": batch(T, counts=[2**32 - 1, 2**32 - 1]),
    "too many instances in all": batch(tokens(8), counts=[10_000] * 8),
    "too many requests": batch(tokens(8193)),
    "too many releases": batch([], release=tokens(8193)),
    "positions cut": batch(T, release=T, positions=[0]),
    "position beyond": batch(T, release=T, positions=[0, 3]),
    "positions descend": batch(T, release=T, positions=[1, 0]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_batch_is_refused_whole(local, name):
    client = local.client
    add_hosts(client, {})
    add_flavor(client)
    held = tokens(1, 900)
    send(client, batch(held))
    with pytest.raises((InvalidRequestError, LimitExceededError)):
        send(client, MALFORMED[name])
    assert [item.consumer_uuid for item in client.list_allocations().allocations] == [token_uuid(held[0])]
    assert client.health() == "SERVING"


def test_a_flavor_that_contradicts_itself_refuses_the_whole_batch(local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client)
    client.update_flavors([Flavor(name="faulty", vcpus=3, extra_specs={"hw:numa_nodes": "2"})])
    held, a, b = tokens(3)
    send(client, batch([held]))
    with pytest.raises(InvalidRequestError):
        send(client, batch([a, b], flavors=("small", "faulty"), codes=[0, 1], release=[held]))
    assert [item.consumer_uuid for item in client.list_allocations().allocations] == [token_uuid(held)]
    local.assert_clean()


def test_a_stream_that_fails_to_be_durable_answers_nothing_and_holds_nothing(disk, local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client)
    names = tokens(30)
    send(client, batch(names[:3]))
    disk.full = True
    with pytest.raises(LedgerError):
        send(client, *[batch(names[start : start + 5], release=[names[0]]) for start in range(3, 30, 5)])
    disk.full = False
    assert client.list_allocations().total == 3
    local.assert_clean()
    # and nothing of the failure is left for those who come later
    assert send(client, batch(names[:3]))[0][0] == [REPEATED] * 3
    assert send(client, batch(names[3:]))[0][0] == [PLACED] * 27
    local.assert_clean()


def test_a_repeat_is_not_answered_before_its_first_answer_is_durable(disk, local):
    client = local.client
    add_hosts(client, {})
    add_flavor(client)
    names = tokens(2)
    disk.hold()
    first = local.scheduler.SelectDestinationsStream(iter([batch(names)]))
    disk.wait_for_commit()
    second = local.scheduler.SelectDestinationsStream(iter([batch(names)]))
    disk.full = True
    disk.go_on()
    for call in (first, second):
        with pytest.raises(grpc.RpcError) as failure:
            next(call)
        assert Refusal(failure.value).reason == "LEDGER_UNAVAILABLE"
    disk.full = False
    assert client.list_allocations().total == 0
    local.assert_clean()


def test_many_streams_and_single_calls_share_one_order(local):
    client = local.client
    add_hosts(client, *[{}] * 10)
    add_flavor(client)
    streams = [
        client.stream([batch(tokens(20, 1000 * stream + 20 * part)) for part in range(5)]) for stream in range(1, 5)
    ]
    for _ in range(5):
        for stream in streams:
            assert next(stream).outcomes.tolist() == [PLACED] * 20
        client.select_destinations(spec(instance_uuids=[new_uuid()]))
    assert client.list_allocations().total == 405
    local.assert_clean()


def test_a_consumer_of_a_stream_can_be_moved_and_released_singly(local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client)
    (name,) = tokens(1)
    ((_, (host,)),) = send(client, batch([name]))
    other = "h1" if host == "h0" else "h0"
    client.move_allocation(token_uuid(name), other)
    assert send(client, batch([name])) == [([REPEATED], [other])]
    client.release_allocations([token_uuid(name)])
    with pytest.raises(UnknownAllocationError):
        client.get_allocation(token_uuid(name))
    local.assert_clean()
