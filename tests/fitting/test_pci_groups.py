from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fitting.pci_errors import PciRequestError
from engine.fitting.pci_groups import custom_or_known, requested_groups, resource_class
from engine.model.candidates import RequestGroup
from engine.model.pci import PciRequest

KNOWN = frozenset({"HW_GPU_API_VULKAN", "COMPUTE_NODE"})
IDS = (("product_id", "20b5"), ("vendor_id", "10de"))


def test_each_device_has_a_group_of_its_own():
    request = PciRequest(2, (IDS,), request_id="id", alias_name="gpu")
    resources = (("CUSTOM_PCI_10DE_20B5", 1),)
    assert requested_groups((request,), known_traits=KNOWN) == (
        RequestGroup(suffix="id-0", resources=resources),
        RequestGroup(suffix="id-1", resources=resources),
    )


def test_classes_and_traits_of_the_alias_are_asked_for():
    spec = (*IDS, ("resource_class", "big gpu"), ("traits", "HW_GPU_API_VULKAN,fast"))
    (group,) = requested_groups((PciRequest(1, (spec,), request_id="id", alias_name="gpu"),), known_traits=KNOWN)
    assert group.resources == (("CUSTOM_BIG_GPU", 1),)
    assert group.required == {"HW_GPU_API_VULKAN", "CUSTOM_FAST"}


def test_network_ports_have_no_group():
    assert requested_groups((PciRequest(1, (IDS,), request_id="id", requester_id="port"),), known_traits=KNOWN) == ()


@pytest.mark.parametrize("count", [0, -1, -(2**70)])
def test_no_devices_have_no_group(count):
    assert requested_groups((PciRequest(count, (IDS,), alias_name="gpu"),), known_traits=KNOWN) == ()


@pytest.mark.parametrize("count", [1001, 2**31, 2**70])
def test_more_devices_than_a_query_can_carry_are_refused(count):
    with pytest.raises(PciRequestError, match="at most 1000"):
        requested_groups((PciRequest(count, (IDS,), alias_name="gpu"),), known_traits=KNOWN)


@pytest.mark.parametrize("specs", [(), (IDS, IDS)])
def test_several_specs_are_refused(specs):
    with pytest.raises(PciRequestError, match="several kinds") as caught:
        requested_groups((PciRequest(1, specs, alias_name="gpu"),), known_traits=KNOWN)
    assert caught.value.nova_exception == "ValueError"


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("VGPU", "VGPU"),
        ("vgpu", "VGPU"),
        ("CUSTOM_A", "CUSTOM_A"),
        ("custom_a", "CUSTOM_A"),
        ("my-gpu 2", "CUSTOM_MY_GPU_2"),
        ("é", "CUSTOM__"),
        ("", "CUSTOM_PCI_10DE_20B5"),
        (None, "CUSTOM_PCI_10DE_20B5"),
    ],
)
def test_a_class_that_is_not_standard_becomes_a_custom_one(named, found):
    assert resource_class({**dict(IDS), "resource_class": named}) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        ("COMPUTE_NODE", {"COMPUTE_NODE"}),
        # Standard names are known as they are written.
        ("compute_node", {"CUSTOM_COMPUTE_NODE"}),
        (" COMPUTE_NODE", {"CUSTOM__COMPUTE_NODE"}),
        ("custom_b,CUSTOM_B", {"CUSTOM_B"}),
        ("a,,b", {"CUSTOM_A", "CUSTOM_", "CUSTOM_B"}),
    ],
)
def test_a_trait_that_is_not_standard_becomes_a_custom_one(text, found):
    assert custom_or_known(text, KNOWN) == found


@given(st.text(min_size=1))
def test_every_trait_is_standard_or_custom(text):
    assert all(name in KNOWN or name.startswith("CUSTOM_") for name in custom_or_known(text, KNOWN))
