"""A boot's steps as lines."""

from __future__ import annotations

from engine.cli.cloud.timeline import begun_us, line, state_line

STEP = {
    "step": 24,
    "component": "nova-compute",
    "what": "has the network's addresses",
    "attempt": 1,
    "host": "host-1",
    "started_at_us": 1_002_500,
    "finished_at_us": 1_004_000,
    "error": "",
    "detail": "10.64.0.9",
}


def test_a_line_says_when_and_how_long_in_milliseconds() -> None:
    assert line(STEP, 1_000_000).split()[-3:] == ["2.5", "1.5", "10.64.0.9"]


def test_a_failure_and_a_later_attempt_are_visible() -> None:
    text = line(STEP | {"error": "no such port", "attempt": 2}, 1_000_000)
    assert text.endswith("[attempt 2] FAILED: no such port")


def test_the_boot_begins_with_the_request_not_with_an_old_token() -> None:
    steps = [STEP | {"step": 2, "started_at_us": 5}, STEP | {"step": 3, "started_at_us": 900}, STEP]
    assert begun_us(steps) == 900
    assert begun_us([]) == 0


def test_a_state_is_shown_as_a_user_sees_it() -> None:
    building = {"status": "BUILD", "OS-EXT-STS:task_state": "spawning", "OS-EXT-STS:power_state": 0}
    assert state_line(building) == "BUILD / spawning / no state"
    active = {"status": "ACTIVE", "OS-EXT-STS:task_state": None, "OS-EXT-STS:power_state": 1}
    assert state_line(active) == "ACTIVE / none / Running"
