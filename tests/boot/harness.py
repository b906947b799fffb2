"""nova-api with the real identity, image, network, volume and scheduler services; conductor and compute are not there.

What the API casts to hosts stays in the database, where ``BootApi.casts`` reads it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx
import sqlalchemy as sa
from keystoneauth1.session import Session

from engine.boot.api.service import serve
from engine.boot.messages import SCHEDULE_TOPIC, Message, decode
from engine.boot.options import BootOptions, IdentityOptions
from engine.boot.store.history import StepRow, steps_of
from engine.boot.store.instances import BlockDeviceRow, InstanceRow, devices_of, get_instance
from engine.boot.store.opening import open_store
from engine.boot.store.outbox import waiting
from engine.boot.store.store import Store
from engine.config import Settings
from engine.errors import UnknownAllocationError
from tests.cloud.harness import PASSWORDS, Cloud, cloud
from tests.ports import free_port
from tests.service.harness import Running, serving
from tests.service.messages import add_hosts

WAIT_S = 30.0
LATEST = "2.96"
TINY = "1"
"""The flavor m1.tiny: 1 vcpu, 512 MiB, 1 GiB."""


class ApiProcess:
    """The API in an event loop of its own; ``kill`` ends it as a crash does, between two awaits."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="boot-api", daemon=True)
        self._thread.start()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        ready = threading.Event()

        async def run() -> None:
            self._task = asyncio.current_task()
            await serve(settings, self._stop, lambda _: ready.set())

        self._served: Future[None] = asyncio.run_coroutine_threadsafe(run(), self._loop)
        self._served.add_done_callback(lambda _: ready.set())
        assert ready.wait(WAIT_S), "the API did not start"
        if self._served.done():
            self._served.result()

    def stop(self) -> None:
        """End it as an operator does."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._served.result(WAIT_S)
        self._end_loop()

    def kill(self) -> None:
        """End everything it does where it stands."""

        async def cancel_all() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=WAIT_S)

        asyncio.run_coroutine_threadsafe(cancel_all(), self._loop).result(WAIT_S)
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()


@dataclass
class BootApi:
    """The API at ``url`` and all that it speaks to."""

    url: str
    cloud: Cloud
    scheduler: Running
    settings: Settings
    store: Store
    folder: Path
    http: httpx.Client
    process: ApiProcess | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _tokens: dict[str, str] = field(default_factory=dict)
    _sessions: dict[str, Session] = field(default_factory=dict)

    def start(self) -> None:
        """Start the API on the same database."""
        self.process = ApiProcess(self.settings)

    def stop(self) -> None:
        """Stop the API."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def kill(self) -> None:
        """Let the API crash."""
        assert self.process is not None
        self.process.kill()
        self.process = None

    def token(self, user: str = "demo") -> str:
        """A token of a user, the same each time."""
        if user not in self._tokens:
            self._tokens[user] = self.cloud.token(user)
        return self._tokens[user]

    def session(self, user: str = "demo") -> Session:
        """A keystoneauth session of a user, the same each time."""
        if user not in self._sessions:
            self._sessions[user] = self.cloud.session(user)
        return self._sessions[user]

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "demo",
        version: str = LATEST,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """An answer to a user's request, at a microversion."""
        given = {"X-Auth-Token": self.token(user), **(headers or {})}
        if version:
            given["OpenStack-API-Version"] = f"compute {version}"
        if body is not None:
            options["json"] = body
        return self.http.request(method, f"{self.url}{path}", headers=given, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        return self.call("POST", path, body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.call("DELETE", path, **options)

    def boot(self, *, user: str = "demo", version: str = LATEST, hints: object = None, **server: Any) -> httpx.Response:
        """The answer to a request for a tiny server without networks unless told; None leaves a field out."""
        given = {"name": "vm", "flavorRef": TINY, "networks": "none", **server}
        if "imageRef" not in given and "block_device_mapping_v2" not in given:
            given["imageRef"] = self.image()
        body: dict[str, Any] = {"server": {name: value for name, value in given.items() if value is not None}}
        if hints is not None:
            body["os:scheduler_hints"] = hints
        return self.post("/servers", body, user=user, version=version)

    def booted(self, **server: Any) -> str:
        """The uuid of a new server."""
        answer = self.boot(**server)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["server"]["id"])

    def placed(self, **server: Any) -> InstanceRow:
        """A new server's record once it has a host."""
        return self.wait_for(self.booted(**server), lambda row: bool(row.host))

    def server(self, uuid: str, *, user: str = "demo", version: str = LATEST) -> dict[str, Any]:
        """What the API shows of a server."""
        answer = self.get(f"/servers/{uuid}", user=user, version=version)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["server"])

    def wait_for(self, uuid: str, true: Callable[[InstanceRow], bool], *, within_s: float = WAIT_S) -> InstanceRow:
        """A server's record, deleted or not, once something holds for it."""
        deadline = time.monotonic() + within_s
        while True:
            row = self.row(uuid)
            if row is not None and true(row):
                return row
            assert time.monotonic() < deadline, f"this never came to be; the last record: {row}"
            time.sleep(0.02)

    def row(self, uuid: str) -> InstanceRow | None:
        """A server's record, deleted or not."""
        return self.read(lambda connection: get_instance(connection, uuid, deleted=True))

    def devices(self, uuid: str) -> list[BlockDeviceRow]:
        return self.read(lambda connection: devices_of(connection, uuid))

    def steps(self, uuid: str) -> list[StepRow]:
        return self.read(lambda connection: steps_of(connection, uuid))

    def casts(self, topic: str = "") -> list[Message]:
        """The messages that wait, of one topic or of all but the worker's."""
        found = self.read(lambda connection: waiting(connection, topic=topic))
        return [decode(entry.body) for entry in found if topic or entry.topic != SCHEDULE_TOPIC]

    def holds(self, uuid: str) -> str:
        """The host on which a server holds an allocation; empty for none."""
        try:
            return str(self.scheduler.client.get_allocation(uuid).allocation.host_id)
        except UnknownAllocationError:
            return ""

    def read(self, work: Callable[[sa.Connection], Any]) -> Any:
        return self._run(self.store.read(work))

    def write(self, work: Callable[[sa.Connection], Any]) -> Any:
        return self._run(self.store.write(work))

    def image(self, name: str = "cirros", **fields: Any) -> str:
        """The id of a public image with a little data, made when it is first asked for."""
        session = self.session("admin")
        base = f"{self.cloud.url('image')}/v2/images"
        known = session.get(base, params={"name": name}).json()["images"]
        if known:
            return str(known[0]["id"])
        body = {"name": name, "disk_format": "raw", "container_format": "bare", "visibility": "public", **fields}
        made = session.post(base, json=body).json()["id"]
        data = {"Content-Type": "application/octet-stream"}
        session.put(f"{base}/{made}/file", data=b"x" * 4096, headers=data)
        return str(made)

    def network(self, name: str, *, user: str = "demo", cidr: str = "10.1.0.0/24") -> str:
        """The id of a new network with a subnet."""
        session, base = self.session(user), f"{self.cloud.url('network')}/v2.0"
        made = session.post(f"{base}/networks", json={"network": {"name": name}}).json()["network"]["id"]
        session.post(f"{base}/subnets", json={"subnet": {"network_id": made, "cidr": cidr, "ip_version": 4}})
        return str(made)

    def port(self, network_id: str, *, user: str = "demo", **fields: Any) -> str:
        """The id of a new port."""
        session, base = self.session(user), f"{self.cloud.url('network')}/v2.0"
        made = session.post(f"{base}/ports", json={"port": {"network_id": network_id, **fields}})
        return str(made.json()["port"]["id"])

    def volume(self, *, user: str = "demo", size: int = 1, bootable: bool = False) -> str:
        """The id of a new volume that is available."""
        session, base = self.session(user), f"{self.cloud.url('volume')}/v3"
        made = str(session.post(f"{base}/volumes", json={"volume": {"size": size}}).json()["volume"]["id"])
        deadline = time.monotonic() + WAIT_S
        while self.volume_status(made) != "available":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        if bootable:
            body = {"os-set_bootable": {"bootable": True}}
            session.post(f"{base}/volumes/{made}/action", json=body)
        return made

    def volume_status(self, volume_id: str) -> str:
        answer = self.session("admin").get(f"{self.cloud.url('volume')}/v3/volumes/{volume_id}")
        return str(answer.json()["volume"]["status"])

    def close(self) -> None:
        """End the API and what looks at its database."""
        self.stop()
        self.store.close()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._loop.run_until_complete(work)


