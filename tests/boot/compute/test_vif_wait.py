"""A guest runs when its interfaces are plugged, however late and by whatever way that is heard."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from engine.boot.effects.errors import NO_NETWORK
from engine.boot.messages import ExternalEvent
from engine.boot.states import PowerState
from tests.boot.compute.harness import Stack

NEVER = {"part": "network", "point": "plug_vif", "value": "never"}


@pytest.fixture
def impatient(running: Stack) -> Iterator[Stack]:
    """An agent that waits for half a second."""
    running.end_agents()
    running.start_agent(vif_plugging_timeout_s=0.5)
    yield running
    running.end_agents()


def test_a_guest_stays_paused_until_its_interface_is_plugged(running: Stack) -> None:
    running.cloud_faults({**NEVER, "times": 1})
    (name,) = running.boot()
    host = running.row(name).host
    running.wait(lambda: running.driver.power_state(host, name) == PowerState.PAUSED)
    time.sleep(0.1)
    assert running.row(name).task_state == "spawning"
    (port,) = running.ports(name)
    for other in (
        ExternalEvent(instance_uuid=name, name="network-changed", tag=port["id"]),
        ExternalEvent(instance_uuid=name, name="network-vif-plugged", tag="another"),
        ExternalEvent(instance_uuid=name, name="network-vif-unplugged", tag=port["id"]),
    ):
        running.cast(host, other)
    time.sleep(0.1)
    assert running.driver.power_state(host, name) == PowerState.PAUSED
    running.plugged(name, port["id"])
    running.plugged(name, port["id"])
    running.wait_active(name)


def test_an_event_that_comes_early_is_not_lost(running: Stack) -> None:
    running.cloud_faults({"part": "network", "point": "plug_vif", "value": "early", "times": 1})
    (name,) = running.boot()
    running.wait_active(name)


@pytest.mark.parametrize("deaf", [False, True])
def test_a_port_that_failed_ends_the_build(running: Stack, deaf: bool) -> None:
    running.deaf = deaf
    running.cloud_faults({"part": "network", "point": "plug_vif", "value": "failed", "times": 1})
    (name,) = running.boot()
    assert NO_NETWORK in running.wait_error(name).message
    assert running.row(name).attempt == 1
    running.assert_nothing_left(name)


def test_a_port_that_is_never_plugged_ends_the_build_in_time(impatient: Stack) -> None:
    impatient.cloud_faults({**NEVER, "times": 1})
    (name,) = impatient.boot()
    fault = impatient.wait_error(name)
    assert fault.message == f"Build of instance {name} aborted: {NO_NETWORK}"
    assert "not plugged within 0.5 s" in fault.details
    impatient.assert_nothing_left(name)


@pytest.mark.parametrize(
    "options",
    [{"vif_plugging_timeout_s": 0.2, "vif_plugging_is_fatal": False}, {"vif_plugging_timeout_s": 0}],
    ids=["not fatal", "no wait"],
)
def test_a_guest_may_go_on_without(running: Stack, options: dict[str, float]) -> None:
    running.end_agents()
    running.start_agent(**options)
    running.cloud_faults({**NEVER, "times": 1})
    (name,) = running.boot()
    running.wait_active(name)
    assert running.driver.power_state(running.row(name).host, name) == PowerState.RUNNING
    running.end_agents()


def test_a_delete_does_not_wait_for_an_interface(running: Stack) -> None:
    running.cloud_faults({**NEVER, "times": 1})
    (name,) = running.boot()
    running.wait(lambda: running.row(name).task_state == "spawning")
    running.delete(name)
    running.wait(lambda: running.row(name).deleted, within_s=5)
    running.assert_nothing_left(name)
