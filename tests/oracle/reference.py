"""An independent, plain reading of nova's algorithm over lists of dicts: filter, weigh, claim, consume, alternates.

Shares no code with ``engine``. It is slow, short and checked against the oracle cases, so that the scheduler can be
checked against it on any fleet, of which there are more than there are cases. Hosts and requests are in the cases'
format. Filters that run once per request, whose verdicts depend on facts alone, are given as sets of host indices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

State = dict[str, Any]
Weighed = list[tuple[int, float]]

DEFAULT_CELL = "11111111-1111-4111-8111-111111111111"
"""The cell of hosts that name none."""

DEFAULTS = {
    "cpu_weight_multiplier": 1.0,
    "ram_weight_multiplier": 1.0,
    "disk_weight_multiplier": 1.0,
    "io_ops_weight_multiplier": -1.0,
    "build_failure_weight_multiplier": 1000000.0,
    "num_instances_weight_multiplier": 0.0,
    "hypervisor_version_weight_multiplier": 1.0,
    "soft_affinity_weight_multiplier": 1.0,
    "soft_anti_affinity_weight_multiplier": 1.0,
    "pci_weight_multiplier": 1.0,
    "max_io_ops_per_host": 8,
    "max_instances_per_host": 50,
}


@dataclass
class Request:
    """One request: sizes, instances and group as the case has them, and what decides the hosts it may see.

    ``placement`` are the verdicts on which hosts are offered at all, ``once`` those of filters that run before the
    first instance only, ``each`` the names of filters that run before every one. ``amounts`` are claimed from
    placement, none when claims always succeed. ``instances`` are uuids.
    """

    flavor: dict[str, Any]
    instances: list[str]
    placement: list[Collection[int]] = field(default_factory=list)
    once: list[Collection[int]] = field(default_factory=list)
    each: list[str] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)
    group: dict[str, Any] | None = None
    force_hosts: Collection[str] = ()
    force_nodes: Collection[str] = ()
    ignore_hosts: Collection[str] = ()
    destination: dict[str, Any] | None = None
    alternates: int = 0


@dataclass
class Answer:
    """What came of a request: the hosts, or None when there were too few, and the weighed hosts before each choice."""

    selected: list[tuple[int, float]] | None
    alternates: list[list[int]]
    steps: list[Weighed]


def host_states(content: dict[str, Any]) -> list[State]:
    """Return the state of each host that nova would make of a case's compute nodes."""
    states = []
    for index, host in enumerate(content["hosts"]):
        stats = host.get("stats") or {}
        free_disk_gb = host.get("free_disk_gb", host["local_gb"] - host["local_gb_used"])
        least = host.get("disk_available_least")
        reserved = host.get("reserved") or {}
        states.append(
            {
                "index": index,
                "host": host["host"],
                "node": host.get("hypervisor_hostname") or host["host"],
                "cell": host.get("cell_uuid", DEFAULT_CELL),
                "aggregates": [item["metadata"] for item in content["aggregates"] if host["host"] in item["hosts"]],
                "vcpus": host["vcpus"],
                "vcpus_used": host["vcpus_used"],
                "cpu_ratio": host["cpu_allocation_ratio"],
                "free_ram_mb": host.get("free_ram_mb", host["memory_mb"] - host["memory_mb_used"]),
                "free_disk_mb": (free_disk_gb if least is None else min(least, free_disk_gb)) * 1024,
                "num_instances": int(stats.get("num_instances", 0)),
                "num_io_ops": int(stats.get("io_workload", 0)),
                "failed_builds": int(stats.get("failed_builds", 0)),
                "hypervisor_version": host.get("hypervisor_version") or 0,
                "pci_devices": sum(pool["count"] for pool in host.get("pci_device_pools") or ()),
                "instances": {item["uuid"] for item in host.get("instances") or ()},
                "up": is_up(host.get("service") or {}, content["now"]),
                "room": {
                    "VCPU": (host["vcpus"] - reserved.get("VCPU", 0)) * host["cpu_allocation_ratio"],
                    "MEMORY_MB": (host["memory_mb"] - reserved.get("MEMORY_MB", 0)) * host["ram_allocation_ratio"],
                    "DISK_GB": (host["local_gb"] - reserved.get("DISK_GB", 0)) * host["disk_allocation_ratio"],
                },
                "total": {"VCPU": host["vcpus"], "MEMORY_MB": host["memory_mb"], "DISK_GB": host["local_gb"]},
                "used": {
                    "VCPU": host["vcpus_used"],
                    "MEMORY_MB": host["memory_mb_used"],
                    "DISK_GB": host["local_gb_used"],
                },
            }
        )
    return states


