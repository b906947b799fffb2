"""Guests with NUMA cells on a whole cloud: booted onto cells and CPUs of their own, until no host has any left."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import count

import pytest

from tests.system.clouds import cloud
from tests.system.drills import QUICK, Drill, message_of

HOSTS = 2
_COMPUTE = {**QUICK["boot"]["compute"], "vcpus": 8, "memory_mb": 8192, "numa_cells": 2, "huge_pages_mb": 4096}
SETTINGS = QUICK | {"boot": QUICK["boot"] | {"compute": _COMPUTE}}
_names = count()


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    with cloud(tmp_path_factory.mktemp("numa") / "state", hosts=HOSTS, each=True, settings=SETTINGS) as up:
        yield Drill(up)


def flavor(drill: Drill, vcpus: int, **extra_specs: str) -> str:
    """Return the id of a new flavor; ``hw_x`` is the extra spec ``hw:x``."""
    body = {"flavor": {"name": f"cells-{next(_names)}", "vcpus": vcpus, "ram": 1024, "disk": 1}}
    made = drill.admin.compute.post("/flavors", json=body).json()["flavor"]["id"]
    specs = {name.replace("hw_", "hw:", 1): value for name, value in extra_specs.items()}
    reply = drill.admin.compute.post(f"/flavors/{made}/os-extra_specs", json={"extra_specs": specs})
    assert reply.status_code == 200, reply.text
    return str(made)


def domain(drill: Drill, server: str) -> tuple[str, ET.Element]:
    """Return the host of a running guest and its domain."""
    (record,) = drill.cloud.state_dir.glob(f"compute/hosts/*/instances/{server}/domain.json")
    return record.parts[-4], ET.fromstring(json.loads(record.read_text())["xml"])


def pins(root: ET.Element) -> list[str]:
    return [pin.get("cpuset", "") for pin in root.iter("vcpupin")]


def test_dedicated_cpus_are_given_once_over_the_whole_cloud(drill: Drill) -> None:
    pinned = flavor(drill, 4, hw_cpu_policy="dedicated", hw_numa_nodes="2", hw_mem_page_size="2048")
    taken: dict[str, list[str]] = {}
    servers = [drill.running(drill.boot("pinned", flavorRef=pinned))["id"] for _ in range(4)]
    for server in servers:
        host, root = domain(drill, server)
        taken.setdefault(host, []).extend(pins(root))
        assert [node.get("nodeset") for node in root.iter("memnode")] in (["0", "1"], ["1", "0"])
        assert [page.get("size") for page in root.iter("page")] == ["2048"]
    assert {host: sorted(map(int, cpus)) for host, cpus in taken.items()} == {host: list(range(8)) for host in taken}
    assert len(taken) == HOSTS
    refused = drill.ended(drill.boot("pinned", flavorRef=pinned))
    assert "No valid host" in refused["fault"]["message"]
    where = domain(drill, servers[0])
    drill.killed("scheduler")
    drill.delete(servers[0])
    again = domain(drill, drill.running(drill.boot("pinned", flavorRef=pinned))["id"])
    assert (again[0], sorted(pins(again[1]))) == (where[0], sorted(pins(where[1])))


def test_a_flavor_that_contradicts_itself_is_refused_before_anything_is_made(drill: Drill) -> None:
    odd = flavor(drill, 3, hw_numa_nodes="2")
    message_of(drill.ask("odd", flavorRef=odd), 400)
    assert drill.all_servers() == []
