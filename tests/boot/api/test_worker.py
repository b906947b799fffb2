"""The worker: crashes between claim and record, a scheduler that is away, requests that nobody wants any more."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from engine.boot.messages import SCHEDULE_TOPIC, Caller, Delete, Schedule
from engine.boot.store.outbox import cast, waiting
from engine.boot.store.schema import casts
from tests.boot.harness import BootApi, boot_api


def slow_record(folder: Path, delay_s: float) -> Path:
    """A file of rules by which the record of a selection waits."""
    path = folder / "faults.json"
    path.write_text(json.dumps([{"part": "api", "point": "record_selection", "delay_s": delay_s}]))
    return path


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[BootApi]:
    """The API with a cloud of its own, which tests break."""
    with boot_api(tmp_path, fault_file=tmp_path / "faults.json", scheduler_timeout_s=1.0) as api:
        yield api


def test_a_crash_between_claim_and_record_keeps_the_host(tmp_path: Path, fragile: BootApi) -> None:
    rules = slow_record(tmp_path, 60.0)
    uuid = fragile.booted()
    fragile.wait_for(uuid, lambda _: bool(fragile.holds(uuid)))
    claimed = fragile.holds(uuid)
    row = fragile.row(uuid)
    assert row is not None
    assert row.host == ""
    fragile.kill()
    rules.unlink()
    fragile.start()
    row = fragile.wait_for(uuid, lambda row: bool(row.host))
    assert row.host == claimed
    assert fragile.scheduler.client.list_allocations().total == 1
    fragile.scheduler.assert_clean()
    assert len(fragile.casts(f"compute.{claimed}")) == 1
    assert not fragile.casts(SCHEDULE_TOPIC)


def test_deleted_between_claim_and_record_it_holds_nothing(tmp_path: Path, fragile: BootApi) -> None:
    slow_record(tmp_path, 1.0)
    uuid = fragile.booted()
    fragile.wait_for(uuid, lambda _: bool(fragile.holds(uuid)))
    assert fragile.delete(f"/servers/{uuid}").status_code == 204
    fragile.wait_for(uuid, lambda row: row.deleted)
    fragile.wait_for(uuid, lambda _: not fragile.casts(SCHEDULE_TOPIC))
    assert not fragile.holds(uuid)
    assert not fragile.casts()
    assert fragile.get(f"/servers/{uuid}").status_code == 404


def test_deleted_before_a_crash_it_holds_nothing_after_it(tmp_path: Path, fragile: BootApi) -> None:
    rules = slow_record(tmp_path, 60.0)
    first, second = (server["id"] for server in _two(fragile))
    fragile.wait_for(first, lambda _: bool(fragile.holds(first)))
    fragile.delete(f"/servers/{first}")
    fragile.kill()
    rules.unlink()
    fragile.start()
    assert fragile.wait_for(second, lambda row: bool(row.host)).host
    fragile.wait_for(first, lambda row: row.deleted)
    fragile.wait_for(first, lambda _: not fragile.casts(SCHEDULE_TOPIC))
    assert not fragile.holds(first)
    assert fragile.holds(second)
    fragile.scheduler.assert_clean()


def _two(api: BootApi) -> list[dict[str, str]]:
    """Two servers of one request, the first of the request first."""
    answer = api.boot(min_count=2, max_count=2)
    assert answer.status_code == 202
    listed = api.get("/servers?sort_key=display_name&sort_dir=asc").json()["servers"]
    assert listed[0]["id"] == answer.json()["server"]["id"]
    return list(listed)


def test_a_scheduler_that_stays_away_ends_the_build_in_error(tmp_path: Path) -> None:
    with boot_api(tmp_path, scheduler="127.0.0.1:1", scheduler_timeout_s=0.5) as api:
        uuid = api.booted()
        row = api.wait_for(uuid, lambda row: row.vm_state == "error")
        assert row.task_state == ""
        shown = api.server(uuid)
        assert shown["status"] == "ERROR"
        assert shown["fault"]["message"].startswith("No valid host was found. The scheduler could not be used")
        assert "details" not in shown["fault"]
        assert api.server(uuid, user="admin")["fault"]["details"]
        (action,) = api.get(f"/servers/{uuid}/os-instance-actions").json()["instanceActions"]
        assert (action["action"], action["message"]) == ("create", "Error")
        # what it may hold is asked for again until the scheduler can say
        assert api.casts(SCHEDULE_TOPIC) == [Delete(instance_uuid=uuid, request_id=row.request_id)]
        assert api.get("/servers").status_code == 200


def test_all_servers_of_a_request_fail_together(fragile: BootApi) -> None:
    body = {"flavor": {"name": "half", "ram": 512, "vcpus": 40, "disk": 1}}
    half = fragile.post("/flavors", body, user="admin").json()["flavor"]["id"]
    body = {"quota_set": {"cores": -1}}
    project = fragile.row(fragile.booted()).project_id  # type: ignore[union-attr]
    assert fragile.call("PUT", f"/os-quota-sets/{project}", body, user="admin").status_code == 200
    reservation = fragile.boot(flavorRef=half, min_count=8, max_count=8, return_reservation_id=True).json()
    servers = fragile.get(f"/servers?reservation_id={reservation['reservation_id']}").json()["servers"]
    assert len(servers) == 8
    for server in servers:
        row = fragile.wait_for(server["id"], lambda row: row.vm_state == "error")
        assert not fragile.holds(row.uuid)
        fault = fragile.server(row.uuid, user="admin")["fault"]
        assert fault["message"] == "No valid host was found. There are not enough hosts available."
        assert "removed" in fault["details"]
        events = fragile.get(f"/servers/{row.uuid}/os-instance-actions/{row.request_id}").json()["instanceAction"]
        assert [(event["event"], event["result"]) for event in events["events"]] == [
            ("conductor_schedule_and_build_instances", "Error")
        ]


def test_messages_that_cannot_be_read_are_dropped(fragile: BootApi) -> None:
    def put(connection: object) -> None:
        connection.execute(  # type: ignore[attr-defined]
            casts.insert().values(topic=SCHEDULE_TOPIC, body="{broken", created_at=time.time())
        )

    fragile.write(put)
    for uuid in ("no uuid at all", str(uuid4())):
        nobody = Schedule(instance_uuids=(uuid,), caller=Caller(token="t", user_id="u", project_id="p"))
        fragile.write(lambda connection, nobody=nobody: cast(connection, SCHEDULE_TOPIC, nobody, now=time.time()))
    deadline = time.monotonic() + 10
    while fragile.read(lambda connection: waiting(connection, topic=SCHEDULE_TOPIC)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert fragile.placed().host


def test_a_crash_between_reservation_and_record_gives_the_volume_back(fragile: BootApi) -> None:
    volume = fragile.volume()
    base = f"{fragile.cloud.url('volume')}/v3"
    instance = "00000000-0000-4000-8000-000000000001"
    body = {"attachment": {"volume_uuid": volume, "connector": None, "instance_uuid": instance}}
    made = fragile.session("demo").post(
        f"{base}/attachments", json=body, headers={"OpenStack-API-Version": "volume 3.44"}
    )
    assert made.ok, made.text
    assert fragile.volume_status(volume) == "reserved"
    sweep = Delete(instance_uuid=instance, request_id="req-x")
    fragile.write(lambda connection: cast(connection, SCHEDULE_TOPIC, sweep, now=time.time()))
    deadline = time.monotonic() + 10
    while fragile.volume_status(volume) != "available" or fragile.casts(SCHEDULE_TOPIC):
        assert time.monotonic() < deadline
        time.sleep(0.05)
