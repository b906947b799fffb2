"""Why placement refuses a query outright, which nova takes for an answer without candidates."""

from __future__ import annotations

from itertools import chain
from typing import Final

from engine.errors import InvalidRequestError
from engine.fitting.custom_names import is_custom
from engine.inventory.fleet import Fleet
from engine.model.candidates import CandidateQuery, RequestGroup
from engine.model.resources import UNLIMITED_MAX_UNIT
from engine.placement.query_rules import check_query
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate.standard_traits import STANDARD_TRAITS

_NONE: Final = ""


def refusal(query: CandidateQuery, fleet: Fleet, options: SchedulerOptions) -> str:
    """Return why no host can answer a query whatever it has left, empty where one may.

    nova cannot send a group without resources, which placement takes where same_subtree names it; and a custom trait
    that nobody ever had does not exist for placement, while Berth keeps no list of traits and lets it be forbidden.
    Both follow nova with its quirks.
    """
    try:
        check_query(query)
    except InvalidRequestError as error:
        return error.message
    for group in query.groups:
        if options.nova_quirks and not group.resources:
            return f"nova cannot ask for a group without resources: {_named(group)}"
        if not all(1 <= amount <= UNLIMITED_MAX_UNIT for _, amount in group.resources):
            return f"{_named(group)} asks for an amount that is not between 1 and {UNLIMITED_MAX_UNIT}"
    named = query.root_required.union(query.root_forbidden, *(_traits(group) for group in query.groups))
    if named <= STANDARD_TRAITS:
        return _NONE
    known = fleet.of_facts("known traits", lambda: _traits_of_providers(fleet))
    unknown = [
        name
        for name in named - STANDARD_TRAITS - known
        if name not in fleet.traits and (options.nova_quirks or not is_custom(name))
    ]
    return f"there is no trait {min(unknown)}" if unknown else _NONE


def _named(group: RequestGroup) -> str:
    return f"the group {group.suffix!r}" if group.suffix else "the group without a suffix"


def _traits(group: RequestGroup) -> frozenset[str]:
    return group.required.union(group.forbidden, *group.any_of)


def _traits_of_providers(fleet: Fleet) -> frozenset[str]:
    """Return the traits of the sharing providers and of those beneath hosts."""
    trees = (tree.providers for tree in fleet.devices.trees.values if tree is not None)
    return frozenset().union(*(provider.traits for provider in chain(fleet.sharing.values(), *trees)))
