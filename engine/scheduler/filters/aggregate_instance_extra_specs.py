"""AggregateInstanceExtraSpecsFilter: the metadata of the host's aggregates satisfy the flavor's extra specs.

The rule is that of nova.scheduler.filters.aggregate_instance_extra_specs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_metadata import split_metadata
from engine.scheduler.faults import FilterFault
from engine.scheduler.operators import match
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_SCOPE = "aggregate_instance_extra_specs"


def _wanted(extra_specs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (metadata key, requirement) of the extra specs that concern aggregates: unscoped ones and those in scope.

    Only the first colon ends a scope, so that a metadata key may hold colons.
    """
    for name, requirement in extra_specs.items():
        scope, colon, rest = name.partition(":")
        if not colon:
            yield scope, requirement
        elif scope == _SCOPE:
            yield rest, requirement


def _asks(request: RequestSpec) -> bool:
    return next(_wanted(request.flavor.extra_specs), None) is not None


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    metadata = split_metadata(facts.aggregates)
    missing = []
    for key, requirement in _wanted(request.flavor.extra_specs):
        try:
            met = any(match(value, requirement, key=key) for value in metadata.get(key, ()))
        except FilterFault as fault:
            return f"another extra spec or metadata: {fault.message}"
        if not met:
            mine = ", ".join(sorted(set(metadata.get(key, ())))) or "none"
            missing.append(f"an aggregate with metadata {key} matching {requirement!r} instead of {mine}")
    return ", ".join(missing)


@text_filter(
    "AggregateInstanceExtraSpecsFilter",
    reason="no aggregate of the host has the metadata that the flavor's extra specs ask for",
    reads=("membership",),
    request_key=lambda request, options: tuple(_wanted(request.flavor.extra_specs)),
    once_per_request=True,
    applies=_asks,
    change=_change,
)
def aggregate_instance_extra_specs(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether, for each key, some value of some aggregate meets the requirement; a missing key meets none.

    Raises FilterFault where nova's evaluation raises (see operators.match). nova tries the values in the order of a
    set, so where one value is met and another raises its answer is chance; here the aggregates' order decides.
    """
    metadata = split_metadata(facts.aggregates)
    return all(
        any(match(value, requirement, key=key) for value in metadata.get(key, ()))
        for key, requirement in _wanted(request.flavor.extra_specs)
    )
