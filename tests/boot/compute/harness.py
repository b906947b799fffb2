"""Everything an agent talks to, for real: scheduler, conductor and its database, and the embedded cloud.

What nova-api does is done here by hand: records and messages are written as it would, hosts asked for of the scheduler.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.boot.compute import service as compute
from engine.boot.conductor import service as conductor
from engine.boot.conductor.client import ConductorClient
from engine.boot.libvirt.driver import Driver
from engine.boot.libvirt.memory import MemoryDriver
from engine.boot.messages import Attach, Build, Caller, Delete, Detach, ExternalEvent, Message, Power, compute_topic
from engine.boot.openstack import Clouds
from engine.boot.options import BootOptions, ComputeOptions, IdentityOptions
from engine.boot.store.history import FaultRow, StepRow, begin_action, last_fault, steps_of
from engine.boot.store.instances import InstanceRow, add_devices, add_instances, devices_of, get_instance
from engine.boot.store.opening import open_store
from engine.boot.store.outbox import cast, waiting
from engine.boot.store.schema import instances
from engine.boot.store.store import Store
from engine.config import Settings
from engine.rest.server import listening_socket
from engine.rest.server import serve as serve_http
from engine.v1 import request_spec_pb2
from tests.cloud.harness import PASSWORDS, Cloud, cloud
from tests.ports import free_port
from tests.service.harness import Running, serving

WAIT_S = 20.0
FLAVOR = {"name": "m1.tiny", "vcpus": 1, "memory_mb": 512, "root_gb": 1, "ephemeral_gb": 0, "swap_mb": 0}


@dataclass
class Process:
    """One part, on an event loop in a thread of its own."""

    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    stop: asyncio.Event
    served: Future[None]

    @classmethod
    def start(cls, serve: Callable[[asyncio.Event, Callable[[str], None]], Coroutine[Any, Any, None]]) -> Process:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        stop = asyncio.Event()
        ready = threading.Event()
        served = asyncio.run_coroutine_threadsafe(serve(stop, lambda _: ready.set()), loop)
        served.add_done_callback(lambda _: ready.set())
        assert ready.wait(WAIT_S)
        if served.done():
            served.result()
        return cls(loop, thread, stop, served)

    def end(self) -> None:
        """Stop it as an operator would."""
        self.loop.call_soon_threadsafe(self.stop.set)
        try:
            self.served.result(WAIT_S)
        finally:
            self._halt()

    def freeze(self) -> None:
        """Stop it where it stands, as a kill would: nothing is finished, nothing undone."""
        self._halt()

    def _halt(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT_S)


@dataclass
class Stack:
    """The running parts and the hands with which a test plays nova-api."""

    cloud: Cloud
    scheduler: Running
    settings: Settings
    store: Store
    clouds: Clouds
    driver: Driver
    caller: Caller
    waker: ConductorClient | None = None
    deaf: bool = False
    network_id: str = ""
    image_id: str = ""
    conductor: Process | None = None
    agents: list[Process] = field(default_factory=list)

    @property
    def options(self) -> ComputeOptions:
        return self.settings.boot.compute

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.scheduler.loop).result(WAIT_S)

    def start_conductor(self) -> None:
        self.conductor = Process.start(lambda stop, ready: conductor.serve(self.settings, stop, ready))

    def start_agent(self, *, own_launcher: bool = False, **overrides: Any) -> Process:
        """Start an agent on the launcher of this stack, or on the one that its settings name."""
        options = self.options.model_copy(update=overrides)
        boot = self.settings.boot.model_copy(update={"compute": options})
        settings = self.settings.model_copy(update={"boot": boot})
        driver = None if own_launcher else self.driver
        agent = Process.start(lambda stop, ready: compute.serve(settings, stop, ready, driver=driver))
        self.agents.append(agent)
        return agent

    def end_agents(self) -> None:
        for agent in self.agents:
            if agent.thread.is_alive():
                agent.end()

    def call_host(self, host: str, method: str, body: dict[str, Any]) -> Any:
        async def work() -> Any:
            client = ConductorClient(self.settings.boot.conductor)
            try:
                return await client.call_host(host, method, body, timeout_s=5)
            finally:
                await client.close()

        return self.run(work())

    def boot(
        self,
        *,
        count: int = 1,
        networks: Sequence[dict[str, str]] | None = None,
        devices: Sequence[dict[str, Any]] = (),
        alternates: int = 2,
        flavor: dict[str, Any] | None = None,
        caller: Caller | None = None,
        on_volume: bool = False,
    ) -> list[str]:
        """Do as nova-api and its worker do: claim hosts, record the instances, cast their builds; return uuids."""
        uuids = [str(uuid.uuid4()) for _ in range(count)]
        wanted = {**FLAVOR, **(flavor or {})}
        spec = request_spec_pb2.RequestSpec(
            flavor=request_spec_pb2.Flavor(**wanted),
            num_instances=count,
            instance_uuids=uuids,
            project_id=self.caller.project_id,
            user_id=self.caller.user_id,
            is_bfv=on_volume,
            alternates=alternates,
        )
        selected = self.scheduler.client.select_destinations(spec, client_token=uuids[0]).selections
        asked = [{"network_id": self.network_id}] if networks is None else list(networks)
        now = time.time()
        builds = []

        def work(connection: Any) -> None:
            for name, placement in zip(uuids, selected, strict=True):
                hosts = [placement.host.host_id, *(other.host_id for other in placement.alternates)]
                builds.append(hosts[0])
                add_instances(
                    connection,
                    [
                        {
                            "uuid": name,
                            "display_name": f"vm <{name[:4]}>",
                            "hostname": f"vm-{name[:4]}",
                            "project_id": self.caller.project_id,
                            "user_id": self.caller.user_id,
                            "request_id": self.caller.request_id,
                            "vm_state": "building",
                            "task_state": "scheduling",
                            "host": hosts[0],
                            "attempt": 1,
                            "availability_zone": "nova",
                            "flavor_id": "1",
                            "flavor": {**wanted, "extra_specs": {}},
                            "image_id": "" if on_volume else self.image_id,
                            "image": {"disk_format": "raw"},
                            "requested_networks": asked,
                            "scheduling": {"alternates": hosts[1:], "tried": [hosts[0]]},
                            "created_at": now,
                            "updated_at": now,
                            "progress_at": now,
                        }
                    ],
                )
                add_devices(
                    connection,
                    [
                        {"uuid": str(uuid.uuid4()), "instance_uuid": name, "position": position, **device}
                        for position, device in enumerate(devices)
                    ],
                )
                begin_action(
                    connection,
                    name,
                    request_id=self.caller.request_id,
                    action="create",
                    user_id=self.caller.user_id,
                    project_id=self.caller.project_id,
                    now=now,
                )
                message = Build(
                    instance_uuid=name, attempt=1, caller=caller or self.caller, cast_at_us=int(now * 1_000_000)
                )
                cast(connection, compute_topic(hosts[0]), message, now=now)

        self.run(self.store.write(work))
        self.wake()
        return uuids

    def cast(self, host: str, message: Message) -> None:
        self.run(self.store.write(lambda connection: cast(connection, compute_topic(host), message, now=time.time())))
        self.wake()

    def wake(self) -> None:
        assert self.waker is not None
        self.scheduler.loop.call_soon_threadsafe(self.waker.wake_up)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Have points of the agent fail: part ``compute``."""
        path = self.settings.boot.fault_file
        assert path is not None
        path.write_text(json.dumps([{"part": "compute", **rule} for rule in rules]))

    def cloud_faults(self, *rules: dict[str, Any]) -> None:
        """Have requests to the cloud's services fail; ``part``: image, network, volume."""
        path = self.cloud.options.fault_file
        assert path is not None
        path.write_text(json.dumps(rules))

    def change(self, name: str, **values: Any) -> None:
        """Change an instance's record."""
        statement = instances.update().where(instances.c.uuid == name).values(**values)
        self.run(self.store.write(lambda connection: connection.execute(statement) and None))

    def delete(self, name: str) -> None:
        """Do as nova-api does: mark it as being deleted and cast."""
        row = self.row(name)
        self.change(name, task_state="deleting")
        self.cast(row.host, Delete(instance_uuid=name, request_id="req-delete"))

    def power(self, name: str, action: str, *, hard: bool = False) -> None:
        """Do as nova-api does for start, stop and reboot."""
        task = {"start": "powering-on", "stop": "powering-off", "reboot": "rebooting"}[action]
        row = self.row(name)
        self.change(name, task_state=f"{task}_hard" if hard else task)
        self.cast(row.host, Power(instance_uuid=name, action=action, request_id="req-power", hard=hard))

    def attach(self, name: str, volume_id: str) -> str:
        """Do as nova-api does: reserve the volume, record the device, cast; return the device's uuid."""
        row, device = self.row(name), str(uuid.uuid4())
        attachment = self.run(self.clouds.volumes.create_attachment(self.caller, volume_id, name))
        record = {
            "uuid": device,
            "instance_uuid": name,
            "position": 9,
            "source_type": "volume",
            "destination_type": "volume",
            "volume_id": volume_id,
            "attachment_id": attachment["id"],
        }
        self.run(self.store.write(lambda connection: add_devices(connection, [record])))
        self.cast(row.host, Attach(instance_uuid=name, block_device_uuid=device, caller=self.caller))
        return device

    def detach(self, name: str, device: str) -> None:
        self.cast(self.row(name).host, Detach(instance_uuid=name, block_device_uuid=device, caller=self.caller))

    def plugged(self, name: str, port_id: str, status: str = "completed") -> None:
        """Tell of a port as nova-api does when the network service has told it."""
        event = ExternalEvent(instance_uuid=name, name="network-vif-plugged", tag=port_id, status=status)
        self.cast(self.row(name).host, event)

    async def hear(self, request: Request) -> Response:
        """Take events as nova-api does; ``deaf``: they are lost."""
        events = (await request.json())["events"]
        if not self.deaf:
            await asyncio.to_thread(self._pass_on, events)
        return JSONResponse({"events": [{**event, "code": 200, "status": "completed"} for event in events]})

    def _pass_on(self, events: list[dict[str, str]]) -> None:
        for event in events:
            found = self.run(self.store.read(lambda connection: get_instance(connection, event["server_uuid"])))  # noqa: B023
            if found is not None and found.host:
                tag, status = event.get("tag", ""), event.get("status", "completed")
                self.cast(
                    found.host, ExternalEvent(instance_uuid=found.uuid, name=event["name"], tag=tag, status=status)
                )

    def row(self, name: str, *, deleted: bool = True) -> InstanceRow:
        found = self.run(self.store.read(lambda connection: get_instance(connection, name, deleted=deleted)))
        assert found is not None
        return found

    def devices(self, name: str) -> list[Any]:
        return self.run(self.store.read(lambda connection: devices_of(connection, name)))

    def steps(self, name: str) -> list[StepRow]:
        return self.run(self.store.read(lambda connection: steps_of(connection, name)))

    def fault(self, name: str) -> FaultRow | None:
        return self.run(self.store.read(lambda connection: last_fault(connection, name)))

    def messages(self) -> list[Any]:
        return self.run(self.store.read(waiting))

    def wait(self, condition: Callable[[], Any], within_s: float = WAIT_S) -> Any:
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not come to that in time"
            time.sleep(0.02)
        return found

    def wait_active(self, *names: str) -> None:
        for name in names:
            self.wait(lambda name=name: self._ended(name))
            row = self.row(name)
            assert (row.vm_state, row.task_state, row.power_state) == ("active", "", 1), self.fault(name)

    def wait_error(self, name: str) -> FaultRow:
        self.wait(lambda: self.row(name).vm_state == "error")
        fault = self.fault(name)
        assert fault is not None
        return fault

    def _ended(self, name: str) -> bool:
        return self.row(name).vm_state in ("active", "error")

    def ports(self, name: str) -> list[dict[str, Any]]:
        return self.run(self.clouds.networks.list_ports(None, device_id=name))

    def attachments(self, name: str) -> list[dict[str, Any]]:
        return self.run(self.clouds.volumes.list_attachments(name))

    def volumes(self) -> list[dict[str, Any]]:
        return self.run(self.clouds.volumes.list(None, all_tenants="1"))

    def domains(self) -> list[str]:
        """The uuids of all domains of all hosts."""
        first, hosts = self.options.first_host, self.options.hosts
        names = [f"{self.options.host_prefix}{number}" for number in range(first, first + hosts)]
        return [info.uuid for name in names for info in self.driver.domains(name)]

    def allocations(self) -> list[str]:
        return [found.consumer_uuid for found in self.scheduler.client.list_allocations().allocations]

    def assert_nothing_left(self, name: str) -> None:
        """No domain, port or allocation of an instance; messages about it are gone soon."""
        assert name not in self.domains()
        assert self.ports(name) == []
        assert name not in self.allocations()
        self.wait(lambda: not [message for message in self.messages() if name in message.body])

    def make_volume(self, size_gb: int = 1) -> str:
        volume = self.run(self.clouds.volumes.create(self.caller, {"size": size_gb}))
        self.wait(lambda: self.run(self.clouds.volumes.get(self.caller, volume["id"]))["status"] == "available")
        return str(volume["id"])

    def close(self) -> None:
        self.end_agents()
        if self.conductor is not None:
            self.conductor.end()


