"""From a scenario's flavors to requests for one instance, NUMA cells and PCI devices worked out as nova's API does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.fitting.numa_request import guest_numa
from engine.fitting.pci_aliases import Aliases, parse_aliases, pci_requests
from engine.inventory.usage import flavor_amounts
from engine.model.flavor import Flavor
from engine.model.image import Image
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.whatif.scenario.flavors import FlavorTable


def request_of(table: FlavorTable, options: SchedulerOptions) -> RequestSpec:
    """Return the request of a scenario's flavor; raise InvalidRequestError where it contradicts itself."""
    flavor = Flavor(
        table.name,
        table.vcpus,
        table.memory_mb,
        table.disk_gb,
        table.ephemeral_gb,
        table.swap_mb,
        dict(table.extra_specs),
    )
    request = flavor_request(flavor, aliases_of(options), Image(properties=dict(table.image_properties)))
    return replace(
        request,
        availability_zone=table.zone,
        required_traits=frozenset(table.required_traits),
        scheduler_hints=_hints(table.hints),
    )


def flavor_request(flavor: Flavor, aliases: Aliases, image: Image | None = None) -> RequestSpec:
    """Return the request for one instance of a flavor; raise InvalidRequestError where it contradicts itself."""
    flavor_amounts(flavor)
    return fitted(RequestSpec(flavor=flavor, image=image or Image(), alternates=0), aliases)


def fitted(request: RequestSpec, aliases: Aliases) -> RequestSpec:
    """Return a request with the NUMA cells and the PCI devices that its flavor and image ask for."""
    flavor, image = request.flavor, request.image
    if not (flavor.extra_specs or image.properties):
        return replace(request, numa=None, pci_requests=())
    return replace(request, numa=guest_numa(flavor, image), pci_requests=pci_requests(flavor, image, aliases))


def aliases_of(options: SchedulerOptions) -> Aliases:
    """Return the PCI aliases of a chain's options."""
    return parse_aliases(options.pci_alias, pci_in_placement=options.pci_in_placement)


def _hints(hints: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in hints.items()}
