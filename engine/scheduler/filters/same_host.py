"""SameHostFilter: one of the named instances is on the host (nova.scheduler.filters.affinity_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.hints import SAME_HOST, hint
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import sparse_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.sparse import Only, SelectionContext, Verdict


def _asks(request: RequestSpec) -> bool:
    return bool(hint(request, SAME_HOST))


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    return f"a host with instance {' or '.join(hint(request, SAME_HOST))}"


@sparse_filter(
    "SameHostFilter",
    reason="holds no instance that same_host names",
    once_per_request=True,
    applies=_asks,
    change=_change,
)
def same_host(request: RequestSpec, context: SelectionContext) -> Verdict:
    """Return the rows of the instances that the hint names: none where all of them are on no host."""
    rows = context.instance_rows
    return Only(frozenset(rows[uuid] for uuid in hint(request, SAME_HOST) if uuid in rows))
