"""IsolatedHostsFilter: isolated images go to isolated hosts (nova.scheduler.filters.isolated_hosts_filter)."""

from __future__ import annotations

from engine.model.request_spec import RequestSpec
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.registry import text_filter
from engine.scheduler.request_facts import RequestFacts


def _is_isolated_image(request: RequestSpec, options: SchedulerOptions) -> bool:
    return bool(request.image.id) and request.image.id in options.isolated_images


def _change(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> str:
    if _is_isolated_image(request, options):
        return "to be one of isolated_hosts, as the image is one of isolated_images"
    return "not to be one of isolated_hosts, as the image is none of isolated_images"


@text_filter(
    "IsolatedHostsFilter",
    reason="isolated hosts are for isolated images",
    reads=(),
    request_key=_is_isolated_image,
    hosts=lambda options: options.isolated_hosts,
    once_per_request=True,
    run_on_rebuild=True,
    change=_change,
)
def isolated_hosts(facts: RequestFacts, request: RequestSpec, options: SchedulerOptions) -> bool:
    """Return whether image and host are both isolated or both not; an isolated host takes any image if not restricted.

    Without isolated images nothing but the restriction counts: no image may go to an isolated host, or each to any.
    """
    host_isolated = facts.get_attribute("host") in options.isolated_hosts
    image_isolated = _is_isolated_image(request, options)
    if options.restrict_isolated_hosts_to_isolated_images:
        return image_isolated == host_isolated
    return host_isolated or not image_isolated
