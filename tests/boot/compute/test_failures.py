"""Whatever fails, the instance ends ACTIVE elsewhere or in ERROR that says why, and nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from engine.boot.messages import Build, Caller
from engine.boot.states import PowerState
from tests.boot.compute.harness import Stack

POINTS = ["before_network", "spawn", "before_finish"]


def refused(point: str, **rule: Any) -> dict[str, Any]:
    return {"point": point, "status": 500, "message": f"{point} was refused", **rule}


@pytest.mark.parametrize("point", POINTS)
def test_another_host_takes_over_where_one_fails(running: Stack, point: str) -> None:
    running.faults(refused(point, times=1))
    (name,) = running.boot()
    first = running.row(name).host
    running.wait_active(name)
    row = running.row(name)
    assert row.attempt == 2
    assert row.host != first
    assert [info.uuid for info in running.driver.domains(first) if info.uuid == name] == []
    (port,) = running.ports(name)
    assert port["binding:host_id"] == row.host
    assert running.allocations().count(name) == 1
    assert {step.attempt for step in running.steps(name)} == {1, 2}


@pytest.mark.parametrize("point", POINTS)
def test_a_failure_everywhere_ends_in_error_and_leaves_nothing(running: Stack, point: str) -> None:
    running.faults(refused(point))
    (name,) = running.boot()
    fault = running.wait_error(name)
    assert fault.message.startswith("Exceeded maximum number of retries.")
    assert f"{point} was refused" in fault.message
    running.assert_nothing_left(name)


def test_a_step_that_failed_says_so(running: Stack) -> None:
    running.faults(refused("spawn"))
    (name,) = running.boot(alternates=0)
    running.wait_error(name)
    (step,) = [step for step in running.steps(name) if step.step == 28]
    assert step.error == "spawn was refused"


def test_a_failed_host_is_held_against(running: Stack) -> None:
    running.faults(refused("spawn"))
    (name,) = running.boot(alternates=0)
    host = running.row(name).host
    running.wait_error(name)
    running.wait(lambda: running.scheduler.client.get_host(host).host.failed_builds > 0)
    running.faults()
    running.wait_active(*running.boot(count=4))


def test_a_guest_that_no_host_can_hold_is_refused_there(running: Stack) -> None:
    running.end_agents()
    (name,) = running.boot(alternates=0)
    flavor = {**running.row(name).flavor, "memory_mb": running.options.memory_mb + 1}
    running.change(name, flavor=flavor)
    running.start_agent()
    assert "Insufficient compute resources" in running.wait_error(name).message
    running.assert_nothing_left(name)


def test_a_binding_that_failed_goes_elsewhere(running: Stack) -> None:
    running.cloud_faults({"part": "network", "point": "bind_port", "value": "binding_failed", "times": 1})
    (name,) = running.boot()
    running.wait_active(name)
    assert running.row(name).attempt == 2
    assert len(running.ports(name)) == 1


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"part": "network", "point": "POST /v2.0/ports", "status": 409}, "Failed to allocate the network(s)"),
        ({"part": "image", "point": "GET /v2/images/.*", "status": 404}, "aborted"),
    ],
)
def test_what_no_host_could_do_better_is_not_tried_again(running: Stack, rule: dict[str, Any], words: str) -> None:
    running.cloud_faults(rule)
    (name,) = running.boot()
    assert words in running.wait_error(name).message
    assert running.row(name).attempt == 1
    running.assert_nothing_left(name)


def test_a_token_that_is_no_good_leaves_nothing(running: Stack) -> None:
    nobody = Caller(token="revoked", user_id=running.caller.user_id, project_id=running.caller.project_id)
    (name,) = running.boot(caller=nobody)
    running.wait_error(name)
    running.assert_nothing_left(name)


def test_an_undo_that_fails_at_first_is_tried_again(running: Stack) -> None:
    running.faults(refused("spawn", times=1), refused("destroy", times=2))
    (name,) = running.boot()
    running.wait_active(name)
    assert running.domains().count(name) == 1
    assert len(running.ports(name)) == 1


@pytest.mark.parametrize("told", [True, False], ids=["by the next message", "by the record"])
def test_a_build_that_another_attempt_overtook_undoes_only_its_own(running: Stack, told: bool) -> None:
    running.faults({"point": "before_finish", "delay_s": 0.7, "times": 1})
    (name,) = running.boot()
    first = running.row(name).host
    running.wait(lambda: running.driver.power_state(first, name) == PowerState.RUNNING)
    (old,) = running.ports(name)
    other = next(f"host-{number}" for number in range(1, 5) if f"host-{number}" != first)
    running.change(name, host=other, attempt=2, task_state="scheduling")
    if told:
        running.cast(other, Build(instance_uuid=name, attempt=2, caller=running.caller, cast_at_us=0))
        running.wait_active(name)
        (port,) = running.ports(name)
        assert port["id"] != old["id"]
        assert port["binding:host_id"] == other
    running.wait(lambda: running.driver.power_state(first, name) is None)
    running.wait(lambda: old["id"] not in [port["id"] for port in running.ports(name)])
    assert running.row(name).host == other
    assert running.row(name).attempt == 2
