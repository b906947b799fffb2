"""The compute service is enabled and was heard of within service_down_time, before or after now."""

from __future__ import annotations

import pytest

from tests.builders import NOW_US, SECOND_US, passing

NAME = "ComputeFilter"


@pytest.mark.parametrize(
    ("age_s", "up"), [(0, True), (60, True), (60.000001, False), (-60, True), (-60.000001, False), (10**6, False)]
)
def test_a_heartbeat_counts_for_service_down_time_both_ways(age_s: float, up: bool) -> None:
    host = {"last_seen_up_us": NOW_US - round(age_s * SECOND_US)}
    assert passing(NAME, [host]) == ({"h0"} if up else set())


def test_service_down_time_is_an_option() -> None:
    host = {"last_seen_up_us": NOW_US - 90 * SECOND_US}
    assert passing(NAME, [host], service_down_time=90) == {"h0"}
    assert passing(NAME, [host], service_down_time=89) == set()


def test_a_host_that_sends_no_heartbeats_is_up_unless_an_operator_says_otherwise() -> None:
    hosts = [{}, {"disabled": True}, {"forced_down": True}, {"disabled": True, "forced_down": True}]
    assert passing(NAME, hosts) == {"h0"}


def test_a_fresh_heartbeat_does_not_enable_a_disabled_service() -> None:
    assert passing(NAME, [{"disabled": True, "last_seen_up_us": NOW_US}]) == set()
