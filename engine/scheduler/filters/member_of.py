"""MemberOfFilter: the host is in an aggregate of each wanted set and in no forbidden one (placement's member_of)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


def _key(request: RequestSpec, options: SchedulerOptions) -> tuple[object, ...]:
    return request.member_of, request.forbidden_aggregates


def _asks(request: RequestSpec) -> bool:
    return bool(request.member_of or request.forbidden_aggregates)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    mine = {aggregate.uuid for aggregate in facts.aggregates}
    return ", ".join(
        [f"membership of aggregate {' or '.join(sorted(wanted))}" for wanted in request.member_of if not wanted & mine]
        + [f"no membership of aggregate {uuid}" for uuid in sorted(request.forbidden_aggregates & mine)]
    )


@text_filter(
    "MemberOfFilter",
    reason="not in a wanted aggregate, or in a forbidden one",
    reads=("membership",),
    request_key=_key,
    once_per_request=True,
    applies=_asks,
    change=_change,
)
def member_of(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host is in at least one aggregate of every set, and in none of the forbidden ones."""
    mine = {aggregate.uuid for aggregate in facts.aggregates}
    return all(wanted & mine for wanted in request.member_of) and not mine & request.forbidden_aggregates
