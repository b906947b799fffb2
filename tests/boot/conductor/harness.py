"""A real conductor on a free port, with a real database and the real scheduler, and instances to build."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from engine.boot.bus.attend import AttendDelivery, AttendInbox
from engine.boot.conductor.client import ConductorClient
from engine.boot.conductor.service import serve_with
from engine.boot.messages import Build, Caller, Message, compute_topic
from engine.boot.options import BootOptions
from engine.boot.store.history import begin_action
from engine.boot.store.instances import InstanceRow, add_devices, add_instances, get_instance
from engine.boot.store.opening import database_url
from engine.boot.store.outbox import Waiting, cast, waiting
from engine.boot.store.store import Store
from engine.client import Client
from engine.config import Settings
from engine.errors import UnknownAllocationError
from engine.v1.instance_pb2 import Instance
from engine.v1.request_spec_pb2 import Flavor, RequestSpec
from tests.service.harness import serving
from tests.service.messages import add_hosts

WAIT_S = 10.0
CALLER = Caller(token="gAAAAsecret", user_id="user", project_id="project", request_id="req-create")
FLAVOR = {"name": "small", "vcpus": 1, "memory_mb": 512, "root_gb": 1, "extra_specs": {"a": "b"}}


@dataclass
class Undone:
    """Stands where the network and volume services are: notes what is to be taken back, and can leave something."""

    calls: list[tuple[str, bool]] = field(default_factory=list)
    seen: list[Instance] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    async def __call__(self, instance: Instance, failed_build: bool) -> list[str]:
        self.calls.append((instance.uuid, failed_build))
        self.seen.append(instance)
        return list(self.left)


@dataclass
class Conductor:
    """A conductor that answers at ``target``; ``store`` is the database beside it."""

    target: str
    settings: Settings
    store: Store
    client: ConductorClient
    scheduler: Client
    undone: Undone
    stop: asyncio.Event

    async def row(self, uuid: str, *, deleted: bool = True) -> InstanceRow:
        found = await self.store.read(lambda connection: get_instance(connection, uuid, deleted=deleted))
        assert found is not None
        return found

    async def write(self, work: Callable[[sa.Connection], Any]) -> Any:
        return await self.store.write(work)

    async def read(self, work: Callable[[sa.Connection], Any]) -> Any:
        return await self.store.read(work)

    async def casts(self) -> list[Waiting]:
        return await self.store.read(waiting)

    async def cast(self, host: str, message: Message) -> None:
        await self.store.write(lambda connection: cast(connection, compute_topic(host), message, now=time.time()))
        self.client.wake_up()

    async def add(self, **values: Any) -> str:
        """A new instance; on host h0 in its first attempt, with its Build cast and its allocation, unless told."""
        uuid = str(uuid4())
        row = instance_values(uuid, **values)
        if row["host"] and row["attempt"]:
            await asyncio.to_thread(claim, self.scheduler, uuid, row["host"])
        await self.store.write(lambda connection: _insert(connection, row))
        return uuid

    async def holder(self, uuid: str) -> str:
        """The host that the instance's allocation is on, or nothing."""
        try:
            answer = await asyncio.to_thread(self.scheduler.get_allocation, uuid)
        except UnknownAllocationError:
            return ""
        return answer.allocation.host_id


def instance_values(uuid: str, **values: Any) -> dict[str, Any]:
    now = time.time()
    return {
        "uuid": uuid,
        "display_name": "a <b> & c",
        "project_id": "project",
        "user_id": "user",
        "request_id": CALLER.request_id,
        "vm_state": "building",
        "task_state": "scheduling",
        "host": "h0",
        "attempt": 1,
        "flavor": FLAVOR,
        "image_id": "image",
        "image": {"disk_format": "qcow2", "min_disk": 0, "min_ram": 0, "properties": {"hw_disk_bus": "virtio"}},
        "requested_networks": [{"network_id": "net", "port_id": "", "fixed_ip": None, "tag": ""}],
        "scheduling": {"hints": {}, "alternates": ["h1", "h2"], "tried": []},
        "created_at": now,
        "updated_at": now,
        "progress_at": now,
    } | values


