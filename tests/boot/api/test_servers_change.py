"""Renaming and deleting servers."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.boot.messages import Delete, compute_topic
from engine.boot.states import TaskState
from tests.boot.api.test_servers_read import active, change
from tests.boot.harness import BootApi, message_of


def put(api: BootApi, uuid: str, version: str = "2.96", **server: Any) -> Any:
    return api.call("PUT", f"/servers/{uuid}", {"server": server}, version=version)


def deletes(api: BootApi, uuid: str, host: str) -> list[Delete]:
    return [cast for cast in api.casts(compute_topic(host)) if isinstance(cast, Delete) and cast.instance_uuid == uuid]


def test_name_description_and_hostname(api: BootApi) -> None:
    uuid = api.booted()
    answer = put(api, uuid, name="new name", description="words", hostname="new-host")
    assert answer.status_code == 200
    shown = answer.json()["server"]
    assert (shown["name"], shown["description"]) == ("new name", "words")
    assert shown["OS-EXT-SRV-ATTR:hostname"] == "new-host"
    assert put(api, uuid, description=None).json()["server"]["description"] is None


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        ("2.96", {"name": ""}),
        ("2.96", {"name": 5}),
        ("2.96", {"flavorRef": "2"}),
        ("2.96", {"hostname": "a b"}),
        ("2.18", {"description": "x"}),
        ("2.89", {"hostname": "x"}),
    ],
)
def test_bad_changes(api: BootApi, version: str, fields: dict[str, Any]) -> None:
    assert put(api, api.booted(), version, **fields).status_code == 400


def test_a_placed_server_is_deleted_by_its_host(api: BootApi) -> None:
    row = api.placed()
    assert api.delete(f"/servers/{row.uuid}").status_code == 204
    assert len(deletes(api, row.uuid, row.host)) == 1
    shown = api.server(row.uuid)
    assert shown["OS-EXT-STS:task_state"] == "deleting"
    actions = api.get(f"/servers/{row.uuid}/os-instance-actions").json()["instanceActions"]
    assert [action["action"] for action in actions] == ["delete", "create"]


def test_deletes_at_once_are_one(api: BootApi) -> None:
    row = api.placed()
    active(api, row.uuid)
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(api.delete(f"/servers/{row.uuid}").status_code)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [204] * 6
    assert len(deletes(api, row.uuid, row.host)) == 1


def test_one_in_error_without_a_host_is_deleted_here(api: BootApi) -> None:
    row = api.placed()
    active(api, row.uuid, vm_state="error", host="")
    assert api.delete(f"/servers/{row.uuid}").status_code == 204
    gone = api.wait_for(row.uuid, lambda row: row.deleted)
    assert (gone.vm_state, gone.task_state) == ("deleted", "")
    assert gone.terminated_at is not None
    assert api.get(f"/servers/{row.uuid}").status_code == 404
    assert api.delete(f"/servers/{row.uuid}").status_code == 404
    assert not api.holds(row.uuid)
    action = api.get(f"/servers/{row.uuid}/os-instance-actions").json()["instanceActions"][0]
    assert (action["action"], action["message"]) == ("delete", None)
    listed = api.get("/servers?deleted=True&all_tenants=1", user="admin").json()["servers"]
    assert row.uuid in {server["id"] for server in listed}


def test_a_locked_server_stays(api: BootApi) -> None:
    row = api.placed()
    change(api, row.uuid, locked=True, locked_by="owner")
    answer = api.delete(f"/servers/{row.uuid}")
    assert (answer.status_code, message_of(answer)) == (409, f"Instance {row.uuid} is locked")
    assert put(api, row.uuid, name="other").status_code == 409
    assert api.delete(f"/servers/{row.uuid}", user="admin").status_code == 204
    assert api.row(row.uuid).task_state == TaskState.DELETING  # type: ignore[union-attr]
