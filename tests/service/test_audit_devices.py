"""The audit sees each way in which NUMA cells, devices and providers can be off, and says of what."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import LedgerCorruptError
from engine.model.assignment import Assignment
from engine.model.candidates import Candidate
from engine.service.assignments import assignments_record, encoded
from engine.service.audit import audit_state_dir
from engine.service.audit_devices import compare_assignments
from engine.v1.inventory_pb2 import Aggregate, Host
from engine.v1.pci_pb2 import PciPools
from tests.ledger.builders import wait_for_rows
from tests.service.devices import GPU_UUID, RACK_UUID, gpu_host, gpus, inventories, numa_host, shared_disk, update
from tests.service.messages import spec
from tests.service.test_devices import GPU, PINNED, VGPU, run


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def problems(local: Any) -> dict[str, str]:
    reply = local.client.audit_allocations()
    assert reply.clean == (not reply.differences)
    return {item.subject: item.problem for item in reply.differences if item.subject != "columns"}


def hold(local: Any, host_id: str, assignment: Assignment) -> None:
    """Let the table hold an assignment that no instance has."""
    table = local.placer.table
    local.on_loop(lambda: table.hold(table.row(host_id), 1, assignment))


def held(local: Any) -> Assignment:
    (place,) = local.placer.book.held_places().tolist()
    found = local.placer.book.assignment(place)
    assert found is not None
    return found


def test_cells_and_devices_that_nobody_holds_are_found(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host(pci_pools=PciPools(pools=[gpus(0, 4)])), numa_host(1))
        local.client.select_destinations(spec(2, extra_specs=PINNED | GPU))
        assert problems(local) == {}
        mine = held(local)
        hold(local, "h1", Assignment(numa=replace(mine.numa)))
        assert problems(local) == {"h1": "the use of its NUMA cells is not what its allocations make it"}
        hold(local, "h0", Assignment(pci=mine.pci))
        assert problems(local)["h0"] == "its free PCI devices are not what its allocations leave"


def test_use_of_providers_that_nobody_has_is_found(state_dir):
    with run(state_dir) as local:
        update(local.client, gpu_host(), Host(host_id="h1", inventories=inventories(VCPU=8, MEMORY_MB=8192)))
        local.client.update_aggregates([Aggregate(uuid=RACK_UUID, name="rack", host_ids=["h1"])])
        local.client.update_sharing_providers([shared_disk()])
        local.client.select_destinations(spec(1, extra_specs=VGPU))
        assert problems(local) == {}
        hold(local, "h0", Assignment(candidate=Candidate(((GPU_UUID % 1, (("VGPU", 1),)),))))
        assert f"provider {GPU_UUID % 1}" in problems(local)["h0"]
        hold(local, "h1", Assignment(candidate=Candidate(((shared_disk().uuid, (("DISK_GB", 7),)),))))
        found = problems(local)[f"sharing provider {shared_disk().uuid}"]
        assert found == "7 DISK_GB is in use, its allocations make it nothing"


def test_assignments_that_differ_from_the_ledgers_are_found(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host())
        reply = local.client.select_destinations(spec(2, extra_specs=PINNED))
        uuid = reply.selections[0].instance_uuid
        book = local.placer.book
        consumer = book.consumer(int(book.held_places()[0]))
        other = assignments_record([(consumer, Assignment(pci=()))])
        local.run(_written(local, other))
        assert problems(local) == {uuid: "was given other parts of its host in memory than in the ledger"}


async def _written(local: Any, record: Any) -> None:
    await local.placer.commits.submit([record], lambda: None)


def test_an_assignment_that_only_one_side_has_or_that_is_none_is_found():
    name, mine = bytes(16), Assignment()
    assert compare_assignments({}, {}) == compare_assignments({name: encoded(mine)}, {name: mine}) == []
    assert len(compare_assignments({name: encoded(mine)}, {})) == len(compare_assignments({}, {name: mine})) == 1
    for wrong in (b"", b"\xc1", b"\x80\x80", b"\x81\xa4numa\x05", b'{"numa": 5}'):
        ((_, problem),) = compare_assignments({name: wrong}, {name: mine})
        assert "cannot be read" in problem


def test_a_ledger_with_a_broken_assignment_is_refused_at_the_start(state_dir):
    with run(state_dir) as local:
        update(local.client, numa_host())
        local.client.select_destinations(spec(2, extra_specs=PINNED))
        wait_for_rows(local.placer.commits.ledger)
    with sqlite3.connect(state_dir / "ledger.db") as connection:
        connection.execute("UPDATE assignments SET payload = x'c1'")
    connection.close()
    with pytest.raises(LedgerCorruptError, match="assignment that cannot be read"), run(state_dir):
        pass
    assert not audit_state_dir(state_dir).clean
