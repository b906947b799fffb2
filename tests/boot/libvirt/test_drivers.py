"""What every launcher must do, run against each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine.boot.libvirt.driver import DomainNotFoundError, Driver, LaunchError, LifecycleEvent
from engine.boot.libvirt.launchers import launcher
from engine.boot.states import PowerState
from tests.boot.libvirt.guests import guest, profile
from tests.boot.libvirt.needs import need_libvirt


@pytest.fixture(params=["memory", "libvirt-test"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    if request.param == "libvirt-test":
        need_libvirt()
    made = launcher(request.param, tmp_path)
    made.open_hosts([profile("host-1"), profile("host-2")])
    yield made
    made.close()


def test_a_guest_runs_and_is_gone_after_destroy(driver: Driver) -> None:
    made = guest(26)
    spawned = driver.spawn("host-1", made, paused=False)
    assert (spawned.name, spawned.power_state, spawned.adopted) == ("instance-0000001a", PowerState.RUNNING, False)
    assert driver.power_state("host-1", made.uuid) == PowerState.RUNNING
    assert [(info.uuid, info.name) for info in driver.domains("host-1")] == [(made.uuid, "instance-0000001a")]
    assert driver.domains("host-2") == []
    driver.destroy("host-1", made.uuid)
    driver.destroy("host-1", made.uuid)
    assert driver.power_state("host-1", made.uuid) is None
    assert driver.domains("host-1") == []


def test_a_second_spawn_adopts_what_is_there(driver: Driver) -> None:
    made = guest()
    driver.spawn("host-1", made, paused=True)
    again = driver.spawn("host-1", made, paused=False)
    assert again.adopted
    assert again.power_state == PowerState.PAUSED
    assert len(driver.domains("host-1")) == 1


def test_many_spawns_of_one_guest_at_once_make_one_domain(driver: Driver) -> None:
    made = guest()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: driver.spawn("host-1", made, paused=False), range(16)))
    assert sum(not answer.adopted for answer in answers) == 1
    assert len(driver.domains("host-1")) == 1


def test_a_paused_guest_is_resumed(driver: Driver) -> None:
    made = guest()
    driver.spawn("host-1", made, paused=True)
    assert driver.power_state("host-1", made.uuid) == PowerState.PAUSED
    driver.resume("host-1", made.uuid)
    driver.resume("host-1", made.uuid)
    assert driver.power_state("host-1", made.uuid) == PowerState.RUNNING


def test_stop_start_and_reboot(driver: Driver) -> None:
    made = guest()
    driver.spawn("host-1", made, paused=False)
    driver.stop("host-1", made.uuid, timeout_s=1)
    driver.stop("host-1", made.uuid, timeout_s=1)
    assert driver.power_state("host-1", made.uuid) == PowerState.SHUTDOWN
    driver.start("host-1", made)
    driver.start("host-1", made)
    assert driver.power_state("host-1", made.uuid) == PowerState.RUNNING
    driver.reboot("host-1", made, hard=False)
    driver.reboot("host-1", made, hard=True)
    assert driver.power_state("host-1", made.uuid) == PowerState.RUNNING


def test_a_guest_that_is_missing_is_made_anew_by_start_and_hard_reboot(driver: Driver) -> None:
    first, second = guest(1), guest(2)
    driver.start("host-1", first)
    driver.reboot("host-1", second, hard=True)
    assert {info.uuid for info in driver.domains("host-1")} == {first.uuid, second.uuid}


def test_what_is_not_there_is_said(driver: Driver) -> None:
    nobody = guest()
    with pytest.raises(DomainNotFoundError):
        driver.resume("host-1", nobody.uuid)
    with pytest.raises(DomainNotFoundError):
        driver.stop("host-1", nobody.uuid, timeout_s=1)
    with pytest.raises(DomainNotFoundError):
        driver.reboot("host-1", nobody, hard=False)
    with pytest.raises(DomainNotFoundError):
        driver.console_output("host-1", nobody.uuid, None)
    with pytest.raises(LaunchError):
        driver.domains("no such host")


def test_two_instances_never_share_a_name(driver: Driver) -> None:
    driver.spawn("host-1", guest(7), paused=False)
    with pytest.raises(LaunchError):
        driver.spawn("host-1", guest(7), paused=False)
    assert len(driver.domains("host-1")) == 1


def test_the_console_says_what_happened_and_who_ran_it(driver: Driver) -> None:
    made = guest()
    driver.spawn("host-1", made, paused=False)
    driver.stop("host-1", made.uuid, timeout_s=1)
    whole = driver.console_output("host-1", made.uuid, None)
    assert driver.name in whole
    assert driver.console_output("host-1", made.uuid, 1) == whole.splitlines(keepends=True)[-1]
    assert driver.console_output("host-1", made.uuid, 0) == ""
    assert driver.console_output("host-1", made.uuid, 10**9) == whole


def test_lifecycle_events_reach_the_callback(driver: Driver) -> None:
    seen: list[tuple[str, str, LifecycleEvent]] = []
    stopped = threading.Event()

    def callback(host: str, uuid: str, event: LifecycleEvent) -> None:
        seen.append((host, uuid, event))
        if event == LifecycleEvent.STOPPED:
            stopped.set()

    driver.on_lifecycle(callback)
    made = guest()
    driver.spawn("host-2", made, paused=False)
    driver.stop("host-2", made.uuid, timeout_s=1)
    assert stopped.wait(5)
    assert ("host-2", made.uuid, LifecycleEvent.STARTED) in seen
    assert seen[-1] == ("host-2", made.uuid, LifecycleEvent.STOPPED)


def test_a_host_reports_what_it_has(driver: Driver) -> None:
    resources = driver.resources("host-1")
    assert (resources.vcpus, resources.memory_mb) == (8, 16_384)
    assert resources.disk_gb == 100
    assert resources.arch
    assert resources.supported_instances


def test_devices_of_a_running_guest_change(driver: Driver) -> None:
    made = guest()
    driver.spawn("host-1", made, paused=False)
    driver.update_devices("host-1", made)
    assert driver.power_state("host-1", made.uuid) == PowerState.RUNNING


def test_the_images_of_guests_are_known_as_long_as_the_guests_are(driver: Driver) -> None:
    made = guest()
    driver.spawn("host-1", made, paused=False)
    driver.reboot("host-1", replace(made, image_path=None), hard=True)
    assert driver.image_paths() == {made.image_path}
    driver.destroy("host-1", made.uuid)
    assert driver.image_paths() == set()


def test_a_host_opened_again_keeps_its_guests(driver: Driver) -> None:
    driver.spawn("host-1", guest(), paused=False)
    driver.open_hosts([profile("host-1", vcpus=16)])
    assert len(driver.domains("host-1")) == 1


def test_the_memory_launcher_says_that_it_is_none(tmp_path: Path) -> None:
    assert "not libvirt" in launcher("memory", tmp_path).name


def test_a_launcher_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="libvirt-test and memory"):
        launcher("vmware", tmp_path)
