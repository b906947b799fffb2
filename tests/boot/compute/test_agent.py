"""The agent keeps nothing of what it is done with, and does different things at the same time."""

from __future__ import annotations

import gc
import time
from typing import Any

from engine.boot.compute.agent import Agent
from engine.boot.compute.build import Build
from engine.boot.compute.slots import InstanceLocks
from engine.boot.compute.vif_events import VifEvents
from tests.boot.compute.harness import Stack


def alive(kind: type) -> list[Any]:
    gc.collect()
    return [found for found in gc.get_objects() if isinstance(found, kind)]


def test_nothing_is_kept_of_what_is_done(running: Stack) -> None:
    running.end_agents()
    running.agents.clear()
    running.start_agent()
    before = len(alive(Build))
    names = running.boot(count=10)
    running.wait_active(*names)
    for name in names:
        running.delete(name)
    running.wait(lambda: all(running.row(name).deleted for name in names))
    running.wait(lambda: not running.messages())
    running.wait(lambda: all(agent.under_way == 0 for agent in alive(Agent)))
    assert len(alive(Build)) <= before
    assert all(agent._builds == {} for agent in alive(Agent))
    assert all(events.waiting == 0 for events in alive(VifEvents))
    assert all(len(locks) == 0 for locks in alive(InstanceLocks))


def test_no_more_builds_than_allowed_run_at_once(running: Stack) -> None:
    running.end_agents()
    running.start_agent(max_concurrent_builds=1)
    running.faults({"point": "before_network", "delay_s": 0.2})
    begun = time.monotonic()
    names = running.boot(count=3)
    running.wait_active(*names)
    assert time.monotonic() - begun > 0.6
    running.end_agents()


def test_one_instances_trouble_does_not_hold_up_the_others(running: Stack) -> None:
    running.faults({"point": "spawn", "delay_s": 2.0, "times": 1})
    (slow,) = running.boot()
    running.wait(lambda: running.row(slow).task_state == "spawning")
    begun = time.monotonic()
    running.wait_active(*running.boot(count=4))
    assert time.monotonic() - begun < 1.5
    running.wait_active(slow)
