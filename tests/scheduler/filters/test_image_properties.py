"""Some guest kind of the host has the image's architecture, hypervisor type and vm mode."""

from __future__ import annotations

import pytest

from engine.scheduler.explain import explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.sparse import SelectionContext
from tests.builders import host_table, only, passing, request

NAME = "ImagePropertiesFilter"


X86 = {"supported_instances": ["x86_64/kvm/hvm", "i686/kvm/hvm"], "hypervisor_version": 8002002}
ARM = {"supported_instances": ["aarch64/kvm/hvm"], "hypervisor_version": 6002000}


@pytest.mark.parametrize(
    ("properties", "passes"),
    [
        ({}, {"h0", "h1"}),
        ({"hw_architecture": "x86_64"}, {"h0"}),
        ({"architecture": "amd64"}, {"h0"}),
        ({"hw_architecture": "i386"}, {"h0"}),
        ({"hw_architecture": "aarch64", "hw_vm_mode": "hvm"}, {"h1"}),
        ({"hw_architecture": "s390x"}, set()),
        ({"img_hv_type": "kvm"}, {"h0", "h1"}),
        ({"img_hv_type": "kvm", "img_hv_requested_version": ">=8.2.2"}, {"h0"}),
        ({"img_hv_type": "kvm", "img_hv_requested_version": ">8.2.2"}, set()),
        # nova looks at the version only where a name is asked for
        ({"img_hv_requested_version": ">8.2.2"}, {"h0", "h1"}),
    ],
)
def test_a_guest_kind_has_all_that_is_asked_for(properties: dict[str, object], passes: set[str]) -> None:
    assert passing(NAME, [X86, ARM], request(properties=properties)) == passes


def test_the_default_architecture_counts_where_the_image_names_none() -> None:
    assert passing(NAME, [X86, ARM], image_properties_default_architecture="aarch64") == {"h1"}
    spec = request(properties={"hw_architecture": "x86_64"})
    assert passing(NAME, [X86, ARM], spec, image_properties_default_architecture="aarch64") == {"h0"}


def test_it_is_asked_again_on_a_rebuild() -> None:
    spec = request(properties={"hw_architecture": "aarch64"}, scheduler_hints={"_nova_check_type": ("rebuild",)})
    assert passing(NAME, [X86, ARM], spec) == {"h1"}


def test_the_address_width_is_compared_unless_novas_own_failure_is_wanted() -> None:
    spec = request(properties={"hw_architecture": "x86_64", "hw_maxphysaddr_bits": 46})
    hosts = [{**X86, "cpu_info": f'{{"maxphysaddr": {{"bits": {bits}}}}}'} for bits in (45, 46)]
    assert passing(NAME, hosts, spec) == {"h1"}
    with pytest.raises(FilterFault):
        passing(NAME, hosts, spec, nova_quirks=True)


@pytest.mark.parametrize(
    "properties",
    [
        {"hw_architecture": "vax"},
        {"hw_architecture": ""},
        {"hw_architecture": "x86_64 "},
        {"hw_architecture": "x86_64", "architecture": "<arch>x86_64</arch>"},
        {"img_hv_type": "qemu\n"},
        {"hw_vm_mode": "hvm\u200b"},
        {"img_hv_type": "kvm", "img_hv_requested_version": "8.2.2"},
        {"img_hv_type": "kvm", "img_hv_requested_version": ">=8.2.2,"},
        {"img_hv_type": "kvm", "img_hv_requested_version": "~=8.2"},
        {"img_hv_type": "kvm", "hw_maxphysaddr_bits": "forty"},
        {"img_hv_type": "kvm", "hw_maxphysaddr_bits": "1e3"},
    ],
)
def test_a_property_that_novas_image_object_refuses_has_no_host_or_fails_the_request(
    properties: dict[str, object],
) -> None:
    spec = request(properties=properties)
    assert passing(NAME, [X86, ARM], spec) == set()
    with pytest.raises(FilterFault) as caught:
        passing(NAME, [X86], spec, nova_quirks=True)
    assert caught.value.nova_exception == "ValueError"
    picture = host_table([X86]).snapshot()
    ((_, (change,)),) = explain(only(filters=[NAME]), picture, spec, SelectionContext(picture)).nearest
    assert change.startswith("another image: image property ")


def test_an_explanation_says_what_the_host_would_have_to_run() -> None:
    hosts = [ARM, {**X86, "cpu_info": '{"maxphysaddr": {"bits": 39}}'}, {**X86, "hypervisor_version": 7000001}]
    properties = {
        "hw_architecture": "x86_64",
        "hw_vm_mode": "hvm",
        "img_hv_requested_version": ">=8.2,<9",
        "hw_maxphysaddr_bits": 46,
    }
    picture = host_table(hosts).snapshot()
    found = dict(
        explain(only(filters=[NAME]), picture, request(properties=properties), SelectionContext(picture)).nearest
    )
    assert found == {
        0: ("a supported instance type with hvm, x86_64 instead of aarch64/kvm/hvm",),
        1: ("physical addresses of 46 bits instead of 39",),
        2: ("a hypervisor version >=8.2,<9 instead of 7.0.1",),
    }
