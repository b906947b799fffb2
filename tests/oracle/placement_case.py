"""Runs a placement case, query by query: which providers can give what is asked.

Berth knows hosts with VCPU, MEMORY_MB and DISK_GB. So only queries for those, of providers without parents and
children, are mapped to the placement filters; the others are counted as unsupported.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from engine.errors import NoValidHostError
from engine.inventory.table import HostTable
from engine.inventory.usage import flavor_amounts
from engine.model.aggregate import Aggregate
from engine.model.flavor import Flavor
from engine.model.request_spec import RequestedDestination, RequestSpec
from engine.model.resources import RESOURCE_CLASSES
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from tests.oracle.build import fleet_table
from tests.oracle.compare import Comparison

_SIZES = {"VCPU": ("vcpus", "cpu"), "MEMORY_MB": ("memory_mb", "ram"), "DISK_GB": ("disk_gb", "disk")}
_USED = {"VCPU": "vcpus_used", "MEMORY_MB": "memory_mb_used", "DISK_GB": "local_gb_used"}
_MOST_HOSTS = 1000


class UnsupportedQuery(Exception):  # noqa: N818  (no failure: the query asks for what Berth does not offer)
    """A query lies outside what Berth can be asked; the text says why."""


def queries(content: dict[str, Any]) -> Iterator[tuple[str, str | None, Comparison]]:
    """Yield, for each query of a case, its number, why it is unsupported (or None), and what comparing it gave."""
    table = _table(content) if content["kind"] == "flat" else None
    chain = Chain.from_options(SchedulerOptions(enabled_filters=()))
    for number, (query, expected) in enumerate(zip(content["queries"], content["expected"], strict=True)):
        comparison = Comparison()
        reason = None if table else f"providers: {content['kind']}"
        if table is not None:
            try:
                request = _request(query, expected, table)
            except UnsupportedQuery as error:
                reason = str(error)
            else:
                comparison.same("candidates", _candidates(table, chain, request), _theirs(expected))
        yield f"{content['name']}#{number}", reason, comparison


def _candidates(table: HostTable, chain: Chain, request: RequestSpec) -> dict[str, dict[str, int]]:
    """Return what each provider would allocate: the hosts that a selection would weigh."""
    selector = Selector(table, chain, random.Random(0))
    resources = flavor_amounts(request.flavor).resources
    try:
        (chosen,) = selector.select(request, claim=False)
    except NoValidHostError:
        return {}
    return {table.identity.uuids[row]: resources for row in (chosen.row, *chosen.alternates)}


def _theirs(expected: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {
        provider: resources
        for candidate in expected["allocation_requests"]
        for provider, resources in candidate["allocations"].items()
    }


def _request(query: dict[str, Any], expected: dict[str, Any], table: HostTable) -> RequestSpec:
    """Return a GET query as a request whose alternates are all other hosts that fit; raise UnsupportedQuery."""
    if "put_allocations" in query:
        raise UnsupportedQuery("query: writing allocations")
    if expected["status"] != 200:
        raise UnsupportedQuery("query: refused by placement's validation")
    amounts = dict.fromkeys(RESOURCE_CLASSES, 0)
    required: set[str] = set()
    forbidden: set[str] = set()
    member_of: list[frozenset[str]] = []
    destination = ""
    for key, value in query["params"]:
        if key == "resources":
            for item in value.split(","):
                name, amount = item.split(":")
                if name not in amounts:
                    raise UnsupportedQuery("query: other resource classes")
                amounts[name] = int(amount)
        elif key in ("required", "root_required") and not value.startswith("in:"):
            for trait in value.split(","):
                (forbidden if trait.startswith("!") else required).add(trait.lstrip("!"))
        elif key == "member_of" and not value.startswith("!"):
            member_of.append(frozenset(value.removeprefix("in:").split(",")))
        elif key == "in_tree":
            uuids = table.identity.uuids
            destination = table.identity.host_ids[uuids.index(value)] if value in uuids else value
        elif key == "limit" and int(value) >= _MOST_HOSTS:
            continue
        else:
            raise UnsupportedQuery(f"query: {_kind(key, value)}")
    return RequestSpec(
        flavor=Flavor("query", amounts["VCPU"], amounts["MEMORY_MB"], amounts["DISK_GB"]),
        required_traits=frozenset(required),
        forbidden_traits=frozenset(forbidden),
        member_of=tuple(member_of),
        requested_destination=RequestedDestination(destination) if destination else None,
        alternates=_MOST_HOSTS,
    )


def _kind(key: str, value: str) -> str:
    if key == "member_of":
        return "forbidden aggregates"
    if key in ("required", "root_required"):
        return "any of several traits"
    return "granular groups" if key.startswith(("resources", "required", "group_policy")) else key


def _table(content: dict[str, Any]) -> HostTable:
    table = HostTable()
    table.upsert(fleet_table([_row(provider) for provider in content["providers"]]))
    members: dict[str, list[str]] = {}
    for provider in content["providers"]:
        for uuid in provider["aggregates"]:
            members.setdefault(uuid, []).append(provider["name"])
    for uuid, names in members.items():
        table.set_aggregate(Aggregate(uuid, uuid, frozenset(names)))
    return table


def _row(provider: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "host_id": provider["name"],
        "uuid": provider["uuid"],
        "nodename": provider["name"],
        "supported_instances": [],
        "traits": provider["traits"],
    }
    for resource_class, (size, ratio) in _SIZES.items():
        inventory = provider["inventories"].get(resource_class, {})
        row[size] = inventory.get("total", 0)
        row[f"{size}_reserved"] = inventory.get("reserved", 0)
        row[f"{ratio}_allocation_ratio"] = float(inventory.get("allocation_ratio", 1.0))
        for unit in ("min_unit", "max_unit", "step_size"):
            row[f"{size}_{unit}"] = inventory.get(unit, 1)
        row[_USED[resource_class]] = provider["used"].get(resource_class, 0)
    return row
