"""PciPassthroughFilter: the host has the PCI devices asked for (nova.scheduler.filters.pci_passthrough_filter)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.fitting.pci import supports, total
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import state_filter
from engine.scheduler.request_facts import RequestFacts


def _concerns(request: RequestSpec, options: SchedulerOptions) -> bool:
    return bool(request.pci_requests)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    pools = facts.fleet.pci_pools(facts.row)
    missing = [
        f"{item.count} PCI devices {item.alias_name or _spec_text(item.specs[0] if item.specs else ())}"
        for item in request.pci_requests
        if not supports(pools, (item,))
    ]
    if missing:
        return f"{', '.join(missing)} free ({total(pools)} of any kind are)"
    return "PCI devices free for all requests at once, not for each alone"


def _spec_text(spec: Sequence[tuple[str, str | None]]) -> str:
    return "of " + ", ".join(f"{name} {value}" for name, value in spec)


@state_filter(
    "PciPassthroughFilter",
    reason="the PCI devices asked for are not free",
    concerns=_concerns,
    request_key=lambda request, options: request.pci_requests,
    columns=lambda request, options: ("pci",),
    change=_change,
)
def pci_passthrough(
    facts: RequestFacts,
    request: RequestSpec,
    options: SchedulerOptions,
    mappings: Sequence[Mapping[str, tuple[str, ...]]],
) -> Sequence[bool]:
    """Return, for each candidate's mappings, whether the pools have the devices; NUMA cells are not looked at."""
    pools = facts.fleet.pci_pools(facts.row)
    return [supports(pools, request.pci_requests, mappings=each) for each in mappings]
