"""Messages on their way: delivered, kept, delivered again, in order, to one agent at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.boot.conductor.client import ConductorClient
from engine.boot.messages import Delete, ExternalEvent, Schedule, compute_topic, encode
from engine.boot.store.schema import casts, dropped_casts
from engine.client import Client
from engine.errors import ConflictError, InvalidRequestError, ServiceUnavailableError
from engine.v1 import conductor_service_pb2 as pb
from tests.boot.conductor.harness import CALLER, Conductor, agent, conducting, until

Test = Callable[[Conductor], Awaitable[None]]


def run(tmp_path: Path, scheduler: Client, test: Test, **options: Any) -> None:
    async def body() -> None:
        async with conducting(tmp_path, scheduler, **options) as conductor:
            await test(conductor)

    asyncio.run(body())


def delete(number: int = 0) -> Delete:
    return Delete(instance_uuid=str(uuid4()), request_id=f"req-{number}")


async def empty(conductor: Conductor) -> bool:
    return not await conductor.casts()


def put_raw(topic: str, body: str) -> Callable[[sa.Connection], Any]:
    return lambda connection: connection.execute(casts.insert().values(topic=topic, body=body, created_at=1.0))


def test_messages_come_in_order_and_go_when_done(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        sent = [delete(number) for number in range(20)]
        for message in sent[:10]:
            await conductor.cast("h0", message)
        async with agent(conductor.client, "h0", "h1") as played:
            await played.next(10)
            for message in sent[10:]:
                await conductor.cast("h0", message)
            got = await played.next(20)
            assert [delivery.message for delivery in got] == sent
            assert {delivery.host for delivery in got} == {"h0"}
            assert len(await conductor.casts()) == 20
            for delivery in got:
                await delivery.done()
            await until(lambda: empty(conductor))
        assert played.error is None

    run(tmp_path, scheduler, test)


def test_a_wake_up_is_quicker_than_looking(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0") as played:
            await asyncio.sleep(0.2)
            began = time.monotonic()
            await conductor.cast("h0", delete())
            await played.next()
            assert time.monotonic() - began < 0.5
            # and nobody has to wake
            await conductor.write(put_raw(compute_topic("h0"), encode(delete())))
            await played.next(2)

    run(tmp_path, scheduler, test)


def test_messages_of_hosts_that_are_away_wait(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        await conductor.cast("h1", delete())
        async with agent(conductor.client, "h0") as played:
            await conductor.cast("h0", delete())
            await played.next()
            await asyncio.sleep(0.1)
            assert [delivery.host for delivery in played.got] == ["h0"]
        async with agent(conductor.client, "h0", "h1") as played:
            assert sorted(delivery.host for delivery in await played.next(2)) == ["h0", "h1"]

    run(tmp_path, scheduler, test)


def test_a_message_in_hand_is_not_sent_twice(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0") as played:
            await conductor.cast("h0", delete())
            await played.next()
            for _ in range(3):
                conductor.client.wake_up()
                await asyncio.sleep(0.05)
            assert len(played.got) == 1

    run(tmp_path, scheduler, test)


def test_a_message_can_be_had_later(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0") as played:
            first, second = delete(1), delete(2)
            await conductor.cast("h0", first)
            await played.next()
            await played.got[0].later(0.3)
            began = time.monotonic()
            await conductor.cast("h0", second)
            got = await played.next(3)
            assert [delivery.message for delivery in got] == [first, second, first]
            assert time.monotonic() - began > 0.2
            await got[1].done()
            await got[2].done()
            await until(lambda: empty(conductor))

    run(tmp_path, scheduler, test)


def test_a_message_postponed_waits_for_the_next_agent_too(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0") as played:
            await conductor.cast("h0", delete())
            await played.next()
            await played.got[0].later(0.5)

            async def waits() -> bool:
                return all(row.not_before > 0 for row in await conductor.casts())

            await until(waits)
        began = time.monotonic()
        async with agent(conductor.client, "h0") as played:
            await played.next()
            assert time.monotonic() - began > 0.2

    run(tmp_path, scheduler, test)


def test_a_message_that_is_not_done_comes_to_the_next_agent(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        message = delete()
        async with agent(conductor.client, "h0") as played:
            await conductor.cast("h0", message)
            await played.next()
        async with agent(conductor.client, "h0") as played:
            assert (await played.next())[0].message == message

    run(tmp_path, scheduler, test)


def test_a_second_agent_takes_the_hosts_over(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async with agent(conductor.client, "h0", "h1", name="older") as older:
            await conductor.cast("h0", delete())
            await older.next()
            async with agent(conductor.client, "h1", "h0", "h2", name="newer") as newer:
                await newer.next()
                await until(lambda: older.error is not None)
                assert isinstance(older.error, ConflictError)
                assert "newer" in str(older.error)
                await conductor.cast("h1", delete())
                await newer.next(2)
            assert len(older.got) == 1

    run(tmp_path, scheduler, test)


def test_unreadable_messages_are_recorded_and_dropped(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        topic = compute_topic("h0")
        bad = ["", "not json", "[]", '{"kind":"nonsense"}', '{"kind":"delete","instance_uuid":5}', "\x01" * 10]
        bad.append(encode(Schedule(instance_uuids=("x",), caller=CALLER)))
        for body in bad:
            await conductor.write(put_raw(topic, body))
        good = delete()
        await conductor.cast("h0", good)
        async with agent(conductor.client, "h0") as played:
            assert [delivery.message for delivery in await played.next()] == [good]
            rows = await conductor.read(lambda c: c.execute(sa.select(dropped_casts)).all())
            assert len(rows) == len(bad)
            assert all(row.problem and row.topic == topic for row in rows)
            assert CALLER.token not in str(rows)
            assert len(await conductor.casts()) == 1

    run(tmp_path, scheduler, test)


def test_an_agent_lets_only_its_own_messages_go(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        await conductor.cast("h1", delete())
        (other,) = await conductor.casts()
        async with agent(conductor.client, "h0") as played:
            await conductor.cast("h0", delete())
            await played.next()
            played.inbox.acknowledge(other.number)
            played.inbox.acknowledge(10**15)
            played.inbox.postpone(other.number, 1e9)
            await played.got[0].done()

            async def one_left() -> bool:
                return len(await conductor.casts()) == 1

            await until(one_left)
            assert await conductor.casts() == [other]

    run(tmp_path, scheduler, test)


def test_a_restart_of_the_conductor_costs_no_message(tmp_path: Path, scheduler: Client) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            port = int(conductor.target.rpartition(":")[2])
            client = ConductorClient(conductor.target)
            in_hand, done = delete(1), delete(2)
            async with agent(client, "h0") as played:
                await conductor.cast("h0", in_hand)
                await conductor.cast("h0", done)
                await played.next(2)
                conductor.stop.set()
                await asyncio.sleep(0.3)
                await played.got[1].done()
                async with conducting(tmp_path, scheduler, port=port) as restarted:
                    await restarted.cast("h0", delete(3))
                    await played.next(3)

                    async def two_left() -> bool:
                        return len(await restarted.casts()) == 2

                    await until(two_left)
                    # what the agent had in hand was not given to it again
                    assert len(played.got) == 3
                    await played.got[0].done()
                    await played.got[2].done()
                    await until(lambda: empty(restarted))
            await client.close()

    asyncio.run(test())


def test_builds_survive_a_restart_of_the_conductor(tmp_path: Path, scheduler: Client) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            port = int(conductor.target.rpartition(":")[2])
            uuid = await conductor.add()
            client = ConductorClient(conductor.target, patience_s=20.0)
            assert (await client.start_build(uuid, "h0", 1)).order == pb.BUILD_ORDER_START
            conductor.stop.set()
            await asyncio.sleep(0.3)
            finishing = asyncio.create_task(client.finish_build(uuid, "h0", 1, power_state=1))
            await asyncio.sleep(0.3)
            assert not finishing.done()
            async with conducting(tmp_path, scheduler, port=port) as restarted:
                assert await finishing == pb.BUILD_ORDER_START
                assert (await restarted.row(uuid)).vm_state == "active"
            await client.close()

    asyncio.run(test())


def test_patience_with_a_conductor_that_is_away_ends(nowhere: str) -> None:
    async def test() -> None:
        client = ConductorClient(nowhere, patience_s=0.5)
        client.wake_up()
        began = time.monotonic()
        with pytest.raises(ServiceUnavailableError):
            await client.get_instance(str(uuid4()))
        assert time.monotonic() - began < 5
        with pytest.raises(ServiceUnavailableError):
            await client.call_host("h0", "domains", {}, timeout_s=0.5)
        client.wake_up()
        await client.close()
        with pytest.raises(ServiceUnavailableError):
            await client.get_instance(str(uuid4()))

    asyncio.run(test())


def test_hosts_are_asked_and_answer(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        client = conductor.client
        with pytest.raises(ServiceUnavailableError, match="h0"):
            await client.call_host("h0", "domains", {})
        async with agent(client, "h0") as played:
            await conductor.cast("h0", delete())
            await played.next()
            answers = await asyncio.gather(*(client.call_host("h0", "x", {"n": number}) for number in range(20)))
            assert [answer["echo"]["n"] for answer in answers] == list(range(20))
            with pytest.raises(ConflictError, match="no such thing"):
                await client.call_host("h0", "fail", {})
            with pytest.raises(ServiceUnavailableError, match="did not answer"):
                await client.call_host("h0", "stall", {}, timeout_s=0.2)
            waiting = asyncio.create_task(client.call_host("h0", "stall", {}))
            await until(lambda: [call[1] for call in played.calls].count("stall") == 2)
        with pytest.raises(ServiceUnavailableError, match="went away"):
            await waiting

    run(tmp_path, scheduler, test)


def test_a_subscription_must_make_sense(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        async def attend(*requests: pb.AttendRequest) -> None:
            async def say() -> Any:
                for request in requests:
                    yield request
                await asyncio.sleep(5)

            async for _ in conductor.client.attend(say()):
                pass

        subscription = pb.AttendRequest(subscription=pb.Subscription(agent_id="a", hosts=["h0"]))
        bad = [
            (pb.AttendRequest(),),
            (pb.AttendRequest(acknowledgement=pb.Acknowledgement(message_ids=[1])),),
            (pb.AttendRequest(subscription=pb.Subscription(agent_id="a")),),
            (pb.AttendRequest(subscription=pb.Subscription(agent_id=" ", hosts=["h0"])),),
            (pb.AttendRequest(subscription=pb.Subscription(agent_id="a", hosts=["h0", ""])),),
            (pb.AttendRequest(subscription=pb.Subscription(agent_id="a", hosts=["x" * 300])),),
            (subscription, subscription),
            (subscription, pb.AttendRequest()),
        ]
        for requests in bad:
            with pytest.raises(InvalidRequestError):
                await asyncio.wait_for(attend(*requests), 5)

    run(tmp_path, scheduler, test)


def test_events_for_instances_are_carried_too(tmp_path: Path, scheduler: Client) -> None:
    async def test(conductor: Conductor) -> None:
        event = ExternalEvent(instance_uuid=str(uuid4()), name="network-vif-plugged", tag="port")
        async with agent(conductor.client, "h0") as played:
            await conductor.cast("h0", event)
            assert (await played.next())[0].message == event

    run(tmp_path, scheduler, test)
