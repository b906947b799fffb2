"""The error for a request that no host can take."""

from __future__ import annotations

from engine.errors import NoValidHostError
from engine.scheduler.explain import rejection_counts
from engine.scheduler.inquiry import Inquiry


def no_valid_host(inquiry: Inquiry, placed: int) -> NoValidHostError:
    """Return the error, with how many hosts each filter removed; ``placed`` of the instances had found one."""
    rejections = rejection_counts(inquiry)
    request, total = inquiry.demand.request, inquiry.fleet.host_count
    last = next((name for name, removed in reversed(list(rejections.items())) if removed), None)
    where = f"the last were removed by {last}" if last else "there is none in the fleet"
    if inquiry.demand.refusal:
        where = inquiry.demand.refusal
    want = f"{request.num_instances} instances of " if request.num_instances > 1 else ""
    return NoValidHostError(
        f"no valid host for {want}{request.flavor.name or 'the request'} among {total}"
        + (f" after {placed} instances were placed" if placed else "")
        + f": {where}",
        rejections=rejections,
        hosts_total=total,
        placed=placed,
    )
