"""A snapshot says all that there is at one moment: a table made of it is the service's own, column by column."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from engine.inventory.fleet import Fleet
from engine.inventory.fleet_schema import FLEET_SCHEMA
from engine.inventory.generate import generate_fleet
from engine.inventory.table import HostTable
from engine.model.assignment import Assignment
from engine.scheduler.options import SchedulerOptions
from engine.service.capacity_snapshot import SnapshotMemory, held_batches, picture_of, snapshot_messages
from engine.v1.inventory_pb2 import Aggregate, Host, ServerGroup
from engine.whatif.inputs import Inputs, open_world
from engine.whatif.scenario.reading import parse_scenario
from engine.whatif.served.documents import snapshot_of
from engine.whatif.served.snapshot import ALLOCATION_SCHEMA, Snapshot
from engine.whatif.served.snapshot_files import read_snapshot
from tests.service.devices import RACK_UUID, gpu_host, gpus, inventories, numa_host, shared_disk, update
from tests.service.harness import Running, serving
from tests.service.messages import add_flavor, add_hosts, new_uuid, spec

ALIAS = '{"name": "gpu", "vendor_id": "10de", "product_id": "20b5", "device_type": "type-PCI"}'
OPTIONS = SchedulerOptions(
    enabled_filters=(*SchedulerOptions().enabled_filters, "NUMATopologyFilter", "PciPassthroughFilter"),
    pci_alias=(ALIAS,),
    cpu_weight_multiplier=-1.5,
)
AMOUNTS = ("requested_vcpus", "requested_memory_mb", "requested_disk_gb", "vcpus", "memory_mb", "disk_gb")
CODED = {"numa": "numas", "pci": "pools", "tree": "trees"}
"""The columns of codes, and the numberings that say what they mean."""


@pytest.fixture
def equipped(tmp_path: Path) -> Iterator[Running]:
    with serving(tmp_path / "state", scheduler=OPTIONS) as running:
        yield running


def taken(running: Running) -> Snapshot:
    parts = running.client.snapshot()
    return snapshot_of(parts.documents, parts.hosts, parts.allocations)


def table_of(snapshot: Snapshot) -> HostTable:
    """A table made of nothing but a snapshot, as the service makes its own of the ledger."""
    table = HostTable()
    for aggregate in snapshot.aggregates:
        table.set_aggregate(aggregate)
    table.set_sharing(snapshot.sharing)
    table.upsert(snapshot.hosts)
    held = snapshot.allocations
    rows = np.array([table.row(name) for name in held["host_id"].to_pylist()], dtype=np.int64)
    amounts = np.stack([held[name].to_numpy() for name in AMOUNTS], axis=1) if len(rows) else np.empty((0, 6), np.int64)
    table.apply_many(rows, 1, amounts)
    given = zip(rows.tolist(), held["assignment"].to_pylist(), strict=True)
    table.restore_assignments((row, msgspec.msgpack.decode(raw, type=Assignment)) for row, raw in given if raw)
    table.refresh_services(snapshot.time_us, snapshot.options.service_down_time * 1_000_000)
    return table


def facts(fleet: Fleet) -> dict[str, Any]:
    """What a fleet's hosts are and have, by host, whatever their rows and codes are."""
    rows = fleet.present_rows()
    columns = {
        name: values[rows].tolist()
        for name, values in fleet.columns.items()
        if name not in ("generation", "profile", "membership", "units", "metrics", *CODED)
    }
    columns["hosts"] = [fleet.host(row) for row in rows.tolist()]
    columns["aggregates"] = [
        {(item.uuid, item.name, tuple(item.metadata.items())) for item in fleet.membership_aggregates(code)}
        for code in fleet.columns["membership"][rows].tolist()
    ]
    for column, numbering in CODED.items():
        values = getattr(fleet.devices, numbering).values
        columns[column] = [values[code] for code in fleet.columns[column][rows].tolist()]
    columns["sharing"] = dict(fleet.sharing)
    order = sorted(range(len(rows)), key=lambda index: fleet.identity.host_ids[int(rows[index])])
    return {
        name: [values[index] for index in order] if isinstance(values, list) else values
        for name, values in columns.items()
    }


