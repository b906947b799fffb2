"""RequestFacts: what a text filter sees of the hosts that share a combination of facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from engine.inventory.fleet import Fleet
from engine.inventory.profiles import Profile, Units
from engine.inventory.schema import NO_HEARTBEAT
from engine.model.aggregate import Aggregate


class RequestFacts:
    """One representative row, and the fact groups it may be asked for; ``get_attribute`` speaks HostState's names."""

    def __init__(self, fleet: Fleet, row: int) -> None:
        self.fleet = fleet
        self.row = row

    @cached_property
    def profile(self) -> Profile:
        """The row's text facts."""
        return self.fleet.profiles.values[int(self.fleet.columns["profile"][self.row])]

    @cached_property
    def units(self) -> Units:
        """The row's min_unit, max_unit and step_size."""
        return self.fleet.units.values[int(self.fleet.columns["units"][self.row])]

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The names of the metrics that the row reports."""
        return self.fleet.metric_sets.values[int(self.fleet.columns["metrics"][self.row])]

    @cached_property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """The aggregates the row is in."""
        return self.fleet.membership_aggregates(int(self.fleet.columns["membership"][self.row]))

    @cached_property
    def stats(self) -> Mapping[str, str]:
        """The host's further facts, as text."""
        return dict(self.profile.stats)

    @property
    def enabling(self) -> str:
        """What would have to change about the compute service of a row where it is disabled."""
        reason = self.fleet.identity.disabled_reasons.get(self.row)
        return "the compute service enabled" + (f" (disabled: {reason})" if reason else "")

    def known_zones(self) -> frozenset[str]:
        """Return every availability zone that a host or an aggregate names."""
        return self.fleet.zones

    def get_attribute(self, name: str) -> object:
        """Return the host's value under nova's HostState name; raise KeyError for one Berth does not keep.

        A host that never reported has the values that nova's HostState begins with, and no stats at all.
        """
        if self.profile.never_reported and name in _UNREPORTED:
            return _UNREPORTED[name]
        if self.profile.never_reported and name == "stats":
            raise KeyError(name)
        column = _NUMBERS.get(name)
        if column is not None:
            value = self.fleet.columns[column][self.row]
            return float(value) if column.endswith("_ratio") else int(value)
        identity = _IDENTITIES.get(name)
        if identity is not None:
            return getattr(self.fleet.identity, identity)[self.row] or None
        return _TEXT[name](self)

    def _service(self) -> dict[str, object]:
        columns = self.fleet.columns
        seen = int(columns["last_seen_up_us"][self.row])
        return {
            "disabled": bool(columns["service_disabled"][self.row]),
            "disabled_reason": self.fleet.identity.disabled_reasons.get(self.row),
            "forced_down": bool(columns["service_forced_down"][self.row]),
            "last_seen_up": None if seen == NO_HEARTBEAT else seen,
        }


_NUMBERS = {
    "vcpus_total": "vcpu_total",
    "vcpus_used": "vcpus_used",
    "total_usable_ram_mb": "memory_mb_total",
    "free_ram_mb": "free_ram_mb",
    "total_usable_disk_gb": "disk_gb_total",
    "num_instances": "num_instances",
    "num_io_ops": "num_io_ops",
    "failed_builds": "failed_builds",
    "cpu_allocation_ratio": "vcpu_allocation_ratio",
    "ram_allocation_ratio": "memory_mb_allocation_ratio",
    "disk_allocation_ratio": "disk_gb_allocation_ratio",
}
_UNREPORTED = {
    **dict.fromkeys(
        (
            "vcpus_total",
            "vcpus_used",
            "total_usable_ram_mb",
            "free_ram_mb",
            "total_usable_disk_gb",
            "free_disk_mb",
            "disk_mb_used",
            "num_instances",
            "num_io_ops",
            "failed_builds",
        ),
        0,
    ),
    **dict.fromkeys(
        (
            "uuid",
            "host_ip",
            "hypervisor_type",
            "hypervisor_version",
            "hypervisor_hostname",
            "cpu_info",
            "supported_instances",
            "cpu_allocation_ratio",
            "ram_allocation_ratio",
            "disk_allocation_ratio",
            "updated",
        )
    ),
}
"""What nova's HostState of a host that never reported says."""

_IDENTITIES = {
    "host": "host_ids",
    "uuid": "uuids",
    "nodename": "nodenames",
    "hypervisor_hostname": "nodenames",
    "host_ip": "host_ips",
}
_TEXT: dict[str, Callable[[RequestFacts], object]] = {
    "hypervisor_type": lambda facts: facts.profile.hypervisor_type or None,
    "hypervisor_version": lambda facts: facts.profile.hypervisor_version,
    "cpu_info": lambda facts: facts.profile.cpu_info,
    "cell_uuid": lambda facts: facts.profile.cell or None,
    "supported_instances": lambda facts: [list(item) for item in facts.profile.supported_instances],
    "free_disk_mb": lambda facts: int(facts.fleet.columns["free_disk_gb"][facts.row]) * 1024,
    "disk_mb_used": lambda facts: int(facts.fleet.columns["disk_gb_used"][facts.row]) * 1024,
    "stats": lambda facts: dict(facts.profile.stats),
    "aggregates": lambda facts: [
        {"uuid": item.uuid, "name": item.name, "metadata": dict(item.metadata)} for item in facts.aggregates
    ],
    "service": lambda facts: facts._service(),
    "limits": lambda facts: {},
    "updated": lambda facts: True,
}

ATTRIBUTE_COLUMNS = {
    **_NUMBERS,
    "free_disk_mb": "free_disk_gb",
    "disk_mb_used": "disk_gb_used",
    "aggregates": "membership",
}
"""The column on which each attribute depends beyond the profile."""

ROW_ATTRIBUTES = frozenset(_IDENTITIES) | {"service"}
"""The attributes that are each row's own."""

PROFILE_ATTRIBUTES = frozenset(
    {
        "hypervisor_type",
        "hypervisor_version",
        "cpu_info",
        "cell_uuid",
        "supported_instances",
        "stats",
        "limits",
        "updated",
    }
)
"""The attributes that the profile alone decides."""
