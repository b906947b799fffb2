"""nova's own scheduler over the host states of one case, without a database and without placement; runs where nova is.

Everything that decides is nova's: SchedulerManager, HostManager, filters, weighers. A case's rule stands for placement
when claims are made, and what the weighed hosts were is kept.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import nova.conf
from nova import objects
from nova.scheduler import host_manager, manager
from oslo_utils import timeutils

from tests.differential.nova_hosts import Content

CONF = nova.conf.CONF
_PINNED = {
    "host_subset_size": 1,
    "shuffle_best_same_weighed_hosts": False,
    "track_instance_changes": False,
}
"""Options of [filter_scheduler] that no case sets: no chance, and no instances but the case's."""


class CaseHostManager(host_manager.HostManager):
    """nova's HostManager without a database behind it; keeps what was weighed, in ``steps``."""

    def __init__(self) -> None:
        """Load the filters and weighers that the configuration names, weighers in the order of module and name."""
        super().__init__()
        self.weighers.sort(key=lambda weigher: (type(weigher).__module__, type(weigher).__name__))
        self.steps: list[list[list[float]]] = []

    def refresh_cells_caches(self) -> None:
        """Know of no cells: cases bring their hosts."""
        self.cells: dict[str, Any] = {}

    def _init_aggregates(self) -> None:
        """Know of no aggregates: cases bring those too."""

    def get_weighed_hosts(self, hosts: Iterable[Any], spec_obj: Any) -> list[Any]:
        """Weigh as nova does, and keep the outcome."""
        weighed: list[Any] = super().get_weighed_hosts(hosts, spec_obj)
        self.steps.append([[item.obj.case_index, item.weight] for item in weighed])
        return weighed

    def filters_named(self, names: Sequence[str]) -> list[Any]:
        """Return nova's filters of these names."""
        chosen: list[Any] = self._choose_host_filters(list(names))
        return chosen

    @contextlib.contextmanager
    def counting(self) -> Iterator[list[list[Any]]]:
        """Count meanwhile what each enabled filter lets pass: pairs of its name and the number of hosts."""
        counts: list[list[Any]] = []
        before = self.enabled_filters
        self.enabled_filters = [Counted(item, counts) for item in before]
        try:
            yield counts
        finally:
            self.enabled_filters = before


class Counted:
    """A filter that says how many hosts it let pass."""

    def __init__(self, inner: Any, counts: list[list[Any]]) -> None:
        """Ask ``inner``, put the number into ``counts``."""
        self._inner = inner
        self._counts = counts

    def run_filter_for_index(self, index: int) -> bool:
        """Return whether the filter runs for an instance of a request."""
        return bool(self._inner.run_filter_for_index(index))

    def filter_all(self, states: Iterable[Any], spec: Any) -> list[Any]:
        """Return the hosts that pass."""
        passing = list(self._inner.filter_all(states, spec))
        self._counts.append([type(self._inner).__name__, len(passing)])
        return passing


class CaseScheduler(manager.SchedulerManager):
    """nova's SchedulerManager over a case's host states, with claims granted by the case's rule."""

    def __init__(self, hosts: CaseHostManager, states: Sequence[Any], claims: Claims) -> None:
        """Take what nova's own constructor would have made from its databases."""
        self.host_manager = hosts
        self.states = states
        self.claims = claims

    @property
    def placement_client(self) -> Claims:
        """What claims are sent to."""
        return self.claims

    def _get_all_host_states(self, context: Any, spec_obj: Any, provider_summaries: Any) -> Iterator[Any]:
        return iter(self.states)


class Claims:
    """A case's rule on claims, asked as nova asks its placement client; ``attempts`` keeps what came of each."""

    def __init__(self, content: Content) -> None:
        """Begin with what hosts have in use."""
        self.by_inventory = content["claim"] == "inventory"
        self.amounts = claimed_amounts(content["request_spec"])
        self.index = {host["uuid"]: index for index, host in enumerate(content["hosts"])}
        self.rooms = [Room(host) for host in content["hosts"]]
        self.attempts: list[list[Any]] = []

    def claim_resources(self, ctx: Any, consumer: str, request: Content, *rest: Any, **more: Any) -> bool:
        """Return whether the claim of one candidate's resources is granted."""
        index = next(self.index[provider] for provider in request["allocations"] if provider in self.index)
        granted = not self.by_inventory or self.rooms[index].takes(self.amounts)
        if granted and self.by_inventory:
            self.rooms[index].take(self.amounts)
        self.attempts.append([index, granted])
        return granted

    def delete_allocation_for_instance(self, ctx: Any, consumer: str, **more: Any) -> None:
        """Give nothing back: a request that fails ends its case."""