def assert_same(running: Running, snapshot: Snapshot) -> None:
    live = running.on_loop(lambda: facts(running.placer.table.snapshot()))
    world = open_world(parse_scenario('[fleet]\nlive = "self"\n', "s.toml"), Inputs(snapshot=snapshot), seed=0)
    for table in (table_of(snapshot), world.table):
        made = facts(table)
        assert made.keys() == live.keys()
        for name, values in live.items():
            assert made[name] == values, name
    held = np.flatnonzero(world.rows >= 0)
    assert world.names_of(held).to_pylist() == snapshot.allocations["instance"].to_pylist()


def test_an_empty_service_has_an_empty_snapshot(local):
    snapshot = taken(local)
    assert snapshot.hosts.schema == FLEET_SCHEMA
    assert snapshot.allocations.schema == ALLOCATION_SCHEMA
    assert (snapshot.hosts.num_rows, snapshot.allocations.num_rows) == (0, 0)
    assert snapshot.options == SchedulerOptions()
    assert_same(local, snapshot)


def test_plain_hosts_their_zones_racks_and_metrics_come_back_with_what_is_held(local):
    local.client.import_hosts(generate_fleet(300, 7))
    add_hosts(
        local.client, {"host_id": "odd", "metrics": '{"cpu.percent": 12}', "disabled_reason": "é", "disabled": True}
    )
    add_hosts(local.client, {"host_id": "late", "last_seen_up_us": 5}, {"host_id": "gone"}, {"host_id": "spare"})
    local.client.delete_hosts(["gone"])
    add_flavor(local.client, "m1", 2, 1024, root_gb=3, extra_specs={"hw:mem": "x"})
    names = [new_uuid() for _ in range(40)]
    for name in names:
        local.client.select_destinations(spec(flavor_name="m1", project_id="p", instance_uuids=[name]))
    local.client.release_allocations(names[:7])
    local.client.move_allocation(names[7], "spare")
    snapshot = taken(local)
    assert_same(local, snapshot)
    held = snapshot.allocations
    assert held["instance"].to_pylist() == names[7:]
    assert held["host_id"][0].as_py() == "spare"
    assert set(held["flavor"].to_pylist()) == {"m1"}
    assert set(held["project_id"].to_pylist()) == {"p"}
    assert held["disk_gb"].to_pylist() == held["requested_disk_gb"].to_pylist() == [3] * 33
    assert held["assignment"].null_count == held["server_group"].null_count == held["image_properties"].null_count == 33
    (flavor,) = snapshot.flavors
    assert (flavor.name, flavor.vcpus, flavor.root_gb, flavor.extra_specs) == ("m1", 2, 3, {"hw:mem": "x"})
    late = snapshot.hosts.filter(pa.compute.equal(snapshot.hosts["host_id"], "late"))
    assert late["last_seen_up_us"].to_pylist() == [5]


def test_pinned_cpus_devices_providers_and_what_is_shared_come_back(equipped):
    client = equipped.client
    update(client, Host(host_id="h9", inventories=inventories(VCPU=64, MEMORY_MB=65536)))
    client.update_aggregates([Aggregate(uuid=RACK_UUID, name="rack1", metadata={"a": "b"}, host_ids=["h9"])])
    client.update_sharing_providers([shared_disk(500)])
    add_flavor(client, "big", root_gb=20)
    client.select_destinations(spec(flavor_name="big"))
    hosts = [numa_host(number) for number in range(2)]
    hosts[1].pci_pools.pools.append(gpus(1, 2))
    update(client, *hosts, gpu_host(2), gpu_host(3))
    for extra in ({"hw:cpu_policy": "dedicated"}, {"pci_passthrough:alias": "gpu:1"}, {"resources:VGPU": "2"}):
        client.select_destinations(spec(2, 1024, extra_specs=extra, num_instances=2))
    client.select_destinations(spec(1, 512, num_instances=3))
    snapshot = taken(equipped)
    assert_same(equipped, snapshot)
    assert snapshot.options == OPTIONS
    held = snapshot.allocations["assignment"]
    assert len(held) == 10
    assert held.null_count == 3
    (shared,) = snapshot.sharing
    assert not shared.used, "what is used of it is said by the allocations"


