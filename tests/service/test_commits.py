"""What happens to decisions in memory while their records are on the way to disk, and when the disk refuses them."""

from __future__ import annotations

import random
import time
from typing import Any

import grpc
import pytest

from engine.errors import LedgerError, UnknownAllocationError
from engine.ledger.store import Ledger
from engine.v1.inventory_pb2 import Aggregate, Host
from engine.v1.inventory_service_pb2 import DeleteHostsRequest, UpdateHostsRequest
from engine.v1.scheduler_service_pb2 import (
    AuditAllocationsRequest,
    GetAllocationRequest,
    ListAllocationsRequest,
    MoveAllocationRequest,
    ReleaseAllocationsRequest,
    SelectDestinationsRequest,
)
from tests.service.harness import WAIT_S, serving
from tests.service.messages import add_flavor, add_hosts, batch, new_uuid, refusal, send, spec, token_uuid, tokens


def select(local: Any, uuid: str, **fields: Any) -> Any:
    request = SelectDestinationsRequest(request_spec=spec(instance_uuids=[uuid], **fields))
    return local.scheduler.SelectDestinations.future(request, timeout=WAIT_S)


def release(local: Any, *uuids: str) -> Any:
    request = ReleaseAllocationsRequest(consumer_uuids=uuids)
    return local.scheduler.ReleaseAllocations.future(request, timeout=WAIT_S)


def move(local: Any, uuid: str, host_id: str) -> Any:
    request = MoveAllocationRequest(consumer_uuid=uuid, host_id=host_id)
    return local.scheduler.MoveAllocation.future(request, timeout=WAIT_S)


def decided(local: Any, what: Any) -> None:
    """Wait until memory shows a change that is not durable yet."""
    for _ in range(2000):
        if local.on_loop(what):
            return
    pytest.fail("the change was not made in memory")


def entry(local: Any, uuid: str) -> Any:
    from engine.service.convert import consumer_bytes

    return local.placer.book.find(consumer_bytes(uuid, "uuid"))


def code(call: Any) -> str:
    try:
        call.result(WAIT_S)
    except grpc.RpcError as failure:
        return str(failure.code().name)
    return "OK"


def test_everything_decided_on_top_of_a_failed_commit_fails_with_it(disk, local, tmp_path):
    add_hosts(local.client, {}, {})
    uuid = new_uuid()
    before = local.client.get_host("h0").host.inventories["VCPU"].used
    disk.hold()
    claim = select(local, uuid, force_hosts=["h0"])
    disk.wait_for_commit()
    moved = move(local, uuid, "h1")
    decided(local, lambda: entry(local, uuid).row == 1)
    released = release(local, uuid)
    decided(local, lambda: not entry(local, uuid).held)
    again = select(local, uuid, force_hosts=["h1"])
    decided(local, lambda: entry(local, uuid).held)
    disk.full = True
    disk.go_on()
    assert {code(call) for call in (claim, moved, released, again)} == {"UNAVAILABLE"}
    disk.full = False
    assert local.on_loop(lambda: entry(local, uuid)) is None
    assert local.client.get_host("h0").host.inventories["VCPU"].used == before
    assert local.client.list_allocations().total == 0
    local.assert_clean()


def test_a_release_and_a_new_claim_that_both_fail_leave_the_old_claim(disk, local):
    add_hosts(local.client, {}, {})
    uuid, bystander = new_uuid(), new_uuid()
    select(local, uuid, force_hosts=["h0"]).result(WAIT_S)
    disk.hold()
    first = select(local, bystander)
    disk.wait_for_commit()
    released = release(local, uuid)
    decided(local, lambda: not entry(local, uuid).held)
    again = select(local, uuid, force_hosts=["h1"])
    decided(local, lambda: entry(local, uuid).held)
    disk.full = True
    disk.go_on()
    assert [code(call) for call in (first, released, again)] == ["UNAVAILABLE"] * 3
    disk.full = False
    assert local.client.get_allocation(uuid).allocation.host_id == "h0"
    assert local.client.list_allocations().total == 1
    local.assert_clean()


def test_a_claim_that_fails_over_a_released_one_leaves_the_stream_its_repeat(disk, local):
    add_hosts(local.client, {}, {})
    add_flavor(local.client)
    (name,) = tokens(1)
    ((_, (host,)),) = send(local.client, batch([name]))
    local.client.release_allocations([token_uuid(name)])
    disk.full = True
    assert code(select(local, token_uuid(name))) == "UNAVAILABLE"
    disk.full = False
    assert send(local.client, batch([name])) == [([4], [host])]
    select(local, token_uuid(name)).result(WAIT_S)
    assert local.client.list_allocations().total == 1
    local.assert_clean()


