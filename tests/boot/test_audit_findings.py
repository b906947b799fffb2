"""The audit's rules, one deviation at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from engine.boot.audit_findings import DEVICE_KEY, Records, World, compare
from engine.boot.store.instances import BlockDeviceRow, InstanceRow

UUID, STRANGER = str(uuid4()), str(uuid4())
TEXTS = {name: "" for name, kind in InstanceRow.__annotations__.items() if kind == "str"}
ROW = InstanceRow(
    **{
        **TEXTS,
        **{key: {} for key in ("flavor", "image", "metadata", "scheduling")},
        **{key: [] for key in ("requested_networks", "security_groups", "tags")},
        "number": 1,
        "uuid": UUID,
        "launch_index": 0,
        "vm_state": "active",
        "power_state": 1,
        "host": "h0",
        "interfaces": [{"port_id": "port"}],
        "config_drive": False,
        "attempt": 1,
        "locked": False,
        "created_at": 1.0,
        "updated_at": 1.0,
        "progress_at": 1.0,
        "launched_at": 1.0,
        "terminated_at": None,
        "deleted": False,
    }
)
DEVICE = BlockDeviceRow(
    uuid="device", instance_uuid=UUID, position=0, source_type="image", destination_type="volume", image_id="image",
    volume_id="volume", attachment_id="attachment", size_gb=1, boot_index=0, device_name="vda",
    delete_on_termination=True, volume_type="", tag="", connection_info="",
)  # fmt: skip
PORT = {"id": "port", "device_id": UUID, "device_owner": "compute:nova", "binding:host_id": "h0"}
ATTACHMENT = {"id": "attachment", "instance": UUID, "volume_id": "volume", "status": "attached"}
VOLUME = {"id": "volume", "metadata": {DEVICE_KEY: "device"}}
DOMAIN = {"uuid": UUID, "name": "instance-00000001", "state": 1, "files": ["disk"]}
WORLD = World(
    allocations={UUID: "h0"},
    ports=[PORT, {"id": "dhcp", "device_id": "dhcp", "device_owner": "network:dhcp"}, {"id": "free"}],
    attachments=[ATTACHMENT],
    volumes=[VOLUME, {"id": "somebody's"}],
    domains={"h0": [DOMAIN], "h1": []},
)


def records(row: InstanceRow | None = ROW) -> Records:
    return Records({} if row is None else {row.uuid: row}, {} if row is None else {row.uuid: [DEVICE]})


def found(world: World = WORLD, row: InstanceRow | None = ROW) -> list[tuple[str, str]]:
    return [(finding.kind, finding.subject) for finding in compare(records(row), world, records(row))]


def test_a_sound_world_has_no_findings() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"allocations": {}}, [("allocation", UUID)]),
        ({"allocations": {UUID: "h1"}}, [("allocation", UUID)]),
        ({"allocations": {UUID: "h0", STRANGER: "h0"}}, [("allocation", STRANGER)]),
        ({"ports": []}, [("port", "port")]),
        ({"ports": [PORT | {"binding:host_id": "h1"}]}, [("port", "port")]),
        ({"ports": [PORT, PORT | {"id": "second"}]}, [("port", "second")]),
        ({"ports": [PORT, PORT | {"id": "x", "device_id": STRANGER}]}, [("port", "x")]),
        ({"attachments": []}, [("attachment", "attachment")]),
        ({"attachments": [ATTACHMENT, ATTACHMENT | {"id": "second"}]}, [("attachment", "second")]),
        ({"attachments": [ATTACHMENT, ATTACHMENT | {"id": "x", "instance": STRANGER}]}, [("attachment", "x")]),
        ({"volumes": []}, [("volume", "volume")]),
        ({"volumes": [VOLUME, VOLUME | {"id": "second"}]}, [("volume", "second")]),
        ({"domains": {"h0": []}}, [("domain", UUID)]),
        ({"domains": {"h1": []}}, []),
        ({"domains": {"h0": [DOMAIN], "h1": [DOMAIN]}}, [("domain", UUID)]),
        ({"domains": {"h0": [DOMAIN, DOMAIN | {"uuid": STRANGER}]}}, [("domain", STRANGER)]),
    ],
)
def test_each_deviation_is_found_and_nothing_else(changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert found(replace(WORLD, **changed)) == expected


def test_without_the_instance_everything_is_nobodys() -> None:
    assert found(row=None) == [("allocation", UUID), ("port", "port"), ("attachment", "attachment"), ("domain", UUID)]


def test_an_instance_in_error_without_a_host_keeps_nothing() -> None:
    row = replace(ROW, vm_state="error", host="", interfaces=[])
    kinds = [kind for kind, _ in found(row=row)]
    assert kinds == ["allocation", "port", "domain"]


@pytest.mark.parametrize(
    "changed",
    [
        {"task_state": "deleting"},
        {"vm_state": "building", "task_state": "spawning"},
        {"scheduling": {"left": ["remote"]}},
    ],
)
def test_of_what_is_under_way_nothing_is_missed(changed: dict[str, Any]) -> None:
    empty = World({}, [], [], [], {"h0": []})
    assert found(empty, replace(ROW, **changed)) == []
    assert found(row=replace(ROW, **changed)) == []


def test_what_changes_while_it_is_looked_at_is_no_finding() -> None:
    before, after = records(), records(replace(ROW, host="h1", updated_at=2.0))
    assert compare(before, replace(WORLD, allocations={}), after) == []
    assert compare(records(None), WORLD, records()) == []
    assert compare(records(), WORLD, records(None)) == []
