"""ComputeCapabilitiesFilter: the host's facts satisfy the flavor's extra specs.

The rule is that of nova.scheduler.filters.compute_capabilities_filter.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler import capabilities
from engine.scheduler.facets import attributes_seen
from engine.scheduler.faults import FilterFault
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_SHOWN_CHARS = 80
"""How much of a host's value an explanation repeats: a list of CPU features runs to kilobytes."""


def _asks(request: RequestSpec) -> bool:
    return bool(request.flavor.extra_specs)


def _attributes(request: RequestSpec) -> frozenset[str]:
    return capabilities.attributes_read(request.flavor.extra_specs)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    try:
        unmet = capabilities.first_unmet(facts, request.flavor.extra_specs)
    except FilterFault as fault:
        return f"another extra spec or capability: {fault.message}"
    assert unmet is not None
    shown = "none" if unmet.found is None else unmet.found
    shown = shown if len(shown) <= _SHOWN_CHARS else shown[:_SHOWN_CHARS] + "..."
    return f"a capability {unmet.key} matching {unmet.requirement!r} instead of {shown}"


@text_filter(
    "ComputeCapabilitiesFilter",
    reason="a capability that the flavor's extra specs ask for is missing",
    reads=("profile",),
    request_key=lambda request, options: tuple(sorted(request.flavor.extra_specs.items())),
    attributes=_attributes,
    once_per_request=True,
    applies=_asks,
    change=_change,
    sees=attributes_seen,
)
def compute_capabilities(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether every extra spec that concerns capabilities is met; raise FilterFault where one cannot compare."""
    return capabilities.satisfies(facts, request.flavor.extra_specs)
