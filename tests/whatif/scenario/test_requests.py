"""Requests of flavors."""

from __future__ import annotations

import pytest

from engine.errors import InvalidRequestError
from engine.fitting.pci_aliases import Aliases
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.scheduler.options import SchedulerOptions
from engine.whatif.scenario.flavors import FlavorTable
from engine.whatif.scenario.requests import aliases_of, flavor_request, request_of

GPU = '{"name": "gpu", "vendor_id": "10de", "product_id": "20b5"}'


def test_a_plain_flavor_asks_for_amounts_alone() -> None:
    request = flavor_request(Flavor("a", 1, 2, 3), Aliases())
    assert (request.numa, request.pci_requests, request.num_instances) == (None, (), 1)


def test_cells_and_devices_are_worked_out_of_flavor_and_image() -> None:
    aliases = aliases_of(SchedulerOptions(pci_alias=(GPU,)))
    flavor = Flavor("a", 4, 4096, extra_specs={"pci_passthrough:alias": "gpu:2"})
    request = flavor_request(flavor, aliases, Image(properties={"hw_numa_nodes": "2"}))
    assert request.numa is not None
    assert [(len(cell.cpus), cell.memory_mb) for cell in request.numa.cells] == [(2, 2048), (2, 2048)]
    assert [(item.alias_name, item.count) for item in request.pci_requests] == [("gpu", 2)]


def test_all_that_a_flavors_table_says_is_asked_for() -> None:
    table = FlavorTable(
        name="a", vcpus=1, memory_mb=1, zone="z", required_traits=("CUSTOM_A",), hints={"group": ("g",)}
    )
    request = request_of(table, SchedulerOptions())
    assert (request.availability_zone, request.required_traits) == ("z", {"CUSTOM_A"})
    assert request.scheduler_hints == {"group": ("g",)}


@pytest.mark.parametrize(
    ("specs", "told"),
    [
        ({"hw:numa_nodes": "2"}, "do not divide into 2 equal NUMA cells"),
        ({"hw:numa_nodes": "x"}, "the number of NUMA cells is 'x'"),
        ({"pci_passthrough:alias": "gpu:1"}, "names 'gpu', which is no alias"),
        ({"hw:cpu_policy": "odd"}, "odd"),
    ],
)
def test_a_flavor_that_contradicts_itself_is_told(specs: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        request_of(FlavorTable(name="a", vcpus=3, memory_mb=1024, extra_specs=specs), SchedulerOptions())


def test_disks_that_are_too_large_together_are_told() -> None:
    table = FlavorTable(name="a", vcpus=1, memory_mb=1, disk_gb=1_000_000_000, ephemeral_gb=1_000_000_000)
    with pytest.raises(InvalidRequestError, match="root_gb"):
        request_of(table, SchedulerOptions())
