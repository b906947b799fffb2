"""A request after all request filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.model.candidates import RequestGroup
from engine.model.pci import PciRequest
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate import filtered
from tests.builders import request
from tests.scheduler.translate.asking import A, fleet, narrowed

GPU = (("product_id", "154d"), ("traits", "CUSTOM_GOLD,fast"), ("vendor_id", "8086"))
OPTIONS = (
    "limit_tenants_to_placement_aggregate",
    "query_placement_for_image_type_support",
    "enable_isolated_aggregate_filtering",
    "image_metadata_prefilter",
    "query_placement_for_routed_network_aggregates",
    "pci_in_placement",
    "owner_nova",
)


def test_all_filters_add_up() -> None:
    spec = request(
        extra_specs={"accel:device_profile": "x", "hw:virtio_packed_ring": "1", "hw:tpm_version": "2.0"},
        properties={"hw_sound_model": "virtio", "hw_disk_bus": "scsi"},
        root_required=frozenset({"CUSTOM_GOLD"}),
    )
    assert narrowed(spec, image_metadata_prefilter=True, owner_nova=True).root_required == {
        "COMPUTE_ACCELERATORS",
        "COMPUTE_NET_VIRTIO_PACKED",
        "COMPUTE_SECURITY_TPM_SECRET_SECURITY_USER",
        "COMPUTE_SOUND_MODEL_VIRTIO",
        "COMPUTE_STORAGE_BUS_SCSI",
        "CUSTOM_GOLD",
        "OWNER_NOVA",
    }


def test_with_pci_in_placement_each_device_is_a_group() -> None:
    spec = request(pci_requests=(PciRequest(2, (GPU,), request_id="r", alias_name="gpu"),))
    assert narrowed(spec).requested_resources == ()
    device = (("CUSTOM_PCI_8086_154D", 1),)
    traits = frozenset({"CUSTOM_GOLD", "CUSTOM_FAST"})
    assert narrowed(spec, pci_in_placement=True).requested_resources == (
        RequestGroup("r-0", device, traits),
        RequestGroup("r-1", device, traits),
    )


def test_a_device_group_that_the_caller_gave_stands() -> None:
    given_group = RequestGroup("r-0", (("CUSTOM_PCI_8086_154D", 1),), frozenset({"CUSTOM_SILVER"}))
    spec = request(
        pci_requests=(PciRequest(2, (GPU,), request_id="r", alias_name="gpu"),), requested_resources=(given_group,)
    )
    groups = narrowed(spec, pci_in_placement=True).requested_resources
    assert groups[0] == given_group
    assert [group.suffix for group in groups] == ["r-0", "r-1"]


def test_an_alias_of_several_specs_is_no_group() -> None:
    spec = request(pci_requests=(PciRequest(1, (GPU, GPU[:1]), request_id="r", alias_name="gpu"),))
    with pytest.raises(InvalidRequestError, match="gpu"):
        narrowed(spec, pci_in_placement=True)


@given(
    st.sets(st.sampled_from(OPTIONS)),
    st.dictionaries(
        st.sampled_from(("hw:tpm_version", "hw:virtio_packed_ring", "trait:CUSTOM_A", "accel:device_profile")),
        st.sampled_from(("2.0", "required")),
    ),
    st.booleans(),
)
def test_filters_only_add_and_filtering_twice_is_filtering_once(on: set[str], specs: dict[str, str], pci: bool) -> None:
    if specs.get("hw:tpm_version") == "required":
        del specs["hw:tpm_version"]
    spec = request(
        extra_specs=specs,
        root_required=frozenset({"CUSTOM_GOLD"}),
        member_of=(frozenset({A}),),
        network_aggregates=(frozenset({A}), frozenset({"x", A})),
        pci_requests=(PciRequest(2, (GPU,), request_id="r", alias_name="gpu"),) if pci else (),
    )
    table, options = fleet(), SchedulerOptions(**dict.fromkeys(on, True))
    once = filtered(spec, table, options)
    assert filtered(once, table, options) is once
    assert spec.root_required <= once.root_required
    assert spec.root_forbidden <= once.root_forbidden
    assert set(spec.member_of) <= set(once.member_of)
    assert (once.flavor, once.image, once.availability_zone) == (spec.flavor, spec.image, spec.availability_zone)
