"""AggregateInstanceExtraSpecsFilter: the metadata of the host's aggregates satisfy the flavor's extra specs.

The rule is that of nova.scheduler.filters.aggregate_instance_extra_specs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.model.request_spec import RequestSpec
from engine.scheduler.aggregate_metadata import split_metadata
from engine.scheduler.facets import metadata_seen
from engine.scheduler.faults import FilterFault, fault_text
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
        values = metadata.get(key, [])
        if _is_met(values, requirement, key, nova_quirks=False):
            continue
        fault = next(filter(None, (_fault(value, requirement, key) for value in values)), "")
        if fault:
            return f"another extra spec or metadata: {fault}"
        mine = ", ".join(sorted(set(values))) or "none"
        missing.append(f"an aggregate with metadata {key} matching {requirement!r} instead of {mine}")
    return ", ".join(missing)


def _fault(value: str, requirement: str, key: str) -> str:
    return fault_text(lambda: match(value, requirement, key=key))


def _is_met(values: Sequence[str], requirement: str, key: str, *, nova_quirks: bool) -> bool:
    """Return whether one of the values meets the requirement; one that does not compare with it is none such.

    nova raises for that. It tries the values in the order of a set, so where one is met and another raises its answer
    is chance; with ``nova_quirks`` the aggregates' order decides.
    """
    for value in values:
        try:
            if match(value, requirement, key=key):
                return True
        except FilterFault:
            if nova_quirks:
                raise
    return False


@text_filter(
    "AggregateInstanceExtraSpecsFilter",
    reason="no aggregate of the host has the metadata that the flavor's extra specs ask for",
    reads=("membership",),
    request_key=lambda request, options: tuple(_wanted(request.flavor.extra_specs)),
    once_per_request=True,
    applies=_asks,
    change=_change,
    sees=metadata_seen,
)
def aggregate_instance_extra_specs(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether, for each key, some value of some aggregate meets the requirement; a missing key meets none.

    Raises FilterFault with nova_quirks where nova's evaluation raises (see operators.match).
    """
    metadata = split_metadata(facts.aggregates)
    return all(
        _is_met(metadata.get(key, []), requirement, key, nova_quirks=options.nova_quirks)
        for key, requirement in _wanted(request.flavor.extra_specs)
    )