def test_moves_that_fail_leave_the_instance_where_it_was(disk, local):
    add_hosts(local.client, {}, {}, {})
    uuid = new_uuid()
    select(local, uuid, force_hosts=["h0"]).result(WAIT_S)
    disk.hold()
    first = move(local, uuid, "h1")
    disk.wait_for_commit()
    second = move(local, uuid, "h2")
    decided(local, lambda: entry(local, uuid).row == 2)
    disk.full = True
    disk.go_on()
    assert [code(call) for call in (first, second)] == ["UNAVAILABLE"] * 2
    disk.full = False
    assert local.client.get_allocation(uuid).allocation.host_id == "h0"
    local.assert_clean()


def test_reads_wait_for_what_they_saw_and_look_again_when_it_fails(disk, local):
    add_hosts(local.client, {})
    uuid = new_uuid()
    select(local, uuid).result(WAIT_S)
    disk.hold()
    released = release(local, uuid)
    disk.wait_for_commit()
    read = local.scheduler.GetAllocation.future(GetAllocationRequest(consumer_uuid=uuid), timeout=WAIT_S)
    listed = local.scheduler.ListAllocations.future(ListAllocationsRequest(), timeout=WAIT_S)
    with pytest.raises(grpc.FutureTimeoutError):
        read.result(0.1)
    assert not listed.done()
    disk.full = True
    disk.go_on()
    assert code(released) == "UNAVAILABLE"
    assert read.result(WAIT_S).allocation.consumer_uuid == uuid
    assert listed.result(WAIT_S).total == 1
    disk.full = False
    disk.hold()
    released = release(local, uuid)
    disk.wait_for_commit()
    read = local.scheduler.GetAllocation.future(GetAllocationRequest(consumer_uuid=uuid), timeout=WAIT_S)
    disk.go_on()
    assert code(read) == "NOT_FOUND"


def test_releasing_what_is_being_released_waits_for_it(disk, local):
    add_hosts(local.client, {})
    uuid = new_uuid()
    select(local, uuid).result(WAIT_S)
    disk.hold()
    first = release(local, uuid)
    disk.wait_for_commit()
    second = release(local, uuid)
    with pytest.raises(grpc.FutureTimeoutError):
        second.result(0.1)
    disk.go_on()
    assert (first.result(WAIT_S).released, second.result(WAIT_S).released) == (1, 0)


def test_an_audit_beside_commits_compares_one_moment(disk, local):
    add_hosts(local.client, {}, {})
    select(local, new_uuid()).result(WAIT_S)
    disk.hold()
    calls = [select(local, new_uuid())]
    disk.wait_for_commit()
    calls += [select(local, new_uuid()) for _ in range(3)]
    decided(local, lambda: len(local.placer.book) == 5)
    audit = local.scheduler.AuditAllocations.future(AuditAllocationsRequest(), timeout=WAIT_S)
    with pytest.raises(grpc.FutureTimeoutError):
        audit.result(0.1)
    calls += [select(local, new_uuid()) for _ in range(3)]
    decided(local, lambda: len(local.placer.book) == 8)
    disk.go_on()
    reply = audit.result(WAIT_S)
    assert (reply.clean, reply.allocations) == (True, 5)
    assert [code(call) for call in calls] == ["OK"] * 7
    local.assert_clean()


def test_an_audit_of_changes_that_fail_is_refused_and_the_next_is_clean(disk, local):
    add_hosts(local.client, {}, {})
    disk.hold()
    claim = select(local, new_uuid())
    disk.wait_for_commit()
    audit = local.scheduler.AuditAllocations.future(AuditAllocationsRequest(), timeout=WAIT_S)
    with pytest.raises(grpc.FutureTimeoutError):
        audit.result(0.1)
    disk.full = True
    disk.go_on()
    assert (code(claim), code(audit)) == ("UNAVAILABLE", "UNAVAILABLE")
    disk.full = False
    local.assert_clean()


def test_an_audit_that_nobody_waits_for_lets_its_reader_go(disk, local):
    add_hosts(local.client, {})
    disk.hold()
    claim = select(local, new_uuid())
    disk.wait_for_commit()
    audit = local.scheduler.AuditAllocations.future(AuditAllocationsRequest(), timeout=WAIT_S)
    with pytest.raises(grpc.FutureTimeoutError):
        audit.result(0.1)
    audit.cancel()
    disk.go_on()
    claim.result(WAIT_S)
    local.assert_clean()


