"""The real scheduler learns of hosts, their lives and their failed builds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from engine.boot.compute.fleet import HOST_NAMESPACE, profiles_of
from engine.boot.compute.resources import HostReporter
from engine.boot.libvirt.memory import MemoryDriver
from engine.boot.options import ComputeOptions
from engine.inventory.host_uuid import HOST_NAMESPACE as SCHEDULERS_NAMESPACE
from tests.ports import free_port
from tests.service.harness import serving

OPTIONS = ComputeOptions(hosts=3, host_prefix="node-", first_host=5, vcpus=16, memory_mb=8192, disk_gb=50)


def reporter(target: str, **options: float) -> HostReporter:
    profiles = list(profiles_of(OPTIONS).values())
    driver = MemoryDriver()
    driver.open_hosts(profiles)
    return HostReporter(target, driver, profiles, interval_s=options.get("interval_s", 30.0))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_hosts_have_the_schedulers_uuids() -> None:
    assert HOST_NAMESPACE == SCHEDULERS_NAMESPACE
    assert list(profiles_of(OPTIONS)) == ["node-5", "node-6", "node-7"]


def test_hosts_are_described_and_kept_alive(tmp_path: Path) -> None:
    with serving(tmp_path / "scheduler") as scheduler:
        reports = reporter(scheduler.target, interval_s=0.1)
        reports.start()
        assert reports.registered.wait(10)
        host = scheduler.client.get_host("node-6").host
        assert host.uuid == profiles_of(OPTIONS)["node-6"].uuid
        assert host.inventories["VCPU"].total == 16
        assert (host.inventories["MEMORY_MB"].total, host.inventories["MEMORY_MB"].reserved) == (8192, 512)
        assert host.inventories["DISK_GB"].max_unit == 50
        assert host.hypervisor_type == "fake"
        until(lambda: scheduler.client.get_host("node-6").host.service.last_seen_up_us > 0)
        first = scheduler.client.get_host("node-6").host.service.last_seen_up_us
        until(lambda: scheduler.client.get_host("node-6").host.service.last_seen_up_us > first)
        reports.stop()


def test_failed_builds_are_told_at_once_and_forgotten_after_a_good_one(tmp_path: Path) -> None:
    with serving(tmp_path / "scheduler") as scheduler:
        reports = reporter(scheduler.target)
        reports.start()
        until(lambda: reports.registered.is_set())
        until(lambda: scheduler.client.get_host("node-5").host.service.last_seen_up_us > 0)
        reports.build_failed("node-5")
        reports.build_failed("node-5")
        until(lambda: scheduler.client.get_host("node-5").host.failed_builds == 2)
        assert scheduler.client.get_host("node-6").host.failed_builds == 0
        reports.build_succeeded("node-6")
        reports.build_succeeded("node-5")
        until(lambda: scheduler.client.get_host("node-5").host.failed_builds == 0)
        reports.stop()


def test_a_disabled_host_stays_disabled_and_a_forgotten_one_is_described_again(tmp_path: Path) -> None:
    from engine.v1 import inventory_pb2
    from engine.v1.inventory_service_pb2 import UpdateHostsRequest

    with serving(tmp_path / "scheduler") as scheduler:
        reports = reporter(scheduler.target, interval_s=0.1)
        reports.start()
        assert reports.registered.wait(10)
        off = inventory_pb2.Host(host_id="node-5", service=inventory_pb2.HostService(disabled=True))
        list(scheduler.client.update_hosts([UpdateHostsRequest(hosts=[off])]))
        scheduler.client.delete_hosts(["node-7"])
        until(lambda: "node-7" in {host.host_id for host in scheduler.client.list_hosts().hosts})
        assert scheduler.client.get_host("node-5").host.service.disabled
        reports.stop()


def test_a_scheduler_that_is_away_is_waited_for(tmp_path: Path) -> None:
    port = free_port()
    reports = reporter(f"127.0.0.1:{port}", interval_s=0.1)
    reports.start()
    assert not reports.registered.wait(0.3)
    with serving(tmp_path / "scheduler", listen=f"127.0.0.1:{port}") as scheduler:
        assert reports.registered.wait(20)
        assert len(scheduler.client.list_hosts().hosts) == 3
        reports.stop()


def test_the_end_does_not_wait_for_a_scheduler_that_never_comes() -> None:
    reports = reporter(f"127.0.0.1:{free_port()}")
    reports.start()
    begun = time.monotonic()
    reports.stop()
    assert time.monotonic() - begun < 5
