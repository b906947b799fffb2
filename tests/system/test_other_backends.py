"""The boot on PostgreSQL and NATS JetStream: the same cloud by two settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.system.clouds import Cloud, cloud


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[str]:
    """A NATS server with JetStream, where its program is installed."""
    program = shutil.which("nats-server")
    if program is None:
        pytest.skip("nats-server is not installed")
    port = free_port()
    command = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(tmp_path / "nats")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"nats://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def boot_and_delete(running: Cloud) -> None:
    compute, image, network = (running.api(service) for service in ("compute", "image", "network"))
    body = {
        "name": "one",
        "flavorRef": next(one["id"] for one in compute.get("/flavors").json()["flavors"] if one["name"] == "m1.tiny"),
        "imageRef": image.get("/v2/images").json()["images"][0]["id"],
        "networks": [{"uuid": network.get("/v2.0/networks").json()["networks"][0]["id"]}],
    }
    for _ in range(3):
        assert compute.post("/servers", json={"server": body}).status_code == 202
        running.wait_for("one")
        running.delete_all()
    running.assert_clean()


def test_messages_travel_over_jetstream(tmp_path: Path, nats: str) -> None:
    with cloud(tmp_path / "state", hosts=3, settings={"boot": {"bus_url": nats}}) as running:
        boot_and_delete(running)


def test_records_are_kept_in_postgresql(tmp_path: Path) -> None:
    url = os.environ.get("TEST_DATABASE_URL")
    if not url:
        pytest.skip("TEST_DATABASE_URL names no PostgreSQL")
    with cloud(tmp_path / "state", hosts=3, settings={"boot": {"database_url": url}}) as running:
        boot_and_delete(running)
        running.kill("conductor")
        running.kill("api")
        time.sleep(3.0)
        boot_and_delete(running)
