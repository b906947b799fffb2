"""The block storage service through unmodified clients: openstacksdk and the openstack command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import openstack
import pytest
from openstack.connection import Connection

from engine.cloud.bootstrap import clouds_yaml
from tests.cloud.calls import Caller
from tests.cloud.harness import Cloud


@pytest.fixture(scope="module")
def demo(running: Cloud) -> Connection:
    return openstack.connection.Connection(session=running.session("demo"), region_name="RegionOne")


@pytest.fixture(scope="module")
def admin(running: Cloud) -> Connection:
    return openstack.connection.Connection(session=running.session("admin"), region_name="RegionOne")


def command(running: Cloud, folder: Path, *words: str) -> str:
    path = folder / "clouds.yaml"
    clouds_yaml(running.options, path)
    tool = Path(sys.executable).parent / "openstack"
    done = subprocess.run(
        [str(tool), "--os-cloud", "berth", *words],
        env={**os.environ, "OS_CLIENT_CONFIG_FILE": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_openstack_command_creates_shows_sets_and_deletes(running: Cloud, tmp_path: Path) -> None:
    made = json.loads(
        command(running, tmp_path, "volume", "create", "--size", "1", "--property", "a=b", "-f", "json", "cli")
    )
    assert made["status"] == "creating"
    command(running, tmp_path, "volume", "set", "--size", "2", "--name", "renamed", "--bootable", "cli")
    shown = json.loads(command(running, tmp_path, "volume", "show", "-f", "json", "renamed"))
    assert (shown["size"], shown["status"]) == (2, "available")
    assert str(shown["bootable"]).lower() == "true"
    assert shown["properties"] == {"a": "b"}
    command(running, tmp_path, "volume", "delete", "renamed")


def test_the_sdk_waits_for_a_volume_and_lists_it(demo: Connection) -> None:
    made = demo.block_storage.create_volume(size=1, name="by-sdk", metadata={"k": "v"})
    demo.block_storage.wait_for_status(made, "available", interval=0.1, wait=20)
    assert [volume.id for volume in demo.block_storage.volumes(name="by-sdk")] == [made.id]
    found = demo.block_storage.find_volume("by-sdk")
    assert found is not None
    demo.block_storage.extend_volume(found, 3)
    demo.block_storage.wait_for_status(found, "available", interval=0.1, wait=20)
    assert demo.block_storage.get_volume(found).size == 3
    demo.block_storage.set_volume_bootable_status(found, True)
    demo.block_storage.set_volume_metadata(found, other="x")
    changed = demo.block_storage.get_volume(found)
    assert changed.is_bootable
    assert changed.metadata == {"k": "v", "other": "x"}
    demo.block_storage.delete_volume(found)
    demo.block_storage.wait_for_delete(found, interval=0.1, wait=20)


def test_types_quotas_limits_zones_and_services_are_told(demo: Connection, admin: Connection) -> None:
    assert [kind.name for kind in demo.block_storage.types()] == ["__DEFAULT__"]
    assert [zone.name for zone in demo.block_storage.availability_zones()] == ["nova"]
    assert demo.block_storage.get_limits().absolute.max_total_volumes == -1
    quotas = admin.block_storage.get_quota_set(demo.current_project_id, usage=True)
    assert quotas.gigabytes == 100_000
    binaries = [service.binary for service in admin.block_storage.services()]
    assert binaries == ["cinder-scheduler", "cinder-volume"]


def test_versions_are_told_without_a_token(member: Caller) -> None:
    anonymous = Caller(member.url, "", {})
    assert anonymous.get("/").status_code == 300
    told = anonymous.get("/v3/").json()["versions"][0]
    assert (told["version"], told["min_version"], told["links"][0]["href"]) == ("3.71", "3.0", f"{member.url}/v3/")
    assert anonymous.get("/v3/volumes").status_code == 401
    beyond = member.get("/v3/volumes", headers={"OpenStack-API-Version": "volume 3.72"})
    assert beyond.status_code == 406
    assert member.get("/v3/volumes").headers["OpenStack-API-Version"] == "volume 3.71"
