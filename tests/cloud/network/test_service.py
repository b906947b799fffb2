from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from engine.cloud.network.service import serve
from engine.cloud.options import CloudOptions
from engine.errors import InvalidFileError, InvalidSettingError
from tests.cloud.harness import Cloud, cloud
from tests.cloud.network.api import Api, addresses_of

PROGRAM = """
import asyncio, pathlib, sys
from engine.cloud.network.service import serve
from engine.cloud.options import CloudOptions
options = CloudOptions.model_validate_json(sys.argv[1])
asyncio.run(serve(options, pathlib.Path(sys.argv[2]), asyncio.Event(), lambda address: print(address, flush=True)))
"""
POOL = 61


@contextmanager
def process(running: Cloud) -> Iterator[subprocess.Popen[str]]:
    """The network service in a process of its own, killed at the end."""
    options = running.options.model_dump_json(exclude={"service_password", "admin_password", "member_password"})
    secret = running.options.service_password.get_secret_value()
    given = options.replace("{", f'{{"service_password":"{secret}",', 1)
    command = [sys.executable, "-c", PROGRAM, given, str(running.state_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            assert started.stdout.readline().strip() == running.url("network")
            yield started
        finally:
            started.kill()


def churn(api: Api, network_id: str, until: float) -> None:
    """Make, bind and delete ports until the service is gone."""
    body = {"network_id": network_id, "device_id": str(uuid.uuid4()), "device_owner": "compute:nova"}
    with suppress(requests.RequestException):
        while time.monotonic() < until:
            made = api.http.post(api.base + "/ports", json={"port": body}, timeout=20)
            if made.status_code == 201:
                path = f"{api.base}/ports/{made.json()['port']['id']}"
                api.http.put(path, json={"port": {"binding:host_id": "h1"}}, timeout=20)
                if time.monotonic_ns() % 3:
                    api.http.delete(path, timeout=20)


def test_a_killed_service_has_lost_nothing_and_leaked_nothing(tmp_path: Path) -> None:
    with cloud(tmp_path, vif_plug_delay_s=0.05) as running:
        with process(running) as first:
            api = Api(running, "nova")
            network_id, _ = api.wired("10.0.0.0/26")
            kept = api.port(network_id)
            with ThreadPoolExecutor(8) as threads:
                churning = [threads.submit(churn, api, network_id, time.monotonic() + 10) for _ in range(8)]
                time.sleep(1.0)
                first.kill()
                for one in churning:
                    one.result()
        with process(running):
            ports = api.get(f"/ports?network_id={network_id}")["ports"]
            held = [addresses_of(port)[0] for port in ports]
            assert kept["id"] in {port["id"] for port in ports}
            assert len(set(held)) == len(held)
            details = api.get(f"/quotas/{api.project_id}/details")["quota"]
            assert details["port"]["used"] == len(ports)
            for _ in range(POOL - len(held)):
                held += addresses_of(api.port(network_id))
            assert len(set(held)) == POOL
            assert api.refused("POST", "/ports", {"port": {"network_id": network_id}}, 409)[0] == (
                "IpAddressGenerationFailure"
            )
            deadline = time.monotonic() + 5
            while waiting := [
                port
                for port in api.get(f"/ports?network_id={network_id}&status=DOWN")["ports"]
                if port["binding:vif_type"] == "ovs"
            ]:
                assert time.monotonic() < deadline, waiting
                time.sleep(0.05)


def start(options: CloudOptions, state_dir: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    asyncio.run(asyncio.wait_for(serve(options, state_dir, stop, lambda _: None), 20))


def test_a_service_that_is_told_to_stop_ends(tmp_path: Path) -> None:
    start(CloudOptions(network_port=0), tmp_path)


def test_a_taken_address_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSettingError, match=str(port)):
            start(CloudOptions(network_port=port), tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "cloud" / "network.sqlite"
    file.parent.mkdir()
    file.write_text("not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(InvalidFileError, match=r"network\.sqlite"):
        start(CloudOptions(network_port=0), tmp_path)
