"""The groups of resources that a request asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.model.candidates import RequestGroup
from engine.model.request_spec import RequestSpec
from engine.scheduler.translate.groups import Groups, groups_of
from engine.scheduler.translate.guest import guest_of
from tests.builders import request

SIZES = {"VCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 14}


def spec_of(specs: dict[str, str], properties: dict[str, object] | None = None, **spec: object) -> RequestSpec:
    return request(
        vcpus=2, memory_mb=1024, root_gb=10, ephemeral_gb=3, swap_mb=1, extra_specs=specs, properties=properties, **spec
    )


def of(spec: RequestSpec, *, pinned: bool = True) -> Groups:
    return groups_of(spec, guest_of(spec), pinned=pinned)


def finished(spec: RequestSpec, *, pinned: bool = True) -> dict[str, RequestGroup]:
    return {group.suffix: group for group in of(spec, pinned=pinned).finished()}


def resources(specs: dict[str, str], suffix: str = "", *, pinned: bool = True, **spec: object) -> dict[str, int]:
    return dict(finished(spec_of(specs, **spec), pinned=pinned)[suffix].resources)  # type: ignore[arg-type]


def test_a_flavor_s_sizes_with_swap_rounded_up() -> None:
    assert resources({}) == SIZES
    assert resources({}, is_bfv=True) == SIZES | {"DISK_GB": 4}


@pytest.mark.parametrize(
    ("specs", "changed"),
    [
        ({"resources:MEMORY_MB": "7"}, {"MEMORY_MB": 7}),
        ({"resources:VCPU": "0"}, {"VCPU": 0}),
        ({"resources:DISK_GB": "0", "resources:CUSTOM_BAREMETAL": "1"}, {"DISK_GB": 0, "CUSTOM_BAREMETAL": 1}),
        ({"resources:PCPU": "2"}, {"VCPU": 0, "PCPU": 2}),
        ({"resources1:VCPU": "1"}, {"VCPU": 0}),
        ({"resources:VCPU": " 1_0 "}, {"VCPU": 10}),
        ({"resources:VCPU": "-1"}, {}),
        ({"resources:VCPU": "1.5"}, {}),
        ({"resources:VCPU": "9" * 5000}, {}),
        ({"resources:VCPU": ""}, {}),
        ({"resources:vcpu": "1"}, {}),
        ({"resources:BOGUS": "1"}, {}),
        ({"resources:": "1"}, {}),
        ({"resources_not a suffix:VCPU": "1"}, {}),
        ({"resources" + "x" * 65 + ":VCPU": "1"}, {}),
        ({"Resources:VCPU": "1"}, {}),
        ({"hw:pmem": "6GB,6GB, 16 GB ,,"}, {"CUSTOM_PMEM_NAMESPACE_6GB": 2, "CUSTOM_PMEM_NAMESPACE_16_GB": 1}),
        ({"hw:cpu_policy": "dedicated"}, {"VCPU": 0, "PCPU": 2}),
        ({"hw:cpu_policy": "dedicated", "resources:PCPU": "9"}, {"VCPU": 0, "PCPU": 2}),
        ({"hw:cpu_policy": "dedicated", "resources:VCPU": "1"}, {"VCPU": 1, "PCPU": 2}),
    ],
)
def test_extra_specs_replace_and_add(specs: dict[str, str], changed: dict[str, int]) -> None:
    assert resources(specs) == {name: amount for name, amount in (SIZES | changed).items() if amount}


def test_encrypted_memory_takes_a_context() -> None:
    uefi = {"hw_firmware_type": "uefi"}
    assert resources({"hw:mem_encryption": "yes"}, properties=uefi) == SIZES | {"MEM_ENCRYPTION_CONTEXT": 1}


def test_without_pinning_dedicated_cpus_are_shared_ones() -> None:
    specs = {"hw:cpu_policy": "dedicated", "hw:cpu_thread_policy": "isolate"}
    assert of(spec_of(specs)).pins_cpus
    assert finished(spec_of(specs))[""].forbidden == {"HW_CPU_HYPERTHREADING"}
    assert not of(spec_of(specs), pinned=False).pins_cpus
    assert finished(spec_of(specs), pinned=False)[""] == RequestGroup(resources=tuple(sorted(SIZES.items())))


@pytest.mark.parametrize("suffix", ["1", "_GPU-a", "x" * 64])
def test_suffixes_make_groups(suffix: str) -> None:
    specs = {
        f"resources{suffix}:VGPU": "1",
        f"trait{suffix}:CUSTOM_A": "required",
        f"trait{suffix}:CUSTOM_B": "forbidden",
    }
    group = finished(spec_of(specs))[suffix]
    assert group == RequestGroup(suffix, (("VGPU", 1),), frozenset({"CUSTOM_A"}), frozenset({"CUSTOM_B"}))
    assert of(spec_of(specs)).from_flavor == 1


def test_an_image_requires_of_the_unsuffixed_group_only() -> None:
    properties: dict[str, object] = {
        "trait:CUSTOM_A": "required",
        "trait1:CUSTOM_B": "required",
        "trait:C": "forbidden",
    }
    groups = finished(spec_of({"resources1:VGPU": "1"}, properties))
    assert (groups[""].required, groups["1"].required) == ({"CUSTOM_A"}, frozenset())


def test_an_empty_trait_alone_asks_for_none() -> None:
    assert finished(spec_of({"trait:": "required"}))[""].required == frozenset()
    both = finished(spec_of({"trait:": "required", "trait:CUSTOM_A": "required"}))[""]
    assert both.required == {"", "CUSTOM_A"}


def test_groups_that_ask_for_nothing_go_but_count_as_the_flavor_s() -> None:
    groups = of(spec_of({"resources1:VGPU": "0", "resources2:VGPU": "none", "trait3:CUSTOM_A": "maybe"}))
    assert [group.suffix for group in groups.finished()] == [""]
    assert groups.from_flavor == 3


@pytest.mark.parametrize(("value", "policy"), [("none", "none"), ("isolate", "isolate"), ("NONE", ""), ("", "")])
def test_the_group_policy(value: str, policy: str) -> None:
    assert of(spec_of({"group_policy": value})).policy == policy


def test_groups_of_ports_stand_as_they_are() -> None:
    port = RequestGroup(
        "port-1", (("CUSTOM_NONE", 0), ("NET_BW_EGR_KILOBIT_PER_SEC", 5)), frozenset({"CUSTOM_PHYSNET"})
    )
    groups = finished(spec_of({}, requested_resources=(port,)))
    assert groups["port-1"] == RequestGroup(
        "port-1", (("NET_BW_EGR_KILOBIT_PER_SEC", 5),), frozenset({"CUSTOM_PHYSNET"})
    )
    assert dict(groups[""].resources) == SIZES


def test_a_class_that_a_port_gives_is_not_asked_for_again() -> None:
    port = RequestGroup("port-1", (("DISK_GB", 1),))
    assert resources({}, requested_resources=(port,)) == {"VCPU": 2, "MEMORY_MB": 1024}


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        ((RequestGroup("", (("VGPU", 1),)),), "no suffix"),
        ((RequestGroup("a"),), "asks for nothing"),
        ((RequestGroup("a", (("VGPU", 1),)), RequestGroup("a", (("VGPU", 2),))), "two request groups"),
        ((RequestGroup("1", (("VGPU", 1),)),), "two request groups"),
    ],
)
def test_wrong_groups_of_ports(groups: tuple[RequestGroup, ...], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        of(spec_of({"resources1:VGPU": "1"}, requested_resources=groups))


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=10), max_size=6))
def test_any_extra_specs_leave_groups_with_positive_amounts(specs: dict[str, str]) -> None:
    try:
        groups = of(spec_of(specs)).finished()
    except InvalidRequestError as error:
        # a name that means something, with a value that does not
        assert any(name in error.message for name in specs)
        return
    for group in groups:
        assert all(amount > 0 for _, amount in group.resources)
        assert group.resources == tuple(sorted(group.resources))
