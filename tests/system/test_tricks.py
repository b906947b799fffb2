"""Names that try to be markup, paths or commands, and images that lie: only ever names, never booted."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
import requests

from tests.system.drills import Drill, base64_of, message_of, qcow2

TRICKS = (
    "</name><devices><disk/></devices>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "]]><![CDATA[ & \"quoted\" 'both'",
    "../../../../etc/passwd",
    "/etc/passwd",
    "a/../b",
    "..",
    "%2e%2e%2f %00 %n %s",
    "'; DROP TABLE instances; --",
    "$(reboot) `reboot` ; reboot",
    "-rf",
    "ünïcödé 虚拟机 🚢",
    "x" * 255,
)


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick[:24])
def test_names_are_only_names(drill: Drill, trick: str) -> None:
    hints = {"os:scheduler_hints": {"note": trick, trick[:200]: [trick]}}
    body = drill.body(
        trick, metadata={"note": trick}, description=trick, user_data=base64_of(trick.encode()), config_drive=True
    )
    reply = drill.demo.compute.post("/servers", json=body | hints)
    assert reply.status_code == 202, reply.text
    server = drill.running(reply.json()["server"]["id"])
    assert (server["name"], server["metadata"]["note"], server["description"]) == (trick, trick, trick)
    (record,) = drill.cloud.state_dir.glob(f"compute/hosts/*/instances/{server['id']}/domain.json")
    (root,) = ET.fromstring(json.loads(record.read_text())["xml"]).iter("domain")
    assert len(root.findall("./devices/disk")) == 2
    named = drill.demo.compute.put(f"/servers/{server['id']}", json={"server": {"name": trick[::-1]}})
    assert named.status_code == 200
    drill.demo.compute.post(f"/servers/{server['id']}/action", json={"reboot": {"type": "HARD"}})
    drill.until(lambda: drill.show(server["id"])["OS-EXT-STS:task_state"] is None, "it is rebooted")
    drill.delete(server["id"])


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick[:24])
def test_names_of_key_pairs_are_only_names(drill: Drill, trick: str) -> None:
    compute = drill.demo.compute
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDLJSH0ntSKTpb3Ay6NMsVqvGVkPeF25wsxPdkTIRBTF user@host"
    reply = compute.post("/os-keypairs", json={"keypair": {"name": trick, "public_key": key}})
    if reply.status_code == 400:
        return
    assert reply.status_code in (200, 201), reply.text
    name = requests.utils.quote(trick, safe="")
    server = drill.running(drill.boot("keyed", key_name=trick, config_drive=True))
    assert server["key_name"] == trick
    drill.delete(server["id"])
    assert compute.delete(f"/os-keypairs/{name}").status_code in (202, 204, 404)
    left = [pair["keypair"]["name"] for pair in compute.get("/os-keypairs").json()["keypairs"]]
    assert trick not in left


def _backed() -> bytes:
    """Return a qcow2 image that says that a file of the host is what it is based on."""
    image = bytearray(qcow2(1))
    name = b"/etc/passwd"
    image[8:16] = (512).to_bytes(8, "big")
    image[16:20] = len(name).to_bytes(4, "big")
    image[512 : 512 + len(name)] = name
    return bytes(image)


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ("raw", qcow2(1)),
        ("qcow2", b"no qcow2 at all".ljust(70_000, b"\0")),
        ("qcow2", _backed()),
        ("raw", _backed()),
        ("vmdk", b"KDMV".ljust(70_000, b"\0")),
        ("iso", qcow2(1)),
    ],
    ids=["qcow2 as raw", "raw as qcow2", "backing file", "backing file as raw", "broken vmdk", "qcow2 as iso"],
)
def test_an_image_that_lies_is_never_booted(drill: Drill, said: str, data: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    for container in ("bare", "ova"):
        wanted = {"name": "liar", "disk_format": said, "container_format": container}
        made = drill.demo.image.post("/v2/images", json=wanted)
        if made.status_code != 201:
            assert made.status_code == 400
            continue
        image = made.json()["id"]
        uploaded = drill.demo.image.put(f"/v2/images/{image}/file", data=data, headers=headers)
        if uploaded.status_code == 204:
            reply = drill.ask("liar", imageRef=image)
            if reply.status_code == 202:
                server = reply.json()["server"]["id"]
                assert f"Image {image} is unacceptable" in drill.failed(server)
                drill.delete(server)
            else:
                assert reply.status_code == 400, reply.text
        else:
            assert uploaded.status_code in (400, 415), uploaded.text
            assert message_of(drill.ask("liar", imageRef=image), 400) == f"Image {image} is not active."
        assert drill.demo.image.delete(f"/v2/images/{image}").status_code == 204
