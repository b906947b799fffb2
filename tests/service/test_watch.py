"""Watching hosts: everything first, then changes as they come, several at once, and removals."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from engine.v1.inventory_pb2 import Host
from engine.v1.inventory_service_pb2 import UpdateHostsRequest, WatchHostsRequest
from tests.service.harness import serving
from tests.service.messages import Refusal, add_hosts, spec

QUIET_S = 0.25
"""Longer than the service lets changes gather."""


class Watcher:
    """The messages of one watch, as they come."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self._heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for message in self.call:
                self._heard.put(message)
        except grpc.RpcError as failure:
            self._heard.put(failure)

    def next(self) -> Any:
        return self._heard.get(timeout=30)

    def is_quiet(self) -> bool:
        time.sleep(QUIET_S)
        return self._heard.empty()


@contextmanager
def watching(local: Any, after_generation: int = 0) -> Iterator[Watcher]:
    call = local.inventory.WatchHosts(WatchHostsRequest(after_generation=after_generation))
    try:
        yield Watcher(call)
    finally:
        call.cancel()


def names(message: Any) -> list[str]:
    return sorted(host.host_id for host in message.hosts)


def test_a_watch_begins_with_every_host_and_goes_on_with_what_changes(local):
    add_hosts(local.client, {}, {}, {})
    with watching(local) as watch:
        first = watch.next()
        assert names(first) == ["h0", "h1", "h2"]
        assert first.full
        assert first.inventory_generation == local.client.list_hosts().inventory_generation
        assert watch.is_quiet()
        (selection,) = local.client.select_destinations(spec(force_hosts=["h1"])).selections
        change = watch.next()
        assert (names(change), change.full) == (["h1"], False)
        assert change.hosts[0].inventories["VCPU"].used == 1
        assert change.inventory_generation > first.inventory_generation
        local.client.release_allocations([selection.instance_uuid])
        assert watch.next().hosts[0].inventories["VCPU"].used == 0


def test_removals_and_new_hosts_are_told(local):
    add_hosts(local.client, {}, {})
    with watching(local) as watch:
        watch.next()
        local.client.delete_hosts(["h0"])
        gone = watch.next()
        assert (names(gone), list(gone.deleted_host_ids)) == ([], ["h0"])
        add_hosts(local.client, {}, {}, {})
        assert set(names(watch.next())) == {"h0", "h1", "h2"}
        assert watch.is_quiet()


def test_changes_close_together_come_as_one_and_none_is_missed(local):
    add_hosts(local.client, *[{}] * 4)
    with watching(local) as watch:
        watch.next()
        for _ in range(60):
            local.client.select_destinations(spec())
        last = local.client.list_hosts()
        used = {host.host_id: 0 for host in last.hosts}
        messages = 0
        generation = 0
        while generation < last.inventory_generation:
            message = watch.next()
            messages += 1
            generation = message.inventory_generation
            used |= {host.host_id: host.inventories["VCPU"].used for host in message.hosts}
        assert messages < 60
        assert sum(used.values()) == 60


def test_a_watch_goes_on_from_a_generation(local):
    add_hosts(local.client, {}, {})
    generation = local.client.list_hosts().inventory_generation
    local.client.select_destinations(spec(force_hosts=["h1"]))
    with watching(local, generation) as watch:
        message = watch.next()
        assert (names(message), message.full) == (["h1"], False)


def test_a_watch_of_nothing_is_told_so_once(local):
    with watching(local) as watch:
        message = watch.next()
        assert (names(message), message.full) == ([], True)
        assert watch.is_quiet()
        add_hosts(local.client, {})
        assert names(watch.next()) == ["h0"]


def test_a_watch_from_before_a_restart_or_from_another_ledger_gets_everything(tmp_path):
    with serving(tmp_path) as local:
        add_hosts(local.client, {}, {})
        local.client.delete_hosts(["h1"])
        generation = local.client.list_hosts().inventory_generation
    with serving(tmp_path) as local:
        assert local.client.list_hosts().inventory_generation > generation
        for older in (generation, 2**62):
            with watching(local, older) as watch:
                message = watch.next()
                assert (names(message), message.full) == (["h0"], True)


def test_a_watch_ends_with_a_reason_when_the_service_stops(tmp_path):
    with serving(tmp_path) as local:
        add_hosts(local.client, {})
        call = local.inventory.WatchHosts(WatchHostsRequest())
        watch = Watcher(call)
        watch.next()
        local.run(local.service.stop())
        failure = watch.next()
        assert Refusal(failure).reason == "SHUTTING_DOWN"
        assert failure.code() == grpc.StatusCode.UNAVAILABLE


def test_watching_and_listing_do_not_disturb_placing(local):
    add_hosts(local.client, *[{}] * 50)
    with watching(local) as one, watching(local) as two:
        placed = []
        for _ in range(100):
            placed.append(local.client.select_destinations(spec()).selections[0].host.host_id)
            local.client.list_hosts(page_size=10)
        one.next()
        two.next()
    local.client.release_allocations([item.consumer_uuid for item in local.client.list_allocations().allocations])
    assert [local.client.select_destinations(spec()).selections[0].host.host_id for _ in range(100)] == placed
    local.assert_clean()


@pytest.mark.parametrize("field", ["disabled", "forced_down"])
def test_a_service_that_goes_down_is_told(local, field):
    add_hosts(local.client, {}, {})
    with watching(local) as watch:
        watch.next()
        update = Host(host_id="h0")
        setattr(update.service, field, True)
        list(local.client.update_hosts([UpdateHostsRequest(hosts=[update])]))
        message = watch.next()
        assert names(message) == ["h0"]
        assert not message.hosts[0].up
