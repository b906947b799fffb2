"""Answers oracle cases with nova's own code: cases as JSON lines in, what nova expects of each as JSON lines out.

Runs under an interpreter that has nova and nothing of Berth: ``python -m tests.differential.nova_answers < cases``.
A case that nova cannot even read comes back as ``{"unanswerable": text}``.
"""

from __future__ import annotations

import collections
import copy
import json
import logging
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from nova import context as nova_context
from nova import exception, objects
from nova.scheduler import utils, weights
from nova.weights import normalize

from tests.differential.nova_hosts import Content, compute_nodes, host_states
from tests.differential.nova_requests import instance_uuids, request_spec, topology_as_json
from tests.differential.nova_scheduler import (
    CONF,
    CaseHostManager,
    CaseScheduler,
    Claims,
    configured,
    instances_known,
    time_standing_still,
)

FILTERS = (
    "AggregateImagePropertiesIsolation",
    "AggregateInstanceExtraSpecsFilter",
    "AggregateIoOpsFilter",
    "AggregateMultiTenancyIsolation",
    "AggregateNumInstancesFilter",
    "AggregateTypeAffinityFilter",
    "AllHostsFilter",
    "ComputeCapabilitiesFilter",
    "ComputeFilter",
    "DifferentHostFilter",
    "ImagePropertiesFilter",
    "IoOpsFilter",
    "IsolatedHostsFilter",
    "JsonFilter",
    "MetricsFilter",
    "NUMATopologyFilter",
    "NumInstancesFilter",
    "PciPassthroughFilter",
    "SameHostFilter",
    "ServerGroupAffinityFilter",
    "ServerGroupAntiAffinityFilter",
    "SimpleCIDRAffinityFilter",
)


class Answerer:
    """Answers cases one after the other; compute nodes are kept while the next case has the same hosts."""

    def __init__(self) -> None:
        """Load nova's objects and configuration."""
        CONF([], project="nova", default_config_files=[], default_config_dirs=[])
        objects.register_all()
        self._of: tuple[Any, str] | None = None
        self._nodes: list[Any] = []

    def answer(self, content: Content) -> Content:
        """Return the case's ``expected``."""
        with time_standing_still(content["now"]), configured(content), instances_known():
            return self._answer(content)

    def _answer(self, content: Content) -> Content:
        if self._of != (content["hosts"], content["now"]):
            self._nodes = compute_nodes(content)
            self._of = (content["hosts"], content["now"])
        hosts = CaseHostManager()
        expected: Content = {
            "nova_version": metadata.version("nova"),
            "weigher_order": [type(weigher).__name__ for weigher in hosts.weighers],
            "numa_error": None,
        }
        try:
            spec = request_spec(content)
        except exception.NovaException as error:
            return {**expected, "numa_error": type(error).__name__}
        return {
            **expected,
            "instance_numa_topology": topology_as_json(spec.numa_topology),
            "per_filter": self._per_filter(content, hosts),
            **self._weighing(content, hosts),
            **self._scheduling(content, hosts),
        }

    def _states(self, content: Content) -> list[Any]:
        states = host_states(content, self._nodes)
        for state, given in zip(states, content["hosts"], strict=True):
            state.allocation_candidates = candidates(given)
        return states

    def _per_filter(self, content: Content, hosts: CaseHostManager) -> Content:
        """Return what each filter lets pass, asked alone about every host as it is at first."""
        spec, states = request_spec(content), self._states(content)
        outcome: Content = {}
        for chosen in hosts.filters_named(FILTERS):
            name = type(chosen).__name__
            try:
                outcome[name] = [state.case_index for state in chosen.filter_all(states, spec)]
            except Exception as error:  # whatever nova raises is its answer
                outcome[name] = {"error": type(error).__name__}
            for state, given in zip(states, content["hosts"], strict=True):
                state.allocation_candidates = candidates(given)
                state.limits = {}
        return outcome

    def _weighing(self, content: Content, hosts: CaseHostManager) -> Content:
        """Return the hosts left by the enabled filters, one after the other, and their weights term by term."""
        spec, states = request_spec(content), self._states(content)
        try:
            with hosts.counting() as chain:
                passing = list(hosts.get_filtered_hosts(iter(states), spec, 0))
        except Exception as error:  # as above
            return {"filtered": {"error": type(error).__name__}}
        outcome: Content = {"filtered": [state.case_index for state in passing]}
        if chain:
            outcome["chain"] = chain
        try:
            weighed = hosts.get_weighed_hosts(passing, spec)
        except Exception as error:  # as above
            return {**outcome, "weighed": {"error": type(error).__name__}}
        outcome["weighed"] = [[item.obj.case_index, item.weight] for item in weighed]
        if len(passing) > 1:
            outcome["weighers"] = [_terms(weigher, passing, spec) for weigher in hosts.weighers]
        return outcome

    def _scheduling(self, content: Content, hosts: CaseHostManager) -> Content:
        """Return what the scheduler selects, step by step, and the chosen hosts afterwards."""
        spec, states, claims = request_spec(content), self._states(content), Claims(content)
        outcome: Content = {}
        if claims.by_inventory:
            states = [state for state in states if claims.rooms[state.case_index].offers(claims.amounts)]
            outcome = {"offered": [state.case_index for state in states], "claims": claims.attempts}
        by_uuid = collections.defaultdict(list, {host["uuid"]: candidates(host) for host in content["hosts"]})
        uuids, alternates = instance_uuids(content), bool(content.get("return_alternates"))
        hosts.steps = []
        try:
            selections = CaseScheduler(hosts, states, claims)._schedule(
                nova_context.get_admin_context(),
                spec,
                uuids,
                None if utils.request_is_rebuild(spec) else by_uuid,
                {},
                return_alternates=alternates,
            )
        except Exception as error:  # as above
            return {**outcome, "selected": None, "selected_error": type(error).__name__, "steps": hosts.steps}
        places = {(state.host, state.nodename): state for state in states}
        rows = [[places[(item.service_host, item.nodename)] for item in items] for items in selections]
        outcome |= {"selected": [row[0].case_index for row in rows], "steps": hosts.steps[: len(uuids)]}
        if alternates:
            outcome["alternates"] = [[state.case_index for state in row[1:]] for row in rows]
        if len(hosts.steps) > len(uuids):
            outcome["alternates_step"] = hosts.steps[len(uuids)]
        chosen = {row[0].case_index: row[0] for row in rows}
        outcome["after"] = [_after(state) for _, state in sorted(chosen.items())]
        return outcome


