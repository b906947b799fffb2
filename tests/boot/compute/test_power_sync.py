"""Records and domains that do not agree are brought together, by nova's rules."""

from __future__ import annotations

import uuid

from engine.boot.states import PowerState
from tests.boot.compute.harness import Stack
from tests.boot.libvirt.guests import guest


def test_a_domain_without_instance_is_destroyed_when_an_agent_starts(running: Stack) -> None:
    running.end_agents()
    orphan = guest(999_999)
    running.driver.spawn("host-2", orphan, paused=False)
    (name,) = running.boot(networks=[])
    running.start_agent()
    running.wait(lambda: orphan.uuid not in running.domains())
    running.wait_active(name)
    running.end_agents()
    running.start_agent()
    running.wait_active(name)
    assert running.domains().count(name) == 1


def test_a_guest_that_stopped_while_no_agent_looked_is_recorded_as_stopped(running: Stack) -> None:
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    running.end_agents()
    running.driver.stop(running.row(name).host, name, timeout_s=1)
    running.start_agent()
    running.wait(lambda: running.row(name).vm_state == "stopped")
    assert running.row(name).power_state == PowerState.SHUTDOWN


def test_a_guest_that_runs_against_the_record_is_stopped(running: Stack) -> None:
    (name,) = running.boot(networks=[])
    running.wait_active(name)
    running.power(name, "stop")
    running.wait(lambda: running.row(name).vm_state == "stopped")
    host = running.row(name).host
    # a start that nobody asked nova for
    running.driver.start(host, guest(running.row(name).number, uuid=name))
    running.wait(lambda: running.driver.power_state(host, name) == PowerState.SHUTDOWN)
    running.wait(lambda: running.row(name).power_state == PowerState.SHUTDOWN)


def test_a_whole_fleets_states_are_compared_in_time(running: Stack) -> None:
    running.end_agents()
    running.start_agent(hosts=300, first_host=1000, sync_power_states_interval_s=0.2)
    stranger = guest(5, uuid=str(uuid.uuid4()))
    running.driver.spawn("host-1299", stranger, paused=False)
    running.wait(lambda: running.driver.power_state("host-1299", stranger.uuid) is None)
    running.end_agents()
    running.scheduler.client.delete_hosts([f"host-{number}" for number in range(1000, 1300)])
    running.start_agent()
