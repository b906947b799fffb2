"""Power states against the record, by nova's rules."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from engine.client import Client
from engine.v1.conductor_service_pb2 import DOMAIN_ORDER_DESTROY, DOMAIN_ORDER_STOP
from tests.boot.conductor.harness import conducting

NOSTATE, RUNNING, PAUSED, SHUTDOWN, CRASHED, SUSPENDED = 0, 1, 3, 4, 6, 7


@pytest.mark.parametrize(
    ("vm_state", "task_state", "found", "vm_after", "power_after", "orders"),
    [
        ("active", "", RUNNING, "active", RUNNING, []),
        ("active", "", SHUTDOWN, "stopped", SHUTDOWN, []),
        ("active", "", CRASHED, "stopped", CRASHED, [DOMAIN_ORDER_STOP]),
        ("active", "", SUSPENDED, "stopped", SUSPENDED, [DOMAIN_ORDER_STOP]),
        ("active", "", PAUSED, "active", PAUSED, []),
        ("active", "", NOSTATE, "active", NOSTATE, []),
        ("active", "powering-off", SHUTDOWN, "active", RUNNING, []),
        ("active", "deleting", SHUTDOWN, "active", RUNNING, []),
        ("stopped", "", RUNNING, "stopped", RUNNING, [DOMAIN_ORDER_STOP]),
        ("stopped", "", PAUSED, "stopped", PAUSED, [DOMAIN_ORDER_STOP]),
        ("stopped", "", SHUTDOWN, "stopped", SHUTDOWN, []),
        ("stopped", "powering-on", RUNNING, "stopped", RUNNING, []),
        ("paused", "", SHUTDOWN, "stopped", SHUTDOWN, []),
        ("paused", "", CRASHED, "stopped", CRASHED, [DOMAIN_ORDER_STOP]),
        ("building", "spawning", SHUTDOWN, "building", RUNNING, []),
        ("building", "", SHUTDOWN, "building", RUNNING, []),
        ("error", "", SHUTDOWN, "error", SHUTDOWN, []),
    ],
)
def test_the_rules(
    tmp_path: Path,
    scheduler: Client,
    vm_state: str,
    task_state: str,
    found: int,
    vm_after: str,
    power_after: int,
    orders: list[int],
) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            uuid = await conductor.add(vm_state=vm_state, task_state=task_state, power_state=RUNNING)
            commands = await conductor.client.sync_power_states("h0", {uuid: found}, complete=False)
            assert [command.order for command in commands] == orders
            row = await conductor.row(uuid)
            assert (row.vm_state, row.power_state, row.task_state) == (vm_after, power_after, task_state)

    asyncio.run(test())


def test_a_complete_list_tells_of_what_is_missing(tmp_path: Path, scheduler: Client) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            there = await conductor.add(vm_state="active", task_state="", power_state=RUNNING)
            missing = await conductor.add(vm_state="active", task_state="", power_state=RUNNING)
            building = await conductor.add(task_state="spawning", power_state=NOSTATE)
            other = await conductor.add(vm_state="active", task_state="", power_state=RUNNING, host="h1")
            client = conductor.client
            assert await client.sync_power_states("h0", {there: RUNNING}, complete=False) == []
            assert (await conductor.row(missing)).power_state == RUNNING
            assert await client.sync_power_states("h0", {there: RUNNING}, complete=True) == []
            assert (await conductor.row(missing)).power_state == NOSTATE
            assert (await conductor.row(missing)).vm_state == "active"
            assert (await conductor.row(other)).power_state == RUNNING
            assert (await conductor.row(building)).vm_state == "building"

    asyncio.run(test())


def test_domains_that_nobody_owns_here_are_destroyed(tmp_path: Path, scheduler: Client) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            unknown = str(uuid4())
            deleted = await conductor.add(vm_state="deleted", task_state="", deleted=True)
            elsewhere = await conductor.add(vm_state="active", task_state="", host="h1")
            left = await conductor.add(vm_state="error", task_state="", host="")
            mine = await conductor.add(task_state="spawning")
            domains = dict.fromkeys((unknown, deleted, elsewhere, left, mine), RUNNING)
            commands = await conductor.client.sync_power_states("h0", domains, complete=True)
            assert {command.order for command in commands} == {DOMAIN_ORDER_DESTROY}
            assert {command.instance_uuid for command in commands} == {unknown, deleted, elsewhere, left}

    asyncio.run(test())


def test_many_domains_at_once(tmp_path: Path, scheduler: Client) -> None:
    async def test() -> None:
        async with conducting(tmp_path, scheduler) as conductor:
            domains = {str(uuid4()): RUNNING for _ in range(3_000)}
            commands = await conductor.client.sync_power_states("h0", domains, complete=True)
            assert len(commands) == 3_000

    asyncio.run(test())
