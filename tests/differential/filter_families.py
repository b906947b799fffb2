"""What the families of one filter each ask for: each function changes a case, in the schema of cases, in place."""

from __future__ import annotations

import json

from engine.scheduler.options import DEFAULT_FILTERS
from tests.differential.chance import Chance, Content
from tests.differential.fleets import FEATURES, MODELS

ALL_FILTERS = (
    "AllHostsFilter",
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "AggregateInstanceExtraSpecsFilter",
    "AggregateImagePropertiesIsolation",
    "AggregateMultiTenancyIsolation",
    "AggregateTypeAffinityFilter",
    "AggregateIoOpsFilter",
    "IoOpsFilter",
    "AggregateNumInstancesFilter",
    "NumInstancesFilter",
    "DifferentHostFilter",
    "SameHostFilter",
    "SimpleCIDRAffinityFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
    "IsolatedHostsFilter",
    "JsonFilter",
    "MetricsFilter",
    "NUMATopologyFilter",
    "PciPassthroughFilter",
)
_ATTRIBUTES = (
    "free_ram_mb",
    "free_disk_mb",
    "disk_mb_used",
    "total_usable_ram_mb",
    "total_usable_disk_gb",
    "vcpus_total",
    "vcpus_used",
    "num_instances",
    "num_io_ops",
    "failed_builds",
    "hypervisor_type",
    "hypervisor_version",
    "hypervisor_hostname",
    "host",
    "nodename",
    "host_ip",
    "cpu_allocation_ratio",
    "ram_allocation_ratio",
    "disk_allocation_ratio",
    "supported_instances",
    "stats",
    "cell_uuid",
    "uuid",
)
_CPU_PATHS = (
    "cpu_info:vendor",
    "cpu_info:model",
    "cpu_info:arch",
    "cpu_info:features",
    "cpu_info:topology",
    "cpu_info:topology:cores",
    "cpu_info:topology:threads",
    "cpu_info:maxphysaddr:bits",
    "cpu_info:nosuch",
    "cpu_info:vendor:deeper",
    "cpu_info",
    "stats:num_instances",
    "num_vm_active",
    "nested:a",
    "nosuch",
    "stats:nosuch:x",
    "service:disabled",
    "",
)
_OPERATORS = ("", "=", "==", "!=", ">=", "<=", "<", ">", "s==", "s!=", "s<", "s<=", "s>", "s>=", "<in>", "<all-in>")
_VALUES = ("Intel", "AMD", "32", "16", "20000", "0", "-1", "1e4", "QEMU", "x86_64", "aes", "a", "8002002", "True", "")


def enable(chance: Chance, case: Content, *names: str) -> None:
    """Enable these filters: alone after ComputeFilter, or after the default ones."""
    first = list(DEFAULT_FILTERS) if chance.maybe(0.4) else ["ComputeFilter"]
    case["config"]["filter_scheduler"]["enabled_filters"] = list(dict.fromkeys([*first, *names]))


def operator_text(chance: Chance, values: tuple[str, ...]) -> str:
    """Return a requirement as flavors state it, well formed or not."""
    if chance.maybe(0.25):
        words = [word for value in chance.some(values, 1, 3) for word in ("<or>", value)]
        return " ".join(words[:-1] if chance.maybe(0.2) else words)
    operator, value = chance.one(_OPERATORS), chance.one(values)
    if chance.maybe(0.1):
        value = f"{value}  {chance.one(values)}"
    return f"{operator} {value}".strip() if chance.maybe(0.9) else f" {operator}  {value} "


def caps(chance: Chance, case: Content) -> None:
    """Ask ComputeCapabilitiesFilter for one or two capabilities."""
    specs = case["request_spec"]["flavor"]["extra_specs"]
    values = (*_VALUES, *MODELS, *FEATURES, *(host["host"] for host in case["hosts"][:3]))
    for _ in range(chance.number(1, 2)):
        path = chance.one(_ATTRIBUTES) if chance.maybe(0.4) else chance.one(_CPU_PATHS)
        scope = chance.one(("capabilities:", "capabilities:", "", "hw:", "trait:"))
        specs[scope + path] = operator_text(chance, values)
    if chance.maybe(0.1):
        specs["hw:maxphysaddr_bits"] = chance.one(("40", "46", "60"))


def aggxs(chance: Chance, case: Content) -> None:
    """Ask AggregateInstanceExtraSpecsFilter for what aggregates say."""
    enable(chance, case, "AggregateInstanceExtraSpecsFilter")
    specs = case["request_spec"]["flavor"]["extra_specs"]
    for _ in range(chance.number(1, 2)):
        key = chance.one(("ssd", "tier", "gen", "ssd:x", "nosuch"))
        scope = chance.one(
            ("aggregate_instance_extra_specs:", "aggregate_instance_extra_specs:", "", "trait:", "quota:")
        )
        specs[scope + key] = operator_text(chance, ("true", "3", "5", "g5", "nvme", "g", "!", "2,4"))