def _insert(connection: sa.Connection, row: dict[str, Any]) -> None:
    now = row["created_at"]
    add_instances(connection, [row])
    add_devices(
        connection,
        [
            {"uuid": str(uuid4()), "instance_uuid": row["uuid"], "position": 0, "source_type": "image",
             "destination_type": "volume", "image_id": "image", "volume_id": "", "size_gb": 1, "boot_index": 0},
            {"uuid": str(uuid4()), "instance_uuid": row["uuid"], "position": 1, "source_type": "volume",
             "destination_type": "volume", "volume_id": "given", "attachment_id": "reserved", "size_gb": 2},
        ],
    )  # fmt: skip
    ask = {"request_id": row["request_id"], "user_id": "user", "project_id": "project", "now": now}
    begin_action(connection, row["uuid"], "create", **ask)
    if row["vm_state"] == "building" and row["host"]:
        build = Build(instance_uuid=row["uuid"], attempt=row["attempt"], caller=CALLER, cast_at_us=int(now * 1e6))
        cast(connection, compute_topic(row["host"]), build, now=now)


def claim(scheduler: Client, uuid: str, host: str) -> None:
    flavor = Flavor(name="small", vcpus=1, memory_mb=512, root_gb=1)
    scheduler.select_destinations(RequestSpec(flavor=flavor, instance_uuids=[uuid], force_hosts=[host]))


@contextmanager
def scheduler_with_hosts(state_dir: Path, *hosts: dict[str, object]) -> Iterator[Client]:
    """The scheduler, with hosts h0, h1 and h2 unless told."""
    with serving(state_dir / "scheduler", scheduler={"cpu_weight_multiplier": 0.0}) as running:
        add_hosts(running.client, *(hosts or ({}, {}, {})))
        yield running.client


def settings_for(state_dir: Path, scheduler: str, /, **options: Any) -> Settings:
    quick = {"recovery_interval_s": 0.05, "dead_host_s": 60.0, "stalled_s": 60.0, "scheduler_timeout_s": 2.0}
    boot = BootOptions(**({"scheduler": scheduler} | quick | options))
    return Settings.load(None, state_dir=state_dir, boot=boot)


@asynccontextmanager
async def conducting(
    state_dir: Path, scheduler: Client, /, *, undone: Undone | None = None, port: int = 0, **options: Any
) -> AsyncIterator[Conductor]:
    """A conductor until the block ends; ``options``: those of the boot."""
    settings = settings_for(state_dir, scheduler.target, **({"conductor": f"127.0.0.1:{port}"} | options))
    stop, undone = asyncio.Event(), undone or Undone()
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving_task = asyncio.create_task(serve_with(settings, undone, stop, started.set_result))
    await asyncio.wait({serving_task, started}, return_when=asyncio.FIRST_COMPLETED)
    if not started.done():
        await serving_task
    target = started.result()
    store = Store(database_url(settings.boot, state_dir), durable=False)
    client = ConductorClient(target, patience_s=WAIT_S, timeout_s=5.0)
    try:
        yield Conductor(target, settings, store, client, scheduler, undone, stop)
    finally:
        await client.close()
        stop.set()
        await asyncio.wait_for(serving_task, WAIT_S)
        await asyncio.to_thread(store.close)


class PlayedAgent:
    """An agent that keeps what it gets."""

    def __init__(self, client: ConductorClient, *hosts: str, name: str = "agent") -> None:
        self.inbox = AttendInbox(client, name, hosts or ("h0",), self.answer)
        self.got: list[AttendDelivery] = []
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.error: BaseException | None = None
        self._task = asyncio.create_task(self._take())

    async def _take(self) -> None:
        try:
            async for delivery in self.inbox.deliveries():
                self.got.append(delivery)
        except Exception as error:
            self.error = error

    async def answer(self, host: str, method: str, body: dict[str, Any]) -> Any:
        self.calls.append((host, method, body))
        if method == "fail":
            raise ValueError("no such thing")
        if method == "stall":
            await asyncio.sleep(WAIT_S)
        return {"host": host, "echo": body}

    async def next(self, count: int = 1) -> list[AttendDelivery]:
        """Wait until so many messages have come."""
        await until(lambda: len(self.got) >= count)
        return self.got

    async def close(self) -> None:
        await self.inbox.close()
        await asyncio.wait_for(self._task, WAIT_S)


@asynccontextmanager
async def agent(client: ConductorClient, *hosts: str, name: str = "agent") -> AsyncIterator[PlayedAgent]:
    played = PlayedAgent(client, *hosts, name=name)
    try:
        yield played
    finally:
        await played.close()


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = WAIT_S) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + within_s
    while True:
        outcome = condition()
        if outcome if isinstance(outcome, bool) else await outcome:
            return
        assert time.monotonic() < deadline, "it did not come to pass in time"
        await asyncio.sleep(0.01)
