"""Reloads a busy service's settings again and again, from one chain of filters and weighers to another and back.

``python -m tests.torture.reload --reloads 6 --hosts 100000``: while callers place, release, explain and update, the
file is written anew and the service told. Printed is how long calls took before, while a chain was made ready, in the
second after it came into force, and later. No call may fail, and what was answered must be held.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.client import Client
from engine.inventory.generate import generate_fleet
from tests.service.subprocesses import Served, served
from tests.torture.kill_nine import listed
from tests.torture.soak import log_shown
from tests.torture.soak_load import PATIENCE_S, Callers, Noted, prepare

CHAINS = (
    "[scheduler]\n",
    """[scheduler]
enabled_filters = ["ComputeFilter", "IoOpsFilter"]
placement_filters = ["CapacityFilter", "ZoneFilter"]
weight_classes = ["RAMWeigher", "HypervisorVersionWeigher"]
ram_weight_multiplier = -1.0
""",
)
"""What the file says, in turn."""
READY_S = 900.0
KINDS = ("place", "release", "batch", "explain", "health")
PHASES = ("before", "while made ready", "the second after", "later")


@dataclass(frozen=True, slots=True)
class Reloaded:
    """When a reload was asked for and when it was in force, in seconds of the callers' clock."""

    asked: float
    in_force: float


def torture(
    folder: Path, *, reloads: int, hosts: int, pause_s: float, load: float, seed: int
) -> tuple[Noted, list[Reloaded]]:
    """Reload a service so many times under load; return what callers noted, and when each reload was.

    Raises AssertionError for a call that fails or an answer that is lost.
    """
    config = folder / "berth.toml"
    config.write_text(CHAINS[0])
    fleet = generate_fleet(hosts, seed)
    done: list[Reloaded] = []
    with served(folder, "--config", str(config)) as service, Client(service.target, timeout_s=PATIENCE_S) as client:
        client.import_hosts(fleet)
        prepare(client)
        callers = Callers(service.target, fleet, load=load, seed=seed)
        callers.start()
        noted = callers.noted
        with log_shown(service):
            for number in range(reloads):
                time.sleep(pause_s)
                config.write_text(CHAINS[(number + 1) % 2])
                asked = time.monotonic() - noted.began
                _hang_up(service, callers)
                done.append(Reloaded(asked, time.monotonic() - noted.began))
            time.sleep(pause_s)
            callers.stop()
            held = listed(client)
            assert held == noted.held, f"{len(held.items() ^ noted.held.items())} instances are not where they were put"
            audit = client.audit_allocations()
            assert audit.clean, audit.differences
            assert service.stop() == 0
    assert "Traceback" not in service.said, service.said
    return noted, done


def _hang_up(service: Served, callers: Callers) -> None:
    words = "settings read again, in force"
    before = service.said.count(words)
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + READY_S
    while service.said.count(words) == before and not callers.failed:
        assert time.monotonic() < deadline, service.said
        time.sleep(0.005)


def phases(noted: Noted, done: list[Reloaded], kind: str) -> dict[str, list[float]]:
    """Return the milliseconds of a kind of call by phase; one that is under way at a swap is of the phase before it."""
    found: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for began, taken in noted.latencies.get(kind, []):
        earlier = [item for item in done if item.asked <= began]
        if not earlier:
            phase = "before"
        elif began < earlier[-1].in_force:
            phase = "while made ready"
        elif began < earlier[-1].in_force + 1.0:
            phase = "the second after"
        else:
            phase = "later"
        found[phase].append(taken)
    return found


def main() -> None:
    """Reload as the command's options say, and print the latencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reloads", type=int, default=6)
    parser.add_argument("--hosts", type=int, default=100_000)
    parser.add_argument("--pause", type=float, default=5.0, help="seconds between reloads")
    parser.add_argument("--load", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        noted, done = torture(
            Path(folder),
            reloads=given.reloads,
            hosts=given.hosts,
            pause_s=given.pause,
            load=given.load,
            seed=given.seed,
        )
    print("in force after " + ", ".join(f"{item.in_force - item.asked:.1f}" for item in done) + " s")
    for kind in KINDS:
        for phase, found in phases(noted, done, kind).items():
            if found:
                middle, high, most = np.percentile(found, (50, 99, 100))
                print(
                    f"{kind:8} {phase:17} {len(found):6} calls, ms: p50 {middle:.2f}, p99 {high:.2f}, most {most:.1f}"
                )


if __name__ == "__main__":
    main()
