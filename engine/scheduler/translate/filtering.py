"""A request after all request filters (nova.scheduler.request_filter, process_reqspec)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.fitting.pci_groups import requested_groups
from engine.inventory.fleet import Fleet
from engine.model.candidates import RequestGroup
from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.translate.guest import guest_of
from engine.scheduler.translate.request_filters import REQUEST_FILTERS
from engine.scheduler.translate.request_filters.asked import Added, Asked
from engine.scheduler.translate.standard_traits import STANDARD_TRAITS


def filtered(request: RequestSpec, fleet: Fleet, options: SchedulerOptions) -> RequestSpec:
    """Return the request with what the request filters add to it; a request filtered before comes back the same.

    With pci_in_placement the devices that aliases ask for are first made groups, one each. Raises NoValidHostError
    where a filter fails the request, InvalidRequestError where flavor and image contradict each other.
    """
    if options.pci_in_placement and request.pci_requests:
        request = _with_device_groups(request)
    asked = Asked(request, guest_of(request), fleet, options)
    added = [one for one in (request_filter(asked) for request_filter in REQUEST_FILTERS) if one is not None]
    return _with_added(request, added)


def _with_device_groups(request: RequestSpec) -> RequestSpec:
    """Return the request with a group for each device; one that the caller gave under the same suffix stands."""
    given = {group.suffix for group in request.requested_resources}
    groups = requested_groups(request.pci_requests, known_traits=STANDARD_TRAITS)
    new = tuple(group for group in groups if group.suffix not in given)
    return replace(request, requested_resources=request.requested_resources + new) if new else request


def _with_added(request: RequestSpec, added: Sequence[Added]) -> RequestSpec:
    """Return the request with all that was added, the same one where it held that already."""
    root_required, root_forbidden = request.root_required, request.root_forbidden
    member_of, forbidden_aggregates = request.member_of, request.forbidden_aggregates
    groups = request.requested_resources
    for one in added:
        root_required |= one.root_required
        root_forbidden |= one.root_forbidden
        forbidden_aggregates |= one.forbidden_aggregates
        if one.member_of:
            member_of = tuple(dict.fromkeys((*member_of, *one.member_of)))
        if one.group_required:
            groups = _with_traits(groups, one.group_required)
    before = (request.root_required, request.root_forbidden, request.member_of, request.forbidden_aggregates)
    if before == (root_required, root_forbidden, member_of, forbidden_aggregates) and groups is (
        request.requested_resources
    ):
        return request
    return replace(
        request,
        root_required=root_required,
        root_forbidden=root_forbidden,
        member_of=member_of,
        forbidden_aggregates=forbidden_aggregates,
        requested_resources=groups,
    )


def _with_traits(groups: tuple[RequestGroup, ...], required: Mapping[str, frozenset[str]]) -> tuple[RequestGroup, ...]:
    """Return the groups, with these required traits for the suffixes that have some."""
    return tuple(
        replace(group, required=group.required | required[group.suffix]) if group.suffix in required else group
        for group in groups
    )
