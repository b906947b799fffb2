"""What hosts say of themselves: parts are merged over what is known, reports are taken without the ledger."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.errors import NoValidHostError
from engine.service.host_updates import is_report
from engine.v1.inventory_pb2 import Aggregate, Host, HostService, ResourceInventory, SupportedInstance
from engine.v1.inventory_service_pb2 import UpdateHostsRequest
from tests.builders import NOW_US, SECOND_US
from tests.service.harness import WAIT_S, serving
from tests.service.messages import add_hosts, new_uuid, spec

FULL: dict[str, Any] = {
    "memory_mb_used": 1024,
    "local_gb_used": 10,
    "vcpus_used": 2,
    "num_instances": 1,
    "num_io_ops": 3,
    "failed_builds": 1,
    "availability_zone": "east",
    "hypervisor_version": 8_002_000,
    "host_ip": "10.0.0.1",
    "cell": "cell1",
    "cpu_info": '{"model": "m"}',
    "traits": ["HW_A", "HW_B"],
    "aggregates": ["rack"],
    "stats": '{"k": "v"}',
    "disabled_reason": "",
    "memory_mb_reserved": 512,
    "cpu_allocation_ratio": 2.0,
    "memory_mb_step_size": 64,
}


def update(local: Any, *hosts: Host) -> Any:
    (reply,) = local.client.update_hosts([UpdateHostsRequest(hosts=hosts)])
    return reply


def host(local: Any, host_id: str = "h0") -> Host:
    found = local.client.get_host(host_id).host
    found.generation = 0
    return found


CHANGES: dict[str, Host] = {
    "zone": Host(host_id="h0", availability_zone="west"),
    "io": Host(host_id="h0", num_io_ops=5, cell="cell2"),
    "traits": Host(host_id="h0", traits=["HW_C"]),
    "stats": Host(host_id="h0", stats={"other": "fact"}),
    "nothing": Host(host_id="h0"),
    "arch": Host(
        host_id="h0",
        arch="aarch64",
        supported_instances=[SupportedInstance(arch="aarch64", hypervisor_type="kvm", vm_mode="hvm")],
    ),
    "disabled": Host(host_id="h0", service=HostService(disabled=True, disabled_reason="mended")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_part_of_a_host_changes_that_part_alone(tmp_path, name):
    change = CHANGES[name]
    with serving(tmp_path) as local:
        add_hosts(local.client, FULL)
        placed = local.client.select_destinations(spec(1, 1024)).selections[0]
        wanted = host(local)
        reply = update(local, change)
        assert (reply.added, reply.changed) == (0, 1)
        for field, value in change.ListFields():
            if field.name in ("traits", "supported_instances", "stats"):
                wanted.ClearField(field.name)
                wanted.MergeFrom(Host(**{field.name: value}))
            elif field.name == "service":
                wanted.service.CopyFrom(value)
                wanted.up = not value.disabled
            else:
                setattr(wanted, field.name, value)
        assert host(local) == wanted
        assert local.client.get_allocation(placed.instance_uuid).allocation.host_id == "h0"
        local.assert_clean()
    with serving(tmp_path) as local:
        again = host(local)
        if name == "io":
            assert again.num_io_ops == 5
        assert again == wanted
        local.assert_clean()


def test_new_sizes_keep_what_is_held_and_free_amounts_follow(local):
    add_hosts(local.client, {"vcpus": 4, "memory_mb": 4096, "disk_gb": 100, "memory_mb_used": 1000})
    local.client.select_destinations(spec(2, 1024))
    grown = Host(host_id="h0", inventories={"MEMORY_MB": ResourceInventory(total=8192)})
    update(local, grown)
    now = host(local)
    assert (now.inventories["MEMORY_MB"].total, now.inventories["MEMORY_MB"].used) == (8192, 2024)
    assert now.free_ram_mb == 8192 - 1000 - 1024
    assert (now.inventories["VCPU"].total, now.inventories["VCPU"].used) == (4, 2)
    update(local, Host(host_id="h0", memory_mb_used=3000, local_gb_used=40))
    now = host(local)
    assert (now.free_ram_mb, now.free_disk_gb) == (8192 - 3000 - 1024, 60)
    update(local, Host(host_id="h0", memory_mb_used=3000, free_ram_mb=77))
    assert host(local).free_ram_mb == 77 - 1024
    update(local, Host(host_id="h0", inventories={"VCPU": ResourceInventory(total=8)}))
    assert host(local).free_ram_mb == 77 - 1024
    local.assert_clean()


def test_a_size_below_what_is_held_is_taken_and_no_more_is_placed_there(local):
    add_hosts(local.client, {"vcpus": 4, "cpu_allocation_ratio": 1.0})
    local.client.select_destinations(spec(4))
    update(local, Host(host_id="h0", inventories={"VCPU": ResourceInventory(total=2, allocation_ratio=1.0)}))
    with pytest.raises(NoValidHostError):
        local.client.select_destinations(spec(1))
    assert host(local).inventories["VCPU"].used == 4
    local.assert_clean()


def test_a_new_host_gets_the_documented_defaults(local):
    new = Host(
        host_id="new",
        inventories={"VCPU": ResourceInventory(total=8), "MEMORY_MB": ResourceInventory(total=4096)},
    )
    known = Host(host_id="known", arch="aarch64")
    known.MergeFrom(Host(inventories=new.inventories))
    reply = update(local, known, new)
    assert reply.added == 2
    told = host(local, "new")
    assert (told.arch, told.hypervisor_type, told.nodename) == ("x86_64", "QEMU", "new")
    ratios = {name: item.allocation_ratio for name, item in told.inventories.items()}
    assert ratios == {"VCPU": 4.0, "MEMORY_MB": 1.0, "DISK_GB": 1.0}
    assert told.inventories["VCPU"].max_unit == 8
    assert told.up


def test_messages_of_one_stream_are_answered_in_order_up_to_the_one_that_is_wrong(local):
    def new(name: str) -> Host:
        inventories = {"VCPU": ResourceInventory(total=8), "MEMORY_MB": ResourceInventory(total=4096)}
        return Host(host_id=name, inventories=inventories)

    messages = [
        UpdateHostsRequest(hosts=[new("a")]),
        UpdateHostsRequest(hosts=[new("a"), new("b")]),
        UpdateHostsRequest(),
        UpdateHostsRequest(hosts=[Host(host_id="c")]),
        UpdateHostsRequest(hosts=[new("d")]),
    ]
    replies = []
    with pytest.raises(Exception, match="vcpus"):
        for reply in local.client.update_hosts(messages):
            replies.append((reply.added, reply.changed))  # noqa: PERF401 - the replies before the failure count
    assert replies == [(1, 0), (1, 1), (0, 0)]
    assert [item.host_id for item in local.client.list_hosts().hosts] == ["a", "b"]


def test_two_updates_of_parts_of_one_host_at_the_same_time_are_both_kept(disk, local):
    add_hosts(local.client, FULL)
    disk.hold()
    parts = [Host(host_id="h0", availability_zone="west"), Host(host_id="h0", cell="cell9")]
    threads = [threading.Thread(target=update, args=(local, part)) for part in parts]
    threads[0].start()
    disk.wait_for_commit()
    threads[1].start()
    disk.go_on()
    for thread in threads:
        thread.join(WAIT_S)
    assert (host(local).availability_zone, host(local).cell) == ("west", "cell9")


def test_reports_that_come_while_an_update_is_on_its_way_are_kept(disk, local):
    add_hosts(local.client, FULL)
    disk.hold()
    thread = threading.Thread(target=update, args=(local, Host(host_id="h0", cell="cell9")))
    thread.start()
    disk.wait_for_commit()
    update(local, Host(host_id="h0", num_io_ops=9, service=HostService(last_seen_up_us=NOW_US)))
    disk.go_on()
    thread.join(WAIT_S)
    now = host(local)
    assert (now.cell, now.num_io_ops, now.service.last_seen_up_us) == ("cell9", 9, NOW_US)


REPORTS = [
    Host(host_id="h0", num_io_ops=4),
    Host(host_id="h0", failed_builds=2),
    Host(host_id="h0", service=HostService(last_seen_up_us=NOW_US)),
    Host(host_id="h0", num_io_ops=1, failed_builds=0, service=HostService(last_seen_up_us=5)),
]


def test_reports_do_not_go_to_the_ledger(disk, local):
    add_hosts(local.client, {}, {})
    before = disk.commits
    for report in REPORTS:
        assert is_report(report)
        assert update(local, report).changed == 1
    now = host(local)
    assert (now.num_io_ops, now.failed_builds, now.service.last_seen_up_us) == (1, 0, 5)
    assert disk.commits == before
    for kept in (Host(host_id="h0", cell="c"), Host(host_id="h0", service=HostService(disabled=True))):
        assert not is_report(kept)
        update(local, kept)
    assert disk.commits == before + 2
    local.assert_clean()


def test_a_report_of_an_unknown_host_is_an_update_that_lacks_its_sizes(local):
    add_hosts(local.client, {})
    with pytest.raises(Exception, match="vcpus"):
        update(local, Host(host_id="h0", num_io_ops=9), Host(host_id="new", num_io_ops=1))
    assert host(local).num_io_ops == 0


def test_a_host_without_heartbeats_drops_out_after_the_down_time_and_comes_back(local):
    now = [NOW_US]
    local.on_loop(lambda: setattr(local.placer, "clock", lambda: now[0]))
    add_hosts(local.client, {"last_seen_up_us": NOW_US}, {"memory_mb": 1024})
    assert local.client.select_destinations(spec()).selections[0].host.host_id == "h0"
    now[0] = NOW_US + 60 * SECOND_US
    assert host(local).up
    now[0] += 1
    assert not host(local).up
    assert host(local, "h1").up
    assert local.client.select_destinations(spec()).selections[0].host.host_id == "h1"
    with pytest.raises(NoValidHostError):
        local.client.select_destinations(spec(1, 4096))
    update(local, Host(host_id="h0", service=HostService(last_seen_up_us=now[0])))
    assert local.client.select_destinations(spec(1, 4096)).selections[0].host.host_id == "h0"
    # the service's own time goes back: a heartbeat from far in the future counts as missing, as nova has it
    now[0] = NOW_US - 120 * SECOND_US
    assert not host(local).up


def test_membership_of_aggregates_outlives_updates(local):
    rack = new_uuid()
    add_hosts(local.client, {}, {})
    local.client.update_aggregates([Aggregate(uuid=rack, name="rack", host_ids=["h0"])])
    update(local, Host(host_id="h0", cell="c2"), Host(host_id="h1", cell="c2"))
    assert list(host(local).aggregate_uuids) == [rack]
    assert list(host(local, "h1").aggregate_uuids) == []


def test_an_update_that_changes_nothing_is_not_written_again(tmp_path):
    with serving(tmp_path) as local:
        add_hosts(local.client, {"host_id": "a"}, {"host_id": "b"})
        before = local.client.get_host("a").host
        ledger = local.placer.commits.ledger
        commits = ledger.statistics().commits
        again = Host(host_id="a", hypervisor_type=before.hypervisor_type, num_io_ops=3)
        for resource_class, inventory in before.inventories.items():
            again.inventories[resource_class].CopyFrom(inventory)
        update(local, again)
        assert ledger.statistics().commits == commits
        assert local.client.get_host("a").host.num_io_ops == 3
        again.hypervisor_type = "xen"
        update(local, again)
        assert ledger.statistics().commits == commits + 1
    with serving(tmp_path) as local:
        assert local.client.get_host("a").host.hypervisor_type == "xen"
        assert local.client.get_host("b").host.hypervisor_type == before.hypervisor_type
        local.assert_clean()


def test_a_service_that_is_enabled_takes_its_mark_in_placement_away(local):
    add_hosts(local.client, {"disabled": True, "traits": ["HW_A", "COMPUTE_STATUS_DISABLED"]})
    with pytest.raises(NoValidHostError):
        local.client.select_destinations(spec(force_hosts=["h0"]))
    update(local, Host(host_id="h0", service=HostService(disabled=False)))
    assert list(host(local).traits) == ["HW_A"]
    local.client.select_destinations(spec(force_hosts=["h0"]))
    # without a service that was disabled it is a trait like any other
    update(local, Host(host_id="h0", traits=["COMPUTE_STATUS_DISABLED"]))
    update(local, Host(host_id="h0", service=HostService(disabled=False)))
    assert list(host(local).traits) == ["COMPUTE_STATUS_DISABLED"]
