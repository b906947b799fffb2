"""Starting, stopping and rebooting at the user's word."""

from __future__ import annotations

import pytest

from engine.boot.messages import Power
from engine.boot.states import PowerState
from tests.boot.compute.harness import Stack


@pytest.fixture
def name(running: Stack) -> str:
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    return name


def settled(running: Stack, name: str) -> tuple[str, int, PowerState | None]:
    running.wait(lambda: not running.row(name).task_state)
    row = running.row(name)
    return row.vm_state, row.power_state, running.driver.power_state(row.host, name)


def test_stop_start_and_both_reboots(running: Stack, name: str) -> None:
    running.power(name, "stop")
    assert settled(running, name) == ("stopped", 4, PowerState.SHUTDOWN)
    running.power(name, "start")
    assert settled(running, name) == ("active", 1, PowerState.RUNNING)
    running.power(name, "reboot")
    assert settled(running, name) == ("active", 1, PowerState.RUNNING)
    running.power(name, "reboot", hard=True)
    assert settled(running, name) == ("active", 1, PowerState.RUNNING)
    host = running.row(name).host
    console = running.call_host(host, "console_output", {"instance_uuid": name, "length": None})["output"]
    assert "rebooted, hard" in console


def test_a_soft_reboot_of_what_is_not_there_becomes_a_hard_one(running: Stack, name: str) -> None:
    running.driver.destroy(running.row(name).host, name)
    running.power(name, "reboot")
    assert settled(running, name) == ("active", 1, PowerState.RUNNING)


def test_what_the_launcher_refuses_is_recorded_and_changes_nothing(running: Stack, name: str) -> None:
    running.faults({"point": "stop", "status": 500, "message": "it does not want to"})
    running.power(name, "stop")
    assert settled(running, name) == ("active", 1, PowerState.RUNNING)
    running.wait(lambda: not running.messages())


def test_a_stop_of_a_domain_that_is_gone_is_said(running: Stack, name: str) -> None:
    running.driver.destroy(running.row(name).host, name)
    running.power(name, "stop")
    assert settled(running, name)[0] == "active"


@pytest.mark.parametrize("action", ["stop", "start", "reboot", "explode"])
def test_a_message_that_the_record_does_not_want_has_no_effect(running: Stack, name: str, action: str) -> None:
    running.cast(running.row(name).host, Power(instance_uuid=name, action=action, request_id="req-x"))
    running.wait(lambda: not running.messages())
    assert settled(running, name) == ("active", 1, PowerState.RUNNING)
