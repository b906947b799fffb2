"""PCI in placement: the request groups of device requests, one for each device (nova.objects.request_spec)."""

from __future__ import annotations

from collections.abc import Container, Sequence

from engine.fitting.custom_names import CUSTOM, custom_name
from engine.fitting.pci_errors import PciRequestError
from engine.model.candidates import RequestGroup
from engine.model.pci import PciRequest

STANDARD_CLASSES = frozenset(
    {
        "VCPU",
        "MEMORY_MB",
        "DISK_GB",
        "PCI_DEVICE",
        "SRIOV_NET_VF",
        "NUMA_SOCKET",
        "NUMA_CORE",
        "NUMA_THREAD",
        "NUMA_MEMORY_MB",
        "IPV4_ADDRESS",
        "VGPU",
        "VGPU_DISPLAY_HEAD",
        "NET_BW_EGR_KILOBIT_PER_SEC",
        "NET_BW_IGR_KILOBIT_PER_SEC",
        "PCPU",
        "MEM_ENCRYPTION_CONTEXT",
        "FPGA",
        "PGPU",
        "NET_PACKET_RATE_KILOPACKET_PER_SEC",
        "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
        "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
    }
)
"""The resource classes that are the same in every cloud; all others begin with CUSTOM_."""

MOST_DEVICES = 1000
"""How many devices one request may ask for: nova's query for more is longer than a web server takes."""


def requested_groups(requests: Sequence[PciRequest], *, known_traits: Container[str]) -> tuple[RequestGroup, ...]:
    """Return a group of one device for each device that aliases ask for; network ports' devices have none.

    ``known_traits`` are the standard traits: any other name becomes a custom one. Raises PciRequestError for a request
    with several specs, whose resource classes could differ, and for one of more than MOST_DEVICES.
    """
    groups: list[RequestGroup] = []
    for request in requests:
        if not request.alias_name:
            continue
        if len(request.specs) != 1:
            raise PciRequestError(
                f"alias {request.alias_name!r} stands for several kinds of devices, which pci_in_placement does not "
                "allow: define it once",
                nova_exception="ValueError",
            )
        if request.count > MOST_DEVICES:
            raise PciRequestError(
                f"alias {request.alias_name!r} is asked for {request.count} devices: ask for at most {MOST_DEVICES}",
                nova_exception="NoValidHost",
            )
        spec = dict(request.specs[0])
        resources = ((resource_class(spec), 1),)
        required = custom_or_known(spec.get("traits") or "", known_traits)
        groups.extend(
            RequestGroup(suffix=f"{request.request_id}-{index}", resources=resources, required=required)
            for index in range(request.count)
        )
    return tuple(groups)


def resource_class(spec: dict[str, str | None]) -> str:
    """Return the resource class that a spec names, or the one that its ids make."""
    named = spec.get("resource_class")
    if not named:
        return f"{CUSTOM}PCI_{spec.get('vendor_id')}_{spec.get('product_id')}".upper()
    name = named.upper()
    return name if name in STANDARD_CLASSES or name.startswith(CUSTOM) else custom_name(name)


def custom_or_known(traits: str, known_traits: Container[str]) -> frozenset[str]:
    """Return the traits of a text with commas between them, those that are not standard as custom ones."""
    if not traits:
        return frozenset()
    return frozenset(
        name if name in known_traits else upper if (upper := name.upper()).startswith(CUSTOM) else custom_name(upper)
        for name in traits.split(",")
    )
