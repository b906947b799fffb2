"""MemberOfFilter: the host is in an aggregate of each wanted set (placement's member_of=in:A,B, repeated)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


def _asks(request: RequestSpec) -> bool:
    return bool(request.member_of)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    mine = {aggregate.uuid for aggregate in facts.aggregates}
    return ", ".join(
        f"membership of aggregate {' or '.join(sorted(wanted))}" for wanted in request.member_of if not wanted & mine
    )


@text_filter(
    "MemberOfFilter",
    reason="not in a wanted aggregate",
    reads=("membership",),
    request_key=lambda request, options: request.member_of,
    once_per_request=True,
    applies=_asks,
    change=_change,
)
def member_of(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host is in at least one aggregate of every set."""
    mine = {aggregate.uuid for aggregate in facts.aggregates}
    return all(wanted & mine for wanted in request.member_of)
