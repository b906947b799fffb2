"""A guest's cells in its domain XML: pinned where the scheduler put them, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from engine.boot.libvirt.driver import LaunchError
from engine.boot.libvirt.host_numa import host_numa
from engine.boot.libvirt.xml.domain import domain_xml
from engine.boot.libvirt.xml.numa import cpu_list
from engine.boot.libvirt.xml.profile import TEST
from engine.v1.assignment_pb2 import Assignment, CpuPin, FittedCell
from engine.v1.numa_pb2 import GuestCell
from engine.v1.request_spec_pb2 import Flavor
from tests.boot.libvirt.guests import guest, profile

FLAVOR = Flavor(name="pinned", vcpus=4, memory_mb=1024, extra_specs={"quota:cpu_shares": "512"})
DEDICATED = FittedCell(
    cell=GuestCell(cell_id=0, dedicated_cpus=[0, 1], memory_mb=512, page_size_kb=2048, cpu_policy="mixed"),
    host_cell=1,
    pinning=[CpuPin(vcpu=0, host_cpu=4), CpuPin(vcpu=1, host_cpu=6)],
    emulator_cpus=[7],
)
SHARED = FittedCell(cell=GuestCell(cell_id=1, cpus=[2, 3], memory_mb=512, page_size_kb=4), host_cell=0)


def parsed(*cells: FittedCell, numa_cells: int = 2) -> etree._Element:
    made = guest(1, flavor=FLAVOR, assignment=Assignment(cells=cells))
    host = host_numa(profile(numa_cells=numa_cells))
    return etree.fromstring(domain_xml(made, TEST, Path("/instances/one"), host))


def test_dedicated_cpus_are_pinned_one_by_one_and_shared_ones_to_their_cell() -> None:
    root = parsed(DEDICATED, SHARED)
    pins = {pin.get("vcpu"): pin.get("cpuset") for pin in root.findall("cputune/vcpupin")}
    assert pins == {"0": "4", "1": "6", "2": "0-3", "3": "0-3"}
    assert root.find("cputune/emulatorpin").get("cpuset") == "7"
    assert root.findtext("cputune/shares") == "512"


def test_without_cpus_of_their_own_the_emulators_threads_run_where_the_guest_does() -> None:
    assert parsed(SHARED).find("cputune/emulatorpin").get("cpuset") == "0-3"


def test_each_cells_memory_comes_from_its_host_cell() -> None:
    root = parsed(DEDICATED, SHARED)
    assert root.find("numatune/memory").attrib == {"mode": "strict", "nodeset": "0-1"}
    nodes = [(node.get("cellid"), node.get("nodeset")) for node in root.findall("numatune/memnode")]
    assert nodes == [("0", "1"), ("1", "0")]
    cells = [(cell.get("cpus"), cell.get("memory")) for cell in root.findall("cpu/numa/cell")]
    assert cells == [("0-1", "524288"), ("2-3", "524288")]


def test_only_large_pages_are_named() -> None:
    (page,) = parsed(DEDICATED, SHARED).findall("memoryBacking/hugepages/page")
    assert dict(page.attrib) == {"size": "2048", "unit": "KiB", "nodeset": "0"}
    assert parsed(SHARED).find("memoryBacking") is None


def test_a_guest_without_cells_is_tuned_by_its_quotas_alone() -> None:
    root = parsed()
    assert [element.tag for element in root.find("cputune")] == ["shares"]
    assert root.find("numatune") is None
    assert root.find("cpu/numa") is None


def test_a_cell_that_the_host_lacks_is_refused() -> None:
    with pytest.raises(LaunchError, match="NUMA node 0"):
        parsed(SHARED, numa_cells=0)


def test_cpus_are_listed_in_runs() -> None:
    assert cpu_list([9, 3, 1, 2, 7]) == "1-3,7,9"
    assert cpu_list([]) == ""
