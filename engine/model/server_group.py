"""ServerGroup: instances that want to be together or apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")
"""nova's policies; the soft ones weigh, the others filter."""


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """A server group: one of POLICIES, its rules (max_server_per_host), and the uuids of its members.

    ``hosts`` are further hosts of members, by name: of those that Berth did not place.
    """

    uuid: str
    name: str
    policy: str
    rules: Mapping[str, int] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    @property
    def max_server_per_host(self) -> int:
        """How many members anti-affinity tolerates on one host (nova's default is 1)."""
        return int(self.rules.get("max_server_per_host", 1))
