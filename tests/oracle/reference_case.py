"""Runs a select case through the reference, which must answer as nova did before the scheduler is held to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracle import reference
from tests.oracle.compare import Comparison

_CONSUMING = frozenset({"NUMATopologyFilter", "PciPassthroughFilter"})
_OTHER_REPEATED = frozenset({"AggregateIoOpsFilter", "AggregateNumInstancesFilter", "JsonFilter", "MetricsFilter"})


def covers(content: dict[str, Any]) -> bool:
    """Return whether the reference knows everything that decides a select case's answer."""
    expected = content["expected"]
    names = set(content["config"]["filter_scheduler"]["enabled_filters"])
    many = content["request_spec"].get("num_instances", 1) > 1
    return not (
        expected.get("numa_error")
        or expected.get("selected_error") not in (None, "NoValidHost")
        or names & _CONSUMING
        or (many and names & _OTHER_REPEATED)
        or any(isinstance(expected["per_filter"][name], dict) for name in names)
        or any(host.get("free_disk_gb", 0) is None for host in content["hosts"])
        or any(host.get("allocation_candidates") == [] for host in content["hosts"])
        or any(
            name not in reference.WEIGHERS and not _contributes_nothing(name, content)
            for name in expected["weigher_order"]
        )
        or content["request_spec"].get("scheduler_hints", {}).get("_nova_check_type")
    )


def compare_reference(content: dict[str, Any], comparison: Comparison) -> None:
    """Compare the reference's steps, choices, alternates and what they leave with nova's."""
    expected, spec = content["expected"], content["request_spec"]
    config = content["config"]
    hosts = reference.host_states(content)
    many = spec.get("num_instances", 1)
    claims = content["claim"] == "inventory"
    names = config["filter_scheduler"]["enabled_filters"]
    request = reference.Request(
        flavor=spec["flavor"],
        instances=spec.get("instance_uuids") or [f"instance-{number}" for number in range(many)],
        once=[set(expected["per_filter"][name]) for name in names if name not in reference.REPEATED_FILTERS],
        each=[name for name in names if name in reference.REPEATED_FILTERS],
        amounts=reference.placement_amounts(spec["flavor"], is_bfv=bool(spec.get("is_bfv"))) if claims else {},
        group=spec.get("instance_group"),
        force_hosts=spec.get("force_hosts") or (),
        force_nodes=spec.get("force_nodes") or (),
        ignore_hosts=spec.get("ignore_hosts") or (),
        destination=spec.get("requested_destination"),
        alternates=config.get("scheduler", {}).get("max_attempts", 3) - 1 if content["return_alternates"] else 0,
    )
    options = {**reference.DEFAULTS, **config["filter_scheduler"]}
    weighers = [name for name in expected["weigher_order"] if name in reference.WEIGHERS]
    answer = reference.select(hosts, request, options, weighers)
    selected = None if answer.selected is None else [index for index, _ in answer.selected]
    comparison.same("reference: selected", selected, expected["selected"])
    steps = [step for step in answer.steps if step]
    theirs = [step for step in expected.get("steps") or [] if step]
    comparison.same("reference: number of steps", len(steps), len(theirs))
    for number, (ours, nova) in enumerate(zip(steps, theirs, strict=False)):
        comparison.weighed(f"reference: steps[{number}]", ours, nova)
    if content["return_alternates"] and answer.selected is not None:
        comparison.same("reference: alternates", answer.alternates, expected.get("alternates"))
    if claims:
        free = reference.host_states(content)
        offered = [host["index"] for host in free if reference.offers(host, request.amounts)]
        comparison.same("reference: offered", offered, sorted(expected["offered"]))
    for after in expected.get("after") or []:
        host = hosts[after["host"]]
        for key in ("free_ram_mb", "free_disk_mb", "vcpus_used", "num_instances"):
            comparison.same(f"reference: {key} of host {after['host']} afterwards", host[key], after[key])


def _contributes_nothing(weigher: str, content: dict[str, Any]) -> bool:
    """Return whether a weigher that the reference lacks adds exactly 0 to every host's weight in a case."""
    return _CONTRIBUTES_NOTHING.get(weigher, _never)(content)


def _never(content: dict[str, Any]) -> bool:
    return False


def _no_metrics_weighed(content: dict[str, Any]) -> bool:
    return not content["config"].get("metrics", {}).get("weight_setting")


def _same_cell(content: dict[str, Any]) -> bool:
    destination = content["request_spec"].get("requested_destination") or {}
    return not (destination.get("cell") and destination.get("allow_cross_cell_move"))


def _no_image_properties_weighed(content: dict[str, Any]) -> bool:
    # an aggregate cannot switch this weigher on: it looks at the configured multiplier alone
    return float(content["config"]["filter_scheduler"].get("image_props_weight_multiplier", 0.0)) == 0.0


_CONTRIBUTES_NOTHING: dict[str, Callable[[dict[str, Any]], bool]] = {
    "MetricsWeigher": _no_metrics_weighed,
    "CrossCellWeigher": _same_cell,
    "ImagePropertiesWeigher": _no_image_properties_weighed,
}
"""When a weigher adds exactly 0 to every host's weight, so that its absence changes nothing."""
