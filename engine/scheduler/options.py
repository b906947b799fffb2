"""SchedulerOptions: nova's scheduler options, by nova's names and with nova's defaults."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import InvalidSettingError
from engine.fitting.pci_aliases import parse_aliases
from engine.scheduler.typical_requests import typical_requests
from engine.scheduler.weight_setting import weight_setting

DEFAULT_FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)
PLACEMENT_FILTERS = (
    "CapacityFilter",
    "AllocationUnitsFilter",
    "TraitsFilter",
    "MemberOfFilter",
    "ZoneFilter",
    "AllocationCandidatesFilter",
)
"""What nova asks of placement before its own filters run; always on in the service."""

ALL_WEIGHERS = "nova.scheduler.weights.all_weighers"


@dataclass(frozen=True, slots=True)
class SchedulerOptions:
    """The options of nova's [scheduler] and [filter_scheduler] groups that shape a selection.

    Those of its [metrics] group have the group's name before their own: ``metrics_required`` is [metrics]required.
    ``pci_alias`` is [pci]alias, JSON texts; ``packing_host_numa_cells_allocation_strategy`` is of [compute] and
    ``disable_fallback_pcpu_query`` of [workarounds]. ``max_placement_results`` is accepted and shown, but never cuts
    the candidates short: nova asks for fewer than all because it must carry them, and then chooses among an arbitrary
    part of the cloud. ``randomize_allocation_candidates`` is placement's: which of a host's candidates is taken is
    drawn by chance. ``owner_nova`` requires the trait OWNER_NOVA of a host, as nova does once every nova-compute
    service is of version 73 or later and so reports it. ``nova_quirks`` gives nova's answer where nova is wrong, its
    errors included. Of Berth's own weighers of GPU shares are ``gpu_resource_class``, the class that a GPU provides,
    and ``gpu_typical_requests``, each ``vcpus:amount:count:weight`` (see typical_requests). Raises InvalidSettingError
    for a value out of range.
    """

    enabled_filters: tuple[str, ...] = DEFAULT_FILTERS
    weight_classes: tuple[str, ...] = (ALL_WEIGHERS,)
    placement_filters: tuple[str, ...] = PLACEMENT_FILTERS
    max_attempts: int = 3
    host_subset_size: int = 1
    shuffle_best_same_weighed_hosts: bool = False
    service_down_time: int = 60
    default_availability_zone: str = "nova"
    image_properties_default_architecture: str | None = None
    max_io_ops_per_host: int = 8
    max_instances_per_host: int = 50
    isolated_images: tuple[str, ...] = ()
    isolated_hosts: tuple[str, ...] = ()
    restrict_isolated_hosts_to_isolated_images: bool = True
    aggregate_image_properties_isolation_namespace: str | None = None
    aggregate_image_properties_isolation_separator: str = "."
    cpu_weight_multiplier: float = 1.0
    ram_weight_multiplier: float = 1.0
    disk_weight_multiplier: float = 1.0
    io_ops_weight_multiplier: float = -1.0
    build_failure_weight_multiplier: float = 1_000_000.0
    num_instances_weight_multiplier: float = 0.0
    hypervisor_version_weight_multiplier: float = 1.0
    soft_affinity_weight_multiplier: float = 1.0
    soft_anti_affinity_weight_multiplier: float = 1.0
    pci_weight_multiplier: float = 1.0
    cross_cell_move_weight_multiplier: float = 1_000_000.0
    image_props_weight_multiplier: float = 0.0
    image_props_weight_setting: tuple[str, ...] = ()
    metrics_weight_multiplier: float = 1.0
    metrics_weight_setting: tuple[str, ...] = ()
    metrics_required: bool = True
    metrics_weight_of_unavailable: float = -10_000.0
    gpu_best_fit_weight_multiplier: float = 1.0
    gpu_fragmentation_weight_multiplier: float = 1.0
    gpu_resource_class: str = "CUSTOM_GPU_MILLI"
    gpu_typical_requests: tuple[str, ...] = ()
    limit_tenants_to_placement_aggregate: bool = False
    placement_aggregate_required_for_tenants: bool = False
    query_placement_for_image_type_support: bool = False
    enable_isolated_aggregate_filtering: bool = False
    image_metadata_prefilter: bool = False
    query_placement_for_routed_network_aggregates: bool = False
    max_placement_results: int = 1000
    randomize_allocation_candidates: bool = False
    disable_fallback_pcpu_query: bool = False
    packing_host_numa_cells_allocation_strategy: bool = False
    pci_in_placement: bool = False
    pci_alias: tuple[str, ...] = ()
    owner_nova: bool = False
    nova_quirks: bool = False

    def __post_init__(self) -> None:
        for name, low in (
            ("max_attempts", 1),
            ("host_subset_size", 1),
            ("max_io_ops_per_host", 0),
            ("max_instances_per_host", 1),
            ("service_down_time", 1),
            ("max_placement_results", 1),
            ("soft_affinity_weight_multiplier", 0.0),
            ("soft_anti_affinity_weight_multiplier", 0.0),
            ("pci_weight_multiplier", 0.0),
        ):
            value = getattr(self, name)
            if not value >= low or value > 2**31 - 1:
                raise InvalidSettingError(f"{name} must be at least {low}, not {value}", setting=name)
        for name in ("metrics_weight_setting", "image_props_weight_setting"):
            for key, ratio in weight_setting(getattr(self, name)):
                if not abs(ratio) < float("inf"):
                    raise InvalidSettingError(f"{name}: the ratio of {key} must be finite, not {ratio}", setting=name)
        parse_aliases(self.pci_alias, pci_in_placement=self.pci_in_placement)
        if not typical_requests(self.gpu_typical_requests) and "GpuFragmentationWeigher" in self.weight_classes:
            raise InvalidSettingError(
                "GpuFragmentationWeigher needs gpu_typical_requests, each vcpus:amount:count:weight, to say what for"
                " a host's free GPUs may be too small",
                setting="gpu_typical_requests",
            )
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, float) and not abs(value) < float("inf"):
                raise InvalidSettingError(f"{name} must be a finite number, not {value}", setting=name)
