"""Runs a select case: each filter alone, the chain, the weights term by term, every step and choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.errors import NoValidHostError
from engine.fitting.errors import NumaConstraintError
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.demand import demand_of
from engine.scheduler.explain import Explanation, explain
from engine.scheduler.faults import FilterFault
from engine.scheduler.host_fit import HostFit
from engine.scheduler.inquiry import make_inquiry
from engine.scheduler.registry import find_filter
from engine.scheduler.select import Step
from engine.scheduler.single_filter import passes_filter
from engine.scheduler.sparse import SelectionContext
from engine.scheduler.state_verdicts import StateVerdicts
from tests.oracle.build import Scenario, build_request, build_scenario, probe_chain
from tests.oracle.compare import Comparison
from tests.oracle.devices import devices_after, guest_record

EVERYTHING = 10**9
CAPACITY_FILTERS = ("AllocationUnitsFilter", "CapacityFilter")
"""What the corpus calls ``claim: inventory``: amounts within the total, and within what is left."""

_UNITS = {"DiskWeigher": 1024.0}
"""nova weighs disk in MiB, Berth in GiB: after normalisation the same."""


def placement_filters(content: dict[str, Any]) -> tuple[str, ...]:
    """Return the placement filters that stand for the case's claim rule."""
    return CAPACITY_FILTERS if content["claim"] == "inventory" else ()


def compare_filters(content: dict[str, Any], comparison: Comparison, *, quirks: bool = True) -> None:
    """Compare each filter alone over all hosts, as far as Berth has it."""
    scenario = build_scenario(content, quirks=quirks)
    expected = content["expected"].get("per_filter", {})
    chain = probe_chain(scenario)
    known = {item.name for item in chain.filters}
    comparison.same(
        "instance_numa_topology", guest_record(scenario.request.numa), content["expected"].get("instance_numa_topology")
    )
    for name, theirs in expected.items():
        if name in known:
            comparison.same(f"per_filter {name}", _passing(scenario, chain, name), theirs)


def compare_selection(content: dict[str, Any], comparison: Comparison, *, quirks: bool = True) -> None:
    """Compare everything that the whole chain answers."""
    expected = content["expected"]
    compare_weighing(content, comparison, quirks=quirks)
    scenario = build_scenario(content, placement_filters=placement_filters(content), quirks=quirks)
    if "offered" in expected:
        comparison.same("offered", _offered(scenario), sorted(expected["offered"]))
    steps: list[Step] = []
    selections, error = _select(scenario, steps)
    weighed = [list(zip(step.rows.tolist(), step.weights.tolist(), strict=True)) for step in steps if len(step.rows)]
    comparison.same("selected_error", error, expected.get("selected_error"))
    comparison.same("selected", [item.row for item in selections] if selections else None, expected["selected"])
    theirs = [step for step in expected.get("steps") or [] if step]
    comparison.same("steps: number", len(weighed), len(theirs))
    for index, (our_step, their_step) in enumerate(zip(weighed, theirs, strict=False)):
        comparison.weighed(f"steps[{index}]", our_step, their_step)
    if content.get("return_alternates") and selections:
        comparison.same("alternates", [list(item.alternates) for item in selections], expected.get("alternates"))
    _compare_after(scenario, selections, expected.get("after") or [], comparison)


def _passing(scenario: Scenario, chain: Chain, name: str) -> list[int] | dict[str, str]:
    """Return the rows that pass one filter asked alone, or the error that asking ends in."""
    table, request = scenario.table, scenario.request
    rows = table.present_rows()
    plugin = next((item for item in chain.applies(request) if item.name == name), None)
    if plugin is None:
        return [int(row) for row in rows]
    demand = demand_of(request, table, chain.options)
    inquiry = make_inquiry(chain, table, demand, scenario.context(), StateVerdicts(table))
    # asked alone, a filter looks at all candidates
    inquiry = replace(inquiry, fit=HostFit(table, demand, chain.options, (), scenario.offers))
    try:
        passes = passes_filter(plugin, inquiry, rows, chain.verdicts(table, demand.amounts))
    except FilterFault as fault:
        return {"error": fault.nova_exception}
    return [int(row) for row in rows[passes]]


def _select(scenario: Scenario, steps: list[Step]) -> tuple[list[Selection], str | None]:
    """Return the selections, or nothing and nova's name for the error."""
    try:
        selections = scenario.select(steps)
    except NoValidHostError:
        return [], "NoValidHost"
    except FilterFault as fault:
        return [], fault.nova_exception
    return selections, None


def _offered(scenario: Scenario) -> list[int]:
    """Return the rows that pass the placement filters."""
    chain = replace(scenario.chain, filters=tuple(find_filter(name) for name in CAPACITY_FILTERS), weighers=())
    context = SelectionContext(scenario.table)
    explanation = explain(chain, scenario.table, scenario.request, context, weighed_limit=EVERYTHING, nearest_limit=0)
    return sorted(row for row, _, _ in explanation.weighed)


