"""AllocationCandidatesFilter: placement would offer the host, its own provider with those under it and those shared.

It looks at hosts and requests about which columns and text facts alone cannot say: at any host for a request of other
resource classes or of several groups, at a host to which other providers give vCPUs, memory or disk for any request.
The rules are those of placement's allocation candidates (see engine.placement).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model.candidates import STATUS_DISABLED
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import state_filter
from engine.scheduler.request_facts import RequestFacts

_REASON = "its resource providers cannot give what is asked for"


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    is_marked = facts.profile.service_disabled and STATUS_DISABLED in request.root_forbidden
    return facts.enabling if is_marked else _REASON


@state_filter(
    "AllocationCandidatesFilter",
    reason=_REASON,
    once_per_request=True,
    request_key=None,
    columns=lambda request, options: (),
    change=_change,
)
def allocation_candidates(
    facts: RequestFacts,
    request: RequestSpec,
    options: SchedulerOptions,
    mappings: Sequence[Mapping[str, tuple[str, ...]]],
) -> Sequence[bool]:
    """Return that every candidate is one: whether there is any is asked of the host's providers (see host_fit)."""
    return (True,) * len(mappings)
