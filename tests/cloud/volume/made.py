"""Volumes and images for tests, made through the services; and a nova-api that says what servers use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.cloud.calls import Caller
from tests.cloud.harness import Cloud

OCTETS = {"Content-Type": "application/octet-stream"}
MICROVERSION = {"OpenStack-API-Version": "volume 3.71"}


class Compute:
    """A nova-api that says only which attachment a server uses a volume as; ``answers``: by path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers.get(self.path, (404, b"{}"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v2.1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def begun(who: Caller, **attributes: object) -> str:
    """The id of a volume that is being made."""
    reply = who.post("/v3/volumes", json={"volume": {"size": 1, **attributes}})
    assert reply.status_code == 202, reply.text
    return str(reply.json()["volume"]["id"])


def shown(who: Caller, volume_id: str) -> dict[str, Any]:
    """A volume in full."""
    reply = who.get(f"/v3/volumes/{volume_id}")
    assert reply.status_code == 200, reply.text
    volume: dict[str, Any] = reply.json()["volume"]
    return volume


def settled(who: Caller, volume_id: str) -> dict[str, Any]:
    """A volume in full, once nothing goes on with it."""
    until(lambda: shown(who, volume_id)["status"] not in ("creating", "downloading", "extending"))
    return shown(who, volume_id)


def available(who: Caller, **attributes: object) -> str:
    """The id of a volume that is there."""
    volume_id = begun(who, **attributes)
    assert settled(who, volume_id)["status"] == "available"
    return volume_id


def image(running: Cloud, who: Caller, data: bytes, **attributes: object) -> str:
    """The id of an image with data."""
    there = Caller(running.url("image"), who.token, {})
    body = {"name": "disk", "disk_format": "raw", "container_format": "bare", **attributes}
    image_id = str(there.post("/v2/images", json=body).json()["id"])
    reply = there.put(f"/v2/images/{image_id}/file", data=data, headers=OCTETS)
    assert reply.status_code == 204, reply.text
    return image_id


def until(condition: Callable[[], bool], *, within_s: float = 15.0) -> None:
    """Wait for something to come about."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
