"""Builds through the conductor: begun, moved on, finished, failed, taken over, told twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from engine.boot.conductor.status import REASON_KEY
from engine.boot.messages import Build, decode
from engine.boot.store.history import actions_of, events_of, last_fault, steps_of
from engine.boot.store.instances import change_instance, devices_of
from engine.client import Client
from engine.errors import InvalidRequestError
from engine.v1 import conductor_service_pb2 as pb
from engine.v1 import conductor_service_pb2_grpc as stubs
from engine.v1.instance_pb2 import BlockDevice, FixedAddress, NetworkInterface, StepRecord
from tests.boot.conductor.harness import CALLER, Conductor, conducting

START, RESUME = pb.BUILD_ORDER_START, pb.BUILD_ORDER_RESUME
STALE, DELETING = pb.BUILD_ORDER_STALE, pb.BUILD_ORDER_DELETING
EVENT = "compute__do_build_and_run_instance"
INTERFACE = NetworkInterface(
    port_id="port", network_id="net", mac_address="fa:16:3e:00:00:01", addresses=[FixedAddress(address="10.0.0.5")]
)

Test = Callable[[Conductor], Awaitable[None]]


def step(number: int, at_us: int = 1_000, **more: Any) -> StepRecord:
    return StepRecord(step=number, started_us=at_us, finished_us=at_us + 10, **more)


def run(tmp_path: Path, scheduler: Client, test: Test, **options: Any) -> None:
    async def body() -> None:
        async with conducting(tmp_path, scheduler, **options) as conductor:
            await test(conductor)

    asyncio.run(body())


async def task_state(conductor: Conductor, uuid: str, state: str) -> None:
    assert await conductor.write(lambda c: change_instance(c, uuid, {"task_state": state}, now=1.0))


def test_a_build_goes_its_good_way(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        client = conductor.client
        begun = await client.start_build(uuid, "h0", 1, steps=[step(13), step(14)])
        assert begun.order == START
        assert [record.step for record in begun.steps] == [15, 16, 17]
        instance = begun.instance
        assert (instance.uuid, instance.host, instance.attempt) == (uuid, "h0", 1)
        assert instance.flavor.memory_mb == 512
        assert dict(instance.image_properties)["hw_disk_bus"] == "virtio"
        assert instance.image_properties["disk_format"] == "qcow2"
        assert [network.network_id for network in instance.requested_networks] == ["net"]
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state) == ("building", "")
        assert row.scheduling["caller"]["token"] == CALLER.token

        for state in ("networking", "block_device_mapping", "spawning"):
            assert await client.save_progress(uuid, "h0", 1, task_state=state, interfaces=[INTERFACE]) == START
            assert (await conductor.row(uuid)).task_state == state
        device = instance.block_devices[0]
        device.volume_id, device.attachment_id, device.device_name = "made", "attached", "vda"
        order = await client.finish_build(
            uuid, "h0", 1, power_state=1, steps=[step(28)], block_devices=[device], root_device_name="vda"
        )
        assert order == START
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.power_state, row.host) == ("active", "", 1, "h0")
        assert row.launched_at is not None
        assert row.root_device_name == "vda"
        assert row.interfaces[0]["addresses"] == [{"address": "10.0.0.5", "subnet_id": ""}]
        assert "caller" not in row.scheduling
        devices = await conductor.read(lambda c: devices_of(c, uuid))
        assert [(one.volume_id, one.device_name) for one in devices] == [("made", "vda"), ("given", "")]
        steps = await conductor.read(lambda c: steps_of(c, uuid))
        assert [record.step for record in steps] == [13, 14, 15, 16, 17, 28]
        events = await conductor.read(lambda c: events_of(c, uuid, CALLER.request_id))
        assert [(event.event, event.host, event.result) for event in events] == [(EVENT, "h0", "Success")]

    run(tmp_path, scheduler, test)


def test_what_is_told_twice_counts_once(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        client = conductor.client
        steps = [step(13), step(14)]
        assert (await client.start_build(uuid, "h0", 1, steps=steps)).order == START
        assert (await client.start_build(uuid, "h0", 1, steps=steps)).order == RESUME
        for _ in range(2):
            assert await client.save_progress(uuid, "h0", 1, task_state="spawning", steps=[step(22)]) == START
        for _ in range(2):
            assert await client.finish_build(uuid, "h0", 1, power_state=1, steps=[step(28)]) == START
        await task_state(conductor, uuid, "powering-off")
        assert await client.finish_build(uuid, "h0", 1, power_state=1) == START
        assert (await conductor.row(uuid)).task_state == "powering-off"
        assert (await client.start_build(uuid, "h0", 1)).order == STALE
        recorded = await conductor.read(lambda c: steps_of(c, uuid))
        assert [record.step for record in recorded] == [13, 14, 15, 16, 17, 22, 28]
        assert len(await conductor.read(lambda c: events_of(c, uuid, CALLER.request_id))) == 1

    run(tmp_path, scheduler, test)


@pytest.mark.parametrize(("host", "attempt"), [("h1", 1), ("h0", 2), ("nowhere", 7)])
def test_another_host_or_attempt_is_out_of_date(tmp_path: Path, scheduler: Client, host: str, attempt: int) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        client = conductor.client
        assert (await client.start_build(uuid, "h0", 1)).order == START
        before = await conductor.row(uuid)
        assert (await client.start_build(uuid, host, attempt)).order == STALE
        assert await client.save_progress(uuid, host, attempt, task_state="spawning") == STALE
        assert await client.finish_build(uuid, host, attempt, power_state=1) == STALE
        failure = {"failure": pb.BUILD_FAILURE_ABORT, "message": "no", "undone": True}
        assert await client.fail_build(uuid, host, attempt, **failure) == "h0"
        assert await conductor.row(uuid) == before
        assert (await client.start_build(str(uuid4()), host, attempt)).order == STALE

    run(tmp_path, scheduler, test)


def test_a_build_that_nobody_began_cannot_move_on(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        assert await conductor.client.save_progress(uuid, "h0", 1, task_state="spawning") == STALE
        assert await conductor.client.finish_build(uuid, "h0", 1, power_state=1) == STALE

    run(tmp_path, scheduler, test)


def test_a_delete_stops_a_build_wherever_it_is(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        client = conductor.client
        await client.start_build(uuid, "h0", 1)
        await task_state(conductor, uuid, "deleting")
        assert (await client.start_build(uuid, "h0", 1)).order == DELETING
        assert await client.save_progress(uuid, "h0", 1, task_state="spawning") == DELETING
        assert await client.finish_build(uuid, "h0", 1, power_state=1) == DELETING
        failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "message": "too late", "undone": True}
        assert await client.fail_build(uuid, "h0", 1, **failure) == ""
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.host) == ("building", "deleting", "h0")
        (event,) = await conductor.read(lambda c: events_of(c, uuid, CALLER.request_id))
        assert (event.result, event.details) == ("Error", "too late")

    run(tmp_path, scheduler, test)


def test_a_failed_build_goes_to_the_next_alternate(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        client = conductor.client
        await client.start_build(uuid, "h0", 1)
        await client.save_progress(uuid, "h0", 1, task_state="spawning", interfaces=[INTERFACE])
        failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "message": "libvirt refused", "undone": True}
        assert await client.fail_build(uuid, "h0", 1, **failure, steps=[step(28, error="refused")]) == "h1"
        # the answer was lost and is asked for again
        assert await client.fail_build(uuid, "h0", 1, **failure) == "h1"
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.host, row.attempt) == ("building", "scheduling", "h1", 2)
        assert row.interfaces == []
        assert row.availability_zone == "nova"
        assert await conductor.holder(uuid) == "h1"
        assert conductor.undone.calls == []
        (announced,) = [cast for cast in await conductor.casts() if uuid in cast.body]
        message = decode(announced.body)
        assert announced.topic == "compute.h1"
        assert isinstance(message, Build)
        assert (message.attempt, message.caller) == (2, CALLER)
        devices = await conductor.read(lambda c: devices_of(c, uuid))
        assert [(one.volume_id, one.attachment_id) for one in devices] == [("", ""), ("given", "")]
        (event,) = await conductor.read(lambda c: events_of(c, uuid, CALLER.request_id))
        assert (event.host, event.result, event.details) == ("h0", "Error", "libvirt refused")
        (action,) = await conductor.read(lambda c: actions_of(c, uuid))
        assert action.message == ""

        assert (await client.start_build(uuid, "h1", 2)).order == START
        assert await client.finish_build(uuid, "h1", 2, power_state=1) == START
        assert (await conductor.row(uuid)).vm_state == "active"
        assert await client.finish_build(uuid, "h0", 1, power_state=1) == STALE

    run(tmp_path, scheduler, test)


def test_with_no_alternate_left_it_ends_in_error(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add(scheduling={"alternates": ["h1", "unheard-of"]})
        client = conductor.client
        failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "undone": True}
        assert await client.fail_build(uuid, "h0", 1, **failure, message="first") == "h1"
        assert await client.fail_build(uuid, "h1", 2, **failure, message="second") == ""
        row = await conductor.row(uuid)
        assert (row.vm_state, row.task_state, row.power_state, row.host) == ("error", "", 0, "")
        assert "caller" not in row.scheduling
        assert CALLER.token not in str(row)
        fault = await conductor.read(lambda c: last_fault(c, uuid))
        assert fault.message == (
            "Exceeded maximum number of retries. Exhausted all hosts available for retrying build failures for "
            f"instance {uuid}. second"
        )
        assert "unheard-of" in fault.details
        assert fault.code == 500
        (action,) = await conductor.read(lambda c: actions_of(c, uuid))
        assert action.message == "Error"
        assert await conductor.holder(uuid) == ""
        assert not [cast for cast in await conductor.casts() if uuid in cast.body]
        assert await client.fail_build(uuid, "h1", 2, **failure, message="again") == ""

    run(tmp_path, scheduler, test)


@pytest.mark.parametrize("said", ["The image is unacceptable.", "Build of instance {uuid} aborted: it said so."])
def test_an_abort_is_final(tmp_path: Path, scheduler: Client, said: str) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        message = said.replace("{uuid}", uuid)
        failure = {"failure": pb.BUILD_FAILURE_ABORT, "message": message, "details": "for admins", "undone": True}
        await conductor.client.start_build(uuid, "h0", 1)
        assert await conductor.client.fail_build(uuid, "h0", 1, **failure) == ""
        row = await conductor.row(uuid)
        assert (row.vm_state, row.host) == ("error", "")
        fault = await conductor.read(lambda c: last_fault(c, uuid))
        assert fault.message.count(f"Build of instance {uuid} aborted: ") == 1
        assert (fault.details, fault.host) == ("for admins", "h0")
        assert await conductor.holder(uuid) == ""

    run(tmp_path, scheduler, test)


def test_a_host_that_the_user_insisted_on_has_no_alternates(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add(scheduling={"alternates": ["h1"], "force_host": "h0"})
        failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "message": "libvirt refused", "undone": True}
        assert await conductor.client.fail_build(uuid, "h0", 1, **failure) == ""
        fault = await conductor.read(lambda c: last_fault(c, uuid))
        assert fault.message == "libvirt refused"

    run(tmp_path, scheduler, test)


def test_a_host_that_is_full_is_passed_over(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add(scheduling={"alternates": ["h1", "h2"]})
        await asyncio.to_thread(fill, scheduler, "h1")
        failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "message": "libvirt refused", "undone": True}
        try:
            assert await conductor.client.fail_build(uuid, "h0", 1, **failure) == "h2"
        finally:
            await asyncio.to_thread(scheduler.release_allocations, [FILLER])
        assert (await conductor.row(uuid)).scheduling["tried"] == ["h0", "h1", "h2"]
        assert await conductor.holder(uuid) == "h2"

    run(tmp_path, scheduler, test)


FILLER = str(uuid4())


def fill(scheduler: Client, host: str) -> None:
    from engine.v1.request_spec_pb2 import Flavor, RequestSpec

    flavor = Flavor(name="huge", vcpus=1, memory_mb=65_000)
    scheduler.select_destinations(RequestSpec(flavor=flavor, instance_uuids=[FILLER], force_hosts=[host]))


def test_what_the_host_did_not_undo_the_conductor_undoes(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        await conductor.client.start_build(uuid, "h0", 1)
        await conductor.client.save_progress(uuid, "h0", 1, task_state="spawning", interfaces=[INTERFACE])
        failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "message": "libvirt refused", "undone": False}
        assert await conductor.client.fail_build(uuid, "h0", 1, **failure) == "h1"
        assert conductor.undone.calls == [(uuid, True)]
        assert [interface.port_id for interface in conductor.undone.seen[0].interfaces] == ["port"]
        assert conductor.undone.seen[0].block_devices[1].attachment_id == "reserved"

    run(tmp_path, scheduler, test)


def test_what_cannot_be_undone_ends_in_error_and_is_undone_later(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        conductor.undone.left = ["port p of instance i is left"]
        failure = {"failure": pb.BUILD_FAILURE_RESCHEDULE, "message": "libvirt refused", "undone": False}
        assert await conductor.client.fail_build(uuid, "h0", 1, **failure) == ""
        row = await conductor.row(uuid)
        assert (row.vm_state, row.scheduling["left"]) == ("error", ["remote"])
        fault = await conductor.read(lambda c: last_fault(c, uuid))
        assert fault.message == f"Build of instance {uuid} aborted: libvirt refused"
        assert "port p of instance i is left" in fault.details
        conductor.undone.left = []
        for _ in range(500):
            if "left" not in (await conductor.row(uuid)).scheduling:
                break
            await asyncio.sleep(0.01)
        assert "left" not in (await conductor.row(uuid)).scheduling
        assert await conductor.holder(uuid) == ""

    run(tmp_path, scheduler, test)


def test_garbage_is_refused_and_changes_nothing(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        uuid = await conductor.add()
        client = conductor.client
        await client.start_build(uuid, "h0", 1)
        before = await conductor.row(uuid)
        failure = {"failure": pb.BUILD_FAILURE_ABORT, "message": "no", "undone": True}
        bad = [
            client.start_build("no uuid", "h0", 1),
            client.start_build(uuid.upper() + "\n", "h0", 1),
            client.start_build("%" * 36, "h0", 1),
            client.start_build(uuid, "", 1),
            client.start_build(uuid, "h0", 0),
            client.start_build(uuid, "h0", -1),
            client.start_build(uuid, "h0", 1, steps=[step(29)]),
            client.start_build(uuid, "h0", 1, steps=[step(0)]),
            client.start_build(uuid, "h0", 1, steps=[StepRecord(step=13, started_us=5, finished_us=4)]),
            client.start_build(uuid, "h0", 1, steps=[StepRecord(step=13, started_us=-5, finished_us=4)]),
            client.save_progress(uuid, "h0", 1, task_state="deleting"),
            client.save_progress(uuid, "h0", 1, task_state="scheduling"),
            client.save_progress(uuid, "h0", 1, block_devices=[BlockDevice(uuid="another's")]),
            client.finish_build(uuid, "h0", 1, power_state=99),
            client.finish_build(uuid, "h0", 1, power_state=-1),
            client.fail_build(uuid, "h0", 1, **(failure | {"failure": 0})),
            client.get_instance("' OR 1=1"),
            client.list_host_instances(" "),
            client.sync_power_states("h0", {uuid: 42}, complete=False),
            client.finish_action(uuid, "h0", "explode", request_id="r"),
            client.finish_action(uuid, "h0", "stop", request_id="r", vm_state="broken"),
            client.finish_action(uuid, "h0", "attach_volume", request_id="r"),
        ]
        for outcome in await asyncio.gather(*bad, return_exceptions=True):
            assert isinstance(outcome, InvalidRequestError), outcome
        assert await conductor.row(uuid) == before

    run(tmp_path, scheduler, test)


def test_a_refusal_carries_its_reason(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with grpc.aio.insecure_channel(conductor.target) as channel:
            stub = stubs.ConductorServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.StartBuild(pb.StartBuildRequest(instance_uuid="x", host="h0", attempt=1))
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert (REASON_KEY, "INVALID_REQUEST") in tuple(refused.value.trailing_metadata())
            raw = channel.unary_unary("/engine.v1.ConductorService/StartBuild")
            with pytest.raises(grpc.aio.AioRpcError):
                await raw(b"\xff\xff not protobuf")

    run(tmp_path, scheduler, test)


def test_instances_are_listed_by_host(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        first, second = await conductor.add(), await conductor.add(host="h1")
        client = conductor.client
        assert [one.uuid for one in await client.list_host_instances("h0")] == [first]
        assert [len(one.block_devices) for one in await client.list_host_instances("h1")] == [2]
        assert await client.list_host_instances("h2") == []
        instance = await client.get_instance(second)
        assert instance is not None
        assert instance.display_name == "a <b> & c"
        assert await client.get_instance(str(uuid4())) is None

    run(tmp_path, scheduler, test)
