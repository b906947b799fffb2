"""The families of generated cases that need no devices: those of single filters, weighers, groups, destinations."""

from __future__ import annotations

from collections.abc import Callable

from tests.differential.chance import Chance, Content
from tests.differential.filter_families import (
    ALL_FILTERS,
    agg,
    aggxs,
    caps,
    enable,
    hints,
    image,
    isolated,
    json_query,
    some_instances,
)
from tests.differential.fleets import CELLS, METRICS, MULTIPLIERS


def basic(chance: Chance, case: Content) -> None:
    """Ask for nothing but a size."""


def group(chance: Chance, case: Content) -> None:
    """Ask for instances of a server group."""
    many = chance.number(1, 5)
    new = [chance.uuid() for _ in range(many)]
    known = [item["uuid"] for host in case["hosts"] for item in host["instances"]]
    old = chance.some(known, 0, 6)
    policy = chance.one(("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"))
    names = [host["host"] for host in case["hosts"]]
    homes = [host["host"] for host in case["hosts"] if {item["uuid"] for item in host["instances"]} & set(old)]
    rules = {"max_server_per_host": str(chance.number(1, 3))} if policy == "anti-affinity" and chance.maybe(0.5) else {}
    case["request_spec"] |= {
        "num_instances": many,
        "instance_uuids": new,
        "instance_group": {
            "uuid": chance.uuid(),
            "policy": policy,
            "rules": rules,
            "members": old + (new if chance.maybe(0.8) else new[: many // 2]),
            "hosts": chance.one((homes, [], chance.some(names, 0, 3), ["elsewhere"])),
        },
    }
    if known and chance.maybe(0.1):
        # an instance that is somewhere already, as when it is resized
        case["request_spec"]["instance_uuids"][0] = chance.one(known)
    options = case["config"]["filter_scheduler"]
    options["soft_affinity_weight_multiplier"] = chance.one((1.0, 10.0, 0.0))
    options["soft_anti_affinity_weight_multiplier"] = chance.one((1.0, 10.0, 0.5))
    if chance.maybe(0.3):
        enable(chance, case, "ServerGroupAntiAffinityFilter", "ServerGroupAffinityFilter", "IoOpsFilter")


def metrics(chance: Chance, case: Content) -> None:
    """Weigh metrics, some of which hosts lack."""
    enable(chance, case, *(["MetricsFilter"] if chance.maybe(0.6) else []))
    setting = [f"{name}={chance.one(('1.0', '-1', '0.5', '2', '0', ' 3'))}" for name in chance.some(METRICS, 0, 3)]
    setting += chance.some(("bad", "x=y", "nosuch=1.0", "cpu.percent=2.0", "=1", "cpu.percent=1=2"), 0, 2)
    case["config"]["metrics"] = {
        "weight_setting": setting,
        "required": chance.maybe(0.4),
        "weight_multiplier": chance.one((1.0, -2.0, 0.0, 3.5)),
        "weight_of_unavailable": chance.one((-10000.0, -5.0, 0.0)),
    }


def weigh(chance: Chance, case: Content) -> None:
    """Set every multiplier, and weigh what images have in common."""
    options = case["config"]["filter_scheduler"]
    for name in chance.some(MULTIPLIERS, 1, 6):
        if name == "metrics_weight_multiplier":
            continue
        least = 0.0 if name.startswith(("soft", "pci")) else -10.0
        options[name] = max(least, chance.one((0.0, 1.0, -1.0, 2.5, 10.0, -0.3, 0.1)))
    if chance.maybe(0.5):
        options["image_props_weight_multiplier"] = chance.one((1.0, -1.0, 2.0))
        options["image_props_weight_setting"] = chance.one(
            ([], ["os_distro=10", "hw_machine_type=0"], ["bad", "os_distro=-1"])
        )
        machine = chance.one(("q35", "pc"))
        # where other families ask too, one may have asked without an image
        if case["request_spec"]["image"] is not None:
            alike = {"os_distro": "ubuntu", "hw_machine_type": machine, "hw_disk_bus": "virtio"}
            case["request_spec"]["image"]["properties"] |= alike
    if chance.maybe(0.3):
        case["request_spec"]["requested_destination"] = {"cell": chance.one(CELLS), "allow_cross_cell_move": True}
    some_instances(chance, case, 5)


def dest(chance: Chance, case: Content) -> None:
    """Force, ignore or ask for hosts and nodes, in capital letters too."""
    spec = case["request_spec"]
    names = [host["host"] for host in case["hosts"]]
    nodes = [host.get("hypervisor_hostname") or host["host"] for host in case["hosts"]]
    if chance.maybe(0.4):
        spec["ignore_hosts"] = [chance.one((name, name.upper())) for name in chance.some(names, 0, 6)]
    if chance.maybe(0.35):
        spec["force_hosts"] = [chance.one((name, name.upper())) for name in chance.some([*names, "nosuch"], 1, 3)]
    if chance.maybe(0.25):
        spec["force_nodes"] = [chance.one((name, name, name.upper())) for name in chance.some(nodes, 1, 3)]
    if chance.maybe(0.3):
        place = chance.number(0, len(names) - 1)
        host = chance.one((names[place], names[place], names[place].upper(), "nosuch"))
        spec["requested_destination"] = {"host": host, "node": chance.one((nodes[place], None, "other"))}
    if chance.maybe(0.15):
        spec["scheduler_hints"]["_nova_check_type"] = [chance.one(("rebuild", "rebuild", "other"))]
    if chance.maybe(0.3):
        spec["image"]["properties"]["hw_architecture"] = "x86_64"
    if spec["scheduler_hints"].get("_nova_check_type") != ["rebuild"]:
        some_instances(chance, case, 3)


def multi(chance: Chance, case: Content) -> None:
    """Ask for several instances and alternates, with claims that fail."""
    some_instances(chance, case, 12)
    case["claim"] = chance.one(("inventory", "inventory", "always"))
    case["return_alternates"] = True
    if chance.maybe(0.4):
        case["config"]["scheduler"] = {"max_attempts": chance.one((1, 2, 5, 10))}
    if chance.maybe(0.4):
        enable(chance, case, "IoOpsFilter", "NumInstancesFilter")
        options = case["config"]["filter_scheduler"]
        options["max_io_ops_per_host"], options["max_instances_per_host"] = chance.number(0, 4), chance.number(1, 30)
    case["request_spec"]["is_bfv"] = chance.maybe(0.2)


def every_filter(chance: Chance, case: Content) -> None:
    """Enable all of nova's filters and ask for a little of everything."""
    case["config"]["filter_scheduler"]["enabled_filters"] = chance.some(ALL_FILTERS, len(ALL_FILTERS))
    enabled = case["config"]["filter_scheduler"]["enabled_filters"]
    for asks in chance.some((caps, image, json_query, metrics, weigh), 0, 2):
        asks(chance, case)
    case["config"]["filter_scheduler"]["enabled_filters"] = enabled
    case["return_alternates"] = chance.maybe(0.5)


def odd(chance: Chance, case: Content) -> None:
    """Bring what seldom happens: hosts that never reported, hosts that placement gives nothing of, absurd sizes."""
    what = chance.one(("never reported", "no candidates", "sizes", "stats"))
    if what == "never reported":
        for host in chance.some(case["hosts"], 1, 2):
            host["free_disk_gb"] = None
    elif what == "no candidates":
        for host in chance.some(case["hosts"], 1, 3):
            host["allocation_candidates"] = []
    elif what == "sizes":
        case["request_spec"]["flavor"] |= {"vcpus": chance.one((1, 1000)), "memory_mb": chance.one((1, 2**29))}
    else:
        for host in chance.some(case["hosts"], 1, 3):
            host["stats"] = chance.one(({}, {"failed_builds": "3"}, {"num_instances": " 7 "}))
    some_instances(chance, case, 3)


FAMILIES: dict[str, Callable[[Chance, Content], None]] = {
    "basic": basic,
    "caps": caps,
    "aggxs": aggxs,
    "agg": agg,
    "image": image,
    "isolated": isolated,
    "json": json_query,
    "hints": hints,
    "group": group,
    "metrics": metrics,
    "weigh": weigh,
    "dest": dest,
    "multi": multi,
    "all": every_filter,
    "odd": odd,
}
"""Families that look at neither NUMA nor PCI."""

AGGREGATE_KEYS = {
    "aggxs": ("ssd", "tier", "gen", "ssd:x"),
    "agg": (
        "filter_tenant_id",
        "filter_tenant_id2",
        "filter_tenant_idx",
        "max_io_ops_per_host",
        "max_instances_per_host",
        "instance_type",
        "hw_disk_bus",
        "hw_qemu_guest_agent",
        "hw_architecture",
        "hw_cpu_cores",
        "os_distro",
        "os_type",
        "notaprop",
    ),
    "group": ("soft_affinity_weight_multiplier", "soft_anti_affinity_weight_multiplier"),
    "metrics": ("metrics_weight_multiplier",),
    "weigh": MULTIPLIERS,
    "multi": ("cpu_weight_multiplier", "ram_weight_multiplier"),
    "all": ("filter_tenant_id", "max_io_ops_per_host", "ram_weight_multiplier", "availability_zone"),
}
"""What aggregates may say in a family; the others' say nothing."""
