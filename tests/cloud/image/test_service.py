"""The image service through unmodified clients: openstacksdk and the openstack command."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import openstack
import pytest
from openstack.connection import Connection

from engine.cloud.bootstrap import clouds_yaml
from tests.cloud.harness import Cloud

DATA = os.urandom(300_000)


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


def test_the_openstack_command_creates_lists_saves_and_deletes(running: Cloud, tmp_path: Path) -> None:
    source = tmp_path / "disk.raw"
    source.write_bytes(DATA)
    made = json.loads(
        command(
            running,
            tmp_path,
            *("image", "create", "--disk-format", "raw", "--container-format", "bare"),
            *("--file", str(source), "--property", "hw_disk_bus=virtio", "-f", "json", "by-command"),
        )
    )
    assert made["status"] == "active"
    listed = json.loads(command(running, tmp_path, "image", "list", "-f", "json"))
    assert [image["Name"] for image in listed] == ["by-command"]
    target = tmp_path / "saved"
    command(running, tmp_path, "image", "save", "--file", str(target), "by-command")
    assert target.read_bytes() == DATA
    command(running, tmp_path, "image", "delete", "by-command")
    assert json.loads(command(running, tmp_path, "image", "list", "-f", "json")) == []


def test_an_uploaded_image_has_its_size_and_its_hashes(demo: Connection) -> None:
    made = demo.image.create_image(
        "sized", data=DATA, disk_format="raw", container_format="bare", validate_checksum=True
    )
    shown = demo.image.get_image(made.id)
    assert shown.status == "active"
    assert shown.size == shown.virtual_size == len(DATA)
    assert shown.checksum == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert shown.hash_algo == "sha512"
    assert shown.hash_value == hashlib.sha512(DATA).hexdigest()
    assert demo.image.download_image(made.id).content == DATA
    demo.image.delete_image(made.id)
    assert demo.image.find_image("sized") is None


def test_an_import_by_way_of_staging_becomes_active(demo: Connection) -> None:
    made = demo.image.create_image(
        "imported", data=DATA, disk_format="raw", container_format="bare", use_import=True, wait=True, timeout=20
    )
    active = demo.image.wait_for_status(demo.image.get_image(made.id), status="active", interval=1, wait=20)
    assert active.size == len(DATA)
    assert demo.image.download_image(made.id).content == DATA


def test_attributes_properties_and_tags_change(demo: Connection) -> None:
    made = demo.image.create_image("before", data=DATA, disk_format="raw", container_format="bare", old="x")
    demo.image.update_image(made.id, name="after", min_disk=2, hw_vif_model="virtio")
    demo.image.add_tag(made.id, "gold")
    changed = demo.image.get_image(made.id)
    assert (changed.name, changed.min_disk, changed.hw_vif_model) == ("after", 2, "virtio")
    assert changed.tags == ["gold"]
    assert changed.size == len(DATA)
    demo.image.remove_tag(made.id, "gold")
    assert demo.image.get_image(made.id).tags == []


def test_sharing_lets_another_project_see_an_image(demo: Connection, admin: Connection, running: Cloud) -> None:
    made = demo.image.create_image("ours", data=DATA, disk_format="raw", container_format="bare")
    nova = openstack.connection.Connection(session=running.session("nova"), region_name="RegionOne")
    assert nova.image.get_image(made.id).owner == demo.current_project_id
    member = demo.image.add_member(made.id, member_id=admin.current_project_id)
    assert member.status == "pending"
    admin.image.update_member(admin.current_project_id, made.id, status="accepted")
    assert [one.status for one in demo.image.members(made.id)] == ["accepted"]
    demo.image.remove_member(admin.current_project_id, made.id)
    assert list(demo.image.members(made.id)) == []


def test_deactivated_images_are_not_given_to_users(demo: Connection, admin: Connection) -> None:
    made = demo.image.create_image("resting", data=DATA, disk_format="raw", container_format="bare")
    demo.image.deactivate_image(made.id)
    assert demo.image.get_image(made.id).status == "deactivated"
    assert demo.image.get(f"/images/{made.id}/file").status_code == 403
    assert admin.image.download_image(made.id).content == DATA
    demo.image.reactivate_image(made.id)
    assert demo.image.download_image(made.id).content == DATA


def test_images_outlive_a_restart(running: Cloud, demo: Connection) -> None:
    made = demo.image.create_image("lasting", data=DATA, disk_format="raw", container_format="bare")
    running.stop("image")
    running.start("image")
    assert demo.image.download_image(made.id).content == DATA
