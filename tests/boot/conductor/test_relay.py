"""Messages handed on to another bus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from engine.boot.bus.subjects import subject_of_topic
from engine.boot.conductor.relay import Relay
from engine.boot.messages import Build, Delete, Schedule, compute_topic, decode
from engine.boot.store.instances import add_instances, get_instance
from engine.boot.store.outbox import cast, waiting
from engine.boot.store.schema import casts, dropped_casts
from engine.boot.store.store import Store
from engine.errors import ServiceUnavailableError
from tests.boot.conductor.harness import CALLER, instance_values, until


class Bus:
    """Keeps what it is given, once a number, as a bus with de-duplication does; and can be away."""

    def __init__(self) -> None:
        self.messages: dict[int, tuple[str, str]] = {}
        self.times = 0
        self.away = False

    async def publish(self, number: int, topic: str, body: str) -> None:
        if self.away:
            raise ServiceUnavailableError("the bus is away")
        self.times += 1
        self.messages.setdefault(number, (subject_of_topic(topic), body))


def run(tmp_path: Path, test: Callable[[Store, Bus, Relay], Awaitable[None]]) -> None:
    async def body() -> None:
        store = Store(f"sqlite:///{tmp_path / 'boot.db'}", durable=False)
        bus = Bus()
        try:
            await test(store, bus, Relay(store, bus))
        finally:
            await asyncio.to_thread(store.close)

    asyncio.run(body())


def test_messages_are_handed_on_in_order_and_removed(tmp_path: Path) -> None:
    async def test(store: Store, bus: Bus, relay: Relay) -> None:
        sent = [Delete(instance_uuid=str(uuid4()), request_id=str(number)) for number in range(600)]

        def put(connection: sa.Connection) -> None:
            for number, message in enumerate(sent):
                cast(connection, compute_topic(f"h{number % 3}"), message, now=1.0)
            cast(connection, "scheduler", Schedule(instance_uuids=("x",), caller=CALLER), now=1.0)

        await store.write(put)
        assert await relay.hand_on() == 600
        assert [decode(body) for _, body in bus.messages.values()] == sent
        assert {subject for subject, _ in bus.messages.values()} == {f"berth.compute.h{n}" for n in range(3)}
        assert [row.topic for row in await store.read(waiting)] == ["scheduler"]

    run(tmp_path, test)


def test_a_bus_that_is_away_loses_nothing(tmp_path: Path) -> None:
    async def test(store: Store, bus: Bus, relay: Relay) -> None:
        bus.away = True
        running = asyncio.create_task(relay.run())
        await store.write(lambda c: cast(c, "compute.h0", Delete(instance_uuid="i", request_id="r"), now=1.0))
        relay.wake()
        await asyncio.sleep(0.2)
        assert len(await store.read(waiting)) == 1
        bus.away = False

        async def gone() -> bool:
            return not await store.read(waiting)

        await until(gone)
        assert bus.times == 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    run(tmp_path, test)


def test_a_message_waits_for_its_time(tmp_path: Path) -> None:
    async def test(store: Store, bus: Bus, relay: Relay) -> None:
        message = Delete(instance_uuid="i", request_id="r")
        later = time.time() + 3600
        await store.write(lambda c: cast(c, "compute.h0", message, now=1.0, not_before=later))
        assert await relay.hand_on() == 0
        assert bus.messages == {}

    run(tmp_path, test)


def test_who_asked_for_a_build_is_kept_when_its_message_goes(tmp_path: Path) -> None:
    async def test(store: Store, bus: Bus, relay: Relay) -> None:
        building, active = str(uuid4()), str(uuid4())

        def put(connection: sa.Connection) -> None:
            add_instances(connection, [instance_values(building), instance_values(active, vm_state="active")])
            for uuid in (building, active):
                build = Build(instance_uuid=uuid, attempt=1, caller=CALLER, cast_at_us=1)
                cast(connection, "compute.h0", build, now=1.0)

        await store.write(put)
        await relay.hand_on()
        rows = [await store.read(lambda c, uuid=uuid: get_instance(c, uuid)) for uuid in (building, active)]
        assert rows[0] is not None
        assert rows[1] is not None
        assert rows[0].scheduling["caller"]["token"] == CALLER.token
        assert "caller" not in rows[1].scheduling

    run(tmp_path, test)


def test_what_the_bus_cannot_carry_is_dropped_and_recorded(tmp_path: Path) -> None:
    async def test(store: Store, bus: Bus, relay: Relay) -> None:
        def put(connection: sa.Connection) -> None:
            connection.execute(casts.insert().values(topic="compute.h0", body="garbage", created_at=1.0))
            cast(connection, "compute.a b", Delete(instance_uuid="i", request_id="r"), now=1.0)
            cast(connection, "compute.h0", Delete(instance_uuid="i", request_id="r"), now=1.0)

        await store.write(put)
        await relay.hand_on()
        assert len(bus.messages) == 1
        assert await store.read(waiting) == []
        assert len(await store.read(lambda c: c.execute(sa.select(dropped_casts)).all())) == 2

    run(tmp_path, test)
