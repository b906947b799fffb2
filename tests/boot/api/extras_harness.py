"""nova-api beside servers, served over HTTP on a real database and a real scheduler, with tokens that tests make up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx

from engine.boot.api import extras
from engine.boot.api.deps import Deps
from engine.boot.api.versions import MICROVERSIONS, OPEN_PATHS
from engine.boot.options import BootOptions
from engine.boot.store.instances import add_instances, change_instance
from engine.boot.store.store import Store
from engine.config import Settings
from engine.rest.access import Access
from engine.rest.app import Gate, RestApp
from engine.rest.errors import Unauthorized, nova_fault
from engine.rest.server import listening_socket, serve
from engine.v1.inventory_pb2 import Host, HostService, ResourceInventory
from engine.v1.inventory_service_pb2 import UpdateHostsRequest
from tests.service.harness import Running, serving

WAIT_S = 30.0
LATEST = "2.96"
USERS: Mapping[str, tuple[str, frozenset[str]]] = {
    "admin": ("p-admin", frozenset({"admin", "member", "reader"})),
    "demo": ("p-demo", frozenset({"member", "reader"})),
    "colleague": ("p-demo", frozenset({"member", "reader"})),
    "reader": ("p-demo", frozenset({"reader"})),
    "other": ("p-other", frozenset({"member", "reader"})),
}
"""Who a token (the user's name) stands for: the project, and the roles in it."""


class NamedGate:
    """Lets in who gives a user's name as the token; anyone else's project comes after a colon, as in ``demo:p2``."""

    async def check(self, token: str, service_token: str) -> tuple[Access, str]:
        user, _, project = token.partition(":")
        if user not in USERS:
            raise Unauthorized("The request you have made requires authentication.")
        home, roles = USERS[user]
        return Access(token, f"u-{user}", user, project or home, project or home, roles, time.time() + 3600), "cached"


@dataclass
class Api:
    """The API at ``url``; ``scheduler`` is the real one behind it."""

    url: str
    deps: Deps
    scheduler: Running
    loop: asyncio.AbstractEventLoop
    http: httpx.Client

    def call(
        self, method: str, path: str, body: object = None, *, user: str = "admin", version: str = LATEST, **options: Any
    ) -> httpx.Response:
        """An answer to a user's request, at a microversion."""
        headers = {"X-Auth-Token": user, "OpenStack-API-Version": f"compute {version}"} if version else {}
        headers |= {"X-Auth-Token": user}
        if body is not None:
            options["json"] = body
        return self.http.request(method, f"{self.url}/v2.1{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: object, **options: Any) -> httpx.Response:
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: object, **options: Any) -> httpx.Response:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.call("DELETE", path, **options)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine, run on the API's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def write(self, work: Callable[[Any], Any]) -> Any:
        """The result of a transaction."""
        return self.run(self.deps.store.write(work))

    def read(self, work: Callable[[Any], Any]) -> Any:
        """The result of a look into the database."""
        return self.run(self.deps.store.read(work))

    def add_host(self, host_id: str, **fields: Any) -> None:
        """Let the scheduler know a host of 8 vcpus, 16 GiB and 100 GB."""
        sizes = {"VCPU": 8, "MEMORY_MB": 16_384, "DISK_GB": 100}
        inventories = {name: ResourceInventory(total=total) for name, total in sizes.items()}
        inventories["MEMORY_MB"].reserved = 512
        fields.setdefault("service", HostService(last_seen_up_us=int(time.time() * 1e6)))
        host = Host(host_id=host_id, inventories=inventories, nodename=host_id, host_ip="10.0.0.1", **fields)
        list(self.scheduler.client.update_hosts([UpdateHostsRequest(hosts=[host])]))

    def add_instance(self, **fields: Any) -> str:
        """Record an instance of the demo project, of 1 vcpu and 512 MB unless told, and return its uuid."""
        now = time.time()
        row = {
            "uuid": str(uuid4()),
            "display_name": "vm",
            "project_id": "p-demo",
            "user_id": "u-demo",
            "vm_state": "active",
            "flavor": {"name": "m1.tiny", "vcpus": 1, "memory_mb": 512, "root_gb": 1, "ephemeral_gb": 0},
            "created_at": now,
            "updated_at": now,
            "progress_at": now,
        } | fields
        self.write(lambda connection: add_instances(connection, [row]))
        return str(row["uuid"])

    def remove_instance(self, uuid: str) -> None:
        """Mark an instance as deleted."""
        self.write(lambda connection: change_instance(connection, uuid, {"deleted": True}, now=time.time()))


def message_of(answer: httpx.Response) -> str:
    """What an error answer says."""
    (fault,) = answer.json().values()
    assert fault["code"] == answer.status_code
    return str(fault["message"])


@contextmanager
def extras_api(folder: Path, *, gate: Gate | None = None, port: int = 0, **boot: Any) -> Iterator[Api]:
    """The API with a database and a scheduler of its own; ``boot`` overrides BootOptions."""
    with serving(folder / "scheduler") as scheduler:
        settings = Settings(state_dir=folder, boot=BootOptions(**{"scheduler": scheduler.target, **boot}))
        with _served(folder, settings, scheduler, gate or NamedGate(), port) as api:
            yield api


@contextmanager
def _served(folder: Path, settings: Settings, scheduler: Running, gate: Gate, port: int) -> Iterator[Api]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="extras-api", daemon=True)
    thread.start()
    store = Store(f"sqlite:///{folder / 'boot.db'}", durable=False)
    deps = Deps(
        store=store, scheduler=scheduler.client, clouds=cast(Any, None), conductor=cast(Any, None), settings=settings
    )
    app = RestApp(
        "compute",
        extras.routes(deps),
        nova_fault,
        gate=gate,
        open_paths=OPEN_PATHS,
        microversions=MICROVERSIONS,
    )
    listener = listening_socket("127.0.0.1", port)
    stop = asyncio.Event()
    served = asyncio.run_coroutine_threadsafe(serve(app, listener, stop, drain_s=2.0), loop)
    try:
        with httpx.Client(timeout=WAIT_S) as http:
            yield Api(f"http://127.0.0.1:{listener.getsockname()[1]}", deps, scheduler, loop, http)
    finally:
        loop.call_soon_threadsafe(stop.set)
        served.result(WAIT_S)
        store.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()
