"""TraitsFilter: the host has every required trait and none of the forbidden ones (placement's required=A,!B)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts

_PREFIX = "trait:"


def wanted_traits(request: RequestSpec) -> tuple[frozenset[str], frozenset[str]]:
    """Return the traits a request requires and forbids: its own, its flavor's ``trait:X`` extra specs and its image's.

    An image can only require (nova.scheduler.utils.ResourceRequest); a value other than required or forbidden says
    nothing.
    """
    required, forbidden = set(request.required_traits), set(request.forbidden_traits)
    for key, value in request.flavor.extra_specs.items():
        if key.startswith(_PREFIX):
            {"required": required, "forbidden": forbidden}.get(value, set()).add(key.removeprefix(_PREFIX))
    required.update(
        key.removeprefix(_PREFIX)
        for key, value in request.image.properties.items()
        if key.startswith(_PREFIX) and value == "required"
    )
    return frozenset(required), frozenset(forbidden)


def _key(request: RequestSpec, options: SchedulerOptions) -> tuple[frozenset[str], frozenset[str]]:
    if not request.flavor.extra_specs and not request.image.properties:
        return request.required_traits, request.forbidden_traits
    return wanted_traits(request)


def _asks(request: RequestSpec) -> bool:
    return any(wanted_traits(request))


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    required, forbidden = wanted_traits(request)
    mine = frozenset(facts.fleet.traits.names(facts.profile.traits))
    return ", ".join(
        [f"trait {name} added" for name in sorted(required - mine)]
        + [f"trait {name} removed" for name in sorted(forbidden & mine)]
    )


@text_filter(
    "TraitsFilter",
    reason="a required trait is missing or a forbidden one present",
    reads=("profile",),
    request_key=_key,
    once_per_request=True,
    applies=_asks,
    change=_change,
)
def traits(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether the host's traits include all required and no forbidden ones; a trait nobody has is on no host."""
    required, forbidden = wanted_traits(request)
    names = facts.fleet.traits
    if any(name not in names for name in required):
        return False
    mine = facts.profile.traits
    needed = names.known_bits(required)
    return mine & needed == needed and not mine & names.known_bits(forbidden)
