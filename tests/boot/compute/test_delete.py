"""Taking instances down: at any moment, as often as the message comes, and with nothing left."""

from __future__ import annotations

import time

import pytest

from engine.boot.messages import Delete
from tests.boot.compute.harness import Stack


def deleted(running: Stack, name: str) -> None:
    running.wait(lambda: running.row(name).deleted)
    assert running.row(name).vm_state == "deleted"
    running.assert_nothing_left(name)


def test_nothing_is_left_of_a_deleted_instance(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    running.delete(name)
    deleted(running, name)


@pytest.mark.parametrize(
    "rule",
    [
        {"point": "before_network", "delay_s": 1.0, "times": 1},
        {"point": "spawn", "delay_s": 1.0, "times": 1},
        {"point": "before_finish", "delay_s": 1.0, "times": 1},
    ],
    ids=lambda rule: rule["point"],
)
def test_a_build_under_way_is_ended_and_undone(running: Stack, rule: dict[str, object]) -> None:
    running.faults(rule)
    (name,) = running.boot()
    running.wait(lambda: running.row(name).task_state != "scheduling")
    time.sleep(0.1)
    begun = time.monotonic()
    running.delete(name)
    deleted(running, name)
    assert time.monotonic() - begun < 0.9


def test_a_delete_that_comes_before_its_build_wins(running: Stack) -> None:
    running.end_agents()
    (name,) = running.boot()
    running.delete(name)
    running.start_agent()
    deleted(running, name)


def test_a_copy_of_the_message_and_a_domain_that_is_gone_are_no_matter(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    host = running.row(name).host
    running.driver.destroy(host, name)
    running.delete(name)
    running.cast(host, Delete(instance_uuid=name, request_id="req-delete"))
    deleted(running, name)
    running.cast(host, Delete(instance_uuid=name, request_id="req-delete"))
    running.wait(lambda: not running.messages())


def test_a_delete_that_the_record_does_not_want_is_not_done(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    running.cast(running.row(name).host, Delete(instance_uuid=name, request_id="req-delete"))
    running.wait(lambda: not running.messages())
    assert running.row(name).vm_state == "active"
    assert running.domains().count(name) == 1


def test_a_delete_that_came_to_a_host_it_left_only_clears_up_there(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    other = next(f"host-{number}" for number in range(1, 5) if f"host-{number}" != running.row(name).host)
    running.change(name, task_state="deleting")
    running.cast(other, Delete(instance_uuid=name, request_id="req-delete"))
    running.wait(lambda: not running.messages())
    assert len(running.ports(name)) == 1
    assert running.domains().count(name) == 1
    running.change(name, task_state="")
    running.delete(name)
    deleted(running, name)


def test_a_host_that_cannot_destroy_is_asked_again(running: Stack) -> None:
    (name,) = running.boot()
    running.wait_active(name)
    running.faults({"point": "destroy", "status": 500, "times": 1})
    running.delete(name)
    deleted(running, name)


def test_an_instance_in_error_is_deleted_without_a_trace(running: Stack) -> None:
    running.faults({"point": "spawn", "status": 500})
    (name,) = running.boot(alternates=0)
    running.wait_error(name)
    running.faults()
    running.change(name, task_state="deleting", host="host-1")
    running.cast("host-1", Delete(instance_uuid=name, request_id="req-delete"))
    deleted(running, name)
