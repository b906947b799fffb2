"""Runs an end-to-end case: what placement would offer, every step, choice, allocation and alternate.

Real nova met its hosts in the order of a hash set, so where the best weight was shared the case stops deciding hosts:
from there on only weights are compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.errors import NoValidHostError
from engine.inventory.usage import flavor_amounts
from engine.model.selection import Selection
from engine.scheduler.explain import explain
from engine.scheduler.options import PLACEMENT_FILTERS
from engine.scheduler.registry import find_filter
from engine.scheduler.select import Step
from engine.scheduler.sparse import SelectionContext
from tests.oracle.build import STATUS_DISABLED, Scenario, build_scenario
from tests.oracle.compare import Comparison
from tests.oracle.support import Content, unsupported

_REQUEST_FILTERS = (
    "limit_tenants_to_placement_aggregate",
    "query_placement_for_image_type_support",
    "enable_isolated_aggregate_filtering",
    "image_metadata_prefilter",
    "query_placement_for_routed_network_aggregates",
)
_PROVIDERS = ("children", "extra_inventories", "drop_inventories")


def unsupported_end_to_end(content: Content) -> list[str]:
    """Return why Berth cannot be held to an end-to-end case."""
    scheduler = content["config"].get("scheduler", {})
    reasons = [f"request filter: {name}" for name in _REQUEST_FILTERS if scheduler.get(name)]
    reasons += [
        f"providers: {name}" for name in _PROVIDERS if any(host.get(name) is not None for host in content["hosts"])
    ]
    if content.get("sharing_providers"):
        reasons.append("providers: sharing")
    if any(key.startswith("resources") for key in content["request_spec"]["flavor"].get("extra_specs") or {}):
        reasons.append("request: resources in extra specs")
    # an end-to-end case does not say in which order its weighers were summed
    return reasons + unsupported({**content, "expected": {"weigher_order": [], **content["expected"]}})


def compare_end_to_end(content: Content, comparison: Comparison) -> None:
    """Compare everything that the whole of select_destinations answers."""
    expected = content["expected"]
    scenario = _scenario(content)
    if "max_placement_results" not in content["config"].get("scheduler", {}):
        offered = sorted(uuids[0] for uuids in expected["candidates"][0]) if expected.get("candidates") else []
        comparison.same("candidates", _offered(scenario), offered)
    steps: list[Step] = []
    error = None
    selections: list[Selection] = []
    try:
        selections = scenario.selector.select(
            scenario.request,
            group=scenario.make_group(),
            own_rows=scenario.own_rows,
            instance_rows=scenario.instance_rows,
            image_counts=scenario.image_counts,
            members=scenario.members,
            steps=steps,
        )
    except NoValidHostError:
        error = "NoValidHost"
    comparison.same("selected_error", error, expected.get("selected_error"))
    ties = expected.get("ties_at_top") or []
    decided = ties.index(True) if True in ties else len(ties)
    rows = [item.row for item in selections]
    comparison.same("selected", rows[:decided], (expected["selected"] or [])[:decided])
    for number, theirs in enumerate((expected.get("steps") or [])[: decided + 1]):
        ours = zip(steps[number].rows.tolist(), steps[number].weights.tolist(), strict=True)
        comparison.weighed(f"steps[{number}]", sorted(ours, key=lambda item: (-item[1], item[0])), theirs)
    if decided == len(ties):
        _compare_allocations(scenario, selections, expected, comparison)
        _compare_alternates(selections, steps, expected, comparison)


def _scenario(content: Content) -> Scenario:
    names = content["expected"].get("weigher_order")
    order: dict[str, Any] = {"weigher_order": names or []}
    scenario = build_scenario(
        {**content, "expected": {**content["expected"], **order}, "return_alternates": True},
        placement_filters=PLACEMENT_FILTERS,
    )
    request = replace(scenario.request, forbidden_traits=frozenset({STATUS_DISABLED}))
    if "max_placement_results" in content["config"].get("scheduler", {}):
        # which hosts placement cut off was chance: leave out the same ones
        offered = {uuid for uuids in content["expected"]["candidates"][0] for uuid in uuids}
        others = tuple(host["host"] for host in content["hosts"] if host["uuid"] not in offered)
        request = replace(request, ignore_hosts=request.ignore_hosts + others)
    return replace(scenario, request=request)


def _offered(scenario: Scenario) -> list[str]:
    chain = replace(scenario.chain, filters=tuple(find_filter(name) for name in PLACEMENT_FILTERS), weighers=())
    context = SelectionContext(scenario.table)
    many = scenario.table.host_count
    explanation = explain(chain, scenario.table, scenario.request, context, weighed_limit=many, nearest_limit=0)
    return sorted(scenario.table.identity.uuids[row] for row, _, _ in explanation.weighed)


def _compare_allocations(
    scenario: Scenario, selections: list[Selection], expected: dict[str, Any], comparison: Comparison
) -> None:
    resources = flavor_amounts(scenario.request.flavor, is_bfv=scenario.request.is_bfv).resources
    ours = [{scenario.table.identity.uuids[item.row]: resources} for item in selections]
    comparison.same("allocations", ours, expected.get("allocations") or [])


def _compare_alternates(
    selections: list[Selection], steps: list[Step], expected: dict[str, Any], comparison: Comparison
) -> None:
    """Compare alternates as hosts, or as weights where hosts weigh the same."""
    ours = [list(item.alternates) for item in selections]
    theirs = expected.get("alternates") or []
    last = steps[-1].weights.tolist() if steps else []
    if len(set(last)) == len(last) or ours == theirs:
        comparison.same("alternates", ours, theirs)
        return
    comparison.same("alternates: how many", [len(item) for item in ours], [len(item) for item in theirs])
    if len(selections) == 1:
        weights = dict(zip(steps[0].rows.tolist(), steps[0].weights.tolist(), strict=True))
        comparison.close("alternates: weights", [weights[row] for row in ours[0]], [weights[row] for row in theirs[0]])
