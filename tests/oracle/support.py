"""Which cases the present plug-ins cover: why a case lies outside, no reason for one that must come out equal."""

from __future__ import annotations

from collections.abc import Callable
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
    reasons += [
        f"{WEIGHER}{name}"
        for name in expected["weigher_order"]
        if name not in all_weighers() and not contributes_nothing(name, content)
    ]
    if any(host.get("free_disk_gb", 0) is None for host in content["hosts"]):
        reasons.append("feature: a compute node that never reported")
    if any(host.get("allocation_candidates") == [] for host in content["hosts"]):
        reasons.append("feature: a host without allocation candidates")
    return reasons


def contributes_nothing(weigher: str, content: Content) -> bool:
    """Return whether a weigher that Berth lacks adds exactly 0 to every host's weight in a case."""
    return _CONTRIBUTES_NOTHING.get(weigher, _never)(content)


def _never(content: Content) -> bool:
    return False


def _no_pools(content: Content) -> bool:
    return not any(host.get("pci_device_pools") for host in content["hosts"]) or _multiplied_by_nothing(
        content, "pci_weight_multiplier"
    )


def _no_metrics_weighed(content: Content) -> bool:
    return not content["config"].get("metrics", {}).get("weight_setting")


def _same_cell(content: Content) -> bool:
    destination = content["request_spec"].get("requested_destination") or {}
    return not (destination.get("cell") and destination.get("allow_cross_cell_move"))


def _no_image_properties_weighed(content: Content) -> bool:
    # an aggregate cannot switch this weigher on: it looks at the configured multiplier alone
    return float(content["config"]["filter_scheduler"].get("image_props_weight_multiplier", 0.0)) == 0.0


def _multiplied_by_nothing(content: Content, option: str) -> bool:
    configured = content["config"]["filter_scheduler"].get(option)
    overridden = any(option in aggregate["metadata"] for aggregate in content["aggregates"])
    return configured is not None and float(configured) == 0.0 and not overridden


_CONTRIBUTES_NOTHING: dict[str, Callable[[Content], bool]] = {
    "PCIWeigher": _no_pools,
    "MetricsWeigher": _no_metrics_weighed,
    "CrossCellWeigher": _same_cell,
    "ImagePropertiesWeigher": _no_image_properties_weighed,
}
"""When a weigher adds exactly 0 to every host's weight, so that its absence changes nothing."""
