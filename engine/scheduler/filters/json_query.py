"""JsonFilter: the host satisfies the query of a hint, in nova's JSON grammar (nova.scheduler.filters.json_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler import queries
from engine.scheduler.facets import attributes_seen
from engine.scheduler.faults import FilterFault, fault_text
from engine.scheduler.hints import hint
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_QUERY = "query"


def _asks(request: RequestSpec) -> bool:
    return bool(hint(request, _QUERY))


def _attributes(request: RequestSpec) -> frozenset[str]:
    values = hint(request, _QUERY)
    return queries.attributes_read(values[0]) if len(values) == 1 else frozenset()


def _holds(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the query holds of the host; raise FilterFault where it has no answer."""
    values = hint(request, _QUERY)
    if len(values) > 1:
        raise FilterFault("the hint query takes one JSON text", nova_exception="TypeError")
    return queries.holds(values[0], facts, nova_quirks=options.nova_quirks)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    fault = fault_text(lambda: _holds(facts, request, options))
    return f"another query: {fault}" if fault else f"facts of which the query {hint(request, _QUERY)[0]} holds"


@text_filter(
    "JsonFilter",
    reason="the query of the hint does not hold of it",
    reads=("profile",),
    request_key=lambda request, options: hint(request, _QUERY),
    attributes=_attributes,
    applies=_asks,
    change=_change,
    sees=attributes_seen,
)
def json_query(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the query holds of the host; raise FilterFault where it has no answer."""
    return _holds(facts, request, options)
