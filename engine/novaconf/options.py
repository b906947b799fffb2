"""nova's options that Berth has too: their types, where their values go, and the names they had before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from engine.novaconf.values import to_bool, to_float, to_int, to_list, to_text
from engine.scheduler.guest_names import ARCHITECTURES

Value = bool | int | float | str | tuple[str, ...]
SCHEDULER = ("scheduler",)
QUOTA = ("boot", "quotas")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: nova's group and name, what reads its text, and Berth's table and name for it.

    A ``multi`` option may be repeated, and then has all its values. ``earlier`` are the (group, name) pairs that the
    option had in older releases.
    """

    group: str
    name: str
    read: Callable[[str], Value]
    table: tuple[str, ...]
    setting: str
    multi: bool = False
    earlier: tuple[tuple[str, str], ...] = ()


def _architecture(text: str) -> str:
    if text not in ARCHITECTURES.known:
        raise ValueError(f"{text!r} is no architecture: give one of {', '.join(sorted(ARCHITECTURES.known))}")
    return text


def _alias(text: str) -> str:
    """Return the JSON on one line: a line end in it can only stand between its parts."""
    return text.replace("\n", " ")


def _quota(text: str) -> int:
    limit = to_int(text)
    if limit < -1:
        raise ValueError(f"{limit} is no limit: give -1 for none, or at least 0")
    return limit


def _option(
    group: str,
    read: Callable[[str], Value],
    name: str,
    *earlier: str,
    setting: str = "",
    multi: bool = False,
    table: tuple[str, ...] = SCHEDULER,
) -> Option:
    """Return an option; what it was called ``earlier`` was in the group DEFAULT."""
    return Option(group, name, read, table, setting or name, multi, tuple(("DEFAULT", old) for old in earlier))


_scheduler = partial(_option, "scheduler")
_filter = partial(_option, "filter_scheduler")
_metrics = partial(_option, "metrics")
_limit = partial(_option, "quota", _quota, table=QUOTA)

OPTIONS: tuple[Option, ...] = (
    _scheduler(to_int, "max_attempts", "scheduler_max_attempts"),
    _scheduler(to_int, "max_placement_results"),
    _scheduler(to_bool, "limit_tenants_to_placement_aggregate"),
    _scheduler(to_bool, "placement_aggregate_required_for_tenants"),
    _scheduler(to_bool, "query_placement_for_image_type_support"),
    _scheduler(to_bool, "query_placement_for_routed_network_aggregates"),
    _scheduler(to_bool, "enable_isolated_aggregate_filtering"),
    _scheduler(to_bool, "image_metadata_prefilter"),
    _filter(to_list, "enabled_filters", "scheduler_default_filters"),
    _filter(to_list, "weight_classes", "scheduler_weight_classes"),
    _filter(to_int, "host_subset_size", "scheduler_host_subset_size"),
    _filter(to_bool, "shuffle_best_same_weighed_hosts"),
    _filter(to_int, "max_io_ops_per_host", "max_io_ops_per_host"),
    _filter(to_int, "max_instances_per_host", "max_instances_per_host"),
    _filter(to_list, "isolated_images", "isolated_images"),
    _filter(to_list, "isolated_hosts", "isolated_hosts"),
    _filter(to_bool, "restrict_isolated_hosts_to_isolated_images", "restrict_isolated_hosts_to_isolated_images"),
    _filter(
        to_text,
        "aggregate_image_properties_isolation_namespace",
        "aggregate_image_properties_isolation_namespace",
    ),
    _filter(
        to_text,
        "aggregate_image_properties_isolation_separator",
        "aggregate_image_properties_isolation_separator",
    ),
    _filter(_architecture, "image_properties_default_architecture"),
    _filter(to_bool, "pci_in_placement"),
    _filter(to_float, "cpu_weight_multiplier"),
    _filter(to_float, "ram_weight_multiplier", "ram_weight_multiplier"),
    _filter(to_float, "disk_weight_multiplier", "disk_weight_multiplier"),
    _filter(to_float, "io_ops_weight_multiplier", "io_ops_weight_multiplier"),
    _filter(to_float, "soft_affinity_weight_multiplier", "soft_affinity_weight_multiplier"),
    _filter(to_float, "soft_anti_affinity_weight_multiplier", "soft_anti_affinity_weight_multiplier"),
    _filter(to_float, "build_failure_weight_multiplier"),
    _filter(to_float, "num_instances_weight_multiplier"),
    _filter(to_float, "hypervisor_version_weight_multiplier"),
    _filter(to_float, "pci_weight_multiplier"),
    _filter(to_float, "cross_cell_move_weight_multiplier"),
    _filter(to_float, "image_props_weight_multiplier"),
    _filter(to_list, "image_props_weight_setting"),
    _metrics(to_float, "weight_multiplier", setting="metrics_weight_multiplier"),
    _metrics(to_list, "weight_setting", setting="metrics_weight_setting"),
    _metrics(to_bool, "required", setting="metrics_required"),
    _metrics(to_float, "weight_of_unavailable", setting="metrics_weight_of_unavailable"),
    _option("DEFAULT", to_int, "service_down_time"),
    _option("DEFAULT", to_text, "default_availability_zone"),
    _option("compute", to_bool, "packing_host_numa_cells_allocation_strategy"),
    _option("workarounds", to_bool, "disable_fallback_pcpu_query"),
    _option("pci", _alias, "alias", "pci_alias", setting="pci_alias", multi=True),
    _limit("instances", "quota_instances"),
    _limit("cores", "quota_cores"),
    _limit("ram", "quota_ram"),
    _limit("key_pairs", "quota_key_pairs"),
    _limit("metadata_items", "quota_metadata_items"),
    _limit("server_groups", "quota_server_groups"),
    _limit("server_group_members", "quota_server_group_members"),
)
"""In the order in which the settings are written."""
