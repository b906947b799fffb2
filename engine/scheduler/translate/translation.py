"""From a request to what it asks of resource providers (nova.scheduler.utils, resources_from_request_spec)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.inventory.fleet import Fleet
from engine.inventory.usage import Amounts, flavor_amounts
from engine.model.candidates import STATUS_DISABLED, CandidateQuery, RequestGroup
from engine.model.request_spec import RequestSpec
from engine.model.resources import RESOURCE_CLASSES, UNLIMITED_MAX_UNIT
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate.groups import UNSUFFIXED, Groups, groups_of
from engine.scheduler.translate.guest import guest_of
from engine.scheduler.translate.refusal import refusal
from engine.scheduler.translate.target import target_row
from engine.scheduler.translate.zones import zone_members

UNLIMITED_HINTS: Final = ("group", "same_host", "different_host")
"""The scheduler hints with which nova asks for all candidates."""

_PLAIN_CLASSES: Final = frozenset(RESOURCE_CLASSES)
_NOTHING: Final = RequestGroup()
_ALWAYS_FORBIDDEN: Final = frozenset({STATUS_DISABLED})

_Where = tuple[frozenset[frozenset[str]], str]
"""The aggregates, one of each set, and any provider of the tree that may answer, empty for all."""


@dataclass(frozen=True, slots=True)
class Translated:
    """What a request asks of resource providers.

    ``queries`` are asked in order and their candidates appended: one query, or a second one with VCPU in place of PCPU,
    or none where no host can ever answer, and ``refusal`` then says why. ``amounts`` are those of the classes every
    host has columns for, as the unsuffixed group of the first query asks for them, beside the flavor's own sizes.

    ``plain`` means that the columns and text facts of a host without further providers decide: there is one query with
    one group, unsuffixed, of those classes only, in any tree. ``limit`` is how many candidates nova would ask for, None
    for all.
    """

    queries: tuple[CandidateQuery, ...]
    amounts: Amounts
    plain: bool
    limit: int | None
    refusal: str = ""


def translated(request: RequestSpec, fleet: Fleet, options: SchedulerOptions) -> Translated:
    """Return what a request asks for, after the request filters.

    Raises InvalidRequestError where flavor and image contradict each other, NoValidHostError for a target host that
    there is not.
    """
    if _asks_for_sizes_alone(request):
        amounts = flavor_amounts(request.flavor, is_bfv=request.is_bfv)
        whole = RequestGroup(resources=tuple(sorted(amounts.resources.items())))
        queries = [_query(request, whole, (), "", _where(request, fleet))]
    else:
        guest = guest_of(request)
        groups = groups_of(request, guest)
        where = _where(request, fleet)
        queries = [_query_of_groups(request, groups, where)]
        if groups.pins_cpus and not options.disable_fallback_pcpu_query:
            queries.append(_query_of_groups(request, groups_of(request, guest, pinned=False), where))
        amounts = _amounts(request, groups)
    reasons = ["" if _is_sound(query) else refusal(query, fleet, options) for query in queries]
    accepted = tuple(query for query, reason in zip(queries, reasons, strict=True) if not reason)
    unlimited = bool(request.scheduler_hints) and any(name in request.scheduler_hints for name in UNLIMITED_HINTS)
    return Translated(
        queries=accepted,
        amounts=amounts,
        plain=len(queries) == len(accepted) == 1 and _is_plain(accepted[0]),
        limit=None if unlimited else options.max_placement_results,
        refusal="" if accepted else reasons[0],
    )


def requested_amounts(request: RequestSpec) -> Amounts:
    """Return the amounts of ``translated``, for who needs no more: extra specs may replace the flavor's sizes.

    Raises InvalidRequestError where flavor and image contradict each other.
    """
    if _asks_for_sizes_alone(request):
        return flavor_amounts(request.flavor, is_bfv=request.is_bfv)
    return _amounts(request, groups_of(request, guest_of(request)))


def _asks_for_sizes_alone(request: RequestSpec) -> bool:
    """Return whether the flavor's sizes are all that is asked for, as in most requests."""
    return not (request.flavor.extra_specs or request.image.properties or request.requested_resources)


def _where(request: RequestSpec, fleet: Fleet) -> _Where:
    """Return the aggregates and the tree that the unsuffixed group is bound to; NoValidHostError without a target."""
    row = target_row(request, fleet)
    member_of = frozenset(request.member_of)
    if request.availability_zone:
        zone = zone_members(request.availability_zone, fleet)
        member_of = member_of | {zone} if zone else member_of
    return member_of, "" if row is None else fleet.identity.uuids[row]


def _query_of_groups(request: RequestSpec, groups: Groups, where: _Where) -> CandidateQuery:
    """Return the query of a request's groups."""
    finished = groups.finished()
    whole = next((group for group in finished if group.suffix == UNSUFFIXED), RequestGroup())
    suffixed = tuple(group for group in finished if group.suffix != UNSUFFIXED)
    policy = groups.policy
    if not policy and len(suffixed) > 1 and groups.from_flavor <= 1:
        policy = "none"
    return _query(request, whole, suffixed, policy, where)


def _query(
    request: RequestSpec, whole: RequestGroup, suffixed: tuple[RequestGroup, ...], policy: str, where: _Where
) -> CandidateQuery:
    """Return the query of these groups, with what binds the unsuffixed one; it is left out where it asks nothing."""
    member_of, tree = where
    bound = whole
    if (
        member_of
        or tree
        or request.required_traits
        or request.forbidden_traits
        or request.any_of_traits
        or request.forbidden_aggregates
    ):
        bound = RequestGroup(
            UNSUFFIXED,
            whole.resources,
            whole.required | request.required_traits,
            whole.forbidden | request.forbidden_traits,
            request.any_of_traits,
            member_of,
            request.forbidden_aggregates,
            tree,
        )
    return CandidateQuery(
        groups=suffixed if bound == _NOTHING else (bound, *suffixed),
        group_policy=policy,
        same_subtree=request.same_subtree,
        root_required=request.root_required,
        root_forbidden=request.root_forbidden,
    )


def _is_sound(query: CandidateQuery) -> bool:
    """Return whether a query is so simple that there is nothing to refuse, as most are."""
    if len(query.groups) != 1 or query.same_subtree or query.root_required or query.root_forbidden != _ALWAYS_FORBIDDEN:
        return False
    group = query.groups[0]
    return bool(group.resources) and not (group.suffix or group.required or group.forbidden or group.any_of)


def _is_plain(query: CandidateQuery) -> bool:
    if len(query.groups) != 1 or query.same_subtree:
        return False
    group = query.groups[0]
    return not group.suffix and not group.in_tree and all(name in _PLAIN_CLASSES for name, _ in group.resources)


def _amounts(request: RequestSpec, groups: Groups) -> Amounts:
    """Return the unsuffixed amounts beside the flavor's own sizes, cut to what a column can hold at all."""
    resources = groups.group(UNSUFFIXED).resources
    vcpu, memory_mb, disk_gb = (min(resources.get(name, 0), UNLIMITED_MAX_UNIT) for name in RESOURCE_CLASSES)
    return flavor_amounts(request.flavor, is_bfv=request.is_bfv)._replace(
        requested_vcpu=vcpu, requested_memory_mb=memory_mb, requested_disk_gb=disk_gb
    )
