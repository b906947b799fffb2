"""DifferentHostFilter: none of the named instances is on the host (nova.scheduler.filters.affinity_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.hints import DIFFERENT_HOST, hint
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import sparse_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.sparse import AllBut, SelectionContext, Verdict


def _asks(request: RequestSpec) -> bool:
    return bool(hint(request, DIFFERENT_HOST))


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    return f"a host without instance {' or '.join(hint(request, DIFFERENT_HOST))}"


@sparse_filter(
    "DifferentHostFilter",
    reason="holds an instance that different_host names",
    once_per_request=True,
    applies=_asks,
    change=_change,
)
def different_host(request: RequestSpec, context: SelectionContext) -> Verdict:
    """Return all rows but those of the instances that the hint names; one that is on no host stops none."""
    rows = context.instance_rows
    return AllBut(frozenset(rows[uuid] for uuid in hint(request, DIFFERENT_HOST) if uuid in rows))
