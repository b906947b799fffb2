"""The rules that bind the groups of one query, which placement answers with status 400 when they are broken.

Source: placement/lib.py and placement/handlers/allocation_candidate.py. nova takes such an answer for no candidates.
"""

from __future__ import annotations

from engine.errors import InvalidRequestError
from engine.model.candidates import CandidateQuery

GROUP_POLICIES = ("none", "isolate")
"""The group policies there are."""


def check_query(query: CandidateQuery) -> None:
    """Raise InvalidRequestError, saying which group is wrong and how to mend it, where placement would refuse."""
    suffixes = [group.suffix for group in query.groups]
    if len(set(suffixes)) < len(suffixes):
        raise InvalidRequestError("each suffix may name one group only: merge the groups that share one")
    empty = [group.suffix for group in query.groups if not group.resources]
    if len(empty) == len(suffixes):
        raise InvalidRequestError("no group asks for resources: give resources to at least one")
    bound = {suffix for rule in query.same_subtree for suffix in rule}
    if loose := sorted(set(empty) - bound):
        raise InvalidRequestError(f"groups without resources must be named in same_subtree: {_names(loose)}")
    if "" in bound:
        raise InvalidRequestError("same_subtree names the group without a suffix, which may be spread: leave it out")
    if unknown := sorted(bound - set(suffixes)):
        raise InvalidRequestError(f"same_subtree names groups that are not there: {_names(unknown)}")
    _check_traits(query)
    _check_policy(query)


def _check_traits(query: CandidateQuery) -> None:
    for group in query.groups:
        both = group.required & group.forbidden
        if both or any(traits <= group.forbidden for traits in group.any_of):
            raise InvalidRequestError(f"group {_names([group.suffix])} requires traits that it forbids")
    if both := query.root_required & query.root_forbidden:
        raise InvalidRequestError(f"root_required requires and forbids {', '.join(sorted(both))}")


def _check_policy(query: CandidateQuery) -> None:
    if query.group_policy and query.group_policy not in GROUP_POLICIES:
        raise InvalidRequestError(f"group_policy {query.group_policy!r} is none of {', '.join(GROUP_POLICIES)}")
    if not query.group_policy and sum(bool(group.suffix) for group in query.groups) > 1:
        raise InvalidRequestError("several suffixed groups need a group_policy: none or isolate")


def _names(suffixes: list[str]) -> str:
    return ", ".join(repr(suffix) for suffix in suffixes)