@contextmanager
def stack(
    tmp_path: Path, *parts: Any, cloud_options: dict[str, Any] | None = None, **compute_options: Any
) -> Iterator[Stack]:
    """All parts but the agent, which tests start themselves; ``parts``: of the cloud, beside image and network."""
    given = {"hosts": 4, "launcher": "memory", "heartbeat_interval_s": 5.0, **compute_options}
    with ExitStack() as opened:
        listener = listening_socket("127.0.0.1", 0)
        compute_url = f"http://127.0.0.1:{listener.getsockname()[1]}/v2.1"
        services = opened.enter_context(
            cloud(
                tmp_path,
                "image",
                "network",
                *parts,
                **{"compute_url": compute_url, "fault_file": tmp_path / "cloud-faults.json", **(cloud_options or {})},
            )
        )
        scheduler = opened.enter_context(serving(tmp_path / "scheduler"))
        boot = BootOptions(
            conductor=f"127.0.0.1:{free_port()}",
            scheduler=scheduler.target,
            identity=IdentityOptions(auth_url=services.options.identity_url, password=PASSWORDS["nova"]),
            fault_file=tmp_path / "boot-faults.json",
            compute=ComputeOptions(**given),
        )
        settings = Settings.load(None, state_dir=tmp_path / "boot-state", boot=boot)
        store = open_store(boot, settings.state_dir, durable=False)
        opened.callback(store.close)
        clouds = Clouds.connect(boot)
        opened.callback(clouds.close)
        running = Stack(services, scheduler, settings, store, clouds, MemoryDriver(), caller_of(services))
        opened.callback(running.close)
        running.image_id = make_image(services)
        running.network_id = make_network(services)
        running.start_conductor()

        async def connect() -> ConductorClient:
            return ConductorClient(boot.conductor)

        running.waker = running.run(connect())
        opened.callback(lambda: running.run(running.waker.close()))
        ear = Starlette(routes=[Route("/v2.1/os-server-external-events", running.hear, methods=["POST"])])

        async def listen(stop: asyncio.Event, ready: Callable[[str], None]) -> None:
            ready("")
            await serve_http(ear, listener, stop, drain_s=1)

        opened.callback(Process.start(listen).end)
        yield running