def message_of(answer: httpx.Response) -> str:
    """What an error answer says."""
    (fault,) = answer.json().values()
    assert fault["code"] == answer.status_code
    return str(fault["message"])


@contextmanager
def boot_api(
    folder: Path,
    *,
    hosts: int = 3,
    cloud_options: Mapping[str, Any] | None = None,
    start: bool = True,
    **boot: Any,
) -> Iterator[BootApi]:
    """The API with a cloud, a scheduler and a fleet h0, h1 ... of its own; ``boot`` overrides BootOptions."""
    with (
        cloud(folder / "cloud", "image", "network", "volume", **(cloud_options or {})) as services,
        serving(folder / "scheduler") as scheduler,
        httpx.Client(timeout=WAIT_S) as http,
    ):
        if hosts:
            add_hosts(scheduler.client, *({} for _ in range(hosts)))
        settings = settings_for(folder, services, **{"scheduler": scheduler.target, **boot})
        store = open_store(settings.boot, folder, durable=False)
        url = services.options.compute_url
        running = BootApi(url, services, scheduler, settings, store, folder, http)
        try:
            if start:
                running.start()
            yield running
        finally:
            running.close()


def settings_for(folder: Path, services: Cloud, **boot: Any) -> Settings:
    """The settings of every part of a boot beside this cloud; ``boot`` are BootOptions, ``scheduler`` among them."""
    address = urlparse(services.options.compute_url)
    given: dict[str, Any] = {
        "api_port": address.port,
        "conductor": f"127.0.0.1:{free_port()}",
        "identity": IdentityOptions(auth_url=services.options.identity_url, password=PASSWORDS["nova"]),
        "scheduler_timeout_s": 5.0,
        **boot,
    }
    return Settings(state_dir=folder, boot=BootOptions(**given), cloud=services.options)
