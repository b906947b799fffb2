"""Guests and hosts for tests of launchers."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from engine.boot.libvirt.driver import Guest, HostProfile
from engine.boot.libvirt.guest import guest_of
from engine.v1 import instance_pb2, request_spec_pb2


def profile(name: str = "host-1", **sizes: int) -> HostProfile:
    given = {"vcpus": 8, "memory_mb": 16_384, "disk_gb": 100, "reserved_memory_mb": 512, **sizes}
    return HostProfile(name=name, uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), **given)


def instance(number: int = 1, **fields: Any) -> instance_pb2.Instance:
    return instance_pb2.Instance(
        **{
            "uuid": str(uuid.uuid4()),
            "number": number,
            "display_name": f"vm {number}",
            "hostname": f"vm-{number}",
            "project_id": "p1",
            "user_id": "u1",
            "flavor": request_spec_pb2.Flavor(name="m1", vcpus=1, memory_mb=512, root_gb=1),
            "image_id": str(uuid.uuid4()),
            **fields,
        }
    )


def guest(number: int = 1, **fields: Any) -> Guest:
    return guest_of(instance(number, **fields), Path("/images/base"))
