"""The view of the fleet: zones, life signs, and one read for many callers."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

from engine.boot.api.fleet import Fleet, FleetView, all_hosts, small_id
from engine.v1.inventory_pb2 import Aggregate, Host, HostService
from tests.boot.api.extras_harness import Api

NOW = 1_000.0


def fleet(*aggregates: Aggregate) -> Fleet:
    return Fleet((), aggregates, default_zone="nova", down_time_s=60, taken_at=NOW)


def test_a_hosts_zone_is_its_own_then_its_aggregates_then_the_default() -> None:
    zoned = Aggregate(uuid="z", metadata={"availability_zone": "az1"})
    view = fleet(Aggregate(uuid="plain"), zoned)

    assert view.zone_of(Host(availability_zone="own", aggregate_uuids=["z"])) == "own"
    assert view.zone_of(Host(aggregate_uuids=["plain", "z"])) == "az1"
    assert view.zone_of(Host(aggregate_uuids=["plain"])) == "nova"


def test_life_goes_by_heartbeats_whether_or_not_the_service_is_disabled() -> None:
    def at(seconds: float) -> int:
        return int(seconds * 1e6)

    view = fleet()
    assert view.is_up(Host(up=True))
    assert view.is_up(Host(service=HostService(disabled=True, last_seen_up_us=at(NOW - 60))))
    assert not view.is_up(Host(service=HostService(disabled=True, last_seen_up_us=at(NOW - 61))))
    assert view.is_up(Host(service=HostService(disabled=True)))
    assert not view.is_up(Host(service=HostService(forced_down=True, last_seen_up_us=at(NOW))))
    assert view.seen_at(Host(service=HostService(last_seen_up_us=at(5)))) == 5
    assert view.seen_at(Host()) == NOW


def test_callers_share_a_read_until_it_is_old_or_forgotten(extras: Api) -> None:
    name = f"host-{uuid4().hex[:8]}"

    async def look() -> tuple[list[Fleet], bool, bool]:
        view = FleetView(extras.deps, fresh_s=60)
        together = await asyncio.gather(*(view.look() for _ in range(5)))
        await asyncio.to_thread(extras.add_host, name)
        before = name in (await view.look()).by_name
        view.forget()
        return together, before, name in (await view.look()).by_name

    together, before, after = extras.run(look())
    assert len({id(item) for item in together}) == 1
    assert (before, after) == (False, True)


def test_a_view_becomes_old(extras: Api) -> None:
    async def look() -> bool:
        view = FleetView(extras.deps, fresh_s=0.05)
        first = await view.look()
        await asyncio.sleep(0.06)
        return await view.look() is first

    assert extras.run(look()) is False


def test_every_page_is_read(extras: Api) -> None:
    hosts = list(all_hosts(extras.scheduler.client))

    assert len(hosts) == extras.scheduler.client.list_hosts(page_size=1).total
    assert len({host.host_id for host in hosts}) == len(hosts)


def test_small_ids_fit_into_what_any_client_reads() -> None:
    started = time.monotonic()
    ids = {small_id(str(uuid4())) for _ in range(10_000)}

    assert len(ids) == 10_000
    assert max(ids) < 2**53
    assert time.monotonic() - started < 5
