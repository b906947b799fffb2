"""Drills on a whole cloud: boots that are made to fail, what the user is told of them, and what they leave behind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session
from requests import Response

from engine.boot.audit import audit_running
from engine.rest.keystone import Credentials, session_of
from tests.system.clouds import Cloud

QUICK: dict[str, Any] = {
    "boot": {
        "recovery_interval_s": 0.5,
        "stalled_s": 3.0,
        "dead_host_s": 15.0,
        "scheduler_timeout_s": 8.0,
        "token_fresh_s": 0.5,
        "compute": {
            "heartbeat_interval_s": 1.0,
            "vif_plugging_timeout_s": 2.0,
            "volume_poll_interval_s": 0.1,
            "volume_poll_attempts": 20,
        },
    },
    "cloud": {"token_fresh_s": 0.5},
}
"""Settings under which a drill need not wait long."""

HOSTS = 4
_END_S = 40.0
_LOOK_S = 0.05


@dataclass(frozen=True)
class User:
    """A user of a project, and adapters in its name, which return refusals instead of raising them."""

    cloud: Cloud
    session: Session

    @cached_property
    def compute(self) -> Adapter:
        return self._adapter("compute", "2.96")

    @cached_property
    def image(self) -> Adapter:
        return self._adapter("image")

    @cached_property
    def network(self) -> Adapter:
        return self._adapter("network")

    @cached_property
    def volume(self) -> Adapter:
        return self._adapter("block-storage", "3.71")

    @cached_property
    def identity(self) -> Adapter:
        return self._adapter("identity")

    @property
    def project_id(self) -> str:
        found = self.session.get_project_id()
        assert found is not None
        return found

    @property
    def token(self) -> str:
        found = self.session.get_token()
        assert found is not None
        return found

    def _adapter(self, service: str, version: str | None = None) -> Adapter:
        return Adapter(
            self.session,
            service_type=service,
            interface="public",
            region_name="RegionOne",
            default_microversion=version,
            raise_exc=False,
        )


@dataclass
class Drill:
    """A cloud to drill on, with what every boot needs."""

    cloud: Cloud
    made: dict[str, User] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # asked for while everything is there
        assert self.network_id and self.image_id and self.flavor_id

    @cached_property
    def demo(self) -> User:
        return User(self.cloud, self.cloud.session("demo"))

    @cached_property
    def admin(self) -> User:
        return User(self.cloud, self.cloud.session("admin"))

    @cached_property
    def network_id(self) -> str:
        return str(self.demo.network.get("/v2.0/networks?name=berth-net").json()["networks"][0]["id"])

    @cached_property
    def image_id(self) -> str:
        return str(self.demo.image.get("/v2/images?name=berth-blank").json()["images"][0]["id"])

    @cached_property
    def flavor_id(self) -> str:
        flavors = self.demo.compute.get("/flavors").json()["flavors"]
        return str(next(one["id"] for one in flavors if one["name"] == "m1.tiny"))

    def session(self, user: str, password: str, project: str) -> Session:
        """Return a session with a password of one's own choice."""
        return session_of(Credentials(self.cloud.settings.cloud.identity_url, user, password, project_name=project))

    def user_of(self, project: str) -> User:
        """Return a member of a project beside the cloud's own, made by the administrator."""
        if project not in self.made:
            identity = self.admin.identity
            password = "a password of its own"
            project_id = _done(identity.post("/projects", json={"project": {"name": project}}), 201)["project"]["id"]
            user = {"name": project, "password": password, "default_project_id": project_id}
            user_id = _done(identity.post("/users", json={"user": user}), 201)["user"]["id"]
            roles = identity.get("/roles?name=member").json()["roles"]
            _done(identity.put(f"/projects/{project_id}/users/{user_id}/roles/{roles[0]['id']}"), 204)
            self.made[project] = User(self.cloud, self.session(project, password, project))
        return self.made[project]

    # what is asked for

    def body(self, name: str, **changes: Any) -> dict[str, Any]:
        """Return the body of a boot; a change of None leaves the field out."""
        server = {
            "name": name,
            "flavorRef": self.flavor_id,
            "imageRef": self.image_id,
            "networks": [{"uuid": self.network_id}],
        } | changes
        return {"server": {key: value for key, value in server.items() if value is not None}}

    def ask(self, name: str, *, user: User | None = None, **changes: Any) -> Response:
        """Ask for a server and return the answer."""
        return (user or self.demo).compute.post("/servers", json=self.body(name, **changes))

    def boot(self, name: str, *, user: User | None = None, **changes: Any) -> str:
        """Ask for a server, which must be accepted, and return its id."""
        return str(_done(self.ask(name, user=user, **changes), 202)["server"]["id"])

    def made_volume(self, *, size: int = 1, source: str = "blank", **changes: Any) -> list[dict[str, Any]]:
        """Return the block devices of a server with a volume that is made for it, beside its local root disk."""
        root = {"uuid": self.image_id, "source_type": "image", "destination_type": "local", "boot_index": 0}
        data = {"source_type": source, "destination_type": "volume", "boot_index": -1, "volume_size": size}
        return [root | {"delete_on_termination": True}, data | {"delete_on_termination": True} | changes]

    def given_volume(self, volume_id: str) -> list[dict[str, Any]]:
        """Return the block devices of a server with a volume of the user's, beside its local root disk."""
        root, _ = self.made_volume()
        return [
            root,
            {"uuid": volume_id, "source_type": "volume", "destination_type": "volume", "boot_index": -1},
        ]

    @contextlib.contextmanager
    def own_image(self, data: bytes | None = None, **changes: Any) -> Iterator[str]:
        """An image that no host has in its cache."""
        wanted = {"name": f"own-{uuid4()}", "disk_format": "raw", "container_format": "bare"} | changes
        image_id = str(_done(self.demo.image.post("/v2/images", json=wanted), 201)["id"])
        try:
            content = os.urandom(512) * 128 if data is None else data
            headers = {"Content-Type": "application/octet-stream"}
            _done(self.demo.image.put(f"/v2/images/{image_id}/file", data=content, headers=headers), 204)
            yield image_id
        finally:
            self.admin.image.delete(f"/v2/images/{image_id}")

    @contextlib.contextmanager
    def own_volume(self, size: int = 1) -> Iterator[str]:
        """A volume of the user's, which must be free again at the end."""
        volume_id = str(_done(self.demo.volume.post("/volumes", json={"volume": {"size": size}}), 202)["volume"]["id"])
        self.until(lambda: self.volume_status(volume_id) == "available", f"volume {volume_id} is available")
        yield volume_id
        self.until(lambda: self.volume_status(volume_id) == "available", f"volume {volume_id} is available again")
        _done(self.demo.volume.delete(f"/volumes/{volume_id}"), 202)
        self.until(lambda: self.volume_status(volume_id) == "", f"volume {volume_id} is gone")

    @contextlib.contextmanager
    def own_network(self, cidr: str) -> Iterator[str]:
        """A network of the user's with one subnet."""
        network = self.demo.network
        made = _done(network.post("/v2.0/networks", json={"network": {"name": f"own-{uuid4()}"}}), 201)["network"]
        subnet = {"network_id": made["id"], "cidr": cidr, "ip_version": 4}
        _done(network.post("/v2.0/subnets", json={"subnet": subnet}), 201)
        yield str(made["id"])
        _done(network.delete(f"/v2.0/networks/{made['id']}"), 204)

    @contextlib.contextmanager
    def own_port(self) -> Iterator[str]:
        """A port of the user's, which must be free again at the end."""
        network = self.demo.network
        body = {"port": {"network_id": self.network_id}}
        port_id = str(_done(network.post("/v2.0/ports", json=body), 201)["port"]["id"])
        yield port_id
        port = _done(self.admin.network.get(f"/v2.0/ports/{port_id}"), 200)["port"]
        assert (port["device_id"], port["device_owner"], port["binding:host_id"]) == ("", "", "")
        _done(network.delete(f"/v2.0/ports/{port_id}"), 204)

    @contextlib.contextmanager
    def quota(self, adapter: Adapter, path: str, key: str, **limits: int) -> Iterator[None]:
        """Quotas of the demo project, as they were at the end."""
        before = _done(adapter.get(path), 200)[key]
        _done(adapter.put(path, json={key: limits}), 200)
        try:
            yield
        finally:
            _done(adapter.put(path, json={key: {name: before[name] for name in limits}}), 200)

    def port_quota(self, **limits: int) -> contextlib.AbstractContextManager[None]:
        return self.quota(self.admin.network, f"/v2.0/quotas/{self.demo.project_id}", "quota", **limits)

    def volume_quota(self, **limits: int) -> contextlib.AbstractContextManager[None]:
        return self.quota(self.admin.volume, f"/os-quota-sets/{self.demo.project_id}", "quota_set", **limits)

    def server_quota(self, **limits: int) -> contextlib.AbstractContextManager[None]:
        return self.quota(self.admin.compute, f"/os-quota-sets/{self.demo.project_id}", "quota_set", **limits)

    # what becomes of it

    def show(self, server_id: str) -> dict[str, Any]:
        """Return a server as the administrator sees it."""
        found: dict[str, Any] = _done(self.admin.compute.get(f"/servers/{server_id}"), 200)["server"]
        return found

    def ended(self, server_id: str, *, within_s: float = _END_S) -> dict[str, Any]:
        """Return a server once its boot has ended."""
        self.until(lambda: self.show(server_id)["status"] != "BUILD", f"{server_id} is built", within_s=within_s)
        return self.show(server_id)

    def running(self, server_id: str, *, within_s: float = _END_S) -> dict[str, Any]:
        """Return a server once it runs, which it must."""
        server = self.ended(server_id, within_s=within_s)
        assert (server["status"], server["OS-EXT-STS:power_state"]) == ("ACTIVE", 1), server.get("fault")
        return server

    def failed(self, server_id: str, *, within_s: float = _END_S) -> str:
        """Return the fault of a server once it is in ERROR, which it must; nothing of it may be left then."""
        server = self.ended(server_id, within_s=within_s)
        assert (server["status"], server["OS-EXT-STS:vm_state"]) == ("ERROR", "error"), server
        assert server["OS-EXT-STS:task_state"] is None
        assert not server["OS-EXT-SRV-ATTR:host"]
        assert not server["addresses"]
        fault: dict[str, Any] = server["fault"]
        assert fault["code"] == 500
        assert fault["message"]
        self.clean()
        return str(fault["message"])

    def action(self, server_id: str, name: str = "create") -> dict[str, Any]:
        """Return an action of a server, with its events, as the administrator sees it."""
        path = f"/servers/{server_id}/os-instance-actions"
        actions = _done(self.admin.compute.get(path), 200)["instanceActions"]
        asked = next(one["request_id"] for one in actions if one["action"] == name)
        found: dict[str, Any] = _done(self.admin.compute.get(f"{path}/{asked}"), 200)["instanceAction"]
        return found

    def tried(self, server_id: str) -> list[tuple[str, str]]:
        """Return the hosts that tried to build a server, in order, each with its result."""
        events = sorted(self.action(server_id)["events"], key=lambda event: event["start_time"])
        return [(event["host"], event["result"]) for event in events if event["host"]]

    def volume_status(self, volume_id: str) -> str:
        """Return a volume's status; empty when it is gone."""
        reply = self.admin.volume.get(f"/volumes/{volume_id}")
        return "" if reply.status_code == 404 else str(_done(reply, 200)["volume"]["status"])

    def delete(self, server_id: str, *, within_s: float = _END_S) -> None:
        """Delete a server and wait until it is gone."""
        reply = self.demo.compute.delete(f"/servers/{server_id}")
        assert reply.status_code in (204, 404), reply.text
        self.gone(server_id, within_s=within_s)

    def gone(self, server_id: str, *, within_s: float = _END_S) -> None:
        """Wait until a server is gone."""
        self.until(
            lambda: self.admin.compute.get(f"/servers/{server_id}").status_code == 404,
            f"{server_id} is gone",
            within_s=within_s,
        )

    def until(self, holds: Callable[[], object], what: str, *, within_s: float = _END_S) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
            time.sleep(_LOOK_S)

    def all_servers(self) -> list[dict[str, Any]]:
        """Return every server of every project."""
        found: list[dict[str, Any]] = _done(self.admin.compute.get("/servers/detail?all_tenants=1"), 200)["servers"]
        return found

    def tidy(self) -> None:
        """Delete every server that there is; nothing may be left then."""
        self.cloud.faults([])
        servers = [server["id"] for server in self.all_servers()]
        for server in servers:
            self.admin.compute.delete(f"/servers/{server}")
        for server in servers:
            self.gone(server)
        self.clean()
        assert self.leftovers() == []

    def leftovers(self) -> list[str]:
        """Return what there is although no server exists: ports of servers, volumes made for them, guests' files."""
        ports = self.admin.network.get("/v2.0/ports").json()["ports"]
        volumes = self.admin.volume.get("/volumes/detail?all_tenants=1").json()["volumes"]
        files = [*self.cloud.state_dir.glob("compute/hosts/*/instances/*")]
        return [
            *(f"port {port['id']} {port['device_id']}" for port in ports if port["device_id"]),
            *(f"volume {one['id']} {one['status']}" for one in volumes if "berth_block_device" in one["metadata"]),
            *(str(file) for file in files),
        ]

    def clean(self, *, within_s: float = 20.0) -> None:
        """Wait until the audit finds nothing without an owner."""
        deadline = time.monotonic() + within_s
        while True:
            report = asyncio.run(audit_running(self.cloud.settings))
            if report.clean and not report.hosts_not_asked:
                return
            assert time.monotonic() < deadline, (report.findings, report.hosts_not_asked)
            time.sleep(0.2)

    # what is made to go wrong

    def fail(self, part: str, point: str, **rule: Any) -> None:
        """Let one point fail from now on, and no other."""
        self.cloud.faults([{"part": part, "point": point, **rule}])

    def hold(self, point: str = "before_network", delay_s: float = 1.0, **rule: Any) -> dict[str, Any]:
        """Return the rule by which a build waits at a point on its host."""
        return {"part": "compute", "point": point, "delay_s": delay_s, **rule}

    @contextlib.contextmanager
    def away(self, *parts: str) -> Iterator[None]:
        """Parts are killed and stay away until the block ends; afterwards they have been started again."""
        before = {part: self._starts(part) for part in parts}
        self.cloud.process.send_signal(signal.SIGSTOP)
        try:
            for part, pid in self.cloud.pids().items():
                if part in parts:
                    os.kill(pid, signal.SIGKILL)
            yield
        finally:
            self.cloud.process.send_signal(signal.SIGCONT)
            self._until_back(before)

    @contextlib.contextmanager
    def hung(self, part: str) -> Iterator[None]:
        """A part takes connections and says nothing until the block ends."""
        pid = self.cloud.pids()[part]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def killed(self, *parts: str) -> None:
        """Parts are killed and started again at once; return when they are back."""
        before = {part: self._starts(part) for part in parts}
        for part in parts:
            self.cloud.kill(part)
        self._until_back(before)

    def _until_back(self, before: Mapping[str, int]) -> None:
        for part, starts in before.items():
            self.until(lambda: self._starts(part) > starts, f"{part} is back")  # noqa: B023 (called at once)

    def _starts(self, part: str) -> int:
        """Return how often a part has said that it is ready."""
        text = "SERVING on" if part == "scheduler" else f"{part} on"
        return self.cloud.log(part).count(f"berth: {text} ")

    @contextlib.contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """The boot's database, as somebody beside Berth sees it."""
        connection = sqlite3.connect(self.cloud.state_dir / "boot" / "boot.db", timeout=10, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    def casts(self, server_id: str) -> Sequence[tuple[str, str]]:
        """Return the messages that wait and name a server: topic and text."""
        with self.database() as connection:
            return connection.execute("SELECT topic, body FROM casts WHERE body LIKE ?", (f"%{server_id}%",)).fetchall()


def _done(reply: Response, status: int) -> Any:
    """Return the body of an answer, which must have a status."""
    assert reply.status_code == status, f"{reply.request.method} {reply.url}: {reply.status_code} {reply.text}"
    return reply.json() if reply.content else None


def message_of(reply: Response, status: int) -> str:
    """Return what nova-api says of a refusal, which must have a status and nova's form."""
    (fault,) = _done(reply, status).values()
    assert fault["code"] == status
    return str(fault["message"])


def qcow2(virtual_gb: int) -> bytes:
    """Return an empty qcow2 image (version 3, no backing file) of a virtual size."""
    header = b"QFI\xfb" + (3).to_bytes(4, "big") + bytes(8 + 4) + (16).to_bytes(4, "big")
    header += (virtual_gb << 30).to_bytes(8, "big") + bytes(4) + (1).to_bytes(4, "big")
    header += (196_608).to_bytes(8, "big") + (65_536).to_bytes(8, "big") + (1).to_bytes(4, "big")
    header += bytes(4 + 8) + bytes(8 * 3) + (4).to_bytes(4, "big") + (104).to_bytes(4, "big")
    return header.ljust(4 << 16, b"\0")


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()
