"""libvirt's test driver: guests outlive the process, half-made ones are found, thousands of hosts open quickly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from engine.boot.libvirt.driver import LaunchError
from engine.boot.libvirt.launchers import launcher
from engine.boot.libvirt.libvirt_test import LibvirtTestDriver
from engine.boot.libvirt.records import Instances
from engine.boot.states import PowerState
from engine.v1.assignment_pb2 import Assignment, CpuPin, FittedCell
from engine.v1.numa_pb2 import GuestCell
from engine.v1.request_spec_pb2 import Flavor
from tests.boot.libvirt.guests import guest, profile
from tests.boot.libvirt.needs import need_libvirt
from tests.house.sources import ROOT


@pytest.fixture(autouse=True)
def libvirt() -> None:
    need_libvirt()


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[LibvirtTestDriver]:
    made = LibvirtTestDriver(tmp_path)
    made.open_hosts([profile("host-1"), profile("host-2")])
    yield made
    made.close()


def test_guests_come_back_in_the_state_they_were_left_in(tmp_path: Path) -> None:
    runs, paused, off = guest(1), guest(2), guest(3)
    first = launcher("libvirt-test", tmp_path)
    first.open_hosts([profile("host-1")])
    for made, is_paused in ((runs, False), (paused, True), (off, False)):
        first.spawn("host-1", made, paused=is_paused)
    first.stop("host-1", off.uuid, timeout_s=1.0)
    first.close()
    second = launcher("libvirt-test", tmp_path)
    second.open_hosts([profile("host-1")])
    states = [second.power_state("host-1", made.uuid) for made in (runs, paused, off)]
    assert states == [PowerState.RUNNING, PowerState.PAUSED, PowerState.SHUTDOWN]
    assert "stopped" in second.console_output("host-1", off.uuid, None)
    second.close()


def test_each_guest_of_a_killed_process_is_whole_or_can_be_removed(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom engine.boot.libvirt.launchers import launcher\n"
        "from tests.boot.libvirt.guests import guest, profile\n"
        "driver = launcher('libvirt-test', Path(sys.argv[1]))\ndriver.open_hosts([profile('host-1')])\n"
        "number = 0\nwhile True:\n    number += 1\n    driver.spawn('host-1', guest(number), paused=False)\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    spawned = 0
    while spawned < 50:
        spawned = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    driver = launcher("libvirt-test", tmp_path)
    driver.open_hosts([profile("host-1")])
    found = driver.domains("host-1")
    assert sum(info.power_state == PowerState.RUNNING for info in found) >= 50
    for info in found:
        driver.destroy("host-1", info.uuid)
    assert driver.domains("host-1") == []
    assert list((tmp_path / "hosts" / "host-1" / "instances").iterdir()) == []
    driver.close()


def test_a_launch_that_never_finished_is_seen_and_removed(driver: LibvirtTestDriver, tmp_path: Path) -> None:
    half = str(uuid.uuid4())
    (tmp_path / "hosts" / "host-1" / "instances" / half).mkdir()
    (info,) = driver.domains("host-1")
    assert (info.uuid, info.power_state) == (half, PowerState.NOSTATE)
    driver.destroy("host-1", half)
    assert driver.domains("host-1") == []


def test_a_removal_that_was_interrupted_is_finished_at_the_next_start(
    driver: LibvirtTestDriver, tmp_path: Path
) -> None:
    instances = tmp_path / "hosts" / "host-2" / "instances"
    (instances / f"{uuid.uuid4()}_del" / "deep").mkdir(parents=True)
    again = LibvirtTestDriver(tmp_path)
    again.open_hosts([profile("host-2")])
    assert list(instances.iterdir()) == []
    again.close()


@pytest.mark.parametrize("name", ["../../elsewhere", "", "x" * 500])
def test_what_is_no_uuid_never_becomes_a_path(driver: LibvirtTestDriver, name: str) -> None:
    with pytest.raises(LaunchError, match="no uuid"):
        driver.destroy("host-1", name)


def test_libvirt_itself_accepts_every_device_and_keeps_the_metadata(driver: LibvirtTestDriver) -> None:
    made = guest(9, display_name="<b>&", config_drive=True)
    driver.spawn("host-1", made, paused=False)
    (info,) = driver.domains("host-1")
    assert {"disk.config", "disk.info", "domain.json", "console.log"} <= set(info.files)


def test_an_image_under_a_guest_is_known_as_in_use(driver: LibvirtTestDriver) -> None:
    made = guest(4)
    driver.spawn("host-1", made, paused=False)
    driver.reboot("host-1", made, hard=True)
    assert driver.image_paths() == {made.image_path}
    driver.destroy("host-1", made.uuid)
    assert driver.image_paths() == set()


def test_absurd_sizes_are_refused_and_leave_nothing(driver: LibvirtTestDriver) -> None:
    made = guest(5)
    huge = guest(6, uuid=made.uuid, flavor={"name": "f", "vcpus": 2**40, "memory_mb": 2**50})
    with pytest.raises(LaunchError):
        driver.spawn("host-1", huge, paused=False)
    assert driver.domains("host-1") == []


def test_a_thousand_hosts_open_in_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    made = LibvirtTestDriver(tmp_path)
    made.open_hosts([profile(f"host-{number}") for number in range(1000)])
    assert made.resources("host-999").vcpus == 8
    made.close()
    assert time.monotonic() - started < 60


def test_libvirt_takes_a_guest_with_cells_pins_and_large_pages(tmp_path: Path) -> None:
    fitted = FittedCell(
        cell=GuestCell(dedicated_cpus=[0, 1], memory_mb=512, page_size_kb=2048, cpu_policy="dedicated"),
        host_cell=1,
        pinning=[CpuPin(vcpu=0, host_cpu=4), CpuPin(vcpu=1, host_cpu=5)],
    )
    made = guest(1, flavor=Flavor(name="pinned", vcpus=2, memory_mb=512), assignment=Assignment(cells=[fitted]))
    host = LibvirtTestDriver(tmp_path)
    host.open_hosts([profile("host-1", numa_cells=2, huge_pages_mb=4096)])
    host.spawn("host-1", made, paused=False)
    kept = Instances(tmp_path / "hosts" / "host-1" / "instances").read(made.uuid)
    assert kept is not None
    root = etree.fromstring(kept.xml)
    assert [pin.get("cpuset") for pin in root.iter("vcpupin")] == ["4", "5"]
    assert host.power_state("host-1", made.uuid) == PowerState.RUNNING
    host.close()
