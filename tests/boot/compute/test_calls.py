"""What a host answers through the conductor."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import EngineError
from tests.boot.compute.harness import Stack


def test_console_and_domains(running: Stack) -> None:
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    host = running.row(name).host
    whole = running.call_host(host, "console_output", {"instance_uuid": name, "length": None})["output"]
    assert "memory (not libvirt)" in whole
    last = running.call_host(host, "console_output", {"instance_uuid": name, "length": 1})["output"]
    assert last == whole.splitlines(keepends=True)[-1]
    found = {domain["uuid"]: domain for domain in running.call_host(host, "domains", {})}
    assert found[name]["state"] == 1
    assert found[name]["name"].startswith("instance-")


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("console_output", {"instance_uuid": "00000000-0000-4000-8000-000000000000"}),
        ("console_output", {}),
        ("console_output", {"instance_uuid": 5, "length": None}),
        ("console_output", {"instance_uuid": "x", "length": -1}),
        ("console_output", {"instance_uuid": "x", "length": "many"}),
        ("console_output", {"instance_uuid": "x", "more": True}),
        ("domains", {"of": "somebody"}),
        ("format_disks", {}),
        ("", {}),
    ],
)
def test_what_cannot_be_answered_is_refused(running: Stack, method: str, body: dict[str, Any]) -> None:
    with pytest.raises(EngineError):
        running.call_host("host-1", method, body)