class Room:
    """What one host's own inventory holds and has in use, by resource class."""

    def __init__(self, host: Content) -> None:
        """Read the host's totals, usage, reserved amounts and ratios."""
        reserved = host.get("reserved") or {}
        classes = (
            ("VCPU", "vcpus", "vcpus_used", "cpu_allocation_ratio", 4.0),
            ("MEMORY_MB", "memory_mb", "memory_mb_used", "ram_allocation_ratio", 1.0),
            ("DISK_GB", "local_gb", "local_gb_used", "disk_allocation_ratio", 1.0),
        )
        self.total = {name: host[total] for name, total, *_ in classes}
        self.used = {name: host.get(used, 0) for name, _, used, *_ in classes}
        self.capacity = {
            name: (host[total] - reserved.get(name, 0)) * host.get(ratio, default)
            for name, total, _, ratio, default in classes
        }

    def offers(self, amounts: dict[str, int]) -> bool:
        """Return whether placement would offer the host."""
        return self.takes(amounts) and all(amount <= self.total[name] for name, amount in amounts.items())

    def takes(self, amounts: dict[str, int]) -> bool:
        """Return whether a claim fits into what is left."""
        return all(self.used[name] + amount <= self.capacity[name] for name, amount in amounts.items())

    def take(self, amounts: dict[str, int]) -> None:
        """Count a claim as used."""
        for name, amount in amounts.items():
            self.used[name] += amount


def claimed_amounts(spec: Content) -> dict[str, int]:
    """Return what an instance claims of each resource class (count, MiB, GiB); zero amounts are left out."""
    flavor = spec["flavor"]
    root_gb = 0 if spec.get("is_bfv") else flavor.get("root_gb", 0)
    disk_gb = root_gb + flavor.get("ephemeral_gb", 0) + math.ceil(flavor.get("swap", 0) / 1024)
    amounts = {"VCPU": flavor["vcpus"], "MEMORY_MB": flavor["memory_mb"], "DISK_GB": disk_gb}
    return {name: amount for name, amount in amounts.items() if amount}


@contextlib.contextmanager
def configured(content: Content) -> Iterator[None]:
    """Set nova's options as the case does, and back."""
    given = [("filter_scheduler", name, value) for name, value in _PINNED.items()]
    given += [(group, name, value) for group, items in content["config"].items() for name, value in items.items()]
    names = [(name, None if group == "DEFAULT" else group) for group, name, _ in given]
    for (name, group), (_, _, value) in zip(names, given, strict=True):
        CONF.set_override(name, value, group=group)
    try:
        yield
    finally:
        for name, group in names:
            CONF.clear_override(name, group=group)


@contextlib.contextmanager
def instances_known() -> Iterator[None]:
    """Let the image properties weigher find instances in the host state alone; those of this request have no image."""
    cells, fills = objects.CellMapping.get_by_uuid, objects.InstanceList.fill_metadata
    objects.CellMapping.get_by_uuid = staticmethod(lambda context, uuid: None)
    objects.InstanceList.fill_metadata = _fill_metadata
    try:
        yield
    finally:
        objects.CellMapping.get_by_uuid = cells
        objects.InstanceList.fill_metadata = fills


def _fill_metadata(instances: Any) -> None:
    for instance in instances:
        if "system_metadata" not in instance:
            instance.system_metadata = {}
            instance.image_ref = ""


@contextlib.contextmanager
def time_standing_still(moment: str) -> Iterator[None]:
    """Let nova's clock say ``moment`` (ISO, UTC) meanwhile."""
    clock = timeutils.utcnow
    now = datetime.fromisoformat(moment)
    timeutils.utcnow = lambda with_timezone=False: now.replace(tzinfo=UTC) if with_timezone else now
    try:
        yield
    finally:
        timeutils.utcnow = clock
