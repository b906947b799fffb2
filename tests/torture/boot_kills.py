"""Kills each process of a cloud at each stage of a boot: every boot must end well or say why, and leak nothing.

Run all of it by hand: ``python -m tests.torture.boot_kills``. The boot is held at a stage by a fault rule that only
delays; then one process is killed with SIGKILL, the supervisor starts it again, and the boot must end: ACTIVE with one
domain, or ERROR with a fault; after its deletion the audit must be clean.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter

from tests.system.clouds import Cloud, cloud

PARTS = ("api", "scheduler", "conductor", "compute", "identity", "image", "network", "volume")
HELD_S = 1.0
KILL_AFTER_S = 0.4
END_S = 120.0


@dataclass(frozen=True)
class Stage:
    """A stage of a boot: its steps, and the rule that holds the boot there."""

    steps: str
    part: str
    point: str


STAGES = (
    Stage("3-7 request stored", "compute", "POST /v2.1/servers"),
    Stage("8-12 host chosen, cast", "", ""),
    Stage("13-18 instance fetched", "compute-agent", "before_network"),
    Stage("19-21 image", "image", "GET /v2/images/.*"),
    Stage("22-23 port made", "network", "POST /v2.0/ports"),
    Stage("24 port bound", "network", "PUT /v2.0/ports/.*"),
    Stage("25 volume made", "volume", "POST /v3/volumes"),
    Stage("26-27 volume connected", "volume", "PUT /v3/attachments/.*"),
    Stage("28 domain started", "compute-agent", "spawn"),
    Stage("28 volume complete", "volume", "POST /v3/attachments/.*/action"),
    Stage("28 result recorded", "compute-agent", "before_finish"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of one boot: its last status, its fault, how long it took, and whether nothing was left."""

    stage: str
    killed: str
    status: str
    fault: str
    took_s: float


def kill_once(running: Cloud, stage: Stage, part: str, number: int) -> Outcome:
    """Boot an instance with a port and a volume, kill ``part`` at ``stage``, and return what became of it."""
    compute = running.api("compute")
    body = _body(running, f"kill-{number}")
    running.faults(_rules(stage))
    started = time.monotonic()
    asking = threading.Thread(target=_ask, args=(compute, body), daemon=True)
    asking.start()
    # without a rule that holds the boot, the moment is the one right after the answer
    asking.join(KILL_AFTER_S if stage.part else END_S)
    running.kill(part)
    asking.join(END_S)
    server = _ended(compute, f"kill-{number}", started)
    took_s = time.monotonic() - started
    running.faults([])
    _delete_all(compute)
    running.assert_clean(within_s=60.0)
    if server is None:
        return Outcome(
            stage.steps, part, "refused", "the client was answered with an error; nothing was stored", took_s
        )
    fault = str(server.get("fault", {}).get("message", ""))
    assert server["status"] == "ACTIVE" or fault, server
    return Outcome(stage.steps, part, str(server["status"]), fault, took_s)


def _rules(stage: Stage) -> list[dict[str, Any]]:
    if not stage.part:
        return []
    part = "compute" if stage.part == "compute-agent" else stage.part
    return [{"part": part, "point": stage.point, "delay_s": HELD_S, "times": 2}]


def _body(running: Cloud, name: str) -> dict[str, Any]:
    """Return the request for an instance with a port and an empty volume beside its local root disk."""
    compute, image, network = (running.api(service) for service in ("compute", "image", "network"))
    flavors = {one["name"]: one["id"] for one in compute.get("/flavors").json()["flavors"]}
    image_id = image.get("/v2/images").json()["images"][0]["id"]
    root = {"uuid": image_id, "source_type": "image", "destination_type": "local", "boot_index": 0}
    data = {"source_type": "blank", "destination_type": "volume", "boot_index": -1, "volume_size": 1}
    return {
        "name": name,
        "flavorRef": flavors["m1.tiny"],
        "imageRef": image_id,
        "networks": [{"uuid": network.get("/v2.0/networks").json()["networks"][0]["id"]}],
        "block_device_mapping_v2": [root | {"delete_on_termination": True}, data | {"delete_on_termination": True}],
    }


def _ask(compute: Adapter, body: dict[str, Any]) -> None:
    """Ask for an instance as a client would: the request itself may die with the process that is killed."""
    with contextlib.suppress(ksa.ClientException):
        compute.post("/servers", json={"server": body})


def _ended(compute: Adapter, name: str, started: float) -> dict[str, Any] | None:
    """Return the instance once nothing is under way with it; None when the request was refused and nothing is there."""
    while True:
        with contextlib.suppress(ksa.ClientException, KeyError, ValueError):
            found = [one for one in compute.get("/servers/detail").json()["servers"] if one["name"] == name]
            if found and found[0]["status"] != "BUILD":
                server: dict[str, Any] = found[0]
                return server
            if not found and time.monotonic() - started > 2 * HELD_S + 5.0:
                return None
        assert time.monotonic() - started < END_S, f"{name} was still being built after {END_S} s"
        time.sleep(0.2)


def _delete_all(compute: Adapter) -> None:
    deadline = time.monotonic() + END_S
    while True:
        with contextlib.suppress(ksa.ClientException, KeyError, ValueError):
            servers = compute.get("/servers").json()["servers"]
            if not servers:
                return
            for server in servers:
                compute.delete(f"/servers/{server['id']}")
        assert time.monotonic() < deadline, "instances could not be deleted"
        time.sleep(0.3)


@contextlib.contextmanager
def drilled(directory: Path) -> Iterator[Cloud]:
    """A cloud with every service in a process of its own, whose recovery is quick."""
    quick = {"boot": {"dead_host_s": 10.0, "recovery_interval_s": 1.0, "stalled_s": 5.0}}
    with cloud(directory / "state", hosts=4, each=True, settings=quick) as running:
        yield running


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the whole table, or the parts and stages that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.boot_kills", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--stages", nargs="+", type=int, default=range(len(STAGES)), help="by number, from 0")
    asked = parser.parse_args(arguments)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="berth-kills-") as directory, drilled(Path(directory)) as running:
        for number, (stage, part) in enumerate((STAGES[index], part) for index in asked.stages for part in asked.parts):
            outcome = kill_once(running, stage, part, number)
            outcomes.append(outcome)
            print(
                f"{outcome.stage:26} {outcome.killed:10} {outcome.status:8} {outcome.took_s:6.1f} s  {outcome.fault}",
                flush=True,
            )
    active = sum(outcome.status == "ACTIVE" for outcome in outcomes)
    print(
        f"{len(outcomes)} kills: {active} boots ACTIVE, {len(outcomes) - active} ended with a reason, nothing was left"
    )


if __name__ == "__main__":
    main()
