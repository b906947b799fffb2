"""ImagePropertiesFilter: the host runs the image's architecture, hypervisor type and vm mode.

The rule is that of nova.scheduler.filters.image_props_filter.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.model.request_spec import RequestSpec
from engine.scheduler.faults import FilterFault
from engine.scheduler.image_support import PROPERTIES_READ, is_supported, requirement_of, shortfall, supports
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


def _key(request: RequestSpec, options: SchedulerOptions) -> tuple[tuple[str, str], ...]:
    properties = request.image.properties
    return tuple((name, str(properties[name])) for name in PROPERTIES_READ if name in properties) if properties else ()


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    try:
        wanted = requirement_of(request.image.properties, options.image_properties_default_architecture)
        return shortfall(facts.profile, wanted)
    except FilterFault as fault:
        return f"another image: {fault.message}"


def _prepare(request: RequestSpec, options: SchedulerOptions) -> Callable[[RequestFacts], bool]:
    wanted = requirement_of(request.image.properties, options.image_properties_default_architecture)
    return lambda facts: is_supported(facts.profile, wanted, nova_quirks=options.nova_quirks)


@text_filter(
    "ImagePropertiesFilter",
    reason="the host does not run the image's architecture, hypervisor type or vm mode",
    reads=("profile",),
    request_key=_key,
    once_per_request=True,
    run_on_rebuild=True,
    change=_change,
    sees=lambda facts: (facts.profile.supported_instances, facts.profile.hypervisor_version, facts.profile.cpu_info),
    prepare=_prepare,
)
def image_properties(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether some supported instance type of the host has all that the image asks for."""
    return supports(
        facts.profile,
        request.image.properties,
        options.image_properties_default_architecture,
        nova_quirks=options.nova_quirks,
    )
