"""Which cases the present plug-ins cover: why a case lies outside, no reason for one that must come out equal."""

from __future__ import annotations

from typing import Any

from engine.scheduler.registry import all_filters, all_weighers

Content = dict[str, Any]
WEIGHER = "weigher: "
"""How a reason begins that names a missing weigher."""


def unsupported(content: Content) -> list[str]:
    """Return why Berth cannot be held to a nova case, one phrase a missing filter, weigher or feature."""
    expected = content["expected"]
    if expected.get("numa_error"):
        return ["feature: NUMA constraints checked when the request is made"]
    reasons = [
        f"filter: {name}"
        for name in content["config"]["filter_scheduler"]["enabled_filters"]
        if name not in all_filters()
    ]
    reasons += [f"{WEIGHER}{name}" for name in expected["weigher_order"] if name not in all_weighers()]
    if any(never_reported(host) for host in content["hosts"]):
        reasons.append("feature: a compute node that never reported")
    if any(host.get("allocation_candidates") == [] for host in content["hosts"]):
        reasons.append("feature: a host without allocation candidates")
    return reasons


def never_reported(host: Content) -> bool:
    """Return whether a compute node is one whose facts nova has not been told yet."""
    return host.get("free_disk_gb", 0) is None