def test_a_host_that_was_to_be_removed_stays_when_the_disk_refuses(disk, local):
    client = local.client
    add_hosts(client, {"traits": ["HW_A"], "aggregates": ["rack"]}, {})
    before = client.get_host("h0").host
    disk.full = True
    assert refusal(local.inventory.DeleteHosts, DeleteHostsRequest(host_ids=["h0", "h1"])).code == "UNAVAILABLE"
    disk.full = False
    after = client.get_host("h0").host
    before.generation = after.generation = 0
    assert after == before
    assert client.list_hosts().total == 2
    client.select_destinations(spec(force_hosts=["h0"]))
    local.assert_clean()


def test_inventory_changes_that_fail_show_nowhere(disk, local):
    client = local.client
    add_hosts(client, {})
    rack = Aggregate(uuid=new_uuid(), name="rack", host_ids=["h0"], metadata={"k": "v"})
    client.update_aggregates([rack])
    host = client.get_host("h0").host
    disk.full = True
    with pytest.raises(LedgerError):
        client.update_aggregates([Aggregate(uuid=new_uuid(), name="new", host_ids=["h0"])], delete_uuids=[rack.uuid])
    with pytest.raises(LedgerError):
        client.update_aggregates([Aggregate(uuid=rack.uuid, name="renamed")])
    with pytest.raises(LedgerError):
        list(client.update_hosts([UpdateHostsRequest(hosts=[Host(host_id="h0", arch="aarch64")])]))
    with pytest.raises(LedgerError):
        add_hosts(client, {"aggregates": ["other"]}, {})
    with pytest.raises(LedgerError):
        add_flavor(client, "m1")
    disk.full = False
    assert list(client.list_aggregates().aggregates) == [rack]
    assert client.list_hosts().total == 1
    after = client.get_host("h0").host
    host.generation = after.generation = 0
    assert after == host
    assert not client.list_flavors().flavors
    local.assert_clean()
    # and what comes next takes the places that the failed ones would have had
    add_hosts(client, {}, {"aggregates": ["other"]})
    local.assert_clean()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_fails_memory_and_ledger_say_the_same(disk, tmp_path, seed):
    chance = random.Random(seed)
    known = [new_uuid() for _ in range(12)]
    with serving(tmp_path) as local:
        add_hosts(local.client, *[{"vcpus": 2}] * 4)
        add_flavor(local.client)
        calls: list[Any] = []
        fail = False
        for _ in range(150):
            uuid = chance.choice(known)
            kind = chance.random()
            if kind < 0.45:
                calls.append(select(local, uuid))
            elif kind < 0.65:
                calls.append(release(local, uuid, chance.choice(known)))
            elif kind < 0.8:
                calls.append(move(local, uuid, f"h{chance.randrange(4)}"))
            elif kind < 0.9:
                fail = not fail
                disk.full = fail
            else:
                for call in calls[-chance.randrange(1, 8) :]:
                    code(call)
        outcomes = {code(call) for call in calls}
        assert {"OK", "UNAVAILABLE"} <= outcomes
        disk.full = False
        local.assert_clean()
        held = {item.consumer_uuid: item.host_id for item in local.client.list_allocations().allocations}
    with serving(tmp_path) as local:
        listed = {item.consumer_uuid: item.host_id for item in local.client.list_allocations().allocations}
        assert listed == held
        local.assert_clean()


def test_a_record_that_the_ledger_cannot_take_is_refused_and_leaves_nothing(local, monkeypatch):
    from engine.ledger.store import Ledger

    add_hosts(local.client, {})
    submit = Ledger.submit

    def refuse(self: Ledger, records: Any, ticket: object) -> None:
        raise LedgerError("not this one")

    monkeypatch.setattr(Ledger, "submit", refuse)
    uuid = new_uuid()
    assert code(select(local, uuid)) == "UNAVAILABLE"
    monkeypatch.setattr(Ledger, "submit", submit)
    with pytest.raises(UnknownAllocationError):
        local.client.get_allocation(uuid)
    local.assert_clean()


def test_a_read_of_what_is_refused_again_and_again_gives_up(local, monkeypatch):
    commits = local.placer.commits

    async def settled() -> None:
        commits._failures += 1

    monkeypatch.setattr(commits, "settled", settled)
    answer = refusal(local.scheduler.ListAllocations, ListAllocationsRequest())
    assert (answer.code, answer.reason) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE")


def test_what_is_on_disk_before_its_submission_returns_is_answered_too(local, monkeypatch):
    def slowly(ledger: Ledger, *work: Any) -> None:
        submit(ledger, *work)
        # the committer's thread goes on meanwhile, up to the gate that the submission holds
        time.sleep(0.05)

    submit = Ledger.submit
    monkeypatch.setattr(Ledger, "submit", slowly)
    add_hosts(local.client, {})
    for _ in range(3):
        assert code(select(local, new_uuid())) == "OK"
    local.assert_clean()
