"""Events of ports reach their waiter in whatever order they come."""

from __future__ import annotations

import asyncio

from engine.boot.compute.vif_events import COMPLETED, VIF_PLUGGED, EventKey, VifEvents


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def key(tag: str = "port-1", *, uuid: str = "i-1", host: str = "host-1", name: str = VIF_PLUGGED) -> EventKey:
    return EventKey(host, uuid, name, tag)


def run(work: object) -> None:
    asyncio.run(work)  # type: ignore[arg-type]


def test_an_event_before_the_waiter_is_not_lost() -> None:
    async def work() -> None:
        events = VifEvents()
        events.deliver(key(), COMPLETED)
        latches = events.expect("host-1", "i-1", VIF_PLUGGED, ["port-1"])
        assert latches.open_tags() == []
        assert await latches.wait(0, stop_at_failure=True)
        events.release(latches)
        assert (events.kept, events.waiting) == (0, 0)

    run(work())


def test_an_event_after_the_waiter_wakes_it() -> None:
    async def work() -> None:
        events = VifEvents()
        latches = events.expect("host-1", "i-1", VIF_PLUGGED, ["port-1", "port-2"])
        asyncio.get_running_loop().call_later(0.01, events.deliver, key("port-1"), COMPLETED)
        asyncio.get_running_loop().call_later(0.02, events.deliver, key("port-2"), COMPLETED)
        assert await latches.wait(5, stop_at_failure=True)
        assert latches.failed_tags() == []

    run(work())


def test_a_wait_ends_in_time_and_says_what_is_missing() -> None:
    async def work() -> None:
        events = VifEvents()
        latches = events.expect("host-1", "i-1", VIF_PLUGGED, ["port-1", "port-2"])
        events.deliver(key("port-2"), COMPLETED)
        assert not await latches.wait(0.02, stop_at_failure=True)
        assert latches.open_tags() == ["port-1"]
        latches.settle("port-1", COMPLETED)
        assert await latches.wait(0, stop_at_failure=True)

    run(work())


def test_a_failed_port_ends_the_wait_at_once_or_is_waited_past() -> None:
    async def work() -> None:
        events = VifEvents()
        latches = events.expect("host-1", "i-1", VIF_PLUGGED, ["port-1", "port-2"])
        events.deliver(key("port-1"), "failed")
        assert await latches.wait(5, stop_at_failure=True)
        assert latches.failed_tags() == ["port-1"]
        assert not await latches.wait(0.01, stop_at_failure=False)
        events.deliver(key("port-2"), COMPLETED)
        assert await latches.wait(5, stop_at_failure=False)

    run(work())


def test_duplicates_change_nothing() -> None:
    async def work() -> None:
        events = VifEvents()
        latches = events.expect("host-1", "i-1", VIF_PLUGGED, ["port-1"])
        events.deliver(key(), COMPLETED)
        events.deliver(key(), "failed")
        assert latches.failed_tags() == []
        events.release(latches)
        events.release(latches)
        events.deliver(key(), COMPLETED)
        assert events.kept == 1

    run(work())


def test_others_events_are_not_taken() -> None:
    async def work() -> None:
        events = VifEvents()
        latches = events.expect("host-1", "i-1", VIF_PLUGGED, ["port-1"])
        events.deliver(key(host="host-2"), COMPLETED)
        events.deliver(key(uuid="i-2"), COMPLETED)
        events.deliver(key("port-9"), COMPLETED)
        events.deliver(key(name="network-changed"), COMPLETED)
        assert latches.open_tags() == ["port-1"]

    run(work())


def test_an_earlier_life_is_forgotten() -> None:
    async def work() -> None:
        events = VifEvents()
        events.deliver(key(), COMPLETED)
        events.forget("host-1", "i-1")
        events.forget("host-1", "i-1")
        assert events.expect("host-1", "i-1", VIF_PLUGGED, ["port-1"]).open_tags() == ["port-1"]

    run(work())


def test_what_nobody_asks_for_is_bounded_by_number_and_by_time() -> None:
    clock = Clock()
    events = VifEvents(keep_s=10, keep_most=100, clock=clock)
    for number in range(50_000):
        events.deliver(key(uuid=f"i-{number}"), COMPLETED)
    assert events.kept == 100
    for number in range(50_000):
        events.deliver(key(f"port-{number}", uuid="i-49999"), COMPLETED)
    assert events.kept == 100
    clock.now = 11
    events.deliver(key(uuid="newest"), COMPLETED)
    assert events.kept == 1
