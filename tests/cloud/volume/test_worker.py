"""What goes on with volumes: made of images and of each other, ended by faults, and continued after a kill."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.calls import Caller, caller
from tests.cloud.harness import Cloud, cloud
from tests.cloud.volume.made import MICROVERSION, available, begun, image, settled, shown, until

MIB = 1024**2
DATA = os.urandom(MIB) + bytes(8 * MIB) + os.urandom(MIB + 1000)


def content(running: Cloud, volume: str, size: int) -> bytes:
    with (running.state_dir / "cloud" / "volumes" / volume).open("rb") as file:
        return file.read(size)


@pytest.fixture
def rules(running: Cloud) -> Iterator[Path]:
    path = running.options.fault_file
    assert path is not None
    yield path
    path.unlink(missing_ok=True)


def test_a_volume_of_a_raw_image_holds_its_data_and_its_properties(running: Cloud, member: Caller) -> None:
    source = image(running, member, DATA, name="raw", hw_disk_bus="virtio")
    volume = available(member, imageRef=source)
    made = shown(member, volume)
    assert made["bootable"] == "true"
    assert made["volume_image_metadata"]["image_id"] == source
    assert made["volume_image_metadata"]["hw_disk_bus"] == "virtio"
    assert made["volume_image_metadata"]["size"] == str(len(DATA))
    assert content(running, volume, len(DATA)) == DATA
    status = (running.state_dir / "cloud" / "volumes" / volume).stat()
    assert status.st_size == 1024**3
    assert status.st_blocks * 512 < 4 * MIB


def test_a_qcow2_image_is_converted(running: Cloud, member: Caller, tmp_path: Path) -> None:
    raw, disk = tmp_path / "raw", tmp_path / "disk"
    raw.write_bytes(DATA)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(disk)], check=True)
    volume = available(member, imageRef=image(running, member, disk.read_bytes(), disk_format="qcow2"))
    assert content(running, volume, len(DATA)) == DATA
    assert (running.state_dir / "cloud" / "volumes" / volume).stat().st_size == 1024**3


def test_images_that_do_not_fit_are_refused_before_anything_is_made(
    running: Cloud, member: Caller, operator: Caller, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "2G"], check=True)
    large = image(running, member, disk.read_bytes(), disk_format="qcow2")
    demanding = image(running, member, DATA, min_disk=5)
    foreign = image(running, operator, DATA, visibility="private")
    for source, text in (
        (large, "Size of specified image 2GB is larger than volume size 1GB"),
        (demanding, "cannot be smaller than the image minDisk size 5GB"),
        (foreign, "unable to access requested image"),
    ):
        reply = member.post("/v3/volumes", json={"volume": {"size": 1, "imageRef": source}})
        assert reply.status_code == 400
        assert text in reply.json()["badRequest"]["message"]
    there = Caller(running.url("image"), member.token, {})
    queued = there.post("/v2/images", json={"disk_format": "raw", "container_format": "bare"}).json()["id"]
    reply = member.post("/v3/volumes", json={"volume": {"size": 1, "imageRef": queued}})
    assert reply.status_code == 400


def test_a_copy_of_a_volume_has_its_data(running: Cloud, member: Caller) -> None:
    source = available(member, imageRef=image(running, member, DATA))
    copy = available(member, size=2, source_volid=source)
    assert content(running, copy, len(DATA)) == DATA
    assert shown(member, copy)["bootable"] == "true"
    assert shown(member, copy)["source_volid"] == source
    smaller = member.post("/v3/volumes", json={"volume": {"size": 1, "source_volid": copy}})
    assert smaller.status_code == 400


@pytest.mark.parametrize("value", ["corrupt", "empty"])
def test_a_lying_download_ends_in_error_with_a_message(running: Cloud, member: Caller, rules: Path, value: str) -> None:
    source = image(running, member, DATA)
    rules.write_text(json.dumps([{"part": "image", "point": "download", "value": value}]))
    volume = begun(member, imageRef=source)
    assert settled(member, volume)["status"] == "error"
    assert not (running.state_dir / "cloud" / "volumes" / volume).exists()
    assert not (running.state_dir / "cloud" / "volumes" / f"{volume}.part").exists()
    messages = member.get("/v3/messages").json()["messages"]
    text = next(one["user_message"] for one in messages if one["resource_uuid"] == volume)
    assert source in text
    assert member.delete(f"/v3/volumes/{volume}").status_code == 202
    until(lambda: member.get(f"/v3/volumes/{volume}").status_code == 404)


def test_fault_rules_make_creations_fail_or_stick(member: Caller, operator: Caller, rules: Path) -> None:
    rules.write_text(
        json.dumps(
            [
                {"part": "volume", "point": "create_volume", "value": "error", "times": 1},
                {"part": "volume", "point": "create_volume", "value": "stuck", "times": 1},
            ]
        )
    )
    assert settled(member, begun(member))["status"] == "error"
    stuck = begun(member)
    available(member)
    assert shown(member, stuck)["status"] == "creating"
    assert operator.delete(f"/v3/volumes/{stuck}?force=True").status_code == 202
    until(lambda: member.get(f"/v3/volumes/{stuck}").status_code == 404)


def test_a_deletion_ends_a_creation_under_way(running: Cloud, member: Caller, nova: Caller, rules: Path) -> None:
    source = image(running, member, DATA)
    rules.write_text(
        json.dumps([{"part": "image", "point": f"GET /v2/images/{source}/file", "delay_s": 0.5, "status": 0}])
    )
    volume = begun(member, imageRef=source)
    until(lambda: shown(member, volume)["status"] == "downloading")
    assert member.delete(f"/v3/volumes/{volume}").status_code == 400
    assert nova.delete(f"/v3/volumes/{volume}?force=True").status_code == 202
    until(lambda: nova.get(f"/v3/volumes/{volume}").status_code == 404)
    assert not list((running.state_dir / "cloud" / "volumes").glob(f"{volume}*"))


def test_a_full_backend_puts_volumes_into_error(tmp_path: Path) -> None:
    with cloud(tmp_path, "volume", volume_capacity_gb=3) as small:
        who = caller(small, "volume", "demo", **MICROVERSION)
        first = available(who, size=2)
        second = begun(who, size=2)
        assert settled(who, second)["status"] == "error"
        assert "no room" in who.get("/v3/messages").json()["messages"][0]["user_message"]
        assert who.post(f"/v3/volumes/{first}/action", json={"os-extend": {"new_size": 9}}).status_code == 202
        assert settled(who, first)["status"] == "error_extending"
        assert shown(who, first)["size"] == 2
        assert who.delete(f"/v3/volumes/{first}").status_code == 202
        until(lambda: who.get(f"/v3/volumes/{first}").status_code == 404)
        available(who, size=3)


def test_a_restart_continues_what_a_killed_process_left(running: Cloud, member: Caller) -> None:
    source = image(running, member, DATA)
    blank, filled, deleted, extended, orphan = (
        available(member),
        available(member, imageRef=source),
        available(member),
        available(member),
        available(member, imageRef=source),
    )
    there = Caller(running.url("image"), member.token, {})
    gone = image(running, member, DATA)
    lost = available(member, imageRef=gone)
    assert there.delete(f"/v2/images/{gone}").status_code == 204
    folder = running.state_dir / "cloud" / "volumes"
    running.stop("volume")
    with sqlite3.connect(running.state_dir / "cloud" / "volume.sqlite") as database:
        change = "UPDATE volumes SET status = ?, size = ? WHERE id = ?"
        database.execute(change, ("creating", 1, blank))
        database.execute(change, ("downloading", 1, filled))
        database.execute(change, ("deleting", 1, deleted))
        database.execute(change, ("extending", 2, extended))
        database.execute(change, ("downloading", 1, lost))
        database.execute("DELETE FROM volumes WHERE id = ?", (orphan,))
    database.close()
    for name in (blank, filled, lost):
        (folder / name).unlink()
    (folder / f"{filled}.part").write_bytes(b"half")
    running.start("volume")
    assert settled(member, blank)["status"] == "available"
    assert settled(member, filled)["status"] == "available"
    assert content(running, filled, len(DATA)) == DATA
    assert settled(member, extended)["status"] == "available"
    assert (folder / extended).stat().st_size == 2 * 1024**3
    assert settled(member, lost)["status"] == "error"
    until(lambda: member.get(f"/v3/volumes/{deleted}").status_code == 404)
    assert not (folder / orphan).exists()
    assert not (folder / f"{filled}.part").exists()


def test_an_image_service_that_is_away_for_a_moment_is_waited_for(running: Cloud, member: Caller) -> None:
    source = image(running, member, DATA)
    volume = available(member, imageRef=source)
    running.stop("volume")
    running.stop("image")
    with sqlite3.connect(running.state_dir / "cloud" / "volume.sqlite") as database:
        database.execute("UPDATE volumes SET status = 'downloading' WHERE id = ?", (volume,))
    database.close()
    running.start("volume")
    until(lambda: shown(member, volume)["status"] == "downloading")
    refused = member.post("/v3/volumes", json={"volume": {"size": 1, "imageRef": source}})
    assert refused.status_code == 503
    running.start("image")
    assert settled(member, volume)["status"] == "available"
