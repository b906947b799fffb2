"""TraitsFilter: the host has the traits asked for and none of the forbidden ones (placement's required=A,!B).

Asked for are those of the flavor and the image, of features such as secure boot, of the request itself and of its root:
for a host without further providers the root is the only one there is. A disabled compute service is a trait, too, and
always forbidden, so that also a forced host is not taken then.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.model.candidates import STATUS_DISABLED
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts
from engine.scheduler.translate.unsuffixed import TraitsKey, host_traits, host_traits_key


def _key(request: RequestSpec, options: SchedulerOptions) -> TraitsKey:
    return host_traits_key(request)


def _asks(request: RequestSpec) -> bool:
    return any(host_traits_key(request))


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    required, forbidden = host_traits(request)
    mine = frozenset(facts.fleet.traits.names(facts.fleet.provider_traits(facts.profile)))
    return ", ".join(
        [f"trait {name} added" for name in sorted(required - mine)]
        + [
            f"trait {' or '.join(sorted(names))} added"
            for names in sorted(request.any_of_traits, key=sorted)
            if not names & mine
        ]
        + [
            facts.enabling if name == STATUS_DISABLED and facts.profile.service_disabled else f"trait {name} removed"
            for name in sorted(forbidden & mine)
        ]
    )


def _prepare(request: RequestSpec, options: SchedulerOptions) -> Callable[[RequestFacts], bool]:
    required, forbidden = host_traits(request)

    def holds(facts: RequestFacts) -> bool:
        names = facts.fleet.traits
        if any(name not in names for name in required):
            return False
        mine = facts.fleet.provider_traits(facts.profile)
        needed = names.known_bits(required)
        return (
            mine & needed == needed
            and not mine & names.known_bits(forbidden)
            and all(mine & names.known_bits(choices) for choices in request.any_of_traits)
        )

    return holds


@text_filter(
    "TraitsFilter",
    reason="a required trait is missing or a forbidden one present",
    reads=("profile",),
    request_key=_key,
    once_per_request=True,
    applies=_asks,
    change=_change,
    sees=lambda facts: facts.fleet.provider_traits(facts.profile),
    prepare=_prepare,
)
def traits(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host's traits include all required, one of each any-of set and no forbidden one.

    A trait that nobody has is on no host.
    """
    return _prepare(request, options)(facts)
