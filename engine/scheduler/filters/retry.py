"""RetryFilter: not a host where building the instance failed before.

The rule is that of nova.scheduler.filters.retry_filter up to nova 21: later novas leave it to a selection's alternates.
"""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import sparse_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.sparse import AllBut, SelectionContext, Verdict


def _asks(request: RequestSpec) -> bool:
    return bool(request.tried)


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    return "a host on which the instance has not been tried"


@sparse_filter(
    "RetryFilter", reason="the instance was tried there before", applies=_asks, change=_change, removed_in=22
)
def retry(request: RequestSpec, context: SelectionContext) -> Verdict:
    """Return all rows but those of the hosts tried, host and node compared exactly; one tried without a node is any."""
    fleet = context.fleet
    found = ((fleet.find(host), node) for host, node in request.tried)
    return AllBut(
        frozenset(row for row, node in found if row is not None and node in ("", fleet.identity.nodenames[row]))
    )
