"""The boot works with somebody else's Keystone, Glance, Neutron and Cinder, found through the catalog alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.cloud.bootstrap import clouds_yaml
from engine.config import Settings
from engine.up.first_content import make_first_content
from engine.up.layout import PORTS, Wanted, settings_file
from tests.ports import free_port, free_ports
from tests.system.clouds import Cloud, cloud


@dataclass(frozen=True)
class Vendor:
    """A cloud that is not ours: only its four services run, and its catalog says where nova-api is."""

    settings: Settings
    clouds_yaml: Path


@pytest.fixture(scope="module")
def api_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory, api_port: int) -> Iterator[Vendor]:
    folder = tmp_path_factory.mktemp("vendor")
    extra = folder / "extra.toml"
    extra.write_text(f'[cloud]\ncompute_url = "http://127.0.0.1:{api_port}/v2.1"\n')
    config = settings_file(Wanted(folder / "state", port_base=free_ports(len(PORTS))[0], config=extra))
    settings = Settings.load(config)
    command = [sys.executable, "-m", "engine", "run", "identity", "image", "network", "volume", "--config", str(config)]
    log = (folder / "log").open("w")
    process = subprocess.Popen(command, stderr=log, stdout=log)
    try:
        deadline = time.monotonic() + 60
        while (folder / "log").read_text().count(" on http://") < 4:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        clouds_yaml(settings.cloud, folder / "clouds.yaml")
        yield Vendor(settings, folder / "clouds.yaml")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        log.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, vendor: Vendor, api_port: int) -> Iterator[Cloud]:
    identity = {
        "auth_url": vendor.settings.cloud.identity_url,
        "password": vendor.settings.cloud.service_password.get_secret_value(),
    }
    ours = {"cloud": {"services": []}, "boot": {"api_port": api_port, "identity": identity}}
    with cloud(tmp_path_factory.mktemp("berth") / "state", hosts=3, settings=ours) as up:
        # the clients' side of the cloud is the vendor's
        theirs = Cloud(up.state_dir, Settings.load(up.state_dir / "berth.toml"), up.process, up.said)
        os.link(vendor.clouds_yaml, up.state_dir / "clouds.yaml")
        object.__setattr__(theirs, "settings", theirs.settings.model_copy(update={"cloud": vendor.settings.cloud}))
        make_first_content(theirs.session("admin"), region_name="RegionOne")
        yield theirs


def test_an_instance_boots_on_a_foreign_cloud_and_leaves_nothing_there(running: Cloud) -> None:
    assert set(running.pids()) == {"scheduler", "conductor", "api", "compute"}
    flavor = next(
        one["id"] for one in running.api("compute").get("/flavors").json()["flavors"] if one["name"] == "m1.tiny"
    )
    image = running.api("image").get("/v2/images").json()["images"][0]["id"]
    network = running.api("network").get("/v2.0/networks").json()["networks"][0]["id"]
    disk = {"source_type": "image", "uuid": image, "destination_type": "volume", "boot_index": 0, "volume_size": 1}
    body = {
        "name": "abroad",
        "flavorRef": flavor,
        "imageRef": "",
        "networks": [{"uuid": network}],
        "block_device_mapping_v2": [disk | {"delete_on_termination": True}],
    }
    assert running.api("compute").post("/servers", json={"server": body}).status_code == 202
    server = running.wait_for("abroad")
    ports = running.api("network").get("/v2.0/ports", params={"device_id": server["id"]}).json()["ports"]
    assert [port["status"] for port in ports] == ["ACTIVE"]
    volumes = running.api("block-storage").get("/volumes/detail").json()["volumes"]
    assert [volume["status"] for volume in volumes] == ["in-use"]
    running.delete_all()
    running.assert_clean()
    assert running.api("network").get("/v2.0/ports", params={"device_id": server["id"]}).json()["ports"] == []
    assert running.api("block-storage").get("/volumes/detail").json()["volumes"] == []
