"""The end of actions: start, stop, reboot, attach, detach and delete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.boot.messages import Delete, compute_topic
from engine.boot.store.history import actions_of, begin_action, events_of, last_fault
from engine.boot.store.instances import change_instance, devices_of
from engine.client import Client
from engine.v1.instance_pb2 import BlockDevice
from tests.boot.conductor.harness import Conductor, conducting

Test = Callable[[Conductor], Awaitable[None]]


def run(tmp_path: Path, scheduler: Client, test: Test, **options: Any) -> None:
    async def body() -> None:
        async with conducting(tmp_path, scheduler, **options) as conductor:
            await test(conductor)

    asyncio.run(body())


async def running(conductor: Conductor, action: str, task_state: str = "", **values: Any) -> str:
    uuid = await conductor.add(**({"vm_state": "active", "power_state": 1, "task_state": task_state} | values))
    ask = {"request_id": f"req-{action}", "user_id": "user", "project_id": "project", "now": time.time()}
    await conductor.write(lambda c: begin_action(c, uuid, action, **ask))
    return uuid


@pytest.mark.parametrize(
    ("action", "task", "after"),
    [
        ("stop", "powering-off", "stopped"),
        ("start", "powering-on", "active"),
        ("reboot", "rebooting", "active"),
        ("reboot", "rebooting_hard", "active"),
    ],
)
def test_a_power_action_ends_well(tmp_path: Path, scheduler: Client, action: str, task: str, after: str) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await running(conductor, action, task)
        for _ in range(2):
            await conductor.client.finish_action(uuid, "h0", action, request_id=f"req-{action}", power_state=4)
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.power_state) == (after, "", 4)
        events = await conductor.read(lambda c: events_of(c, uuid, f"req-{action}"))
        assert {(event.event, event.result) for event in events} == {(f"compute_{action}_instance", "Success")}

    run(tmp_path, scheduler, test)


def test_a_failed_action_leaves_the_instance_as_it_was(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await running(conductor, "stop", "powering-off")
        await conductor.client.finish_action(
            uuid, "h0", "stop", request_id="req-stop", error="it would not", vm_state="stopped"
        )
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.power_state) == ("active", "", 1)
        newest, _ = await conductor.read(lambda c: actions_of(c, uuid))
        assert (newest.action, newest.message) == ("stop", "Error")
        (event,) = await conductor.read(lambda c: events_of(c, uuid, "req-stop"))
        assert (event.result, event.details) == ("Error", "it would not")

    run(tmp_path, scheduler, test)


def test_an_action_that_is_not_under_way_changes_no_state(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await running(conductor, "stop", "deleting")
        before = await conductor.row(uuid)
        await conductor.client.finish_action(uuid, "h0", "stop", request_id="req-stop", power_state=4)
        await conductor.client.finish_action(uuid, "h1", "delete", request_id="req-other")
        await conductor.client.finish_action(str(uuid4()), "h0", "delete", request_id="req-other")
        assert await conductor.row(uuid) == before

    run(tmp_path, scheduler, test)


def test_volumes_come_and_go(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await running(conductor, "attach_volume")
        client = conductor.client
        root, data = await conductor.read(lambda c: devices_of(c, uuid))
        told = BlockDevice(uuid=data.uuid, volume_id="given", attachment_id="a", device_name="vdb", size_gb=2)
        await client.finish_action(uuid, "h0", "attach_volume", request_id="req-attach_volume", block_device=told)
        devices = await conductor.read(lambda c: devices_of(c, uuid))
        assert [(one.device_name, one.attachment_id) for one in devices] == [("", ""), ("vdb", "a")]
        await client.finish_action(uuid, "h0", "detach_volume", request_id="r", block_device=told, error="busy")
        assert len(await conductor.read(lambda c: devices_of(c, uuid))) == 2
        foreign = BlockDevice(uuid=str(uuid4()))
        await client.finish_action(uuid, "h0", "detach_volume", request_id="r", block_device=foreign)
        await client.finish_action(uuid, "h0", "detach_volume", request_id="r", block_device=told)
        assert [one.uuid for one in await conductor.read(lambda c: devices_of(c, uuid))] == [root.uuid]
        failed = BlockDevice(uuid=root.uuid)
        await client.finish_action(uuid, "h0", "attach_volume", request_id="r", block_device=failed, error="no")
        assert await conductor.read(lambda c: devices_of(c, uuid)) == []

    run(tmp_path, scheduler, test)


def test_a_delete_leaves_nothing_but_its_history(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await running(conductor, "delete", "deleting", vm_state="building")
        await conductor.cast("h0", Delete(instance_uuid=uuid, request_id="req-delete"))
        for _ in range(2):
            await conductor.client.finish_action(uuid, "h0", "delete", request_id="req-delete")
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.deleted, row.power_state) == ("deleted", "", True, 0)
        assert row.terminated_at is not None
        assert await conductor.holder(uuid) == ""
        assert await conductor.read(lambda c: devices_of(c, uuid)) == []
        assert not [cast for cast in await conductor.casts() if uuid in cast.body]
        (event,) = await conductor.read(lambda c: events_of(c, uuid, "req-delete"))
        assert (event.event, event.result, event.host) == ("compute_terminate_instance", "Success", "h0")
        assert await conductor.client.get_instance(uuid) is None
        assert await conductor.client.list_host_instances("h0") == []
        changed = await conductor.write(lambda c: change_instance(c, uuid, {"vm_state": "active"}, now=1.0))
        assert not changed

    run(tmp_path, scheduler, test)


def test_a_delete_that_is_given_up_ends_in_error_on_its_host(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await running(conductor, "delete", "deleting")
        await conductor.client.finish_action(uuid, "h0", "delete", request_id="req-delete", error="it would not")
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.host) == ("error", "", "h0")
        fault = await conductor.read(lambda c: last_fault(c, uuid))
        assert fault.message == "it would not"
        assert await conductor.holder(uuid) == "h0"

    run(tmp_path, scheduler, test)


def test_a_delete_waits_for_the_scheduler(tmp_path: Path, scheduler: Client, nowhere: str) -> None:
    async def test() -> None:
        uuid = ""
        async with conducting(tmp_path, scheduler) as conductor:
            uuid = await running(conductor, "delete", "deleting")
            port = int(conductor.target.rpartition(":")[2])
        async with conducting(tmp_path, scheduler, scheduler=nowhere, port=port) as without:
            ending = asyncio.create_task(without.client.finish_action(uuid, "h0", "delete", request_id="req-delete"))
            await asyncio.sleep(0.5)
            assert not ending.done()
            assert not (await without.row(uuid)).deleted
            ending.cancel()
        async with conducting(tmp_path, scheduler, port=port) as again:
            await again.client.finish_action(uuid, "h0", "delete", request_id="req-delete")
            assert (await again.row(uuid)).deleted
            assert compute_topic("h0") not in {cast.topic for cast in await again.casts() if uuid in cast.body}

    asyncio.run(test())
