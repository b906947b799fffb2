"""Hosts with NUMA cells, PCI devices and resource providers, and what instances have of them, as people see them."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.device_view import assignment_text, provider_rows, ranges
from engine.cli.exit_codes import ExitCode
from engine.v1.assignment_pb2 import Assignment, CpuPin, FittedCell, PciDevices, ProviderAmounts
from engine.v1.inventory_pb2 import ResourceInventory, ResourceProvider
from engine.v1.numa_pb2 import GuestCell
from engine.v1.pci_pb2 import PciPool

GPU = "22222222-0000-4000-8000-000000000042"


def numbers_in(text: str) -> set[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


@given(st.sets(st.integers(0, 300)))
def test_ranges_say_just_the_numbers_and_no_run_twice(numbers):
    text = ranges(numbers)
    assert numbers_in(text) == numbers
    runs = text.split(",") if text else []
    assert len(runs) == sum(number - 1 not in numbers for number in numbers)


def test_an_assignment_in_words():
    assert assignment_text(Assignment()) == ""
    cell = FittedCell(
        cell=GuestCell(cell_id=0), host_cell=1, pinning=[CpuPin(vcpu=0, host_cpu=7)], emulator_cpus=[8, 9]
    )
    device = PciDevices(pool=PciPool(vendor_id="10de", product_id="20b5", numa_node=0), count=2)
    amounts = ProviderAmounts(provider_uuid=GPU, resources={"VGPU": 1})
    text = assignment_text(Assignment(cells=[cell], pci_devices=[device], amounts=[amounts]))
    assert text == f"cell 0 on 1 (0->7), emulator on 8-9; 2 x 10de:20b5 on node 0; VGPU 1 of {GPU}"


def test_a_provider_has_a_row_for_each_class_or_one_for_none():
    classes = {name: ResourceInventory(total=4, used=1) for name in ("VGPU", "CUSTOM_A")}
    rows = list(provider_rows([ResourceProvider(uuid=GPU, inventories=classes), ResourceProvider(name="empty")]))
    assert [row[3:6] for row in rows] == [("CUSTOM_A", "4", "1"), ("VGPU", "4", "1"), ("", "", "")]


@pytest.fixture
def equipped(at, hosts, tmp_path):
    """A host with NUMA cells, devices and a GPU as a provider, from a file."""
    cells = [{"id": 0, "cpuset": [0, 1], "pcpuset": [2, 3], "memory": 4096, "socket": 0}]
    pools = [{"vendor_id": "10de", "product_id": "20b5", "numa_node": 0, "count": 2, "tags": {"dev_type": "type-PCI"}}]
    tree = {"providers": [{"uuid": GPU, "name": "gpu0", "inventories": {"VGPU": {"total": 2}}}]}
    row = {
        "host_id": "delta",
        "vcpus": 4,
        "memory_mb": 4096,
        "numa_topology": json.dumps({"cells": cells}),
        "pci_device_pools": json.dumps(pools),
        "resource_providers": json.dumps(tree),
    }
    import pyarrow as pa
    from pyarrow import parquet

    file = tmp_path / "equipped.parquet"
    parquet.write_table(pa.table({name: [value] for name, value in row.items()}), file)
    assert at("hosts", "import", file).code == ExitCode.DONE
    yield "delta"
    held = [
        item["consumer_uuid"] for item in at("allocations", "list", "--host", "delta", "--json").document["allocations"]
    ]
    if held:
        at("release", *held)
    assert at("hosts", "delete", "delta").code == ExitCode.DONE


def test_a_host_from_a_file_shows_its_parts(at, equipped):
    shown = at("hosts", "show", equipped).out
    for words in (
        "NUMA cells",
        "2-3",
        "PCI devices",
        "10de:20b5",
        "dev_type=type-PCI",
        "resource providers",
        "gpu0",
        "VGPU",
    ):
        assert words in shown
    document = at("hosts", "show", equipped, "--json").document["host"]
    assert document["numa_topology"]["cells"][0]["pinnable_cpus"] == [2, 3]
    assert document["pci_pools"]["pools"][0]["count"] == 2
    assert document["providers"]["providers"][0]["inventories"]["VGPU"]["total"] == 2


def test_what_an_instance_was_given_is_shown(at, equipped):
    sizes = ("--vcpus", 1, "--memory-mb", 512, "--extra-spec", "resources:VGPU=1")
    answer = at("place", *sizes)
    assert "given" in answer.out
    assert f"VGPU 1 of {GPU}" in answer.out
    (held,) = at("allocations", "list", "--host", equipped, "--json").document["allocations"]
    assert f"VGPU 1 of {GPU}" in at("allocations", "show", held["consumer_uuid"]).out
    assert "given" not in at("place", "--vcpus", 1, "--memory-mb", 512).out
    assert at("audit").code == ExitCode.DONE


def test_an_instance_migrates_and_goes_back(at, hosts):
    instance, migration = uuid4(), uuid4()
    sizes = ("--vcpus", 1, "--memory-mb", 1024, "--instance", instance)
    assert at("place", *sizes, "--force-host", "alpha").code == ExitCode.DONE
    answer = at("place", *sizes, "--migration", migration, "--ignore-host", "alpha", "--json")
    assert answer.document["selections"][0]["host"]["host_id"] != "alpha"
    assert at("allocations", "show", migration, "--json").document["allocation"]["host_id"] == "alpha"
    answer = at("revert", instance, migration)
    assert f"{instance} is back on alpha" in answer.out
    assert at("allocations", "show", migration).code == ExitCode.NOT_FOUND
    assert at("revert", instance, migration, "--json").code == ExitCode.NOT_FOUND
    assert at("place", *sizes, "--migration", "x").code == ExitCode.INVALID
