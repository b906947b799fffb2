"""Actions: what each does to the record, what is cast, and in which states it is refused."""

from __future__ import annotations

import pytest

from engine.boot.messages import Power, compute_topic
from engine.boot.store.instances import InstanceRow
from tests.boot.api.test_servers_read import active, change
from tests.boot.harness import BootApi, message_of


@pytest.fixture
def server(api: BootApi) -> InstanceRow:
    row = api.placed()
    active(api, row.uuid)
    return row


def act(api: BootApi, uuid: str, action: object, *, user: str = "demo", version: str = "2.96") -> int:
    answer = api.post(f"/servers/{uuid}/action", action, user=user, version=version)
    return answer.status_code


def powers(api: BootApi, row: InstanceRow) -> list[Power]:
    found = api.casts(compute_topic(row.host))
    return [cast for cast in found if isinstance(cast, Power) and cast.instance_uuid == row.uuid]


@pytest.mark.parametrize(
    ("action", "vm_state", "task_state", "status", "hard"),
    [
        ({"os-stop": None}, "active", "powering-off", "ACTIVE", False),
        ({"os-start": None}, "stopped", "powering-on", "SHUTOFF", False),
        ({"reboot": {"type": "SOFT"}}, "active", "rebooting", "REBOOT", False),
        ({"reboot": {"type": "HARD"}}, "active", "rebooting_hard", "HARD_REBOOT", True),
        ({"reboot": {"type": "HARD"}}, "stopped", "rebooting_hard", "HARD_REBOOT", True),
    ],
)
def test_power_actions(
    api: BootApi,
    server: InstanceRow,
    action: dict[str, object],
    vm_state: str,
    task_state: str,
    status: str,
    hard: bool,
) -> None:
    change(api, server.uuid, vm_state=vm_state)
    assert act(api, server.uuid, action) == 202
    shown = api.server(server.uuid)
    assert (shown["status"], shown["OS-EXT-STS:task_state"]) == (status, task_state)
    (cast,) = powers(api, server)
    assert cast.hard is hard
    recorded = api.get(f"/servers/{server.uuid}/os-instance-actions").json()["instanceActions"][0]
    assert (recorded["action"], recorded["request_id"]) == (cast.action, cast.request_id)


@pytest.mark.parametrize(
    ("action", "vm_state", "said"),
    [
        ({"os-start": None}, "active", "Cannot 'start' instance {uuid} while it is in vm_state active"),
        ({"os-stop": None}, "stopped", "Cannot 'stop' instance {uuid} while it is in vm_state stopped"),
        ({"reboot": {"type": "SOFT"}}, "stopped", "Cannot 'reboot' instance {uuid} while it is in vm_state stopped"),
        ({"os-stop": None}, "building", "Cannot 'stop' instance {uuid} while it is in vm_state building"),
    ],
)
def test_the_wrong_state(
    api: BootApi, server: InstanceRow, action: dict[str, object], vm_state: str, said: str
) -> None:
    change(api, server.uuid, vm_state=vm_state)
    answer = api.post(f"/servers/{server.uuid}/action", action)
    assert (answer.status_code, message_of(answer)) == (409, said.format(uuid=server.uuid))
    assert not powers(api, server)


def test_two_stops_are_one(api: BootApi, server: InstanceRow) -> None:
    assert act(api, server.uuid, {"os-stop": None}) == 202
    answer = api.post(f"/servers/{server.uuid}/action", {"os-stop": None})
    assert message_of(answer) == f"Cannot 'stop' instance {server.uuid} while it is in task_state powering-off"
    assert len(powers(api, server)) == 1


def test_locks(api: BootApi, server: InstanceRow) -> None:
    uuid = server.uuid
    assert act(api, uuid, {"lock": {"locked_reason": "mine"}}) == 202
    shown = api.server(uuid)
    assert (shown["locked"], shown["locked_reason"]) == (True, "mine")
    assert act(api, uuid, {"os-stop": None}) == 409
    assert api.call("PUT", f"/servers/{uuid}/metadata", {"metadata": {}}).status_code == 409
    assert act(api, uuid, {"unlock": None}) == 202
    assert act(api, uuid, {"lock": None}, user="admin") == 202
    assert act(api, uuid, {"unlock": None}) == 403
    assert act(api, uuid, {"os-stop": None}, user="admin") == 202
    assert act(api, uuid, {"unlock": None}, user="admin") == 202
    assert not api.server(uuid)["locked"]


def test_reset_state_is_for_administrators(api: BootApi, server: InstanceRow) -> None:
    reset = {"os-resetState": {"state": "error"}}
    assert act(api, server.uuid, reset) == 403
    assert act(api, server.uuid, reset, user="admin") == 202
    shown = api.server(server.uuid)
    assert shown["status"] == "ERROR"
    assert shown["fault"]["message"]
    assert act(api, server.uuid, {"os-resetState": {"state": "active"}}, user="admin") == 202
    assert api.server(server.uuid)["status"] == "ACTIVE"
    assert act(api, server.uuid, {"os-resetState": {"state": "asleep"}}, user="admin") == 400


def test_the_console_of_a_host_that_is_away(api: BootApi, server: InstanceRow) -> None:
    assert act(api, server.uuid, {"os-getConsoleOutput": {"length": "10"}}) == 503
    assert act(api, server.uuid, {"os-getConsoleOutput": {"length": "many"}}) == 400
    change(api, server.uuid, host="")
    assert act(api, server.uuid, {"os-getConsoleOutput": {}}) == 409
    change(api, server.uuid, host=server.host)


def test_force_delete(api: BootApi, server: InstanceRow) -> None:
    assert act(api, server.uuid, {"forceDelete": None}) == 202
    assert api.server(server.uuid)["OS-EXT-STS:task_state"] == "deleting"


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ({"resize": {"flavorRef": "2"}}, 501),
        ({"rebuild": {"imageRef": "x"}}, 501),
        ({"os-getVNCConsole": {"type": "novnc"}}, 501),
        ({"dance": None}, 400),
        ({}, 400),
        ({"os-stop": None, "os-start": None}, 400),
        ([], 400),
        ("os-stop", 400),
        ({"reboot": None}, 400),
        ({"reboot": {"type": "GENTLY"}}, 400),
        ({"reboot": {"type": "HARD", "x": 1}}, 400),
        ({"lock": {"locked_reason": "r" * 256}}, 400),
    ],
)
def test_bad_actions(api: BootApi, server: InstanceRow, action: object, status: int) -> None:
    assert act(api, server.uuid, action) == status


def test_reasons_came_with_2_73(api: BootApi, server: InstanceRow) -> None:
    assert act(api, server.uuid, {"lock": {"locked_reason": "x"}}, version="2.72") == 400