def test_groups_and_images_of_instances_are_told(local):
    add_hosts(local.client, *({"host_id": f"h{number}"} for number in range(3)))
    group = new_uuid()
    local.client.update_server_groups([ServerGroup(uuid=group, name="g", policy="anti-affinity")])
    request = spec(instance_group=group, num_instances=2)
    request.image.properties["hw_architecture"] = "x86_64"
    local.client.select_destinations(request)
    snapshot = taken(local)
    assert snapshot.allocations["server_group"].to_pylist() == [group] * 2
    assert snapshot.allocations["image_properties"].to_pylist() == ['{"hw_architecture": "x86_64"}'] * 2
    assert [(item.uuid, item.policy) for item in snapshot.groups] == [(group, "anti-affinity")]


def test_a_snapshot_while_placing_goes_on_is_of_one_generation(local):
    """Amounts of hosts and allocations are of one moment, though thousands are placed and given back meanwhile."""
    local.client.import_hosts(generate_fleet(20_000, 3))
    stop = threading.Event()

    def churn() -> int:
        placed = 0
        while not stop.is_set():
            reply = local.client.select_destinations(spec(num_instances=20))
            names = [item.instance_uuid for item in reply.selections]
            local.client.release_allocations(names[:5])
            placed += len(names)
        return placed

    with ThreadPoolExecutor(1) as pool:
        placing = pool.submit(churn)
        try:
            pictures = [(local.on_loop(lambda: picture_of(local.placer)), taken(local)) for _ in range(4)]
        finally:
            stop.set()
        assert placing.result() > 0
    generations = set()
    for picture, snapshot in pictures:
        messages = list(snapshot_messages(picture))
        again = picture.fleet.columns["num_instances"].sum() - picture.fleet.columns["base_num_instances"].sum()
        assert messages[0].facts.allocations == len(picture.book) == again
        table = table_of(snapshot)
        assert (
            snapshot.allocations.num_rows
            == table.columns["num_instances"].sum() - snapshot.hosts["num_instances"].to_numpy().sum()
        )
        generations.add(snapshot.generation)
    assert len(generations) == 4


def test_a_picture_stays_as_it_was_when_the_book_is_tidied(local):
    add_hosts(local.client, {"host_id": "big", "vcpus": 500, "memory_mb": 900_000})
    reply = local.client.select_destinations(spec(1, 1, num_instances=50))
    names = [item.instance_uuid for item in reply.selections]
    picture = local.on_loop(lambda: picture_of(local.placer))
    local.client.release_allocations(names)
    local.on_loop(lambda: local.placer.book.forget_released(2**62))
    local.on_loop(local.placer.book._compact)
    local.client.select_destinations(spec(1, 1, num_instances=60))
    told = [batch["instance"].to_pylist() for batch in held_batches(picture)]
    assert told == [names]


def test_the_files_of_a_snapshot_say_what_its_messages_say(equipped):
    update(equipped.client, numa_host(0), gpu_host(1))
    equipped.client.select_destinations(spec(1, 512, extra_specs={"hw:cpu_policy": "dedicated"}))
    equipped.client.select_destinations(spec(1, 512))
    picture = equipped.on_loop(lambda: picture_of(equipped.placer))
    with closing(SnapshotMemory()) as memory:
        memory.write(picture)
        read, sent = read_snapshot(memory.paths), taken(equipped)
    assert memory.numbers == ()
    assert read.hosts.equals(sent.hosts)
    assert read.allocations.equals(sent.allocations)
    assert (read.options, read.flavors, read.generation) == (sent.options, sent.flavors, sent.generation)


def test_no_message_of_a_snapshot_is_large(local):
    local.client.import_hosts(generate_fleet(30_000, 1))
    picture = local.on_loop(lambda: picture_of(local.placer))
    sizes = [message.ByteSize() for message in snapshot_messages(picture)]
    assert len(sizes) > 3
    assert max(sizes) <= (1 << 20) + 64
