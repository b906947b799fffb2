"""Why an option of nova.conf has no counterpart among Berth's settings."""

from __future__ import annotations

_RATIO = "how far a host is overcommitted is told with the host: give hosts a column {column}"
_KEPT = "what is kept from instances is told with the host: give hosts a column {column}"
_ONE_PROCESS = "one process decides for the whole cloud"
_AVAILABLE = "every filter of nova's is available, enabled_filters alone says which run"
_TRACKED = "Berth always knows the instances of every host"

REASONS: dict[tuple[str, str], str] = {
    ("scheduler", "workers"): _ONE_PROCESS,
    ("scheduler", "discover_hosts_in_cells_interval"): "hosts are told to Berth, there are no cell databases to search",
    ("scheduler", "driver"): "Berth is the filter scheduler",
    ("scheduler", "host_manager"): "Berth keeps the hosts itself",
    ("scheduler", "periodic_task_interval"): "Berth has no periodic tasks",
    ("filter_scheduler", "available_filters"): _AVAILABLE,
    ("filter_scheduler", "track_instance_changes"): _TRACKED,
    ("DEFAULT", "scheduler_available_filters"): _AVAILABLE,
    ("DEFAULT", "scheduler_tracks_instance_changes"): _TRACKED,
    ("DEFAULT", "scheduler_instance_sync_interval"): _TRACKED,
    ("DEFAULT", "scheduler_driver"): "Berth is the filter scheduler",
    ("DEFAULT", "scheduler_host_manager"): "Berth keeps the hosts itself",
    ("DEFAULT", "scheduler_driver_task_period"): "Berth has no periodic tasks",
    ("DEFAULT", "cpu_allocation_ratio"): _RATIO.format(column="cpu_allocation_ratio"),
    ("DEFAULT", "ram_allocation_ratio"): _RATIO.format(column="ram_allocation_ratio"),
    ("DEFAULT", "disk_allocation_ratio"): _RATIO.format(column="disk_allocation_ratio"),
    ("DEFAULT", "initial_cpu_allocation_ratio"): _RATIO.format(column="cpu_allocation_ratio"),
    ("DEFAULT", "initial_ram_allocation_ratio"): _RATIO.format(column="ram_allocation_ratio"),
    ("DEFAULT", "initial_disk_allocation_ratio"): _RATIO.format(column="disk_allocation_ratio"),
    ("DEFAULT", "reserved_host_cpus"): _KEPT.format(column="vcpus_reserved"),
    ("DEFAULT", "reserved_host_memory_mb"): _KEPT.format(column="memory_mb_reserved"),
    ("DEFAULT", "reserved_host_disk_mb"): _KEPT.format(column="disk_gb_reserved, in GiB"),
    ("DEFAULT", "reserved_huge_pages"): "kept pages are told with the host, in its numa_topology",
    ("DEFAULT", "report_interval"): "how often a host reports is set where it runs; here it only bears on "
    "service_down_time",
    ("DEFAULT", "servicegroup_driver"): "a host is up by the heartbeat it last sent to Berth",
    ("DEFAULT", "default_schedule_zone"): "a request that names no zone may go to every zone",
    ("DEFAULT", "internal_service_availability_zone"): "Berth's services are in no zone",
    ("pci", "device_spec"): "devices are told with the host, in its pci_device_pools",
    ("pci", "passthrough_whitelist"): "devices are told with the host, in its pci_device_pools",
    ("DEFAULT", "pci_passthrough_whitelist"): "devices are told with the host, in its pci_device_pools",
    ("pci", "report_in_placement"): "what hosts report is told with them, in their resource_providers",
    ("quota", "driver"): "quotas are those of [boot.quotas], -1 for none",
    ("compute", "cpu_dedicated_set"): "which CPUs may be pinned is told with the host, in its numa_topology",
    ("compute", "cpu_shared_set"): "which CPUs are shared is told with the host, in its numa_topology",
}
"""The reasons by (group, name)."""

_OF_GROUP: dict[str, str] = {
    "placement": "Berth answers what nova asks of placement, there is no placement service to reach",
    "workarounds": "is about a part of nova that scheduling does not depend on",
    "quota": "Berth has no such quota",
}

_COMPLETE = frozenset({"scheduler", "filter_scheduler", "metrics", "pci"})
"""Groups whose every option is known here, so that another name is a mistake."""


def reason(group: str, name: str) -> str:
    """Return why an option is ignored, as a phrase."""
    known = REASONS.get((group, name))
    if known is not None:
        return known
    if group in _COMPLETE:
        return "nova has no option of this name in this group: check the spelling"
    return _OF_GROUP.get(group, "scheduling does not depend on it")
