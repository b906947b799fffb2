"""With owner_nova the host, and the providers of the devices that aliases ask for, must be nova's."""

from __future__ import annotations

from engine.model.candidates import RequestGroup
from engine.model.pci import PciRequest
from tests.builders import request
from tests.scheduler.translate.asking import narrowed

SPEC = (("product_id", "154d"), ("vendor_id", "8086"))


def test_the_host_must_be_novas_only_with_the_option() -> None:
    assert narrowed(request()).root_required == set()
    assert narrowed(request(), owner_nova=True).root_required == {"OWNER_NOVA"}


def test_devices_of_aliases_must_be_novas_and_no_others() -> None:
    spec = request(
        pci_requests=(
            PciRequest(2, (SPEC,), request_id="req-1", alias_name="gpu"),
            PciRequest(1, (SPEC,), request_id="req-2", requester_id="port-2"),
        ),
        requested_resources=(RequestGroup("req-2-0", (("SRIOV_NET_VF", 1),)), RequestGroup("x", (("VGPU", 1),))),
    )
    groups = narrowed(spec, owner_nova=True, pci_in_placement=True).requested_resources
    assert {group.suffix: set(group.required) for group in groups} == {
        "req-2-0": set(),
        "x": set(),
        "req-1-0": {"OWNER_NOVA"},
        "req-1-1": {"OWNER_NOVA"},
    }


def test_a_request_that_requires_it_already_keeps_its_groups() -> None:
    spec = request(
        root_required=frozenset({"OWNER_NOVA"}),
        pci_requests=(PciRequest(1, (SPEC,), request_id="req-1", alias_name="gpu"),),
        requested_resources=(RequestGroup("req-1-0", (("CUSTOM_PCI_8086_154D", 1),)),),
    )
    assert narrowed(spec, owner_nova=True).requested_resources == spec.requested_resources
