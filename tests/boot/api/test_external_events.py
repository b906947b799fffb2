"""External events: who may send them, where they go, and what is answered."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from engine.boot.messages import ExternalEvent, compute_topic
from tests.boot.harness import BootApi, message_of

PLUGGED = "network-vif-plugged"


def send(api: BootApi, *events: dict[str, Any], user: str = "neutron", version: str = "2.1") -> Any:
    return api.post("/os-server-external-events", {"events": list(events)}, user=user, version=version)


def test_events_are_cast_to_the_host(api: BootApi) -> None:
    row = api.placed()
    event = {"name": PLUGGED, "server_uuid": row.uuid, "tag": "port-1", "status": "completed"}
    answer = send(api, event)
    assert (answer.status_code, answer.json()) == (200, {"events": [{**event, "code": 200}]})
    expected = ExternalEvent(instance_uuid=row.uuid, name=PLUGGED, tag="port-1", status="completed")
    assert expected in api.casts(compute_topic(row.host))


def test_some_that_cannot_be_delivered(api: BootApi) -> None:
    placed, nowhere = api.placed(), api.placed()
    from tests.boot.api.test_servers_read import change

    change(api, nowhere.uuid, host="")
    answer = send(
        api,
        {"name": PLUGGED, "server_uuid": placed.uuid, "tag": "a"},
        {"name": PLUGGED, "server_uuid": nowhere.uuid, "tag": "b"},
        {"name": PLUGGED, "server_uuid": str(uuid4()), "tag": "c"},
    )
    assert answer.status_code == 207
    assert [(event["code"], event["status"]) for event in answer.json()["events"]] == [
        (200, "completed"),
        (422, "failed"),
        (404, "failed"),
    ]


def test_none_that_is_known(api: BootApi) -> None:
    answer = send(api, {"name": PLUGGED, "server_uuid": str(uuid4())})
    assert (answer.status_code, message_of(answer)) == (404, "No instances found for any event")


def test_users_send_none(api: BootApi) -> None:
    assert send(api, {"name": PLUGGED, "server_uuid": str(uuid4())}, user="demo").status_code == 403


@pytest.mark.parametrize(
    "event",
    [
        {"name": "explosion", "server_uuid": str(uuid4())},
        {"name": "volume-extended", "server_uuid": str(uuid4())},
        {"name": PLUGGED, "server_uuid": "x"},
        {"name": PLUGGED},
        {"name": PLUGGED, "server_uuid": str(uuid4()), "status": "odd"},
        {"name": PLUGGED, "server_uuid": str(uuid4()), "more": 1},
    ],
)
def test_bad_events(api: BootApi, event: dict[str, Any]) -> None:
    assert send(api, event).status_code == 400


def test_empty_and_endless_lists(api: BootApi) -> None:
    assert send(api).status_code == 400
    assert send(api, *([{"name": PLUGGED, "server_uuid": str(uuid4())}] * 1001)).status_code == 400
