"""Twin fleets, one answered by overlays and one by weighing every host, full of ties, near ties and moving ranges."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.errors import NoValidHostError
from engine.inventory.check import check_invariants
from engine.inventory.table import HostTable
from engine.model.request_spec import RequestSpec
from engine.model.selection import Selection
from engine.scheduler.chain import Chain
from engine.scheduler.options import SchedulerOptions
from engine.scheduler.select import Selector
from engine.scheduler.sparse import GroupState
from tests.builders import HostFacts, host_table

FILTERS = (
    "ComputeFilter",
    "IoOpsFilter",
    "NumInstancesFilter",
    "SameHostFilter",
    "DifferentHostFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)
MULTIPLIERS = {
    "spread": {},
    "pack": {"ram_weight_multiplier": -1.0, "cpu_weight_multiplier": -0.25, "disk_weight_multiplier": 0.5},
    "level": {"io_ops_weight_multiplier": -0.001, "build_failure_weight_multiplier": 1e-9},
}
"""All with the same weighers at work, so that they share compiled kernels."""

GIB = 1024


@cache
def chain(strategy: str) -> Chain:
    """The chain of a strategy of MULTIPLIERS."""
    return Chain.from_options(SchedulerOptions(enabled_filters=FILTERS, **MULTIPLIERS[strategy]))  # type: ignore[arg-type]


def random_host(rng: random.Random, mix: str, cells: int) -> dict[str, Any]:
    """Return a host of a fleet where all are ``alike``, ``balanced`` (equal in weight only) or ``mixed``."""
    free = 0 if mix == "alike" else rng.randint(0, 8)
    host: dict[str, Any] = {
        "vcpus": 16,
        "cpu_allocation_ratio": 4.0,
        "memory_mb": 16 * GIB,
        "free_ram_mb": (8 + free) * GIB,
        "memory_mb_used": (8 - free) * GIB,
        "disk_gb": 160,
        "free_disk_gb": (16 - free) * 10 if mix == "balanced" else 160,
        "hypervisor_version": 8_002_002,
        "num_io_ops": 0,
        "cell": f"c{rng.randrange(cells)}",
    }
    if mix == "mixed":
        host |= {
            "vcpus_used": rng.randint(0, 40),
            "free_disk_gb": rng.choice((-3, 0, 20, 90, 160)),
            "failed_builds": rng.choice((0, 0, 0, 1, 3)),
            "num_io_ops": rng.choice((0, 0, 1, 7)),
            "num_instances": rng.choice((0, 3, 48)),
            "hypervisor_version": rng.choice((6_000_000, 8_002_002)),
        }
    return host


def random_hosts(rng: random.Random, many: int, cells: int) -> list[HostFacts]:
    """Return a fleet of one of the mixes."""
    mix = rng.choice(("alike", "balanced", "mixed", "mixed"))
    return [random_host(rng, mix, cells) for _ in range(many)]


@dataclass(frozen=True)
class Twins:
    """One fleet twice, with a group's state for each."""

    fast: Selector
    plain: Selector

    @classmethod
    def of(cls, hosts: list[HostFacts], chain: Chain) -> Twins:
        """Return twins of some hosts."""
        return cls(*(Selector(host_table(hosts), chain, random.Random(0)) for _ in range(2)))

    def compare(self, spec: RequestSpec, group: GroupState | None = None, **arguments: Any) -> list[Selection] | None:
        """Return what both answer and demand that it is the same, what they leave behind included."""
        groups = [None if group is None else group.copy() for _ in range(2)]
        answers = [
            attempt(self.fast, spec, group=groups[0], **arguments),
            attempt(self.plain, spec, group=groups[1], steps=[], **arguments),
        ]
        assert answers[0] == answers[1]
        assert groups[0] == groups[1]
        if group is not None and groups[0] is not None:
            group.member_counts, group.host_rows = groups[0].member_counts, groups[0].host_rows
        found = answers[0]
        assert isinstance(found, list) or found[0] == "refused"
        return found if isinstance(found, list) else None

    def check(self) -> None:
        """Demand that both tables hold the same and are sound."""
        assert states(self.fast.table) == states(self.plain.table)
        assert check_invariants(self.fast.table) == []


def attempt(selector: Selector, spec: RequestSpec, **arguments: Any) -> Any:
    """Return the selections, or what the refusal says."""
    try:
        return selector.select(spec, **arguments)
    except NoValidHostError as error:
        return "refused", error.message, error.details


def states(table: HostTable) -> list[object]:
    """Return what every host holds, its devices included."""
    columns = [table.columns[name].tolist() for name in ("vcpu_used", "memory_mb_used", "disk_gb_used", "num_io_ops")]
    return [*columns, *(table.device_state(row) for row in table.present_rows().tolist())]
