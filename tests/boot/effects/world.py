"""A real embedded cloud with a network and an image, and instances to boot in it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from keystoneauth1.session import Session

from engine.boot.messages import Caller
from engine.boot.openstack import Clouds
from engine.boot.options import BootOptions, IdentityOptions
from engine.v1 import instance_pb2 as v1
from tests.cloud.harness import PASSWORDS, Cloud, cloud

Result = TypeVar("Result")
CONNECTOR = {"ip": "127.0.0.1", "initiator": "iqn.2005-03.org.open-iscsi:h", "multipath": False}


@dataclass(frozen=True)
class World:
    """The cloud, and what the user demo has in it."""

    cloud: Cloud
    demo: Session
    project_id: str
    network_id: str
    image_id: str
    image_data: bytes
    folder: Path

    @property
    def fault_file(self) -> Path:
        return self.folder / "faults.json"

    def break_down(self, *rules: dict[str, Any]) -> None:
        """Have the services fail by rules; none: no more."""
        self.fault_file.write_text(json.dumps(rules))

    def caller(self) -> Caller:
        """The user demo with a new token."""
        return Caller(
            token=self.cloud.token("demo"),
            user_id=str(self.demo.get_user_id()),
            project_id=self.project_id,
            request_id=f"req-{uuid.uuid4()}",
        )

    def instance(self, *networks: v1.RequestedNetwork, **fields: Any) -> v1.Instance:
        """An instance of a small flavor, of the image and with the network unless others are given."""
        made = v1.Instance(
            uuid=str(uuid.uuid4()),
            project_id=self.project_id,
            requested_networks=networks or [v1.RequestedNetwork(network_id=self.network_id)],
            availability_zone="nova",
            **{"image_id": self.image_id, **fields},
        )
        made.flavor.root_gb = made.flavor.root_gb or 1
        made.flavor.memory_mb = made.flavor.memory_mb or 512
        return made

    def network(self, cidr: str = "10.9.0.0/24", **attributes: Any) -> str:
        """A new network of demo's with one subnet; its id."""
        url = f"{self.cloud.url('network')}/v2.0"
        network = self.demo.post(f"{url}/networks", json={"network": {"name": "more", **attributes}}).json()["network"]
        body = {"subnet": {"network_id": network["id"], "cidr": cidr, "ip_version": 4}}
        self.demo.post(f"{url}/subnets", json=body)
        return str(network["id"])

    def image(self, data: bytes | None, disk_format: str = "raw", **fields: Any) -> str:
        """A new image of demo's; its id."""
        url = f"{self.cloud.url('image')}/v2/images"
        body = {"name": "more", "disk_format": disk_format, "container_format": "bare", **fields}
        image_id = str(self.demo.post(url, json=body).json()["id"])
        if data is not None:
            headers = {"Content-Type": "application/octet-stream"}
            self.demo.put(f"{url}/{image_id}/file", data=data, headers=headers)
        return image_id

    def volume(self, size: int = 1) -> str:
        """A new volume of demo's that can be used; its id."""
        url = f"{self.cloud.url('volume')}/v3/volumes"
        volume = self.demo.post(url, json={"volume": {"size": size, "name": "given"}}).json()["volume"]
        for _ in range(100):
            if self.demo.get(f"{url}/{volume['id']}").json()["volume"]["status"] == "available":
                return str(volume["id"])
        raise AssertionError("the volume did not become available")

    def options(self, **overrides: Any) -> BootOptions:
        identity = IdentityOptions(
            auth_url=self.cloud.options.identity_url, username="nova", password=PASSWORDS["nova"]
        )
        return BootOptions(identity=identity, **overrides)

    def run(self, work: Callable[[Clouds], Coroutine[Any, Any, Result]], **connect: Any) -> Result:
        """Run a test's coroutine with clouds of its own, in at most 30 s."""

        async def inner() -> Result:
            clouds = Clouds.connect(self.options(), **connect)
            try:
                return await asyncio.wait_for(work(clouds), 30)
            finally:
                clouds.close()

        return asyncio.run(inner())


async def leftovers(clouds: Clouds, instance: v1.Instance) -> list[str]:
    """What other services still have of an instance."""
    ports = await clouds.networks.list_ports(None, device_id=instance.uuid)
    attachments = await clouds.volumes.list_attachments(instance.uuid)
    devices = {device.uuid for device in instance.block_devices}
    volumes = [
        volume
        for volume in await clouds.volumes.list(None, all_tenants="1")
        if volume["metadata"].get("berth_block_device") in devices and volume["status"] != "deleting"
    ]
    return (
        [f"port {port['id']}" for port in ports]
        + [f"attachment {attachment['id']}" for attachment in attachments]
        + [f"volume {volume['id']} {volume['status']}" for volume in volumes]
    )


@contextmanager
def world(folder: Path, **options: Any) -> Iterator[World]:
    """A cloud with a network 10.8.0.0/24 and an image of 100 000 bytes, both demo's."""
    with cloud(
        folder,
        "image",
        "network",
        "volume",
        fault_file=folder / "faults.json",
        **{"token_fresh_s": 0.0, "port_quota": -1, "volume_quota": -1, "network_quota": -1, **options},
    ) as running:
        demo = running.session("demo")
        data = b"berth" * 20_000
        begun = World(running, demo, str(demo.get_project_id()), "", "", data, folder)
        network_id = begun.network("10.8.0.0/24", name="net")
        image_id = begun.image(data)
        yield World(running, demo, begun.project_id, network_id, image_id, data, folder)
