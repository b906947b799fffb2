"""An agent that is stopped or killed in the middle leaves what the next one brings to a good end."""

from __future__ import annotations

import time

import pytest

from tests.boot.compute.harness import Stack

SLOW = {"delay_s": 3.0, "times": 1}


@pytest.mark.parametrize("point", ["before_network", "spawn", "before_finish"])
def test_a_killed_agents_build_is_taken_up_again(running: Stack, point: str) -> None:
    running.faults({"point": point, **SLOW})
    (name,) = running.boot()
    running.wait(lambda: running.row(name).task_state != "scheduling")
    time.sleep(0.3)
    before = {port["id"] for port in running.ports(name)}
    running.agents[-1].freeze()
    running.faults()
    running.start_agent()
    running.wait_active(name)
    assert running.row(name).attempt == 1
    assert before <= {port["id"] for port in running.ports(name)}
    assert len(running.ports(name)) == 1
    assert running.domains().count(name) == 1
    running.wait(lambda: not running.messages())


def test_a_stopped_agent_leaves_its_builds_to_the_next(running: Stack) -> None:
    running.faults({"point": "spawn", "delay_s": 60.0, "times": 1})
    (name,) = running.boot()
    running.wait(lambda: running.row(name).task_state == "spawning")
    begun = time.monotonic()
    running.end_agents()
    assert time.monotonic() - begun < 10
    assert running.row(name).vm_state == "building"
    assert len(running.ports(name)) == 1
    running.faults()
    running.start_agent()
    running.wait_active(name)
    assert len(running.ports(name)) == 1


def test_a_restarted_conductor_costs_no_build(running: Stack) -> None:
    running.faults({"point": "spawn", "delay_s": 0.5, "times": 4})
    names = running.boot(count=4)
    running.wait(lambda: running.row(names[0]).task_state == "spawning")
    assert running.conductor is not None
    running.conductor.end()
    time.sleep(0.5)
    running.start_conductor()
    running.wait_active(*names)
    assert all(running.row(name).attempt == 1 for name in names)
    assert all(running.domains().count(name) == 1 for name in names)


def test_a_second_agent_takes_the_hosts_over(running: Stack) -> None:
    first = running.agents[-1]
    running.start_agent()
    running.wait(first.served.done)
    with pytest.raises(Exception, match="taken over"):
        first.served.result()
    first.freeze()
    running.wait_active(*running.boot(count=4))
