"""The same client token gives the same answer: at once, while the first is under way, after a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import InvalidRequestError, LedgerError, NoValidHostError, TokenReusedError
from tests.service.harness import WAIT_S, serving
from tests.service.messages import add_flavor, add_hosts, new_uuid, spec


def test_a_token_gives_the_same_answer_and_one_claim(local):
    client = local.client
    add_hosts(client, {}, {})
    first = client.select_destinations(spec(num_instances=3), client_token="t")
    again = client.select_destinations(spec(num_instances=3), client_token="t")
    assert again == first
    assert client.list_allocations().total == 3
    assert client.select_destinations(spec(num_instances=3), client_token="u") != first
    assert client.list_allocations().total == 6


def test_a_token_answers_even_when_what_it_named_is_gone(local):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client, "m1")
    first = client.select_destinations(spec(flavor_name="m1"), client_token="t")
    client.update_flavors(delete_names=["m1"])
    client.release_allocations([first.selections[0].instance_uuid])
    client.delete_hosts([first.selections[0].host.host_id])
    assert client.select_destinations(spec(flavor_name="m1"), client_token="t") == first
    assert client.list_allocations().total == 0


def test_a_token_of_another_request_is_refused(local):
    client = local.client
    add_hosts(client, {})
    client.select_destinations(spec(), client_token="t")
    for other in (spec(2), spec(num_instances=2), spec(project_id="p"), spec(instance_uuids=[new_uuid()])):
        with pytest.raises(TokenReusedError) as refused:
            client.select_destinations(other, client_token="t")
        assert refused.value.details["client_token"] == "t"
    assert client.list_allocations().total == 1


def test_a_refused_request_leaves_its_token_free(local):
    client = local.client
    add_hosts(client, {})
    with pytest.raises(NoValidHostError):
        client.select_destinations(spec(100_000), client_token="t")
    client.select_destinations(spec(), client_token="t")
    with pytest.raises(InvalidRequestError):
        client.select_destinations(spec(), client_token="t" * 129)
    client.select_destinations(spec(), client_token="ü" * 128)


def test_tokens_and_claims_outlive_a_restart(tmp_path):
    with serving(tmp_path) as local:
        add_hosts(local.client, {}, {})
        first = local.client.select_destinations(spec(num_instances=2), client_token="t")
    with serving(tmp_path) as local:
        assert local.client.select_destinations(spec(num_instances=2), client_token="t") == first
        with pytest.raises(TokenReusedError):
            local.client.select_destinations(spec(), client_token="t")
        assert local.client.list_allocations().total == 2
        local.assert_clean()


def test_repeated_while_the_first_is_under_way_it_is_placed_once(disk, local):
    client = local.client
    add_hosts(client, {}, {})
    disk.hold()
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.select_destinations, spec(), client_token="t") for _ in range(8)]
        disk.wait_for_commit()
        with pytest.raises(TokenReusedError):
            client.select_destinations(spec(2), client_token="t")
        assert not any(call.done() for call in calls)
        disk.go_on()
        answers = [call.result(WAIT_S) for call in calls]
    assert all(answer == answers[0] for answer in answers)
    assert client.list_allocations().total == 1
    local.assert_clean()


def test_repeated_while_the_first_fails_both_fail_and_a_later_one_succeeds(disk, local):
    client = local.client
    add_hosts(client, {})
    disk.hold()
    disk.full = True
    # channels that do not try again: each call stands for itself
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(_once(local), "t") for _ in range(2)]
        disk.wait_for_commit()
        disk.go_on()
        assert [call.result(WAIT_S) for call in calls] == ["UNAVAILABLE", "UNAVAILABLE"]
    disk.full = False
    assert len(client.select_destinations(spec(), client_token="t").selections) == 1
    assert client.list_allocations().total == 1
    local.assert_clean()


def _once(local) -> Callable[[str], str]:
    from engine.v1.scheduler_service_pb2 import SelectDestinationsRequest
    from tests.service.messages import refusal

    def call(token: str) -> str:
        request = SelectDestinationsRequest(request_spec=spec(), client_token=token)
        return refusal(local.scheduler.SelectDestinations, request).code

    return call


def test_retried_calls_ride_out_a_short_failure(disk, local):
    add_hosts(local.client, {})
    disk.full = True
    threading.Timer(0.15, lambda: setattr(disk, "full", False)).start()
    assert len(local.client.select_destinations(spec(), client_token="t").selections) == 1
    disk.full = True
    with pytest.raises(LedgerError):
        local.client.select_destinations(spec())
