"""PciPassthroughFilter: only hosts with the devices pass, and claims take them."""

from __future__ import annotations

import pytest

from engine.errors import NoValidHostError
from engine.model.candidates import RequestGroup
from engine.scheduler.chain import Chain
from engine.scheduler.explain import explain
from engine.scheduler.options import PLACEMENT_FILTERS, SchedulerOptions
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request, selector
from tests.devices import cell, child, devices, numa, pci, pinned, pool, tree

NAME = "PciPassthroughFilter"
HOSTS = (pci(pool(2)), pci(pool(1), pool(1, 0, "beef")), pci(), {"pci_devices": 9}, {})


def test_hosts_pass_that_have_all_the_devices() -> None:
    assert passing(NAME, HOSTS, request(pci_requests=(devices(1),))) == {"h0", "h1"}
    assert passing(NAME, HOSTS, request(pci_requests=(devices(2),))) == {"h0"}
    assert passing(NAME, HOSTS, request(pci_requests=(devices(1), devices(1, "beef")))) == {"h1"}
    assert passing(NAME, HOSTS, request(pci_requests=(devices(99),))) == set()
    assert passing(NAME, HOSTS, request()) == {f"h{number}" for number in range(5)}


def test_devices_are_taken_and_counted_until_there_are_none() -> None:
    table = host_table([pci(pool(2)), pci(pool(1))])
    of = selector(table, only(filters=[NAME], weighers=["PCIWeigher"]))
    spec = request(pci_requests=(devices(1),))
    assert [item.row for item in of.select(request(pci_requests=(devices(1),), num_instances=3))] == [1, 0, 0]
    assert table.columns["pci_devices"][:2].tolist() == [0, 0]
    with pytest.raises(NoValidHostError) as caught:
        of.select(spec)
    assert caught.value.rejections == {NAME: 2}


def test_devices_near_the_guests_cells_are_what_the_numa_filter_asks_for() -> None:
    hosts = [
        {**numa(cell(0, 4), cell(1, 4)), **pci(pool(1, 1))},
        {**numa(cell(0, 4), cell(1, 1)), **pci(pool(1, 1))},
    ]
    spec = pinned(4, pci_requests=(devices(1, numa_policy="required"),))
    assert passing("NUMATopologyFilter", hosts, spec) == {"h0"}
    assert passing(NAME, hosts, spec) == {"h0", "h1"}
    table = host_table(hosts)
    (chosen,) = selector(table, only(filters=[NAME, "NUMATopologyFilter"])).select(spec)
    assert chosen.assignment is not None
    assert chosen.assignment.numa is not None
    assert [item.host_cell for item in chosen.assignment.numa.cells] == [1]
    assert [(item.pool.numa_node, item.count) for item in chosen.assignment.pci] == [(1, 1)]


def test_the_device_is_the_one_whose_provider_the_candidate_names() -> None:
    near, far = (child(uuid, {"CUSTOM_PCI_10DE_20B5": 1}) for uuid in ("provider-near", "provider-far"))
    pools = pci(pool(1, 1, rp_uuid="provider-near"), pool(1, 0, rp_uuid="provider-far"))
    hosts = [{**numa(cell(0, 1), cell(1, 4)), **pools, **tree(far, near)}]
    group = RequestGroup("request-0", (("CUSTOM_PCI_10DE_20B5", 1),))
    wish = devices(1, request_id="request", numa_policy="required")
    spec = pinned(4, pci_requests=(wish,), requested_resources=(group,))
    chain = Chain.from_options(
        SchedulerOptions(enabled_filters=(NAME, "NUMATopologyFilter"), placement_filters=PLACEMENT_FILTERS)
    )
    table = host_table(hosts)
    (chosen,) = selector(table, chain).select(spec)
    assert chosen.assignment is not None
    assert chosen.assignment.candidate is not None
    assert dict(chosen.assignment.candidate.mappings)["request-0"] == ("provider-near",)
    assert [item.pool.numa_node for item in chosen.assignment.pci] == [1]
    with pytest.raises(NoValidHostError):
        selector(table, chain).select(spec)


def test_an_explanation_says_which_devices_are_missing() -> None:
    table = host_table([pci(pool(1), pool(2, 0, "beef"))])
    context = SelectionContext(table)
    spec = request(pci_requests=(devices(3), devices(1, "beef")))
    (verdict,) = explain(only(filters=[NAME]), table, spec, context, hosts=[0]).verdicts[0]
    assert verdict.reason == "3 PCI devices gpu free (3 of any kind are)"
    both = request(pci_requests=(devices(1), devices(1)))
    (verdict,) = explain(only(filters=[NAME]), table, both, context, hosts=[0]).verdicts[0]
    assert verdict.reason == "PCI devices free for all requests at once, not for each alone"