def caller_of(services: Cloud) -> Caller:
    session = services.session()
    access = session.auth.get_access(session)
    return Caller(
        token=access.auth_token,
        user_id=access.user_id,
        project_id=access.project_id,
        roles=tuple(access.role_names),
        request_id=f"req-{uuid.uuid4()}",
    )


def _post(services: Cloud, part: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = requests.post(services.url(part) + path, json=body, headers={"X-Auth-Token": services.token()}, timeout=10)
    assert reply.status_code in (200, 201, 202), reply.text
    return dict(reply.json())


def make_image(services: Cloud, content: bytes = os.urandom(65_536)) -> str:
    image = _post(services, "image", "/v2/images", {"name": "i", "disk_format": "raw", "container_format": "bare"})
    reply = requests.put(
        f"{services.url('image')}/v2/images/{image['id']}/file",
        data=content,
        headers={"X-Auth-Token": services.token(), "Content-Type": "application/octet-stream"},
        timeout=10,
    )
    assert reply.status_code == 204, reply.text
    return str(image["id"])


def make_network(services: Cloud) -> str:
    network = _post(services, "network", "/v2.0/networks", {"network": {"name": "net"}})["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.9.0.0/20"}
    _post(services, "network", "/v2.0/subnets", {"subnet": subnet})
    return str(network["id"])


def make_port(services: Cloud, network_id: str) -> str:
    return str(_post(services, "network", "/v2.0/ports", {"port": {"network_id": network_id}})["port"]["id"])