def compare_weighing(
    content: dict[str, Any], comparison: Comparison, *, all_weighers: bool = True, quirks: bool = True
) -> None:
    """Compare what nova's filters and weighers make of all hosts, whatever placement would offer.

    Unless Berth has ``all_weighers`` of the case, each of those it has is compared alone.
    """
    scenario, expected = build_scenario(content, quirks=quirks), content["expected"]
    if isinstance(expected["filtered"], dict):
        _, error = _select(scenario, [])
        comparison.same("filtered", {"error": error}, expected["filtered"])
        return
    if isinstance(expected.get("weighed"), dict):
        _, error = _select(scenario, [])
        comparison.same("weighed", {"error": error}, expected["weighed"])
        return
    explanation = explain(
        scenario.chain, scenario.table, scenario.request, scenario.context(), weighed_limit=EVERYTHING, nearest_limit=0
    )
    if "chain" in expected:
        ours = _chain_counts(scenario, explanation, [name for name, _ in expected["chain"]])
        comparison.same("explained chain", ours, expected["chain"])
    hosts: Sequence[int] = expected["filtered"]
    comparison.same("filtered", sorted(row for row, _, _ in explanation.weighed), hosts)
    if all_weighers and isinstance(expected.get("weighed"), list):
        comparison.weighed("weighed", [item[:2] for item in explanation.weighed], expected["weighed"])
    terms = {row: {term.weigher: term for term in terms} for row, _, terms in explanation.weighed}
    for weigher in expected.get("weighers", []):
        name = weigher["name"]
        if not all(name in terms.get(row, {}) for row in hosts):
            continue
        mine = [terms[row][name] for row in hosts]
        unit = _UNITS.get(name, 1.0)
        low = -np.inf if weigher["minval"] is None else float(weigher["minval"])
        raw = [max(value, low) for value in _aligned(weigher["raw"], len(hosts))]
        comparison.close(f"{name} raw", [term.raw * unit for term in mine], raw)
        comparison.close(f"{name} norm", [term.normalized for term in mine], _aligned(weigher["norm"], len(hosts)))
        comparison.close(
            f"{name} multiplier", [term.multiplier for term in mine], _aligned(weigher["multiplier"], len(hosts))
        )


def _chain_counts(scenario: Scenario, explanation: Explanation, names: Sequence[str]) -> list[list[object]]:
    """Return the hosts left by each of nova's filters; one that the request has no use for leaves what it finds."""
    nova_filters = set(scenario.chain.options.enabled_filters)
    lefts = {item.filter: item.left for item in explanation.rejections}
    counts: list[list[object]] = []
    left = next(
        (item.left for item in reversed(explanation.rejections) if item.filter not in nova_filters),
        explanation.hosts_total,
    )
    for name in names:
        left = lefts.get(name, left)
        counts.append([name, left])
    return counts


def _aligned(values: Any, many: int) -> list[float]:
    """Return a list as the corpus writes it, constants spelt out."""
    return [float(values["const"])] * many if isinstance(values, dict) else [float(value) for value in values]


def _compare_after(
    scenario: Scenario, selections: Sequence[Selection], after: list[dict[str, Any]], comparison: Comparison
) -> None:
    """Compare the chosen hosts afterwards; Berth counts a build in progress only until its request is answered.

    nova does not count one whose devices it failed to take; what that means for the next instance, the steps show.
    """
    columns = scenario.table.columns
    chosen = [item.row for item in selections]
    takes_devices = scenario.request.numa is not None or bool(scenario.request.pci_requests)
    for theirs in after:
        row = theirs["host"]
        builds = chosen.count(row)
        if takes_devices:
            builds = min(max(theirs["num_io_ops"] - int(columns["num_io_ops"][row]), 0), builds)
        ours = {
            "free_ram_mb": int(columns["free_ram_mb"][row]),
            "free_disk_mb": int(columns["free_disk_gb"][row]) * 1024,
            "vcpus_used": int(columns["vcpus_used"][row]),
            "num_instances": int(columns["num_instances"][row]),
            "num_io_ops": int(columns["num_io_ops"][row]) + builds,
            **devices_after(scenario.table, row),
        }
        told = {key: value for key, value in theirs.items() if key != "host"}
        comparison.same(f"after: host {row}", {key: value for key, value in ours.items() if key in told}, told)


def compare_refusal(content: dict[str, Any], comparison: Comparison) -> None:
    """Compare the error that a request's flavor and image end in, which nova's API answers with before it schedules."""
    try:
        build_request(content)
    except NumaConstraintError as error:
        comparison.same("numa_error", error.nova_exception, content["expected"]["numa_error"])
    else:
        comparison.same("numa_error", None, content["expected"]["numa_error"])