def is_up(service: dict[str, Any], now: str) -> bool:
    """Return whether a compute service takes instances."""
    if service.get("disabled") or service.get("forced_down"):
        return False
    seen = service.get("last_seen_up", "now") or service.get("created_at", "now")
    if seen == "now":
        return True
    return abs((datetime.fromisoformat(now) - datetime.fromisoformat(seen)).total_seconds()) <= 60


def placement_amounts(flavor: dict[str, Any], *, is_bfv: bool = False) -> dict[str, int]:
    """Return what placement is asked for, classes that nothing is asked of left out."""
    disk = (0 if is_bfv else flavor["root_gb"]) + flavor["ephemeral_gb"] + math.ceil(flavor["swap"] / 1024)
    asked = {"VCPU": flavor["vcpus"], "MEMORY_MB": flavor["memory_mb"], "DISK_GB": disk}
    return {name: amount for name, amount in asked.items() if amount}


def select(hosts: list[State], request: Request, options: dict[str, Any], weighers: list[str]) -> Answer:
    """Return nova's answer; ``hosts`` keep what the selected instances take, or nothing when there are too few."""
    before = [dict(host, used=dict(host["used"]), instances=set(host["instances"])) for host in hosts]
    group = None if request.group is None else dict(request.group, hosts=list(request.group.get("hosts") or ()))
    answer = _schedule(hosts, request, group, options, weighers)
    if answer.selected is None:
        for host, kept in zip(hosts, before, strict=True):
            host.update(kept)
    for host, kept in zip(hosts, before, strict=True):
        # a build under way is over before the next request comes
        host["num_io_ops"] = kept["num_io_ops"]
    return answer


def _schedule(
    hosts: list[State], request: Request, group: dict[str, Any] | None, options: dict[str, Any], weighers: list[str]
) -> Answer:
    running = [host for host in hosts if offers(host, request.amounts)]
    for verdict in request.placement:
        running = [host for host in running if host["index"] in verdict]
    steps: list[Weighed] = []
    selected: list[tuple[int, float]] = []
    for number, uuid in enumerate(request.instances):
        weighed = _sorted_hosts(running, request, group, uuid, number, options, weighers)
        running = [host for host, _ in weighed]
        steps.append([(host["index"], weight) for host, weight in weighed])
        chosen = next(((host, weight) for host, weight in weighed if has_room(host, request.amounts)), None)
        if chosen is None:
            return Answer(None, [], steps)
        host, weight = chosen
        consume(host, request, uuid)
        if group is not None:
            group["hosts"].append(host["host"])
        selected.append((host["index"], weight))
    if len(request.instances) > 1 and request.alternates:
        last = len(request.instances) - 1
        running = [
            host for host, _ in _sorted_hosts(running, request, group, request.instances[last], last, options, weighers)
        ]
    taken = {index for index, _ in selected}
    alternates = []
    for index, _ in selected:
        spare = [
            host["index"] for host in running if host["cell"] == hosts[index]["cell"] and host["index"] not in taken
        ]
        alternates.append(spare[: request.alternates])
    return Answer(selected, alternates, steps)