def candidates(host: Content) -> list[Content]:
    """Return a host's allocation candidates; where a case names none there is one, of the host itself."""
    given = host.get("allocation_candidates")
    if given is not None:
        return copy.deepcopy(list(given))
    return [{"allocations": {host["uuid"]: {"resources": {}}}, "mappings": {"": [host["uuid"]]}}]


def _terms(weigher: Any, passing: Sequence[Any], spec: Any) -> Content:
    raw = weigher.weigh_objects([weights.WeighedHost(state, 0.0) for state in passing], spec)
    return {
        "name": type(weigher).__name__,
        "minval": weigher.minval,
        "maxval": weigher.maxval,
        "raw": _short(raw),
        "norm": _short(list(normalize(raw, minval=weigher.minval, maxval=weigher.maxval))),
        "multiplier": _short([weigher.weight_multiplier(state) for state in passing]),
    }


def _short(values: Sequence[float]) -> Any:
    """Return a list as cases have it, a constant said once."""
    return {"const": values[0]} if all(value == values[0] for value in values) else list(values)


def _after(state: Any) -> Content:
    numa = None
    if state.numa_topology is not None:
        numa = [
            {
                "id": cell.id,
                "cpu_usage": cell.cpu_usage,
                "memory_usage": cell.memory_usage,
                "pinned": len(cell.pinned_cpus),
                "mempages_used": {str(page.size_kb): page.used for page in cell.mempages},
            }
            for cell in state.numa_topology.cells
        ]
    return {
        "host": state.case_index,
        "free_ram_mb": state.free_ram_mb,
        "free_disk_mb": state.free_disk_mb,
        "vcpus_used": state.vcpus_used,
        "num_instances": state.num_instances,
        "num_io_ops": state.num_io_ops,
        "pci_free": sum(pool["count"] for pool in state.pci_stats.pools) if state.pci_stats else 0,
        "numa": numa,
    }


def main() -> None:
    """Answer each case on standard input with a line on standard output, in the same order."""
    logging.disable(logging.CRITICAL)
    answerer = Answerer()
    for line in sys.stdin:
        try:
            answer = answerer.answer(json.loads(line))
        except Exception as error:  # such a case never reaches nova's scheduler; whoever asked counts it
            answer = {"unanswerable": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
