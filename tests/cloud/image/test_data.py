"""The data of images: only whole, checked data becomes active; what breaks leaves nothing behind."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cloud.calls import Caller
from tests.cloud.harness import Cloud

OCTETS = {"Content-Type": "application/octet-stream"}
DATA = os.urandom(200_000)


@pytest.fixture
def image(member: Caller) -> Callable[..., str]:
    def make(**attributes: object) -> str:
        body = {"disk_format": "raw", "container_format": "bare", **attributes}
        return str(member.post("/v2/images", json=body).json()["id"])

    return make


def files(running: Cloud, image_id: str) -> list[str]:
    return [path.name for path in (running.state_dir / "cloud" / "images").iterdir() if path.name.startswith(image_id)]


def upload(who: Caller, image_id: str, data: bytes | Iterator[bytes] = DATA, **headers: str) -> int:
    return who.put(f"/v2/images/{image_id}/file", data=data, headers={**OCTETS, **headers}).status_code


def shown(who: Caller, image_id: str) -> dict[str, object]:
    document: dict[str, object] = who.get(f"/v2/images/{image_id}").json()
    return document


def test_without_data_there_is_nothing_to_download(member: Caller, image: Callable[..., str]) -> None:
    assert member.get(f"/v2/images/{image()}/file").status_code == 204


def test_a_download_has_its_checksum_and_its_ranges(member: Caller, image: Callable[..., str]) -> None:
    one = image()
    assert upload(member, one) == 204
    reply = member.get(f"/v2/images/{one}/file")
    assert reply.content == DATA
    assert reply.headers["Content-MD5"] == shown(member, one)["checksum"]
    assert reply.headers["Content-Length"] == str(len(DATA))
    part = member.get(f"/v2/images/{one}/file", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, DATA[100:200])


def test_chunked_uploads_are_taken(member: Caller, image: Callable[..., str]) -> None:
    one = image()
    assert upload(member, one, iter([DATA, DATA])) == 204
    assert shown(member, one)["size"] == 2 * len(DATA)


def test_data_comes_once(member: Caller, image: Callable[..., str]) -> None:
    one = image()
    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(lambda _: upload(member, one), range(4)))
    assert answers == [204, 409, 409, 409]
    assert upload(member, one) == 409
    assert member.get(f"/v2/images/{one}/file").content == DATA


def test_uploads_that_cannot_be_are_refused(running: Cloud, member: Caller, image: Callable[..., str]) -> None:
    one = image()
    assert upload(member, one, **{"Content-Type": "text/plain"}) == 415
    assert upload(member, one, **{"X-OpenStack-Image-Size": "5"}) == 400
    assert upload(member, one, **{"X-OpenStack-Image-Size": "-5"}) == 400
    assert upload(member, one, **{"X-OpenStack-Image-Size": str(2**31)}) == 413
    assert upload(member, image(disk_format=None)) == 400
    assert shown(member, one)["status"] == "queued"
    assert files(running, one) == []
    assert upload(member, one) == 204


def test_a_broken_upload_leaves_the_image_queued_and_no_file(
    running: Cloud, member: Caller, image: Callable[..., str]
) -> None:
    one = image()
    host, port = member.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as broken:
        head = (
            f"PUT /v2/images/{one}/file HTTP/1.1\r\nHost: {host}:{port}\r\nX-Auth-Token: {member.token}\r\n"
            "Content-Type: application/octet-stream\r\nContent-Length: 9000000\r\n\r\n"
        )
        broken.sendall(head.encode() + bytes(3_000_000))
        until(lambda: shown(member, one)["status"] == "saving")
    until(lambda: shown(member, one)["status"] == "queued")
    assert files(running, one) == []
    assert upload(member, one) == 204


def test_an_image_deleted_while_its_data_comes_is_gone(
    running: Cloud, member: Caller, image: Callable[..., str]
) -> None:
    one = image()

    def slowly() -> Iterator[bytes]:
        yield DATA
        assert member.delete(f"/v2/images/{one}").status_code == 204
        yield DATA

    assert upload(member, one, slowly()) == 410
    assert member.get(f"/v2/images/{one}").status_code == 404
    assert files(running, one) == []


def test_the_content_must_be_of_the_declared_format(
    running: Cloud, member: Caller, image: Callable[..., str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1G"], check=True)
    qcow2 = image(disk_format="qcow2")
    assert upload(member, qcow2, disk.read_bytes()) == 204
    assert shown(member, qcow2)["virtual_size"] == 1024**3
    disguised = image()
    assert upload(member, disguised, disk.read_bytes()) == 415
    lying = image(disk_format="qcow2")
    assert upload(member, lying) == 415
    linked = tmp_path / "linked.qcow2"
    backed = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(disk), str(linked)]
    subprocess.run(backed, check=True)
    reading = image(disk_format="qcow2")
    reply = member.put(f"/v2/images/{reading}/file", data=linked.read_bytes(), headers=OCTETS)
    assert reply.status_code == 400
    assert "backing_file" in reply.json()["message"]
    for one in (disguised, lying, reading):
        assert shown(member, one)["status"] == "queued"
        assert files(running, one) == []


def test_a_failed_import_tells_why_and_queues_the_image_again(
    running: Cloud, member: Caller, image: Callable[..., str]
) -> None:
    one = image(disk_format="qcow2")
    path = f"/v2/images/{one}"
    direct = {"method": {"name": "glance-direct"}}
    assert member.post(f"{path}/import", json=direct).status_code == 409
    assert member.put(f"{path}/stage", data=DATA, headers=OCTETS).status_code == 204
    assert shown(member, one)["status"] == "uploading"
    assert member.post(f"{path}/import", json={"method": {"name": "web-download"}}).status_code == 400
    assert member.post(f"{path}/import", json={}).status_code == 400
    assert member.post(f"{path}/import", json=direct).status_code == 202
    until(lambda: shown(member, one)["status"] == "queued")
    assert "qcow2" in str(shown(member, one)["os_glance_failed_import"])
    assert files(running, one) == []


def test_fault_rules_make_downloads_lie(running: Cloud, member: Caller, image: Callable[..., str]) -> None:
    one = image()
    upload(member, one)
    rules = running.options.fault_file
    assert rules is not None
    rules.write_text(json.dumps([{"part": "image", "point": "download", "value": "corrupt"}]))
    lie = member.get(f"/v2/images/{one}/file").content
    assert len(lie) == len(DATA)
    assert lie != DATA
    rules.write_text(json.dumps([{"part": "image", "point": "download", "value": "empty", "times": 1}]))
    assert member.get(f"/v2/images/{one}/file").status_code == 204
    assert member.get(f"/v2/images/{one}/file").content == DATA
    rules.unlink()


def test_a_restart_repairs_what_a_killed_process_left(
    running: Cloud, member: Caller, image: Callable[..., str]
) -> None:
    saving, staged, importing, kept = image(), image(), image(), image()
    assert upload(member, kept) == 204
    for one in (staged, importing):
        assert member.put(f"/v2/images/{one}/stage", data=DATA, headers=OCTETS).status_code == 204
    folder = running.state_dir / "cloud" / "images"
    running.stop("image")
    with sqlite3.connect(running.state_dir / "cloud" / "image.sqlite") as database:
        database.execute("UPDATE images SET status = 'saving' WHERE id = ?", (saving,))
        database.execute("UPDATE images SET status = 'importing' WHERE id = ?", (importing,))
    database.close()
    (folder / f"{saving}.abc.part").write_bytes(DATA)
    (folder / saving).write_bytes(DATA)
    (folder / "of-no-image").write_bytes(DATA)
    running.start("image")
    assert shown(member, saving)["status"] == "queued"
    assert files(running, saving) == []
    assert not (folder / "of-no-image").exists()
    assert shown(member, staged)["status"] == "uploading"
    until(lambda: shown(member, importing)["status"] == "active")
    assert member.get(f"/v2/images/{importing}/file").content == DATA
    assert member.get(f"/v2/images/{kept}/file").content == DATA


def until(condition: Callable[[], bool], *, within_s: float = 10.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
