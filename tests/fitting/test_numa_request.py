"""The cells that flavors and images ask for; the cases are what nova 34 answers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.errors import NumaConstraintError
from engine.fitting.numa_request import guest_numa
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.numa import GuestCell, GuestNuma


def asked(specs: Mapping[str, str], image: Mapping[str, object] | None = None, vcpus: int = 4) -> GuestNuma | None:
    return guest_numa(Flavor("f", vcpus, 4096, root_gb=1, extra_specs=specs), Image(properties=image or {}))


def cells(specs: Mapping[str, str], image: Mapping[str, object] | None = None, vcpus: int = 4) -> list[GuestCell]:
    found = asked(specs, image, vcpus)
    assert found is not None
    return list(found.cells)


def refusal(specs: Mapping[str, str], image: Mapping[str, object] | None = None, vcpus: int = 4) -> str:
    with pytest.raises(NumaConstraintError) as raised:
        asked(specs, image, vcpus)
    assert raised.value.details["nova_exception"] == raised.value.nova_exception
    return raised.value.nova_exception


@pytest.mark.parametrize(
    "specs",
    [{}, {"hw:cpu_policy": "shared"}, {"resources:VCPU": "2"}, {"hw:pmem": " , "}, {"hw:mem_page_size": "0"}],
)
def test_nothing_that_needs_cells_asks_for_none(specs: Mapping[str, str]) -> None:
    assert asked(specs) is None


@pytest.mark.parametrize(
    "specs",
    [
        {"hw:numa_nodes": "1"},
        {"hw:cpu_policy": "dedicated"},
        {"hw:mem_page_size": "large"},
        {"hw:pmem": "6GB,16GB"},
        {"resources:PCPU": "4"},
        {"resources2:PCPU": "4"},
    ],
)
def test_each_reason_alone_asks_for_one_cell(specs: Mapping[str, str]) -> None:
    (cell,) = cells(specs)
    assert cell.cpus | cell.dedicated_cpus == {0, 1, 2, 3}
    assert cell.memory_mb == 4096


def test_shares_are_equal_unless_laid_out() -> None:
    assert [(cell.cell_id, cell.cpus, cell.memory_mb) for cell in cells({"hw:numa_nodes": "2"})] == [
        (0, {0, 1}, 2048),
        (1, {2, 3}, 2048),
    ]
    laid_out = {
        "hw:numa_nodes": "2",
        "hw:numa_cpus.0": "0,3",
        "hw:numa_mem.0": "1024",
        "hw:numa_cpus.1": "1-2",
        "hw:numa_mem.1": " 3072 ",
    }
    assert [(cell.cpus, cell.memory_mb) for cell in cells(laid_out)] == [({0, 3}, 1024), ({1, 2}, 3072)]


def test_an_image_lays_cells_out_from_texts() -> None:
    image = {
        "hw_numa_nodes": "2",
        "hw_numa_cpus.0": "0-2",
        "hw_numa_mem.0": "1000",
        "hw_numa_cpus.1": "3",
        "hw_numa_mem.1": 3096,
    }
    assert [(cell.cpus, cell.memory_mb) for cell in cells({}, image)] == [({0, 1, 2}, 1000), ({3}, 3096)]


def test_dedicated_cpus_are_all_some_or_none() -> None:
    assert cells({"hw:cpu_policy": "dedicated"})[0].dedicated_cpus == {0, 1, 2, 3}
    mixed = cells({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0-1", "hw:numa_nodes": "2"})
    assert [(cell.cpus, cell.dedicated_cpus) for cell in mixed] == [({0, 1}, set()), (set(), {2, 3})]
    assert {cell.cpu_policy for cell in mixed} == {"mixed"}
    realtime = {"hw:cpu_policy": "mixed", "hw:cpu_realtime": "yes", "hw:cpu_realtime_mask": "3"}
    assert cells(realtime)[0].dedicated_cpus == {3}
    assert cells(realtime, {"hw_cpu_realtime_mask": "1-2"})[0].dedicated_cpus == {1, 2}
    assert cells({"resources:PCPU": "5", "hw:emulator_threads_policy": "isolate"})[0].dedicated_cpus == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("specs", "image", "policy"),
    [
        ({"hw:cpu_thread_policy": "prefer"}, {"hw_cpu_thread_policy": "isolate"}, "prefer"),
        ({}, {"hw_cpu_thread_policy": "isolate"}, "isolate"),
        ({"hw:cpu_thread_policy": "require"}, {"hw_cpu_thread_policy": "require"}, "require"),
        ({"trait:HW_CPU_HYPERTHREADING": "forbidden"}, {}, "isolate"),
        ({"trait1:HW_CPU_HYPERTHREADING": "required"}, {}, "require"),
        ({}, {"trait:HW_CPU_HYPERTHREADING": "required"}, "require"),
        ({}, {"trait:HW_CPU_HYPERTHREADING": "forbidden"}, None),
    ],
)
def test_the_thread_policy_is_the_flavors_or_the_images_or_a_trait(
    specs: Mapping[str, str], image: Mapping[str, object], policy: str | None
) -> None:
    assert cells({"hw:cpu_policy": "dedicated", **specs}, image)[0].cpu_thread_policy == policy


@pytest.mark.parametrize(
    ("text", "size_kb"),
    [
        ("small", -1),
        ("large", -2),
        ("any", -3),
        ("2048", 2048),
        ("2MB", 2048),
        ("1GB", 1048576),
        ("2MiB", 2048),
        ("8Mbit", 1024),
        ("1.5MB", 1536),
        (".5GB", 524288),
        ("512B", None),
        ("-2KB", -2),
    ],
)
def test_page_sizes_are_kinds_or_sizes_in_kib(text: str, size_kb: int | None) -> None:
    assert cells({"hw:mem_page_size": text})[0].page_size_kb == size_kb


def test_an_image_chooses_pages_only_where_the_flavor_leaves_it() -> None:
    assert cells({"hw:mem_page_size": "large"}, {"hw_mem_page_size": "2MB"})[0].page_size_kb == 2048
    assert cells({"hw:mem_page_size": "any"}, {"hw_mem_page_size": 4})[0].page_size_kb == 4
    assert refusal({"hw:mem_page_size": "2048"}, {"hw_mem_page_size": "2048"}) == "MemoryPageSizeForbidden"
    assert refusal({}, {"hw_mem_page_size": "large"}) == "MemoryPageSizeForbidden"


@pytest.mark.parametrize(
    ("specs", "image", "nova_exception"),
    [
        ({"hw:cpu_policy": "odd"}, {}, "InvalidCPUAllocationPolicy"),
        ({"hw:cpu_policy": "shared"}, {"hw_cpu_policy": "dedicated"}, "ImageCPUPinningForbidden"),
        ({"hw:cpu_policy": "mixed"}, {"hw_cpu_policy": "dedicated"}, "ImageCPUPinningForbidden"),
        ({}, {"hw_cpu_policy": "odd"}, "ValueError"),
        ({"hw:cpu_thread_policy": "odd"}, {}, "InvalidCPUThreadAllocationPolicy"),
        ({"hw:cpu_thread_policy": "isolate"}, {}, "CPUThreadPolicyConfigurationInvalid"),
        (
            {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "require"},
            {"hw_cpu_thread_policy": "isolate"},
            "ImageCPUThreadPolicyForbidden",
        ),
        ({"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": ""}, {}, "ValueError"),
        (
            {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "prefer", "trait:HW_CPU_HYPERTHREADING": "required"},
            {},
            "InvalidRequest",
        ),
        ({"hw:cpu_policy": "dedicated", "resources:PCPU": "4"}, {}, "InvalidRequest"),
        ({"resources:VCPU": "2", "resources:PCPU": "4"}, {}, "InvalidRequest"),
        ({"resources:PCPU": "3"}, {}, "InvalidRequest"),
        ({"resources:PCPU": "4", "hw:emulator_threads_policy": "isolate"}, {}, "InvalidRequest"),
        ({"hw:emulator_threads_policy": "odd"}, {}, "InvalidEmulatorThreadsPolicy"),
        ({"hw:emulator_threads_policy": "isolate"}, {}, "BadRequirementEmulatorThreadsPolicy"),
        ({"hw:cpu_realtime": "true"}, {}, "RealtimeMaskNotFoundOrInvalid"),
        ({"hw:cpu_realtime": "true", "hw:cpu_realtime_mask": "^0"}, {}, "RealtimeConfigurationInvalid"),
        ({"hw:cpu_realtime": "true", "hw:cpu_realtime_mask": "0-4"}, {}, "RealtimeMaskNotFoundOrInvalid"),
        ({"hw:cpu_policy": "mixed"}, {}, "RequiredMixedOrRealtimeCPUMask"),
        (
            {
                "hw:cpu_policy": "mixed",
                "hw:cpu_dedicated_mask": "0",
                "hw:cpu_realtime": "1",
                "hw:cpu_realtime_mask": "1",
            },
            {},
            "RequiredMixedOrRealtimeCPUMask",
        ),
        ({"hw:cpu_policy": "dedicated", "hw:cpu_dedicated_mask": "0"}, {}, "RequiredMixedInstancePolicy"),
        ({"hw:cpu_dedicated_mask": "0"}, {}, "RequiredMixedInstancePolicy"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0-3"}, {}, "InvalidMixedInstanceDedicatedMask"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "3-4"}, {}, "InvalidMixedInstanceDedicatedMask"),
        ({"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "0-x"}, {}, "Invalid"),
        ({"hw:numa_nodes": "0"}, {}, "InvalidNUMANodesNumber"),
        ({"hw:numa_nodes": "02"}, {}, "InvalidNUMANodesNumber"),
        ({"hw:numa_nodes": "9" * 5000}, {}, "InvalidNUMANodesNumber"),
        ({}, {"hw_numa_nodes": 0}, "InvalidNUMANodesNumber"),
        ({}, {"hw_numa_nodes": "two"}, "ValueError"),
        ({}, {"hw_numa_nodes": None}, "ValueError"),
        ({"hw:numa_nodes": "2"}, {"hw_numa_nodes": "2"}, "ImageNUMATopologyForbidden"),
        ({"hw:numa_nodes": "3"}, {}, "ImageNUMATopologyAsymmetric"),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3"}, {}, "ImageNUMATopologyIncomplete"),
        (
            {"hw:numa_nodes": "2", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "4096"},
            {},
            "ImageNUMATopologyIncomplete",
        ),
        (
            {"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-4", "hw:numa_mem.0": "4096"},
            {},
            "ImageNUMATopologyCPUOutOfRange",
        ),
        (
            {"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-2", "hw:numa_mem.0": "4096"},
            {},
            "ImageNUMATopologyCPUsUnassigned",
        ),
        (
            {
                "hw:numa_nodes": "2",
                "hw:numa_cpus.0": "0-3",
                "hw:numa_mem.0": "4096",
                "hw:numa_cpus.1": "3",
                "hw:numa_mem.1": "0",
            },
            {},
            "ImageNUMATopologyCPUDuplicates",
        ),
        (
            {"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "4095"},
            {},
            "ImageNUMATopologyMemoryOutOfRange",
        ),
        ({"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "4 GB"}, {}, "ValueError"),
        (
            {"hw:numa_nodes": "1", "hw:numa_cpus.0": "0-3", "hw:numa_mem.0": "4096"},
            {"hw_numa_cpus.0": "0-3"},
            "ImageNUMATopologyForbidden",
        ),
        ({}, {"hw_numa_cpus.0": "3-1"}, "Invalid"),
        ({}, {"hw_numa_cpus.0": 3}, "AttributeError"),
        ({}, {"hw_numa_mem.0": None}, "TypeError"),
        ({"hw:mem_page_size": "2 pages"}, {}, "MemoryPageSizeInvalid"),
        ({"hw:mem_page_size": "9" * 400 + "GB"}, {}, "OverflowError"),
        ({"hw:mem_page_size": "\u00b2"}, {}, "ValueError"),
        ({"hw:locked_memory": "true"}, {}, "LockMemoryForbidden"),
        (
            {"hw:locked_memory": "true", "hw:mem_page_size": "2MB"},
            {"hw_locked_memory": "no"},
            "FlavorImageLockedMemoryConflict",
        ),
        ({"hw:mem_encryption": "true"}, {"hw_mem_encryption": "false"}, "FlavorImageConflict"),
        ({"hw:mem_encryption": "true"}, {}, "FlavorImageConflict"),
        (
            {"hw:mem_encryption": "true"},
            {"hw_firmware_type": "uefi", "hw_machine_type": "pc"},
            "InvalidMachineType",
        ),
        (
            {"hw:mem_encryption": "true", "hw:mem_encryption_model": "amd-sev-snp"},
            {"hw_firmware_type": "uefi"},
            "StatelessFirmwareRequired",
        ),
        (
            {"hw:mem_encryption": "true", "hw:mem_encryption_model": "intel-tdx"},
            {"hw_firmware_type": "uefi", "hw_firmware_stateless": "true", "hw_video_model": "vga"},
            "InvalidVideoMode",
        ),
        ({"hw:mem_encryption": "true", "hw:mem_encryption_model": "odd"}, {"hw_firmware_type": "uefi"}, "Invalid"),
        (
            {"hw:mem_encryption": "true", "hw:mem_encryption_model": "amd-sev"},
            {"hw_firmware_type": "uefi", "hw_mem_encryption_model": "amd-sev-es"},
            "FlavorImageConflict",
        ),
    ],
)
def test_contradictions_are_refused_as_nova_refuses_them(
    specs: Mapping[str, str], image: Mapping[str, object], nova_exception: str
) -> None:
    assert refusal(specs, image) == nova_exception


SPEC_VALUES = st.sampled_from(
    ("dedicated", "shared", "mixed", "require", "isolate", "1", "2", "0-1", "^0", "large", "2MB", "true", "", "-1", "x")
)
SPEC_KEYS = st.sampled_from(
    (
        "hw:cpu_policy",
        "hw:cpu_thread_policy",
        "hw:emulator_threads_policy",
        "hw:cpu_dedicated_mask",
        "hw:cpu_realtime",
        "hw:cpu_realtime_mask",
        "hw:numa_nodes",
        "hw:numa_cpus.0",
        "hw:numa_mem.0",
        "hw:mem_page_size",
        "hw:locked_memory",
        "hw:mem_encryption",
        "hw:pmem",
        "resources:PCPU",
        "resources:VCPU",
        "trait:HW_CPU_HYPERTHREADING",
    )
)
IMAGE_VALUES = st.one_of(
    SPEC_VALUES, st.integers(-3, 4), st.booleans(), st.none(), st.floats(), st.lists(st.integers())
)


@given(
    specs=st.dictionaries(SPEC_KEYS, SPEC_VALUES, max_size=6),
    image=st.dictionaries(SPEC_KEYS.map(lambda key: key.replace(":", "_")), IMAGE_VALUES, max_size=4),
    vcpus=st.integers(0, 6),
)
def test_every_vcpu_and_mib_is_in_exactly_one_cell(specs: dict[str, str], image: dict[str, object], vcpus: int) -> None:
    try:
        found = asked(specs, image, vcpus)
    except NumaConstraintError as error:
        assert error.nova_exception
        return
    if found is not None:
        cpus = [cpu for cell in found.cells for cpu in (*cell.cpus, *cell.dedicated_cpus)]
        assert sorted(cpus) == list(range(vcpus))
        assert sum(cell.memory_mb for cell in found.cells) == 4096
        assert hash(found) == hash(asked(specs, image, vcpus))
