"""AllocationUnitsFilter: each amount is a piece the host gives out (placement's min_unit, max_unit and step_size)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.translate import requested_amounts


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    units = facts.units
    asked = zip(requested_amounts(request)[:3], ("vcpu", "memory_mb", "disk_gb"), strict=True)
    limits = {name: (amount, getattr(units, name)) for amount, name in asked}
    return ", ".join(
        f"{name} of {amount} within min_unit {low}, max_unit {high}, step_size {step}"
        for name, (amount, (low, high, step)) in limits.items()
        if amount and not (low <= amount <= high and amount % step == 0)
    )


@text_filter(
    "AllocationUnitsFilter",
    reason="an amount is below min_unit, above max_unit or no multiple of step_size",
    reads=("units",),
    request_key=None,
    once_per_request=True,
    change=_change,
)
def allocation_units(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether every amount that is not zero is between min_unit and max_unit and a multiple of step_size."""
    amounts = requested_amounts(request)
    asked = (
        (amounts.requested_vcpu, facts.units.vcpu),
        (amounts.requested_memory_mb, facts.units.memory_mb),
        (amounts.requested_disk_gb, facts.units.disk_gb),
    )
    return all(amount == 0 or (low <= amount <= high and amount % step == 0) for amount, (low, high, step) in asked)
