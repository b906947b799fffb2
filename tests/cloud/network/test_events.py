from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from tests.cloud.harness import Cloud, cloud
from tests.cloud.network.api import Api
from tests.cloud.network.receiver import Event, receiving
from tests.ports import free_port

NOVA_PORT = free_port()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    url = f"http://127.0.0.1:{NOVA_PORT}/v2.1"
    with cloud(tmp_path_factory.mktemp("events"), "network", compute_url=url) as running:
        yield running


@pytest.fixture(scope="module")
def api(running: Cloud) -> Api:
    return Api(running, "nova")


@pytest.fixture
def network_id(api: Api) -> Iterator[str]:
    network_id, _ = api.wired("10.0.0.0/24")
    yield network_id
    for port in api.get("/ports")["ports"]:
        api.delete(f"/ports/{port['id']}")


def plug(api: Api, network_id: str, device: str = "") -> str:
    """Make a port that is plugged and return its id."""
    device = device or str(uuid.uuid4())
    made = api.port(network_id, device_id=device, device_owner="compute:nova", **{"binding:host_id": "h1"})
    identifier: str = made["id"]
    return identifier


def tags(events: list[Event]) -> list[str]:
    return [event["tag"] for event in events]


def test_events_wait_until_nova_is_there(api: Api, network_id: str) -> None:
    ports = [plug(api, network_id) for _ in range(5)]
    time.sleep(0.3)
    with receiving(NOVA_PORT) as receiver:
        assert tags(receiver.until(5)) == ports


def test_events_outlive_a_restart(api: Api, running: Cloud, network_id: str) -> None:
    port_id = plug(api, network_id)
    time.sleep(0.2)
    running.stop("network")
    with receiving(NOVA_PORT) as receiver:
        running.start("network")
        assert tags(receiver.until(1)) == [port_id]
        time.sleep(0.2)
        running.stop("network")
        running.start("network")
        time.sleep(0.2)
        assert len(receiver.events) == 1


def test_a_service_in_trouble_is_asked_again(api: Api, network_id: str) -> None:
    answers = iter([0, 0])
    with receiving(NOVA_PORT, lambda _: next(answers, 200)) as receiver:
        port_id = plug(api, network_id)
        assert tags(receiver.until(3)) == [port_id] * 3
        time.sleep(0.5)
        assert len(receiver.events) == 3


def test_what_nova_does_not_know_is_told_once(api: Api, network_id: str) -> None:
    unknown, known = str(uuid.uuid4()), str(uuid.uuid4())
    with receiving(NOVA_PORT, lambda event: 404 if event["server_uuid"] == unknown else 200) as receiver:
        plug(api, network_id, unknown)
        receiver.until(1)
        plug(api, network_id, known)
        receiver.until(2)
        time.sleep(0.6)
        assert len(receiver.events) == 2


def test_an_instance_without_a_host_is_told_again_later(api: Api, network_id: str) -> None:
    device = str(uuid.uuid4())
    told: list[Event] = []

    def code_of(event: Event) -> int:
        told.append(event)
        return 422 if len(told) < 3 else 200

    with receiving(NOVA_PORT, code_of) as receiver:
        plug(api, network_id, device)
        receiver.until(3)
        time.sleep(0.5)
        assert len(receiver.events) == 3


def test_one_bad_event_takes_no_other_along(api: Api, network_id: str) -> None:
    bad = str(uuid.uuid4())
    ports = [plug(api, network_id, device) for device in ("", bad, "")]
    while len(api.get(f"/ports?network_id={network_id}&status=ACTIVE")["ports"]) < 3:
        time.sleep(0.01)
    with receiving(NOVA_PORT, lambda event: 400 if event["server_uuid"] == bad else 200) as receiver:
        assert [len(request) for request in receiver.until(6) and receiver.requests] == [3, 1, 1, 1]
        assert tags(receiver.events[3:]) == ports
        later = plug(api, network_id)
        assert tags(receiver.until(7))[6:] == [later]


def test_what_gathers_during_a_request_goes_in_the_next(api: Api, network_id: str) -> None:
    with receiving(NOVA_PORT) as receiver:
        receiver.delay_s = 0.4
        first = plug(api, network_id)
        receiver.until(1)
        later = [plug(api, network_id) for _ in range(10)]
        assert tags(receiver.until(11)) == [first, *later]
        assert [len(request) for request in receiver.requests] == [1, 10]


def test_nothing_is_told_of_a_port_that_is_gone(api: Api, network_id: str) -> None:
    gone, kept = plug(api, network_id), plug(api, network_id)
    time.sleep(0.1)
    api.delete(f"/ports/{gone}")
    with receiving(NOVA_PORT) as receiver:
        assert tags(receiver.until(1)) == [kept]


def test_events_are_kept_while_identity_is_away(api: Api, running: Cloud, network_id: str) -> None:
    # a fresh process has no token of its own yet, so that it must ask identity first
    running.stop("network")
    running.start("network")
    api.get("/ports")
    running.stop("identity")
    port_id = plug(api, network_id)
    time.sleep(0.3)
    with receiving(NOVA_PORT) as receiver:
        running.start("identity")
        assert tags(receiver.until(1)) == [port_id]
