"""Runs an end-to-end case: what placement is asked and offers, every step, choice, allocation and alternate.

Real nova met its hosts in the order of a hash set, so where the best weight was shared the case stops deciding hosts:
from there on only weights are compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.errors import NoValidHostError
from engine.model.candidates import STATUS_DISABLED, Provider
from engine.model.selection import Selection
from engine.placement.candidates import candidates
from engine.placement.deployment import deployment_of
from engine.placement.query_text import query_text
from engine.scheduler.options import PLACEMENT_FILTERS
from engine.scheduler.select import Step
from engine.scheduler.translate import filtered, translated
from tests.oracle.build import Scenario, build_scenario
from tests.oracle.compare import Comparison
from tests.oracle.support import Content, unsupported

PLACEMENT_MICROVERSION = (1, 36)


def unsupported_end_to_end(content: Content) -> list[str]:
    """Return why Berth cannot be held to an end-to-end case."""
    # an end-to-end case does not say in which order its weighers were summed
    return unsupported({**content, "expected": {"weigher_order": [], **content["expected"]}})


def compare_end_to_end(content: Content, comparison: Comparison, *, quirks: bool = True) -> None:
    """Compare everything that the whole of select_destinations answers."""
    expected = content["expected"]
    scenario = _scenario(content, quirks=quirks)
    _compare_questions(scenario, content, comparison)
    if "max_placement_results" in content["config"].get("scheduler", {}) and expected.get("candidates"):
        # which hosts placement cut off was chance: leave out the same ones
        offered = {uuid for uuids in expected["candidates"][0] for uuid in uuids}
        others = tuple(host["host"] for host in content["hosts"] if host["uuid"] not in offered)
        request = replace(scenario.request, ignore_hosts=scenario.request.ignore_hosts + others)
        scenario = replace(scenario, request=request)
    steps: list[Step] = []
    error = None
    selections: list[Selection] = []
    try:
        selections = scenario.select(steps)
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


def _scenario(content: Content, *, quirks: bool) -> Scenario:
    scheduler = {**content["config"].get("scheduler", {}), "owner_nova": True}
    return build_scenario(
        {**content, "config": {**content["config"], "scheduler": scheduler}, "return_alternates": True},
        placement_filters=PLACEMENT_FILTERS,
        quirks=quirks,
    )


def _compare_questions(scenario: Scenario, content: Content, comparison: Comparison) -> None:
    """Compare the questions to placement as text, and all the candidates there are for each, as their providers."""
    expected, table, options = content["expected"], scenario.table, scenario.chain.options
    try:
        asked = translated(filtered(scenario.request, table, options), table, options)
    except NoValidHostError:
        comparison.same("placement_queries", [], expected.get("placement_queries") or [])
        return
    texts = [query_text(query, asked.limit) for query in asked.queries]
    comparison.same("placement_queries", texts, expected.get("placement_queries"))
    providers: list[Provider] = list(table.sharing.values())
    unmarked = {host["uuid"] for host in content["hosts"] if host.get("disabled_trait_missing")}
    for row in table.present_rows().tolist():
        root, *below = table.provider_tree(row).providers
        if root.uuid in unmarked:
            # nova-compute had not told placement yet: a moment that Berth's hosts never see
            root = replace(root, traits=root.traits - {STATUS_DISABLED})
        providers += [root, *below]
    deployment = deployment_of(providers)
    for query, theirs in zip(asked.queries, expected.get("candidates") or (), strict=False):
        found = candidates(deployment, query, quirks=options.nova_quirks, microversion=PLACEMENT_MICROVERSION)
        ours = sorted(sorted(uuid for uuid, _ in item.allocations) for item in found)
        if asked.limit is None or len(ours) <= asked.limit:
            comparison.same("candidates", ours, sorted(sorted(item) for item in theirs))
        else:
            comparison.same("candidates: how many", asked.limit, len(theirs))
            comparison.same("candidates: further ones", [item for item in theirs if sorted(item) not in ours], [])


def _compare_allocations(
    scenario: Scenario, selections: list[Selection], expected: dict[str, Any], comparison: Comparison
) -> None:
    amounts = scenario.selector.demand(scenario.request).amounts.resources
    ours = []
    for item in selections:
        candidate = item.assignment.candidate if item.assignment is not None else None
        if candidate is None:
            ours.append({scenario.table.identity.uuids[item.row]: amounts})
        else:
            ours.append({uuid: dict(taken) for uuid, taken in candidate.allocations})
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