def offers(host: State, amounts: dict[str, int]) -> bool:
    """Return whether placement would offer the host."""
    return has_room(host, amounts) and all(amount <= host["total"][name] for name, amount in amounts.items())


def has_room(host: State, amounts: dict[str, int]) -> bool:
    """Return whether a claim would succeed."""
    return all(host["used"][name] + amount <= host["room"][name] for name, amount in amounts.items())


def consume(host: State, request: Request, uuid: str) -> None:
    """Let an instance take its share of a host."""
    flavor = request.flavor
    for name, amount in request.amounts.items():
        host["used"][name] += amount
    host["free_ram_mb"] -= flavor["memory_mb"]
    host["free_disk_mb"] -= (flavor["root_gb"] + flavor["ephemeral_gb"]) * 1024
    host["vcpus_used"] += flavor["vcpus"]
    host["num_instances"] += 1
    host["num_io_ops"] += 1
    if request.group is not None:
        host["instances"].add(uuid)


def release(host: State, request: Request) -> None:
    """Give back what one instance of a request took."""
    flavor = request.flavor
    for name, amount in request.amounts.items():
        host["used"][name] -= amount
    host["free_ram_mb"] += flavor["memory_mb"]
    host["free_disk_mb"] += (flavor["root_gb"] + flavor["ephemeral_gb"]) * 1024
    host["vcpus_used"] -= flavor["vcpus"]
    host["num_instances"] -= 1


def _sorted_hosts(
    running: list[State],
    request: Request,
    group: dict[str, Any] | None,
    uuid: str,
    number: int,
    options: dict[str, Any],
    weighers: list[str],
) -> list[tuple[State, float]]:
    passing = _filtered(running, request, group, uuid, number, options)
    weights = _weights(passing, group, options, weighers)
    ordered = sorted(zip(passing, weights, strict=True), key=lambda item: item[1], reverse=True)
    return _by_chance(ordered, options) if ordered else []


def _by_chance(ordered: list[tuple[State, float]], options: dict[str, Any]) -> list[tuple[State, float]]:
    """Return the hosts as shuffled among the best and drawn from the first few, where options ask for that."""
    if options.get("shuffle_best_same_weighed_hosts"):
        best = [item for item in ordered if item[1] == ordered[0][1]]
        rest = ordered[len(best) :]
        options["rng"].shuffle(best)
        ordered = best + rest
    few = min(options.get("host_subset_size", 1), len(ordered))
    if few > 1:
        drawn = ordered.pop(options["rng"].randrange(few))
        ordered.insert(0, drawn)
    return ordered


def _filtered(
    running: list[State],
    request: Request,
    group: dict[str, Any] | None,
    uuid: str,
    number: int,
    options: dict[str, Any],
) -> list[State]:
    left = running
    if request.destination and request.destination.get("host"):
        wanted, node = request.destination["host"], request.destination.get("node")
        left = [host for host in left if host["host"] == wanted and (not node or host["node"] == node)]
    ignored = {name.lower() for name in request.ignore_hosts}
    forced = {name.lower() for name in request.force_hosts}
    left = [host for host in left if host["host"].lower() not in ignored]
    if forced:
        left = [host for host in left if host["host"].lower() in forced]
    if request.force_nodes:
        left = [host for host in left if host["node"] in request.force_nodes]
    if forced or request.force_nodes:
        return left
    if number == 0:
        for verdict in request.once:
            left = [host for host in left if host["index"] in verdict]
    for name in request.each:
        left = [host for host in left if _EACH[name](host, group, uuid, options)]
    return left


def _io_ops(host: State, group: dict[str, Any] | None, uuid: str, options: dict[str, Any]) -> bool:
    return bool(host["num_io_ops"] < options["max_io_ops_per_host"])


def _num_instances(host: State, group: dict[str, Any] | None, uuid: str, options: dict[str, Any]) -> bool:
    return bool(host["num_instances"] < options["max_instances_per_host"])


