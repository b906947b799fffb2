"""Work that nobody does any more is seen to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.boot.conductor.scheduling import Failure, with_caller, with_failure
from engine.boot.messages import Build, Delete, Power, Schedule, compute_topic, decode
from engine.boot.store.history import actions_of, begin_action, events_of, last_fault
from engine.boot.store.instances import change_instance
from engine.boot.store.outbox import cast, withdraw
from engine.boot.store.schema import METADATA
from engine.client import Client
from engine.v1 import conductor_service_pb2 as pb
from tests.boot.conductor.harness import CALLER, Conductor, Undone, agent, conducting, until

Test = Callable[[Conductor], Awaitable[None]]
LONG_AGO = 1_000.0


def run(tmp_path: Path, scheduler: Client, test: Test, **options: Any) -> None:
    async def body() -> None:
        async with conducting(tmp_path, scheduler, **options) as conductor:
            await test(conductor)

    asyncio.run(body())


def is_(conductor: Conductor, uuid: str, **values: Any) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        row = await conductor.row(uuid)
        return all(getattr(row, name) == value for name, value in values.items())

    return check


async def ask(conductor: Conductor, uuid: str, action: str) -> None:
    who = {"request_id": f"req-{action}", "user_id": "user", "project_id": "project", "now": time.time()}
    await conductor.write(lambda c: begin_action(c, uuid, action, **who))


def test_builds_of_a_dead_host_go_elsewhere(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        client = conductor.client
        waiting = await conductor.add()
        async with agent(client, "h0"):
            begun = await conductor.add()
            await client.start_build(begun, "h0", 1)
            await client.save_progress(begun, "h0", 1, task_state="spawning")
        async with agent(client, "h1", name="other") as other:
            for uuid in (waiting, begun):
                await until(is_(conductor, uuid, host="h1", attempt=2, task_state="scheduling"))
                assert await conductor.holder(uuid) == "h1"
            got = {delivery.message.instance_uuid for delivery in await other.next(2)}
            assert got == {waiting, begun}
            for uuid in (waiting, begun):
                assert (uuid, True) in conductor.undone.calls
                events = await conductor.read(lambda c, uuid=uuid: events_of(c, uuid, CALLER.request_id))
                assert [(event.host, event.result) for event in events] == [("h0", "Error")]
                assert events[0].details == "host h0 stopped answering"
                assert (await client.start_build(uuid, "h1", 2)).order == pb.BUILD_ORDER_START
                assert await client.finish_build(uuid, "h1", 2, power_state=1) == pb.BUILD_ORDER_START
            # the host comes back and goes on where it was
            assert await client.finish_build(begun, "h0", 1, power_state=1) == pb.BUILD_ORDER_STALE
            (command,) = await client.sync_power_states("h0", {begun: 1}, complete=True)
            assert command.order == pb.DOMAIN_ORDER_DESTROY

    run(tmp_path, scheduler, test, dead_host_s=0.3)


def test_a_host_that_is_there_keeps_its_builds(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0") as played:
            uuid = await conductor.add(progress_at=LONG_AGO)
            conductor.client.wake_up()
            await played.next()
            await conductor.client.start_build(uuid, "h0", 1)
            await conductor.write(lambda c: change_instance(c, uuid, {"progress_at": LONG_AGO}, now=1.0))
            await asyncio.sleep(0.3)
            row = await conductor.row(uuid)
            assert (row.host, row.attempt, row.vm_state) == ("h0", 1, "building")
            assert len(played.got) == 1

    run(tmp_path, scheduler, test, dead_host_s=0.1, stalled_s=0.1)


def test_a_host_that_sends_heartbeats_may_attend_elsewhere(tmp_path: Path) -> None:
    from tests.boot.conductor.harness import scheduler_with_hosts

    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        await asyncio.sleep(0.3)
        assert (await conductor.row(uuid)).host == "h0"

    with scheduler_with_hosts(tmp_path, {"last_seen_up_us": int((time.time() + 3600) * 1e6)}, {}) as scheduler:
        run(tmp_path, scheduler, test, dead_host_s=0.1)


def test_a_forced_host_that_dies_ends_its_build(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add(scheduling={"force_host": "h0", "alternates": []})
        await until(is_(conductor, uuid, vm_state="error", host=""))
        fault = await conductor.read(lambda c: last_fault(c, uuid))
        assert fault.message == "host h0 stopped answering"
        assert await conductor.holder(uuid) == ""

    run(tmp_path, scheduler, test, dead_host_s=0.1)


def test_a_build_whose_message_is_gone_is_announced_again(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0") as played:
            uuid = await conductor.add()
            await conductor.client.start_build(uuid, "h0", 1)
            await conductor.write(lambda c: withdraw(c, compute_topic("h0"), uuid))
            await until(lambda: any(d.message.instance_uuid == uuid for d in played.got[1:]) or len(played.got) > 0)
            await until(lambda: [d.message.instance_uuid for d in played.got].count(uuid) >= 1)
            message = played.got[-1].message
            assert isinstance(message, Build)
            assert (message.attempt, message.caller) == (1, CALLER)
            answer = await conductor.client.start_build(uuid, "h0", 1)
            assert answer.order == pb.BUILD_ORDER_RESUME

    run(tmp_path, scheduler, test, stalled_s=0.3)


def test_a_build_whose_message_and_caller_are_gone_ends_in_error(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0"):
            uuid = await conductor.add()
            await conductor.write(lambda c: withdraw(c, compute_topic("h0"), uuid))
            await until(is_(conductor, uuid, vm_state="error"))
            fault = await conductor.read(lambda c: last_fault(c, uuid))
            assert "was lost" in fault.message
            assert await conductor.holder(uuid) == ""

    run(tmp_path, scheduler, test, stalled_s=0.2)


def test_an_instance_that_nobody_places_ends_in_error(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        lost = await conductor.add(host="", attempt=0, progress_at=LONG_AGO)
        asked = await conductor.add(host="", attempt=0, progress_at=time.time())
        schedule = Schedule(instance_uuids=(asked,), caller=CALLER)
        await conductor.write(lambda c: cast(c, "scheduler", schedule, now=1.0))
        await conductor.write(lambda c: change_instance(c, asked, {"progress_at": LONG_AGO}, now=1.0))
        await until(is_(conductor, lost, vm_state="error", task_state=""))
        fault = await conductor.read(lambda c: last_fault(c, lost))
        assert fault.message.startswith("No valid host was found.")
        assert (lost, True) in conductor.undone.calls
        assert (await conductor.row(asked)).vm_state == "building"

    run(tmp_path, scheduler, test, stalled_s=0.1, scheduler_timeout_s=0.1)


@pytest.mark.parametrize("moving", ["", "h1"])
def test_a_failure_that_was_not_settled_is_settled(tmp_path: Path, scheduler: Client, moving: str) -> None:
    """The conductor died after recording a failure: before, or after, it moved the allocation."""

    async def test(conductor: Conductor) -> None:
        failure = Failure(host="h0", message="broken", reschedule=True, undone=not moving, moving=moving)
        scheduling = with_caller(with_failure({"alternates": ["h1", "h2"], "tried": [moving]}, failure), CALLER)
        uuid = await conductor.add(scheduling=scheduling)
        if moving:
            await asyncio.to_thread(scheduler.move_allocation, uuid, moving)
        lost = {"host": "", "progress_at": LONG_AGO, "scheduling": scheduling}
        await conductor.write(lambda c: change_instance(c, uuid, lost, now=1.0))
        await until(is_(conductor, uuid, host="h1", attempt=2))
        assert await conductor.holder(uuid) == "h1"
        row = await conductor.row(uuid)
        assert "failure" not in row.scheduling
        builds = [decode(one.body) for one in await conductor.casts() if one.topic == "compute.h1" and uuid in one.body]
        assert [build.attempt for build in builds if isinstance(build, Build)] == [2]

    run(tmp_path, scheduler, test)


def test_deletes_on_a_dead_host_are_finished_without_it(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add(vm_state="active", task_state="deleting")
        await ask(conductor, uuid, "delete")
        await conductor.cast("h0", Delete(instance_uuid=uuid, request_id="req-delete"))
        await until(is_(conductor, uuid, vm_state="deleted", deleted=True))
        assert conductor.undone.calls == [(uuid, False)]
        assert await conductor.holder(uuid) == ""
        assert not [one for one in await conductor.casts() if uuid in one.body]
        (command,) = await conductor.client.sync_power_states("h0", {uuid: 1}, complete=False)
        assert command.order == pb.DOMAIN_ORDER_DESTROY

    run(tmp_path, scheduler, test, dead_host_s=0.1)


def test_a_delete_waits_until_everything_is_taken_back(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        conductor.undone.left = ["port p is left"]
        uuid = await conductor.add(vm_state="active", task_state="deleting")
        await until(lambda: len(conductor.undone.calls) >= 2)
        assert not (await conductor.row(uuid)).deleted
        conductor.undone.left = []
        await until(is_(conductor, uuid, deleted=True))

    run(tmp_path, scheduler, test, dead_host_s=0.1)


def test_a_delete_whose_message_is_gone_is_announced_again(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0") as played:
            uuid = await conductor.add(vm_state="active", task_state="deleting", progress_at=LONG_AGO)
            await ask(conductor, uuid, "delete")
            (first, *_) = await played.next()
            assert first.message == Delete(instance_uuid=uuid, request_id="req-delete")

    run(tmp_path, scheduler, test)


def test_a_delete_without_a_host_is_finished(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add(vm_state="error", task_state="deleting", host="", progress_at=LONG_AGO)
        await until(is_(conductor, uuid, deleted=True))

    run(tmp_path, scheduler, test)


@pytest.mark.parametrize("task", ["powering-off", "powering-on", "rebooting", "rebooting_hard"])
def test_an_action_on_a_dead_host_is_given_up(tmp_path: Path, scheduler: Client, task: str) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add(vm_state="active", task_state=task)
        await ask(conductor, uuid, "stop")
        await conductor.cast("h0", Power(instance_uuid=uuid, action="stop", request_id="req-stop"))
        await until(is_(conductor, uuid, task_state="", vm_state="active"))
        newest, _ = await conductor.read(lambda c: actions_of(c, uuid))
        assert (newest.action, newest.message) == ("stop", "Error")
        assert not [one for one in await conductor.casts() if uuid in one.body]

    run(tmp_path, scheduler, test, dead_host_s=0.1, stalled_s=0.1)


def test_with_the_scheduler_away_an_error_still_comes_and_the_rest_follows(
    tmp_path: Path, scheduler: Client, nowhere: str
) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            uuid = await conductor.add()
            port = int(conductor.target.rpartition(":")[2])
        async with conducting(tmp_path, scheduler, port=port, scheduler=nowhere, scheduler_timeout_s=0.3) as without:
            failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "message": "libvirt refused", "undone": True}
            assert await without.client.fail_build(uuid, "h0", 1, **failure) == ""
            row = await without.row(uuid)
            assert (row.vm_state, row.scheduling["left"]) == ("error", ["allocation"])
            assert await without.holder(uuid) == "h0"
        async with conducting(tmp_path, scheduler) as again:

            async def released() -> bool:
                return not await again.holder(uuid)

            await until(released)
            await until(is_(again, uuid, vm_state="error"))

    asyncio.run(test())


def test_two_conductors_recover_once(tmp_path: Path, scheduler: Client) -> None:
    async def test() -> None:
        options = {"dead_host_s": 0.2, "undone": Undone()}
        async with (
            conducting(tmp_path, scheduler, **options) as one,
            conducting(tmp_path, scheduler, **options) as two,
            agent(one.client, "h1", "h2"),
            agent(two.client, "h1", "h2"),
        ):
            uuids = [await one.add() for _ in range(10)]
            for uuid in uuids:
                await until(is_(one, uuid, host="h1", attempt=2))
            await asyncio.sleep(0.2)
            for uuid in uuids:
                assert (await one.row(uuid)).attempt == 2
                builds = [cast_ for cast_ in await one.casts() if uuid in cast_.body]
                assert len(builds) == 1
                assert await one.holder(uuid) == (await one.row(uuid)).host

    asyncio.run(test())


def test_old_deleted_instances_are_removed_for_good(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        old = await conductor.add(vm_state="deleted", deleted=True, terminated_at=LONG_AGO)
        new = await conductor.add(vm_state="deleted", deleted=True, terminated_at=time.time())

        def names(connection: sa.Connection, uuid: str) -> set[str]:
            tables = [table for table in METADATA.tables.values() if "instance_uuid" in table.c]
            owned = {table.name: sa.select(table).where(table.c.instance_uuid == uuid) for table in tables}
            found = {name for name, query in owned.items() if connection.execute(query).first()}
            return found | ({"instances"} if connection.execute(_instance(uuid)).first() else set())

        async def gone() -> bool:
            return not await conductor.read(lambda c: names(c, old))

        await until(gone)
        assert await conductor.read(lambda c: names(c, new)) >= {"instances", "actions", "block_devices"}

    run(tmp_path, scheduler, test, keep_deleted_s=3600.0)


def _instance(uuid: str) -> sa.Select[Any]:
    table = METADATA.tables["instances"]
    return sa.select(table).where(table.c.uuid == uuid)
