"""The placer's housekeeping: token answers and tombstones end with their retention, here and in the ledger."""

from __future__ import annotations

import pytest

from engine.errors import LedgerError
from engine.ledger.reader import read_state
from engine.service.placer import fingerprint_of
from tests.builders import NOW_US, SECOND_US
from tests.service.harness import serving
from tests.service.messages import add_flavor, add_hosts, batch, new_uuid, send, spec, token_uuid, tokens


@pytest.fixture
def clock(local):
    """The service's clock, set by the test."""
    now = [NOW_US]
    local.on_loop(lambda: setattr(local.placer, "clock", lambda: now[0]))
    return now


def test_tokens_and_tombstones_end_with_their_retention(local, clock, tmp_path):
    client = local.client
    add_hosts(client, {}, {})
    add_flavor(client)
    old, kept, held = tokens(3)
    first = client.select_destinations(spec(), client_token="old")
    send(client, batch([old, held]))
    client.release_allocations([token_uuid(old)])
    clock[0] += 10 * SECOND_US
    client.select_destinations(spec(), client_token="kept")
    send(client, batch([kept]))
    client.release_allocations([token_uuid(kept)])
    local.run(local.placer.forget(20))
    assert client.select_destinations(spec(), client_token="old") == first
    clock[0] += 15 * SECOND_US
    local.run(local.placer.forget(20))
    assert client.list_allocations().total == 3
    assert [outcomes for outcomes, _ in send(client, batch([kept]))] == [[4]]
    assert [outcomes for outcomes, _ in send(client, batch([held]))] == [[4]]
    assert [outcomes for outcomes, _ in send(client, batch([old]))] == [[1]]
    again = client.select_destinations(spec(), client_token="old")
    assert again != first
    local.assert_clean()
    # the ledger has let go of them too: only what was placed again, and what is younger
    state = read_state(tmp_path / "state")
    assert set(state.tokens) == {"old", "kept"}
    assert state.tokens["old"].created_us == clock[0]
    assert len(state.consumers) == 6


def test_a_token_whose_caller_left_is_forgotten_too(disk, local, clock):
    from tests.service.test_callers_that_go_away import select

    add_hosts(local.client, {})
    disk.hold()
    call = select(local, "t")
    disk.wait_for_commit()
    call.cancel()
    disk.go_on()
    assert local.client.list_allocations().total == 1
    clock[0] += 100 * SECOND_US
    local.run(local.placer.forget(20))
    assert local.on_loop(lambda: len(local.placer.answers)) == 0


def test_nothing_is_written_when_there_is_nothing_to_forget(disk, local, clock):
    add_hosts(local.client, {})
    local.client.select_destinations(spec(), client_token="t")
    before = disk.commits
    local.run(local.placer.forget(20))
    assert disk.commits == before


def test_what_the_ledger_did_not_forget_is_forgotten_the_next_time(disk, local, clock, tmp_path):
    add_hosts(local.client, {})
    local.client.select_destinations(spec(), client_token="t")
    clock[0] += 100 * SECOND_US
    disk.full = True
    with pytest.raises(LedgerError):
        local.run(local.placer.forget(20))
    disk.full = False
    local.client.select_destinations(spec(), client_token="t")
    local.run(local.placer.forget(20))
    local.assert_clean()


def test_a_release_under_way_keeps_its_way_back(disk, local, clock):
    from tests.service.test_commits import code, decided, entry, release

    add_hosts(local.client, {})
    uuid = new_uuid()
    local.client.select_destinations(spec(instance_uuids=[uuid]))
    disk.hold()
    released = release(local, uuid)
    disk.wait_for_commit()
    decided(local, lambda: not entry(local, uuid).held)
    clock[0] += 100 * SECOND_US
    disk.full = True
    disk.go_on()
    local.run(local.placer.forget(20))
    assert code(released) == "UNAVAILABLE"
    disk.full = False
    assert local.client.get_allocation(uuid).allocation.host_id == "h0"
    local.assert_clean()


def test_retention_counts_from_before_a_restart(tmp_path):
    with serving(tmp_path) as local:
        local.on_loop(lambda: setattr(local.placer, "clock", lambda: NOW_US))
        add_hosts(local.client, {})
        local.client.select_destinations(spec(), client_token="t")
    with serving(tmp_path) as local:
        local.on_loop(lambda: setattr(local.placer, "clock", lambda: NOW_US + 100 * SECOND_US))
        local.run(local.placer.forget(20))
        local.client.select_destinations(spec(), client_token="t")
        assert local.client.list_allocations().total == 2


def test_fingerprints_tell_requests_apart():
    assert fingerprint_of(b"a") == fingerprint_of(b"a") != fingerprint_of(b"b")
    assert len(fingerprint_of(b"")) == 16