def agg(chance: Chance, case: Content) -> None:
    """Look at the five filters that read what aggregates say of hosts."""
    names = (
        "AggregateMultiTenancyIsolation",
        "AggregateTypeAffinityFilter",
        "AggregateIoOpsFilter",
        "AggregateNumInstancesFilter",
        "AggregateImagePropertiesIsolation",
    )
    enable(chance, case, *chance.some(names, 1, 3))
    options = case["config"]["filter_scheduler"]
    if chance.maybe(0.4):
        options["max_io_ops_per_host"] = chance.one((0, 1, 4, 8))
    if chance.maybe(0.4):
        options["max_instances_per_host"] = chance.one((1, 5, 30))
    if chance.maybe(0.25):
        options["aggregate_image_properties_isolation_namespace"] = chance.one(("hw", "os", ""))
        options["aggregate_image_properties_isolation_separator"] = chance.one(("_", "."))
    properties = case["request_spec"]["image"]["properties"]
    for key, values in (
        ("hw_qemu_guest_agent", ("no", "yes", "true")),
        ("hw_disk_bus", ("scsi", "virtio")),
        ("os_type", ("linux", "windows")),
        ("os_distro", ("ubuntu", "Ubuntu")),
        ("hw_architecture", ("x86_64", "i386")),
        ("hw_cpu_cores", ("2", "4")),
    ):
        if chance.maybe(0.3):
            properties[key] = chance.one(values)
    if chance.maybe(0.05):
        case["request_spec"]["image"] = None


def image(chance: Chance, case: Content) -> None:
    """Ask ImagePropertiesFilter for an architecture, a hypervisor, a mode and a version."""
    properties = case["request_spec"]["image"]["properties"]
    for key, values in (
        ("hw_architecture", ("x86_64", "i386", "amd64", "aarch64", "i686", "ppc64le")),
        ("img_hv_type", ("kvm", "xen", "qemu", "vmware", "QEMU")),
        ("hw_vm_mode", ("hvm", "xen", "pv", "hv", "exe")),
        ("img_hv_requested_version", (">=7.0.0", ">=99", "<9.1", "==8.2.2", "!=7.2.11,>=6.2", ">6.2.0", ">=8.2")),
        ("architecture", ("x86_64", "i686")),
        ("hypervisor_type", ("kvm", "xapi")),
        ("vm_mode", ("hvm", "baremetal")),
        ("hypervisor_version_requires", (">=6.0", "<0.1")),
    ):
        if chance.maybe(0.3 if key.startswith(("hw", "img")) else 0.05):
            properties[key] = chance.one(values)
    if chance.maybe(0.05):
        properties["hw_maxphysaddr_bits"] = "46"
    if chance.maybe(0.2):
        case["config"]["filter_scheduler"]["image_properties_default_architecture"] = chance.one(("x86_64", "aarch64"))
    if chance.maybe(0.05):
        case["request_spec"]["image"] = None


def isolated(chance: Chance, case: Content) -> None:
    """Keep some hosts for some images."""
    enable(chance, case, "IsolatedHostsFilter")
    options, asked = case["config"]["filter_scheduler"], case["request_spec"]["image"]["id"]
    options["isolated_hosts"] = sorted(chance.some([host["host"] for host in case["hosts"]]))
    options["isolated_images"] = chance.one(([], [asked], [chance.uuid()], [asked, chance.uuid()]))
    options["restrict_isolated_hosts_to_isolated_images"] = chance.maybe(0.5)
    if chance.maybe(0.1):
        case["request_spec"]["image"] = None


def json_query(chance: Chance, case: Content) -> None:
    """Ask JsonFilter."""
    enable(chance, case, "JsonFilter")
    case["request_spec"]["scheduler_hints"]["query"] = [json.dumps(_query(chance, case, 0))]
    if chance.maybe(0.05):
        case["request_spec"]["scheduler_hints"]["query"] = [chance.one(("{", "[]", "", "[1]", '["=", "$host"]', "{}"))]


def _query(chance: Chance, case: Content, depth: int) -> list[object]:
    if depth < 3 and chance.maybe(0.45):
        inner: list[object] = [_query(chance, case, depth + 1) for _ in range(chance.number(0, 3))]
        return [chance.one(("and", "or", "not")), *inner]
    operator = chance.one(("=", "<", ">", "<=", ">=", "in", "in", ">=", "nosuch" if chance.maybe(0.05) else "="))
    return [operator, *(_operand(chance, case) for _ in range(chance.one((1, 2, 2, 2, 3))))]


def _operand(chance: Chance, case: Content) -> object:
    if chance.maybe(0.5):
        path = chance.one((*_ATTRIBUTES, "stats.num_instances", "stats.nosuch", "nosuch", "service.disabled", "limits"))
        return f"${path}"
    hosts = [host["host"] for host in case["hosts"]]
    return chance.one((4096, 20000, 0, 8, 1.5, True, None, "QEMU", "20000", "", "10", *hosts[:4]))


def hints(chance: Chance, case: Content) -> None:
    """Ask for the same host, another host, or an address nearby."""
    enable(chance, case, "SameHostFilter", "DifferentHostFilter", "SimpleCIDRAffinityFilter")
    known = [item["uuid"] for host in case["hosts"] for item in host["instances"]] or [chance.uuid()]
    asked = case["request_spec"]["scheduler_hints"]
    if chance.maybe(0.4):
        asked["same_host"] = chance.some(known, 0, 4) + ([chance.uuid()] if chance.maybe(0.2) else [])
    if chance.maybe(0.4):
        asked["different_host"] = chance.some(known, 0, 4) + (["no-uuid"] if chance.maybe(0.1) else [])
    if chance.maybe(0.4):
        asked["build_near_host_ip"] = [chance.one(("10.1.2.3", "10.0.0.1", "10.2.3.200", "fe80::1", "10.1.2.300", "x"))]
        if chance.maybe(0.7):
            asked["cidr"] = [chance.one(("/16", "/8", "/24", "/0", "/32", "/33", "16", "/x", ""))]
    some_instances(chance, case, 3)


def some_instances(chance: Chance, case: Content, most: int) -> None:
    """Ask for several instances, sometimes."""
    if chance.maybe(0.5):
        case["request_spec"]["num_instances"] = chance.number(1, most)
