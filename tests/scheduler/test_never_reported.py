"""Hosts that never reported: what filters see of them, that nothing fits on them, and when weighing them is a fault."""

from __future__ import annotations

import numpy as np
import pytest

from engine.errors import NoValidHostError
from engine.inventory.export import fleet_rows
from engine.inventory.table import HostTable
from engine.scheduler.faults import FilterFault
from engine.scheduler.never_reported import check_weighable, fails_weighing
from engine.scheduler.request_facts import RequestFacts
from tests.builders import fleet, host_table, only, passing, request, selector

UNKNOWN = {
    "never_reported": True,
    "num_instances": 60,
    "num_io_ops": 9,
    "failed_builds": 4,
    "pci_devices": 3,
    "free_ram_mb": 4096,
    "host_ip": "10.0.0.1",
    "hypervisor_version": 8002002,
    "cpu_info": "{}",
    "stats": '{"gpu": "a100"}',
    "metrics": '{"cpu": 1}',
}


def test_the_facts_are_those_that_novas_host_state_begins_with() -> None:
    facts = RequestFacts(host_table([UNKNOWN]), 0)
    zeros = ("vcpus_total", "free_ram_mb", "free_disk_mb", "num_instances", "num_io_ops", "failed_builds")
    assert [facts.get_attribute(name) for name in zeros] == [0] * len(zeros)
    nones = ("uuid", "host_ip", "hypervisor_type", "cpu_info", "supported_instances", "cpu_allocation_ratio", "updated")
    assert [facts.get_attribute(name) for name in nones] == [None] * len(nones)
    assert facts.get_attribute("host") == facts.get_attribute("nodename") == "h0"
    assert (facts.stats, facts.metrics) == ({}, frozenset())
    with pytest.raises(KeyError):
        facts.get_attribute("stats")


@pytest.mark.parametrize("name", ["IoOpsFilter", "NumInstancesFilter", "AggregateIoOpsFilter", "ComputeFilter"])
def test_filters_of_counts_let_it_pass_as_in_nova(name: str) -> None:
    assert passing(name, [UNKNOWN, {**UNKNOWN, "never_reported": False, "disabled": True}]) == {"h0"}


def test_it_has_no_capability_and_runs_no_kind_of_guest() -> None:
    capability = request(extra_specs={"capabilities:gpu": "a100"})
    assert passing("ComputeCapabilitiesFilter", [UNKNOWN, {**UNKNOWN, "never_reported": False}], capability) == {"h1"}
    # without stats, an unscoped key that HostState has not is no capability, "stats" itself included
    assert passing("ComputeCapabilitiesFilter", [UNKNOWN], request(extra_specs={"stats": "x", "gpu": "t4"})) == {"h0"}
    image = request(properties={"img_hv_type": "kvm"})
    assert passing("ImagePropertiesFilter", [UNKNOWN, {}], image) == {"h1"}


def test_nothing_fits_until_it_reports() -> None:
    table = host_table([UNKNOWN])
    chooser = selector(table, only(filters=["CapacityFilter"]))
    with pytest.raises(NoValidHostError):
        chooser.select(request())
    table.upsert(fleet([{**UNKNOWN, "never_reported": False}]))
    assert [item.row for item in chooser.select(request())] == [0]


def test_a_fleet_keeps_who_never_reported() -> None:
    table = host_table([UNKNOWN, {}])
    again = HostTable()
    again.upsert(fleet_rows(table, table.present_rows()))
    assert [again.host(row).never_reported for row in (0, 1)] == [True, False]
    assert again.host(0) == table.host(0)


def test_weighing_it_beside_another_is_novas_fault_where_the_cpus_are_weighed() -> None:
    table = host_table([{}, UNKNOWN, {}])
    rows = np.arange(3)
    chain = only(weighers=["CPUWeigher"], nova_quirks=True)
    with pytest.raises(FilterFault, match="'h1' never reported") as caught:
        check_weighable(chain, table, rows)
    assert caught.value.nova_exception == "TypeError"
    check_weighable(chain, table, rows[1:2])
    check_weighable(chain, table, rows[[0, 2]])
    for other in (only(weighers=["CPUWeigher"]), only(weighers=["RAMWeigher"], nova_quirks=True)):
        assert not fails_weighing(other, table)
        check_weighable(other, table, rows)
    assert fails_weighing(chain, table)
    assert not fails_weighing(chain, host_table([{}, {}]))


def test_a_lone_host_is_chosen_unweighed_as_in_nova() -> None:
    chooser = selector(host_table([UNKNOWN]), only(weighers=["CPUWeigher"], nova_quirks=True))
    assert [(item.row, item.weight) for item in chooser.select(request())] == [(0, 0.0)]