def _anti_affinity(host: State, group: dict[str, Any] | None, uuid: str, options: dict[str, Any]) -> bool:
    if group is None or group["policy"] != "anti-affinity" or uuid in host["instances"]:
        return True
    most = int((group.get("rules") or {}).get("max_server_per_host", 1))
    return len(host["instances"] & set(group["members"])) < most


def _affinity(host: State, group: dict[str, Any] | None, uuid: str, options: dict[str, Any]) -> bool:
    if group is None or group["policy"] != "affinity" or not group["hosts"]:
        return True
    return host["host"] in group["hosts"]


_EACH: dict[str, Callable[[State, dict[str, Any] | None, str, dict[str, Any]], bool]] = {
    "IoOpsFilter": _io_ops,
    "NumInstancesFilter": _num_instances,
    "ServerGroupAntiAffinityFilter": _anti_affinity,
    "ServerGroupAffinityFilter": _affinity,
}
"""The filters that run again for every instance."""

REPEATED_FILTERS = frozenset(_EACH)


def _members(host: State, group: dict[str, Any] | None, policy: str) -> int:
    if group is None or group["policy"] != policy:
        return 0
    return len(host["instances"] & set(group["members"]))


_WEIGHERS: dict[str, tuple[str, float, float | None, Callable[[State, dict[str, Any] | None], float]]] = {
    "CPUWeigher": ("cpu", 1.0, 0.0, lambda host, group: host["vcpus"] * host["cpu_ratio"] - host["vcpus_used"]),
    "RAMWeigher": ("ram", 1.0, 0.0, lambda host, group: host["free_ram_mb"]),
    "DiskWeigher": ("disk", 1.0, 0.0, lambda host, group: host["free_disk_mb"]),
    "IoOpsWeigher": ("io_ops", 1.0, 0.0, lambda host, group: host["num_io_ops"]),
    "BuildFailureWeigher": ("build_failure", -1.0, None, lambda host, group: host["failed_builds"]),
    "NumInstancesWeigher": ("num_instances", 1.0, None, lambda host, group: host["num_instances"]),
    "HypervisorVersionWeigher": ("hypervisor_version", 1.0, None, lambda host, group: host["hypervisor_version"]),
    "PCIWeigher": ("pci", 1.0, None, lambda host, group: 100 - min(host["pci_devices"], 99)),
    "ServerGroupSoftAffinityWeigher": (
        "soft_affinity",
        1.0,
        None,
        lambda host, group: _members(host, group, "soft-affinity"),
    ),
    "ServerGroupSoftAntiAffinityWeigher": (
        "soft_anti_affinity",
        1.0,
        None,
        lambda host, group: -_members(host, group, "soft-anti-affinity"),
    ),
}
"""name: (stem of its multiplier's option, sign, least value or None, value)."""

WEIGHERS = frozenset(_WEIGHERS)


def _weights(
    hosts: list[State], group: dict[str, Any] | None, options: dict[str, Any], weighers: list[str]
) -> list[float]:
    weights = [0.0] * len(hosts)
    if len(hosts) < 2:
        return weights
    for name in weighers:
        stem, sign, least, value = _WEIGHERS[name]
        values = [float(value(host, group)) for host in hosts]
        if least is not None:
            values = [max(item, least) for item in values]
        low = min(values) if least is None else least
        high = max(values)
        for place, host in enumerate(hosts):
            share = 0.0 if high == low else (values[place] - low) / (high - low)
            weights[place] += sign * _multiplier(host, f"{stem}_weight_multiplier", options) * share
    return weights


def _multiplier(host: State, name: str, options: dict[str, Any]) -> float:
    """Return the least of the host's aggregates' multipliers, the configured one when there is none or one is bad."""
    try:
        return min((float(item[name]) for item in host["aggregates"] if name in item), default=float(options[name]))
    except ValueError:
        return float(options[name])
