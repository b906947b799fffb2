"""Measures whole boots: ``python -m bench.boots throughput`` or ``churn``.

Every boot must end ACTIVE, every timeline hold all steps, and every audit afterwards be clean.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.boots.load import Boot, Clients, Target
from engine.boot.steps import STEPS
from tests.system.clouds import Cloud, cloud

_POLL_S = {1: 0.005, 8: 0.05, 16: 0.1, 64: 0.3}
_QUOTA = 10_000_000


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.boots", description=__doc__)
    parser.add_argument("what", choices=("throughput", "churn"))
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--boots", type=int, default=2000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--launcher", default="libvirt-test")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="berth-boots-") as directory:
        started = time.perf_counter()
        with cloud(Path(directory) / "state", hosts=asked.hosts, launcher=asked.launcher) as running:
            print(f"up with {asked.hosts} hosts on {asked.launcher} in {time.perf_counter() - started:.1f} s")
            target = _target(running)
            if asked.what == "churn":
                _churn(running, target, asked.boots, asked.clients[-1])
            else:
                for clients in asked.clients:
                    _throughput(running, target, asked.boots if clients > 1 else min(asked.boots, 200), clients)


def _target(running: Cloud) -> Target:
    """Lift the member's quotas, and find what to boot."""
    session = running.session("demo")
    project = session.get_project_id()
    limits = {"quota_set": dict.fromkeys(("instances", "cores", "ram"), _QUOTA)}
    assert running.api("compute", "admin").put(f"/os-quota-sets/{project}", json=limits).status_code == 200
    ports = {"quota": {"port": -1}}
    assert running.api("network", "admin").put(f"/v2.0/quotas/{project}", json=ports).status_code == 200
    compute, image, network = (running.api(service) for service in ("compute", "image", "network"))
    flavors = {one["name"]: one["id"] for one in compute.get("/flavors").json()["flavors"]}
    token = session.get_token()
    assert token is not None
    boot = running.settings.boot
    return Target(
        url=f"http://{boot.api_host}:{boot.api_port}/v2.1",
        token=token,
        flavor_id=flavors["m1.tiny"],
        image_id=image.get("/v2/images").json()["images"][0]["id"],
        network_id=network.get("/v2.0/networks").json()["networks"][0]["id"],
    )


def _throughput(running: Cloud, target: Target, boots: int, clients: int) -> None:
    load = Clients(target, clients, poll_s=_POLL_S.get(clients, 0.2))
    asyncio.run(load.boot([f"warm-{clients}-{index}" for index in range(clients)]))
    before, started = running.cpu_s(), time.perf_counter()
    done = asyncio.run(load.boot([f"boot-{clients}-{index}" for index in range(boots)]))
    took = time.perf_counter() - started
    used = {name: seconds - before.get(name, 0.0) for name, seconds in running.cpu_s().items()}
    print(f"\n{clients} clients, {boots} boots: {boots / took:.1f} boots/s")
    _tell_latency(done)
    _tell_steps(load, [boot.uuid for boot in done])
    print(
        "processor time a boot, ms: " + ", ".join(f"{name} {1e3 * s / boots:.1f}" for name, s in sorted(used.items()))
    )
    started = time.perf_counter()
    servers = asyncio.run(load.get(["/servers?limit=1000"]))[0]["servers"]
    while servers:
        asyncio.run(load.delete([server["id"] for server in servers]))
        servers = asyncio.run(load.get(["/servers?limit=1000"]))[0]["servers"]
    print(f"deleted in {time.perf_counter() - started:.1f} s; the audit afterwards: {running.audit().stdout.strip()}")
    running.assert_clean()


def _tell_latency(done: Sequence[Boot]) -> None:
    print(f"  POST answered, ms: {_spread([1e3 * boot.accepted_s for boot in done])}")
    print(f"  seen ACTIVE, ms: {_spread([1e3 * boot.active_s for boot in done])}")


def _tell_steps(load: Clients, uuids: Sequence[str]) -> None:
    """Show what each step took, as it was recorded, and the scheduler's share of the whole."""
    took: dict[int, list[float]] = {}
    whole: list[float] = []
    shares: list[float] = []
    for answer in asyncio.run(load.get([f"/servers/{uuid}/berth-timeline" for uuid in uuids])):
        steps = answer["timeline"]
        assert {step["step"] for step in steps} == set(range(1, 29)), sorted(step["step"] for step in steps)
        for step in steps:
            took.setdefault(step["step"], []).append((step["finished_at_us"] - step["started_at_us"]) / 1e3)
        begun = min(step["started_at_us"] for step in steps if step["step"] >= 3)
        ended = max(step["finished_at_us"] for step in steps)
        placing = sum(took[number][-1] for number in (9, 10))
        whole.append((ended - begun) / 1e3)
        shares.append(placing / whole[-1])
    print(f"  from the request to the running domain, ms: {_spread(whole)}")
    print(f"  the scheduler's share of it: p50 {100 * statistics.median(shares):.1f} %")
    for step in STEPS[2:]:
        print(f"    {step.number:2} {step.component:15} {step.what:55} {_spread(took[step.number])}")


def _spread(values_ms: Sequence[float]) -> str:
    return f"p50 {statistics.median(values_ms):7.2f}  p99 {_p99(values_ms):8.2f}"


def _churn(running: Cloud, target: Target, boots: int, clients: int) -> None:
    """Boot and delete for as long as it takes, and watch the memory of every part."""
    rounds = 20
    started = time.perf_counter()
    for number in range(rounds):
        each = boots // rounds
        begun = time.perf_counter()
        # a day's churn outlives a token
        load = Clients(replace(target, token=running.session("demo").get_token() or ""), clients, poll_s=0.2)
        asyncio.run(load.churn([f"churn-{number}-{index}" for index in range(each)]))
        memory = ", ".join(f"{name} {size:.0f}" for name, size in sorted(running.rss_mb().items()))
        rate = each / (time.perf_counter() - begun)
        print(f"{(number + 1) * each:6} boots and deletes, {rate:5.1f}/s; MiB: {memory}", flush=True)
    print(f"{boots} in {time.perf_counter() - started:.0f} s; the audit afterwards: {running.audit().stdout.strip()}")
    running.assert_clean()


def _p99(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]


if __name__ == "__main__":
    main()
