"""Which services count as up, and that the verdict holds for the whole span it names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.inventory.schema import NO_HEARTBEAT
from engine.inventory.services import ServiceStates, service_states


class Service(NamedTuple):
    present: int
    disabled: int
    forced_down: int
    seen: int


FLAG = st.sampled_from([0, 0, 0, 1])
TIMES = st.integers(0, 60)
SERVICES = st.lists(
    st.builds(Service, st.sampled_from([1, 1, 1, 0]), FLAG, FLAG, st.one_of(TIMES, st.just(NO_HEARTBEAT))), max_size=8
)
FOREVER = 2**62
DOWN_TIMES = st.integers(1, 20)


def states(services: list[Service], now: int, down_time: int) -> ServiceStates:
    columns = {
        "present": np.array([item.present for item in services], dtype=np.uint8),
        "service_disabled": np.array([item.disabled for item in services], dtype=np.uint8),
        "service_forced_down": np.array([item.forced_down for item in services], dtype=np.uint8),
        "last_seen_up_us": np.array([item.seen for item in services], dtype=np.int64),
    }
    return service_states(columns, now, down_time)


def one_by_one(services: list[Service], now: int, down_time: int) -> list[int]:
    return [
        int(
            item.present == 1
            and not item.disabled
            and not item.forced_down
            and (item.seen == NO_HEARTBEAT or abs(now - item.seen) <= down_time)
        )
        for item in services
    ]


@given(SERVICES, TIMES, DOWN_TIMES)
def test_the_states_are_those_of_each_service_alone(services: list[Service], now: int, down_time: int) -> None:
    assert states(services, now, down_time).up.tolist() == one_by_one(services, now, down_time)


@given(SERVICES, TIMES, DOWN_TIMES)
def test_the_states_hold_throughout_their_span_and_the_span_holds_now(
    services: list[Service], now: int, down_time: int
) -> None:
    found = states(services, now, down_time)
    assert found.valid_from_us <= now <= found.valid_until_us
    for moment in range(found.valid_from_us, min(found.valid_until_us, 200) + 1):
        assert one_by_one(services, moment, down_time) == found.up.tolist()


@given(SERVICES, TIMES, DOWN_TIMES)
def test_the_span_ends_only_where_a_service_that_may_be_up_starts_or_ends(
    services: list[Service], now: int, down_time: int
) -> None:
    found = states(services, now, down_time)
    beating = [item for item in services if item.present and not item.disabled and not item.forced_down]
    starts = {item.seen - down_time for item in beating if item.seen != NO_HEARTBEAT}
    ends = {item.seen + down_time for item in beating if item.seen != NO_HEARTBEAT}
    assert found.valid_until_us > FOREVER or found.valid_until_us in ends | {start - 1 for start in starts}
    assert found.valid_from_us in {0} | starts | {end + 1 for end in ends}


def test_both_ends_of_down_time_count_as_up() -> None:
    services = [Service(1, 0, 0, 100)]
    assert [int(states(services, now, 60).up[0]) for now in (39, 40, 100, 160, 161)] == [0, 1, 1, 1, 0]
    assert states(services, 100, 60)[1:] == (40, 160)
    assert states(services, 161, 60).valid_from_us == 161
    assert states(services, 161, 60).valid_until_us > FOREVER


def test_no_services_have_no_end() -> None:
    assert states([], 5, 60).valid_from_us == 0
    assert states([], 5, 60).valid_until_us > FOREVER
